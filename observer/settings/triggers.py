"""What raises events beside the webhook: `triggers` of observer.yaml."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import PurePath
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from observer.domain import cron
from observer.domain.event import Severity
from observer.domain.patterns import compile_pattern, named_groups
from observer.domain.runbook import Data
from observer.domain.templates import problem_with
from observer.sources.native import Name

TriggerName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""Part of an event's id, so it is short: lower-case letters, digits, `_` and `-`."""

CRON_WORDS = ("trigger", "tick")
LINE_WORDS = ("trigger", "path", "file", "line")
CHANGE_WORDS = ("trigger", "path", "file", "change")
OUTCOME_WORDS = (
    "trigger",
    "outcome",
    "severity",
    "stage",
    "tenant_id",
    "session_id",
    "event_id",
    "message",
)
"""What each kind's message may fill in."""


class _Raised(Data):
    severity: Severity | None = None
    message: str = Field(min_length=1, max_length=4096)
    labels: dict[str, str] = Field(default_factory=dict, max_length=20)
    feature: Name = "pipeline_observer"


class RaisedEvent(_Raised):
    """The event of a tick or of a file: all of it but the message stands here."""

    stage: Name
    tenant_id: Name = "default"


class FollowingEvent(_Raised):
    """The event that an outcome leads to: of the same tenant and, unless it says so, stage."""

    stage: Name | None = None


class CronTrigger(Data):
    """An event at every tick of a schedule."""

    name: TriggerName
    schedule: str
    time_zone: ZoneInfo = ZoneInfo("UTC")
    missed: Literal["skip", "latest", "all"] = "latest"
    event: RaisedEvent

    @property
    def definition(self) -> str:
        """What makes it another trigger, which begins anew."""
        return f"{self.schedule} {self.time_zone}"

    @field_validator("schedule")
    @classmethod
    def _ticks(cls, schedule: str) -> str:
        if (problem := cron.problem_with(schedule)) is not None:
            raise ValueError(problem)
        return schedule

    @model_validator(mode="after")
    def _fills(self) -> CronTrigger:
        _refuse_unknown_words(self.event, CRON_WORDS)
        return self


class FileTrigger(Data):
    """An event for every new line that matches, or for every change of a file."""

    name: TriggerName
    path: str
    mode: Literal["lines", "changes"] = "lines"
    pattern: str | None = None
    from_: Literal["end", "start"] = Field(default="end", alias="from")
    event: RaisedEvent

    @property
    def definition(self) -> str:
        """What makes it another trigger, which begins anew."""
        return f"{self.mode} {self.path}"

    @field_validator("path")
    @classmethod
    def _absolute(cls, path: str) -> str:
        if not PurePath(path).is_absolute() or ".." in PurePath(path).parts:
            raise ValueError("must be an absolute path, without '..'; it may be a glob")
        if "**" in path:
            raise ValueError("'**' would watch whole trees; write a '*' for each directory")
        if not glob.has_magic(path) and path.endswith("/"):
            raise ValueError("names a directory; write the files in it, as in '/var/log/app/*.log'")
        return path

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compile_pattern(pattern)
        return pattern

    @model_validator(mode="after")
    def _fills(self) -> FileTrigger:
        if self.mode == "changes":
            if self.pattern is not None:
                raise ValueError("`pattern` is for `mode: lines`")
            _refuse_unknown_words(self.event, CHANGE_WORDS)
            return self
        if self.pattern is None:
            raise ValueError("`pattern` is missing: which lines become events (RE2)")
        _refuse_unknown_words(self.event, (*LINE_WORDS, *named_groups(self.pattern)))
        return self


class When(Data):
    """Which outcomes: of one of these kinds and, where they are named, severities and so on."""

    outcome: list[Literal["resolved", "escalated", "acknowledged", "failed"]] = Field(min_length=1)
    severity: list[Severity] = Field(default_factory=list)
    stage: list[Name] = Field(default_factory=list)
    tenant: list[Name] = Field(default_factory=list)

    def fits(self, outcome: str, severity: Severity | None, stage: str, tenant: str) -> bool:
        """Whether an outcome is meant."""
        return (
            outcome in self.outcome
            and (not self.severity or severity in self.severity)
            and (not self.stage or stage in self.stage)
            and (not self.tenant or tenant in self.tenant)
        )


class OutcomeTrigger(Data):
    """An event for what became of another."""

    name: TriggerName
    when: When
    event: FollowingEvent
    max_depth: int = Field(default=3, ge=1, le=10)

    @model_validator(mode="after")
    def _fills(self) -> OutcomeTrigger:
        _refuse_unknown_words(self.event, OUTCOME_WORDS)
        return self


class Triggers(Data):
    """All three kinds."""

    cron: list[CronTrigger] = Field(default_factory=list)
    files: list[FileTrigger] = Field(default_factory=list)
    outcomes: list[OutcomeTrigger] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_each(self) -> Triggers:
        for kind, names in (
            ("cron", [t.name for t in self.cron]),
            ("files", [t.name for t in self.files]),
            ("outcomes", [t.name for t in self.outcomes]),
        ):
            if (twice := next((n for n in names if names.count(n) > 1), None)) is not None:
                raise ValueError(f"{kind}: two triggers are named '{twice}'")
        return self


def _refuse_unknown_words(event: _Raised, words: Iterable[str]) -> None:
    if (problem := problem_with(event.message, tuple(words))) is not None:
        raise ValueError(f"event.message: {problem}")
