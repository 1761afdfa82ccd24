"""The decision framework as data: what to look at, what may be done, and what to do by default."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from observer.domain.call_template import CallTemplate, Data, call_words
from observer.domain.calls import Call
from observer.domain.conditions import Condition, parse_condition, parse_duration
from observer.domain.dependency_tree import EXTERNAL, Node, NodeType
from observer.domain.event import Severity
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


class RemedyTemplate(Data):
    """A named way to heal a stage."""

    purpose: str
    only_for: list[NodeType] = Field(default_factory=list[NodeType], alias="for")
    """The types of node that it makes sense for; empty for all."""
    steps: list[CallTemplate] = Field(min_length=1)
    rollback: list[CallTemplate] = Field(default_factory=list[CallTemplate])
    """What undoes the steps where they did not help."""


class Play(Data):
    """What the runbook proposes by itself."""

    severity: Severity
    stage: str | None = None
    node: str | None = None
    """The same as `stage`."""
    remedy: str
    cause: str

    @model_validator(mode="after")
    def _one_name(self) -> Play:
        if self.stage is not None and self.node is not None:
            raise ValueError("`node` and `stage` mean the same; write one of them")
        return self

    @property
    def about(self) -> str | None:
        """The node that it is for; None for any."""
        return self.node if self.stage is None else self.stage


class CheckTemplate(Data):
    """What proves healing: a tool's answer, or without a tool what the tree says of the node."""

    tool: str = ""
    args: dict[str, Any] = Field(default_factory=dict)
    condition: str = Field(default="", validate_default=True)
    timeout: Seconds
    interval: Seconds

    @field_validator("args")
    @classmethod
    def _of_a_tool(cls, args: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if args and not info.data.get("tool"):
            raise ValueError("arguments are a tool's; write `tool`, too")
        return args

    @field_validator("condition")
    @classmethod
    def _on_a_tools_answer(cls, condition: str, info: ValidationInfo) -> str:
        if not info.data.get("tool"):
            if condition:
                raise ValueError("a condition is on a tool's answer; write `tool`, too")
            return condition
        if not condition:
            raise PydanticCustomError("missing", "missing")
        parse_condition(condition)
        return condition


class Matching(Data):
    """Which log lines count for a known error."""

    window: Seconds = 900.0


class Runbook(Data):
    """runbook.yaml."""

    act_on: Literal["event", "readings"]
    """Whose word counts: the event's, or what is read; then what reads healthy is left alone."""
    walk: list[Severity] = Field(default_factory=list[Severity])
    """For which severities the tree is walked down to the cause before anything is read."""
    settle: Seconds = 30.0
    """Where the readings count: how long after a healthy look it is looked again."""
    logs: CallTemplate | None = None
    """How the log of an ill node of the walk is read."""
    conditions: CallTemplate | None = None
    """How the metric of a known error's condition is read."""
    readings: dict[Severity, list[list[CallTemplate]]] = Field(
        default_factory=dict[Severity, list[list[CallTemplate]]]
    )
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

    def condition_call(self, condition: Condition) -> Call | None:
        """The reading of a condition's left side; None where runbook.yaml has no `conditions`."""
        if self.conditions is None:
            return None
        return self.conditions.filled({"query": condition.query})

    def logs_call(self, node: Node, severity: Severity) -> Call | None:
        """The reading of a node's log; None where nothing says how, or where its log is."""
        pointed = {name: str(node.pointers.get(name, "")) for name in ("container", "loki_query")}
        if self.logs is None or not any(pointed.values()):
            return None
        call = self.logs.filled({**call_words(node.name, severity), **pointed})
        return Call(call.tool, {name: value for name, value in call.args.items() if value != ""})

    def offered(self, node: Node | None, tried: Collection[str] = ()) -> dict[str, RemedyTemplate]:
        """The remedies that make sense for a node and were not tried; none for an external one."""
        kind = None if node is None else node.type
        return {
            name: remedy
            for name, remedy in self.remedies.items()
            if name not in tried
            and kind != EXTERNAL
            and (not remedy.only_for or kind in remedy.only_for)
        }

    def play(self, severity: Severity, stage: str, offered: Collection[str]) -> Play | None:
        """The runbook's own next idea, or none."""
        return next(
            (
                play
                for play in self.plays
                if play.severity is severity
                and play.about in (None, stage)
                and play.remedy in offered
            ),
            None,
        )

    def tools(self) -> dict[str, tuple[str | int, ...]]:
        """Every tool the runbook names, and where it names it."""
        named: dict[str, tuple[str | int, ...]] = {}
        if self.check.tool:
            named[self.check.tool] = ("check", "tool")
        for key, template in (("logs", self.logs), ("conditions", self.conditions)):
            if template is not None:
                named.setdefault(template.tool, (key, "tool"))
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
    patience: dict[Severity, list[NoticeTemplate]] = Field(
        default_factory=dict[Severity, list[NoticeTemplate]]
    )
    """Before an action waits until the failure has lasted its delay."""
