"""What the observer tells this server of observer.yaml: JSON in `OBSERVER_SECTIONS`."""

import json
import os

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ENVIRONMENT = "OBSERVER_SECTIONS"


class BadSections(ValueError):
    """The sections can't be used; says where, and never what stands there."""


class Told(BaseModel):
    # An address may hold a password: what is wrong is named, its text is not shown.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Prometheus(Told):
    url: str
    bearer_token_file: str | None = None
    basic_auth_file: str | None = None
    lookback: float = Field(default=0, ge=0)


class Loki(Told):
    url: str
    org_id: str = ""
    container_label: str = "container"


class LogFiles(Told):
    pattern: str


class LogCommand(Told):
    argv: list[str] = Field(min_length=1)


class KafkaCluster(Told):
    bootstrap_servers: str


class Telemetry(Told):
    prometheus: Prometheus | None = None
    loki: Loki | None = None
    log_files: LogFiles | None = None
    log_command: LogCommand | None = None
    kafka: dict[str, KafkaCluster] = {}
    checks: dict[str, str] = {}


class Supervisor(Told):
    url: str


class RedisServer(Told):
    url: str


class Container(Told):
    """The words before a command that is run in it, and those that restart it."""

    argv: list[str] = []
    restart: list[str] | None = None


class Kubernetes(Told):
    context: str | None = None
    namespace: str = "default"
    argv: list[str] = ["kubectl"]


class Systemd(Told):
    argv: list[str] = ["systemctl"]


class Platform(Told):
    supervisor: Supervisor | None = None
    systemd: Systemd = Systemd()
    redis: dict[str, RedisServer] = {}
    containers: dict[str, Container] = {}
    kubernetes: Kubernetes | None = None


class Node(Told):
    """What dependency_tree.yaml says of one node that something can be done about."""

    type: str
    container: str | None = None
    supervisor_group: str | None = None
    supervisor_process: str | None = None
    systemd_unit: str | None = None
    deployment: str | None = None
    limits: dict[str, str | float] = {}


class Slack(Told):
    webhook_url_env: str | None = None
    token_env: str | None = None
    channel: str | None = None
    api_url: str = "https://slack.com/api"


class PagerDuty(Told):
    routing_key_env: str
    api_url: str = "https://events.pagerduty.com"


class Telegram(Told):
    token_env: str
    chat_id: str
    approvers: list[str] = []
    api_url: str = "https://api.telegram.org"


class GitHub(Told):
    repo: str
    token_env: str
    api_url: str = "https://api.github.com"


class Webhook(Told):
    url: str
    token_env: str | None = None


class Channels(Told):
    """Ways to people. Where a key ends in `_env`, the secret is in that environment variable."""

    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    telegram: Telegram | None = None
    github: GitHub | None = None
    webhook: Webhook | None = None


class Sections(Told):
    telemetry: Telemetry = Telemetry()
    platform: Platform = Platform()
    nodes: dict[str, Node] = {}
    channels: Channels = Channels()


def read_sections() -> Sections:
    """The sections of the environment; nothing is configured where there are none.

    Raises:
        BadSections: they are not of this shape.
    """
    try:
        return Sections.model_validate(json.loads(os.environ.get(ENVIRONMENT) or "{}"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top"
        raise BadSections(f"{ENVIRONMENT} is wrong at {where}: {first['msg']}") from None
    except ValueError:
        raise BadSections(f"{ENVIRONMENT} holds no JSON") from None
