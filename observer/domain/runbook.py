"""The decision framework as data: what to look at, what may be done, and what to do by default."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from observer.domain.calls import Call
from observer.domain.conditions import parse_condition, parse_duration
from observer.domain.event import Severity
from observer.domain.queries import in_query
from observer.domain.remedy import Check, Remedy


def _seconds(value: object) -> object:
    return parse_duration(value) if isinstance(value, str) else value


def _condition(value: object) -> object:
    if isinstance(value, str):
        parse_condition(value)
    return value


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=366 * 86400)]
"""A duration in seconds, written as 500ms, 8s, 5m or 24h; at most a year."""

ConditionText = Annotated[str, BeforeValidator(_condition)]
"""A metric condition, kept as text and known to parse."""


class Data(BaseModel):
    """A part of a configuration file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


CALL_WORDS = ("stage", "severity")


class CallTemplate(Data):
    """A tool with arguments in which `{stage}` and `{severity}` are filled in."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)

    def fill(self, *, stage: str, severity: Severity) -> Call:
        """The call for one stage."""
        return Call(self.tool, _fill(self.args, stage, severity))


def _fill(value: Any, stage: str, severity: Severity, name: str = "") -> Any:
    """A value with its words filled in, at any depth; quoted where it is part of a `query`."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value)
        return {key: _fill(item, stage, severity, key) for key, item in items.items()}
    if isinstance(value, list):
        return [_fill(item, stage, severity, name) for item in cast("list[Any]", value)]
    if not isinstance(value, str):
        return value
    word = in_query(stage) if name == "query" else stage
    return value.replace("{severity}", severity).replace("{stage}", word)


class RemedyTemplate(Data):
    """A named way to heal a stage."""

    purpose: str
    steps: list[CallTemplate] = Field(min_length=1)
    rollback: list[CallTemplate] = Field(default_factory=list[CallTemplate])
    """What undoes the steps where they did not help."""


class Play(Data):
    """What the runbook proposes by itself."""

    severity: Severity
    stage: str | None = None
    remedy: str
    cause: str


class CheckTemplate(Data):
    """The reading and the condition that prove healing."""

    tool: str
    args: dict[str, Any] = Field(default_factory=dict)
    condition: ConditionText
    timeout: Seconds
    interval: Seconds


class Matching(Data):
    """Which log lines count for a known error."""

    window: Seconds = 900.0


class Runbook(Data):
    """runbook.yaml."""

    act_on: Literal["event"]
    walk: list[Severity] = Field(default_factory=list[Severity])
    """For which severities the tree is walked down to the cause before anything is read."""
    readings: dict[Severity, list[list[CallTemplate]]]
    further_readings: dict[str, CallTemplate] = Field(default_factory=dict)
    remedies: dict[str, RemedyTemplate]
    plays: list[Play]
    check: CheckTemplate
    matching: Matching = Matching()

    def reading_groups(self, severity: Severity, stage: str) -> list[list[Call]]:
        """The looks for one event: groups in order, the calls of a group independent."""
        return [
            [template.fill(stage=stage, severity=severity) for template in group]
            for group in self.readings.get(severity, [])
        ]

    def remedy(self, name: str, *, stage: str, severity: Severity) -> Remedy:
        """One remedy of the closed list, for one stage."""
        template = self.remedies[name]
        return Remedy(
            id=name,
            origin="diagnosis",
            steps=tuple(s.fill(stage=stage, severity=severity) for s in template.steps),
            check=self.healing_check(),
            rollback=tuple(s.fill(stage=stage, severity=severity) for s in template.rollback),
        )

    def healing_check(self) -> Check:
        """What proves that a stage is healthy."""
        check = self.check
        return Check(check.tool, check.condition, check.timeout, check.interval)

    def healing_call(self, stage: str, severity: Severity) -> Call:
        """The reading of the healing check."""
        template = CallTemplate(tool=self.check.tool, args=self.check.args)
        return template.fill(stage=stage, severity=severity)

    def play(self, severity: Severity, stage: str, tried: Collection[str]) -> Play | None:
        """The runbook's own next idea, or none."""
        return next(
            (
                play
                for play in self.plays
                if play.severity is severity
                and play.stage in (None, stage)
                and play.remedy not in tried
            ),
            None,
        )

    def tools(self) -> dict[str, tuple[str | int, ...]]:
        """Every tool the runbook names, and where it names it."""
        named: dict[str, tuple[str | int, ...]] = {self.check.tool: ("check", "tool")}
        for severity, groups in self.readings.items():
            for g, group in enumerate(groups):
                for c, call in enumerate(group):
                    named.setdefault(call.tool, ("readings", str(severity), g, c, "tool"))
        for name, call in self.further_readings.items():
            named.setdefault(call.tool, ("further_readings", name, "tool"))
        for name, remedy in self.remedies.items():
            for part, steps in (("steps", remedy.steps), ("rollback", remedy.rollback)):
                for s, step in enumerate(steps):
                    named.setdefault(step.tool, ("remedies", name, part, s, "tool"))
        return named


class NoticeTemplate(CallTemplate):
    """A notification whose `{{ }}` are filled with what happened."""

    once: bool = False
    """Left out of the outcome where the same was sent before an approval."""


class Escalation(Data):
    """escalation.yaml: who hears of what, by severity, in order."""

    outcome: dict[Severity, list[NoticeTemplate]]
    approval: dict[Severity, list[NoticeTemplate]] = Field(
        default_factory=dict[Severity, list[NoticeTemplate]]
    )
