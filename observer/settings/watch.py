"""Who watches the observer: `watch` of observer.yaml. Its secrets stand in the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from observer.domain.runbook import Data, Seconds
from observer.settings.channels import EnvironmentName

Interval = Annotated[Seconds, Field(ge=0.1, le=3600)]


class AlarmWebhook(Data):
    """Whatever takes JSON by HTTP; with a secret, each alarm is signed."""

    webhook_url_env: EnvironmentName
    secret_env: EnvironmentName | None = None


class DeadMan(Data):
    """The address that is called while all is well; its owner pages somebody when calls stop."""

    url_env: EnvironmentName
    every: Interval = 60.0


class Watch(Data):
    """Heartbeat, alarms about the observer itself, dead man's switch."""

    heartbeat: Interval = 10.0
    inbox_age: Seconds = 900.0
    alarms: AlarmWebhook | None = None
    dead_man: DeadMan | None = None
