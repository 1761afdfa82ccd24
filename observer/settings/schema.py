"""The configuration files' shapes. Every key is documented in the file that ships it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from observer.domain.runbook import Data, Seconds
from observer.settings.budget import Budget
from observer.settings.channels import Channels
from observer.settings.health import Health
from observer.settings.infrastructure import Platform, Telemetry
from observer.settings.mission import Mission
from observer.settings.otlp import Otlp
from observer.settings.triggers import Triggers
from observer.settings.watch import Watch


class Server(Data):
    """Where the daemon listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=9090, ge=0, le=65535)
    max_body_bytes: int = Field(default=262144, ge=1024)


class Queue(Data):
    """The inbox's bounds."""

    max_pending: int = Field(default=1000, ge=1)
    critical_reserve: int = Field(default=100, ge=0)
    polling_interval: Seconds = 0.25


class Dedupe(Data):
    """How a delivery is recognised that came before."""

    window: Seconds = 60.0
    event_ids: Seconds = 7 * 86400.0


class Sessions(Data):
    """Which open session an event joins that names none."""

    join: Literal["stage", "branch"] = "stage"


class Retention(Data):
    """How long records are kept."""

    days: float = Field(default=30, gt=0, le=36500)
    interval: Seconds = 3600.0


class Worker(Data):
    """How runs end, are retried and are given up."""

    grace: Seconds = 10.0
    retry_delays: list[Seconds] = Field(default_factory=lambda: [1.0, 5.0, 20.0])
    reads_valid_for: Seconds = 900.0
    undelivered_for: Seconds = 86400.0
    max_consecutive_failures: int = Field(default=5, ge=1)


class Approvals(Data):
    """How long a question to a person stays open."""

    deadline: Seconds = 14400.0


class Remedies(Data):
    """How many ideas are tried."""

    max_tries: int = Field(default=2, ge=1)


class Learning(Data):
    """When a known error is no longer trusted."""

    retire_after_failures: int = Field(default=2, ge=1)


Section = Literal["telemetry", "platform", "channels", "nodes"]


class McpServer(Data):
    """One tool server: a command over stdio, or an address over streamable HTTP."""

    command: list[str] | None = None
    url: str | None = None
    look_up: str | None = None
    keyless: list[str] = Field(default_factory=list)
    timeout: Seconds = 10.0
    start_timeout: Seconds = 30.0
    environment: dict[str, str] = Field(default_factory=dict)
    pass_environment: list[str] = Field(default_factory=list)
    sections: list[Section] = Field(default_factory=list)

    def model_post_init(self, context: Any) -> None:
        if (self.command is None) == (self.url is None):
            raise ValueError("write either `command` (stdio) or `url` (HTTP)")
        if self.sections and self.url is not None:
            raise ValueError("`sections` are told to a `command` only, in its environment")


class ObserverSettings(BaseSettings):
    """observer.yaml, overridden by OBSERVER__SECTION__KEY."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="OBSERVER__",
        env_nested_delimiter="__",
    )

    server: Server = Server()
    concurrency: int = Field(default=1, ge=1, le=64)
    queue: Queue = Queue()
    dedupe: Dedupe = Dedupe()
    sessions: Sessions = Sessions()
    retention: Retention = Retention()
    worker: Worker = Worker()
    budget: Budget = Budget()
    health: Health = Health()
    approvals: Approvals = Approvals()
    remedies: Remedies = Remedies()
    learning: Learning = Learning()
    mission: Mission = Mission()
    telemetry: Telemetry = Telemetry()
    platform: Platform = Platform()
    channels: Channels = Channels()
    watch: Watch = Watch()
    otlp: Otlp | None = None
    triggers: Triggers = Triggers()
    mcp_servers: dict[str, McpServer]

    @property
    def sections(self) -> dict[str, Any]:
        """What a tool server may be told of this file, as JSON."""
        told = {"telemetry", "platform", "channels"}
        return self.model_dump(mode="json", include=told, exclude_none=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
