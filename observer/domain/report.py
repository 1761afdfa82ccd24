"""What a person reads: what fired, what was seen, what was done, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from observer.domain.calls import Call, Observation
from observer.domain.course import Course
from observer.domain.event import Incident
from observer.domain.remedy import Remedy, Step, Wait

_BREAK = re.compile(r"[\t\n\r\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_CUT_ENTITY = re.compile(r"&[a-z]{0,3}$")
_HEADLINE_LENGTH = 120
_OBSERVATIONS_LENGTH = 5000
_WALK_LINES = 25
_DONE_LINES = 6
_SIMILAR = 3

NOTICE_WORDS = (
    "headline",
    "summary",
    "question",
    "report",
    "chain",
    "stage",
    "severity",
    "incident_key",
    "approval_id",
)


def inert(text: str, limit: int = 1000) -> str:
    """Untrusted text on one line, that can neither steer a terminal nor mention or link anything.

    On one line, because a report states a fact a line and nobody else may add one.
    """
    text = _CONTROL.sub("", _BREAK.sub(" ", text))[:limit]
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Cut after it has grown, or a ticket of nothing but `<` is longer than the tracker takes.
    return text if len(text) <= limit else _CUT_ENTITY.sub("", text[:limit])


def _asked(call: Call) -> str:
    return f"{call.tool} {call.args}"


def _told(step: Step) -> str:
    return f"waited {step.seconds:g} s" if isinstance(step, Wait) else step.tool


@dataclass(frozen=True)
class Findings:
    """Everything a report is made of."""

    incident: Incident
    observations: Sequence[Observation]
    cause: str
    impact: Sequence[str]
    walk: Sequence[str]
    remedy: Remedy | None
    healthy: bool | None
    reason: str
    spared: bool = False
    rolled_back: Sequence[str] = ()
    incident_id: str | None = None
    course: Course = field(default_factory=Course)
    approval_id: str = ""
    """The question that is being asked; empty where none is."""
    recovered: bool = False
    before: Sequence[str] = ()
    """What was seen of the cause and the promises; there where the tree was walked."""
    after: Sequence[str] = ()
    """What the last look saw that was to prove healing."""
    similar: Sequence[str] = ()
    """Past incidents of the node that this one looks like."""
    learned: Sequence[str] = ()
    """What became of the known errors that had to do with it."""

    @property
    def headline(self) -> str:
        """The ticket's title."""
        message = inert(self.incident.message, _HEADLINE_LENGTH)
        return f"{self.incident.severity} on {self.incident.stage}: {message}"

    @property
    def ending(self) -> str:
        """One sentence: healed, or why not."""
        if self.recovered and self.healthy is not False:
            return "Recovered by itself: nothing was done"
        if self.healthy and self.spared:
            return "healed by another session's action and verified; nothing was done here"
        if self.healthy:
            done = ", ".join(map(_told, self.remedy.steps)) if self.remedy else "nothing"
            return f"healed and verified ({done})"
        return f"not healed: {inert(self.reason, 500)}"

    @property
    def summary(self) -> str:
        """One line for a chat or a page."""
        ticket = f"{self.incident_id}: " if self.incident_id else ""
        return (
            f"{ticket}{self.incident.stage}: {inert(self.incident.message, 200)} | "
            f"{self.ending} | cause: {inert(self.cause, 200) or 'unknown'}"
        )

    @property
    def question(self) -> str:
        """What a person is asked, in one line."""
        steps = ", ".join(map(_asked, self.remedy.actions)) if self.remedy else ""
        if self.remedy and self.remedy.rollback:
            steps += f", undone by {', '.join(map(_asked, self.remedy.rollback))}"
        return (
            f"{self.incident.stage}: {inert(self.incident.message, 200)} | proposed: "
            f"{inert(steps, 300)} | session {self.incident.session_id}"
        )

    def words(self) -> dict[str, str]:
        """What escalation.yaml may fill in: `NOTICE_WORDS`."""
        return {
            "headline": self.headline,
            "summary": self.summary,
            "question": self.question,
            "report": self.text,
            "chain": self.chain,
            "stage": self.incident.stage,
            "severity": self.incident.severity,
            "incident_key": f"{self.incident.tenant_id}/{self.incident.session_id}",
            "approval_id": self.approval_id,
        }

    @property
    def chain(self) -> str:
        """The whole story in a few lines, for a chat: what fired, found, was done, and is now."""
        lines = [
            self.headline,
            *(inert(line, 300) for line in self.walk if line.startswith(("Found: ", "Path: "))),
            f"Cause: {inert(self.cause, 300) or 'not found'}",
            *self._done(),
            f"Proposed: {self._proposed}" if self.approval_id else f"Result: {self.ending}",
            *self._took(),
            f"Session: {self.incident.session_id}",
        ]
        return "\n".join(lines)

    @property
    def _proposed(self) -> str:
        return inert(", ".join(map(_asked, self.remedy.actions)) if self.remedy else "", 500)

    def _done(self) -> list[str]:
        """What was tried, and what that changed."""
        course = self.course
        done = [
            inert(f"Done: {call.tool}: {call.status} {dict(call.args)}", 300)
            for call in course.actions[-_DONE_LINES:]
        ]
        if self.before and self.after:
            lines = [f"Before: {inert(line, 400)}" for line in self.before]
            return [*done, *lines, *(f"After: {inert(line, 400)}" for line in self.after)]
        figures = inert(", ".join(course.changes), 500)
        return [*done, f"Before and after: {figures}"] if figures else done

    def _took(self) -> list[str]:
        took = self.course.took
        return [] if took is None else [f"Took: {took} since the alert"]

    @property
    def text(self) -> str:
        """The whole report, a fact a line."""
        lines = [
            f"What fired: {inert(self.incident.message)}",
            f"Severity: {self.incident.severity} ({inert(self.incident.severity_reason, 200)})",
            f"Stage: {self.incident.stage}",
            *(f"Suffers: {promise}" for promise in self.impact),
            *(inert(line, 400) for line in self.walk[:_WALK_LINES]),
            *self._observed(),
            *(f"Rolled back: {inert(line, 400)}" for line in self.rolled_back),
            f"Cause: {inert(self.cause, 500) or 'not found'}",
            *self._done(),
            f"Result: {self.ending}",
            *self._took(),
            *(inert(line, 300) for line in self.learned),
            *(f"Similar: {inert(line, 300)}" for line in self.similar[:_SIMILAR]),
        ]
        return "\n".join(lines)

    def _observed(self) -> list[str]:
        """The newest observations that fit into a ticket; all of them are in the ledger."""
        lines: list[str] = []
        room = _OBSERVATIONS_LENGTH
        for o in reversed(self.observations):
            line = f"{o.tool}: {o.status}: {inert(o.summary, 300)}"
            room -= len(line) + 1
            if room < 0:
                return [f"{len(self.observations) - len(lines)} earlier observations", *lines]
            lines.insert(0, line)
        return lines
