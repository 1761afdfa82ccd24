"""Where the real world is: the sections `telemetry` and `platform` of observer.yaml."""

from __future__ import annotations

import ipaddress
import re
from pathlib import PurePosixPath
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from observer.domain.runbook import Data, Seconds


def _address(schemes: tuple[str, ...]) -> AfterValidator:
    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            port_is_one = parts.port is None or parts.port > 0
        except ValueError as error:
            raise ValueError(f"no address: {error}") from error
        if parts.scheme not in schemes or not port_is_one:
            raise ValueError(f"an address begins with one of {', '.join(schemes)} ://")
        if parts.scheme == "unix":
            if not parts.path.startswith("/"):
                raise ValueError("write unix:///path/of/the.sock")
        elif not parts.hostname:
            raise ValueError("the address names no host")
        elif _is_link_local(parts.hostname):
            raise ValueError("a link-local address is never connected to")
        return url

    return AfterValidator(check)


def _is_link_local(host: str) -> bool:
    try:
        ip = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_link_local


_SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "csh", "tcsh", "fish"}


def _no_shell(argv: list[str]) -> list[str]:
    for word in argv:
        if PurePosixPath(word).name in _SHELLS:
            raise ValueError(f"{word} is a shell: write the command's own words, one an item")
    return argv


def _with_container(text: str) -> str:
    if "{container}" not in text:
        raise ValueError("must hold {container}")
    return text


HttpUrl = Annotated[str, _address(("http", "https"))]
SupervisorUrl = Annotated[str, _address(("http", "https", "unix"))]
RedisUrl = Annotated[str, _address(("redis", "rediss", "unix"))]
Text = Annotated[str, Field(min_length=1)]
Argv = Annotated[list[Text], AfterValidator(_no_shell)]
KubernetesName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/@-]*$")]


class Prometheus(Data):
    """Prometheus, or what speaks its API."""

    url: HttpUrl
    bearer_token_file: Text | None = None
    basic_auth_file: Text | None = None
    lookback: Annotated[Seconds, Field(ge=0, le=300)] = 0.0

    @model_validator(mode="after")
    def _one_credential(self) -> Prometheus:
        if self.bearer_token_file and self.basic_auth_file:
            raise ValueError("write bearer_token_file or basic_auth_file, not both")
        return self


class Loki(Data):
    """Loki."""

    url: HttpUrl
    org_id: str = ""
    container_label: str = Field(default="container", pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")


class LogFiles(Data):
    """Log files by container."""

    pattern: Annotated[str, AfterValidator(_with_container)]


class LogCommand(Data):
    """A command that prints a container's log."""

    argv: list[Text] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_the_container(self) -> LogCommand:
        if not any("{container}" in part for part in self.argv[1:]):
            raise ValueError("argv: one of its arguments must hold {container}")
        return self


_SERVERS = re.compile(r"[^\s,:]+:\d{1,5}(\s*,\s*[^\s,:]+:\d{1,5})*")


def _bootstrap(text: str) -> str:
    if not _SERVERS.fullmatch(text):
        raise ValueError("write host:port, several with commas between them")
    return text


class KafkaCluster(Data):
    """One Kafka cluster."""

    bootstrap_servers: Annotated[str, AfterValidator(_bootstrap)]


class Telemetry(Data):
    """What is looked through."""

    prometheus: Prometheus | None = None
    loki: Loki | None = None
    log_files: LogFiles | None = None
    log_command: LogCommand | None = None
    kafka: dict[str, KafkaCluster] = Field(default_factory=dict[str, KafkaCluster])
    checks: dict[str, Text] = Field(default_factory=dict[str, str])

    @model_validator(mode="after")
    def _one_source_of_logs(self) -> Telemetry:
        if sum(s is not None for s in (self.loki, self.log_files, self.log_command)) > 1:
            raise ValueError("write one of loki, log_files and log_command")
        return self


class Supervisor(Data):
    """supervisord's XML-RPC."""

    url: SupervisorUrl


class RedisServer(Data):
    """One Redis."""

    url: RedisUrl


class Container(Data):
    """How a command gets into one container, and what restarts it: argument lists, no shell."""

    argv: Argv = Field(default_factory=list[str])
    restart: Argv | None = Field(default=None, min_length=1)


class Kubernetes(Data):
    """Where deployments are, and the kubectl that reaches them."""

    context: KubernetesName | None = None
    namespace: KubernetesName = "default"
    argv: Argv = Field(default=["kubectl"], min_length=1)


class Systemd(Data):
    """The systemctl that reaches units."""

    argv: Argv = Field(default=["systemctl"], min_length=1)


class Platform(Data):
    """What runs the pipeline."""

    supervisor: Supervisor | None = None
    systemd: Systemd = Systemd()
    redis: dict[str, RedisServer] = Field(default_factory=dict[str, RedisServer])
    containers: dict[str, Container] = Field(default_factory=dict[str, Container])
    kubernetes: Kubernetes | None = None
