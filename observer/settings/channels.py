"""Who can be told: `channels` of observer.yaml. Its secrets stand in the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError, model_validator

from observer.domain.runbook import Data
from observer.settings.infrastructure import HttpUrl, Text

_SHORTEST_PATH = 12
"""A path as long as this may be what makes a webhook's address a secret."""


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable that holds a secret."""

Id = Annotated[str, BeforeValidator(_as_text), Field(pattern=r"^-?[0-9]{1,20}$")]
"""Telegram's id of a chat or a person: who presses a button is known by no other name."""


class Slack(Data):
    """An incoming webhook, or a bot's token and the channel that it posts to."""

    webhook_url_env: EnvironmentName | None = None
    token_env: EnvironmentName | None = None
    channel: Text | None = None
    api_url: HttpUrl = "https://slack.com/api"

    @model_validator(mode="after")
    def _one_way(self) -> Slack:
        if (self.webhook_url_env is None) == (self.token_env is None):
            raise ValueError("write webhook_url_env, or token_env with channel")
        if (self.token_env is None) != (self.channel is None):
            raise ValueError("channel belongs to token_env: a webhook has a channel of its own")
        return self


class PagerDuty(Data):
    """PagerDuty's Events API v2."""

    routing_key_env: EnvironmentName
    api_url: HttpUrl = "https://events.pagerduty.com"


class Telegram(Data):
    """A bot, the chat it writes to, and who may answer there."""

    token_env: EnvironmentName
    chat_id: Id
    approvers: list[Id] = Field(default_factory=list[str])
    api_url: HttpUrl = "https://api.telegram.org"


class GitHub(Data):
    """Issues of one repository."""

    repo: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]*[A-Za-z0-9_-]$")
    token_env: EnvironmentName
    api_url: HttpUrl = "https://api.github.com"


class Webhook(Data):
    """Whatever takes JSON by HTTP."""

    url: HttpUrl
    token_env: EnvironmentName | None = None


class Channels(Data):
    """The ways to people."""

    slack: Slack | None = None
    pagerduty: PagerDuty | None = None
    telegram: Telegram | None = None
    github: GitHub | None = None
    webhook: Webhook | None = None


@dataclass(frozen=True)
class Named:
    """A place of a section that names an environment variable."""

    channel: str
    key: str
    variable: str


def named_variables(channels: Mapping[str, Any]) -> Iterator[Named]:
    """Each environment variable that a part of the section, as JSON, names."""
    for channel, settings in channels.items():
        for key, value in settings.items() if isinstance(settings, Mapping) else ():
            if key.endswith("_env") and value is not None:
                yield Named(channel, key, value)


def problem_of(named: Named, value: str) -> str | None:
    """What is wrong with a variable's value; says nothing of the value."""
    if not value:
        return f"the environment has no {named.variable}"
    if not value.isascii() or not value.isprintable() or " " in value:
        return f"{named.variable} holds a space, a line break or a letter that no key has"
    if named.key in ("webhook_url_env", "url_env"):
        try:
            TypeAdapter(HttpUrl).validate_python(value)
        except ValidationError:
            return f"{named.variable} holds no address that may be connected to"
    return None


def forms(value: str) -> Iterator[str]:
    """What must be kept out of every record: the secret, and what it looks like in an address."""
    yield value
    yield quote(value, safe="")
    path = urlsplit(value).path if "://" in value else ""
    if len(path) >= _SHORTEST_PATH:
        yield path
