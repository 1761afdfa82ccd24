"""What may run without asking: facts in, a ruling with its reason out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from observer.domain.event import Severity
from observer.domain.remedy import Level, Ruling, RulingKind

IRREVERSIBLE = 4
"""The blast radius from which an action counts as irreversible."""


@dataclass(frozen=True)
class Cap:
    """How often within a stretch of time without asking."""

    times: int
    per: timedelta


@dataclass(frozen=True)
class Rule:
    """One row of autonomy.yaml."""

    action: str
    level: Level
    blast_radius: int
    """1 read, 2 reversible and narrow, 3 reversible and wide, 4 irreversible or costly, 5 never."""
    delay: timedelta = timedelta(0)
    severities: tuple[Severity, ...] = tuple(Severity)
    """For which severities this action may be used at all."""
    at_most: Cap | None = None
    """How often on one node."""
    on_nodes: Mapping[str, Rule] = field(default_factory=dict[str, "Rule"])
    """The rules of nodes that have their own."""

    @property
    def reads_only(self) -> bool:
        """Whether the action changes nothing."""
        return self.blast_radius == 1

    @property
    def irreversible(self) -> bool:
        """Whether what the action does cannot be undone, or costs dearly."""
        return self.blast_radius >= IRREVERSIBLE

    @property
    def ever_runs(self) -> bool:
        """Whether there is a node on which the action may run at all."""
        return any(rule.level is not Level.NEVER for rule in (self, *self.on_nodes.values()))

    def on(self, node: str) -> Rule:
        """The rule for this action on one node."""
        return self.on_nodes.get(node, self)


@dataclass(frozen=True)
class Quota:
    """A cap, and which calls count against it: of these tools, on this node or on all."""

    cap: Cap
    tools: tuple[str, ...]
    node: str | None
    what: str

    def spent(self, used: int) -> str | None:
        """Why one more is too many after so many; None where it is not."""
        if used < self.cap.times:
            return None
        return f"{self.what}: {used} in the last {self.cap.per}, without asking {self.cap.times}"


@dataclass(frozen=True)
class Bounds:
    """What an action that runs by itself is written down with: its node, and what it counts for."""

    node: str
    quotas: tuple[Quota, ...] = ()


def quotas_on(
    rules: Mapping[str, Rule], caps: Mapping[int, Cap], *, tool: str, node: str
) -> tuple[Quota, ...]:
    """Every cap that a call counts against."""
    rule = rules[tool].on(node)
    found: list[Quota] = []
    if rule.at_most is not None:
        found.append(Quota(rule.at_most, (tool,), node, f"{tool} on {node}"))
    if (cap := caps.get(rule.blast_radius)) is not None:
        alike = tuple(t for t, r in rules.items() if r.blast_radius == rule.blast_radius)
        found.append(Quota(cap, alike, None, f"actions of blast radius {rule.blast_radius}"))
    return tuple(found)


def rule_on(
    rule: Rule | None,
    *,
    severity: Severity,
    failing_for: timedelta = timedelta(0),
    known_error: str | None = None,
    spent: str | None = None,
) -> Ruling:
    """Decide one action. An action nobody wrote a rule for is refused, never guessed.

    Args:
        rule: the row of the action, on the node in question.
        severity: the incident's.
        failing_for: how long the failure has lasted.
        known_error: the known error whose fix it is.
        spent: which cap is used up.
    """
    if rule is None:
        return Ruling(RulingKind.REFUSE, "no rule in autonomy.yaml names this action")
    if severity not in rule.severities:
        return Ruling(RulingKind.REFUSE, f"{rule.action} is not for {severity} events")
    ruling = _by_level(rule, failing_for, known_error)
    if ruling.kind is RulingKind.ALLOW and spent is not None:
        return Ruling(RulingKind.ASK, spent)
    return ruling


def _by_level(rule: Rule, failing_for: timedelta, known_error: str | None) -> Ruling:
    match rule.level:
        case Level.NEVER:
            return Ruling(RulingKind.REFUSE, f"{rule.action} always belongs to a person")
        case Level.FULL:
            return Ruling(RulingKind.ALLOW, f"{rule.action} is fully autonomous")
        case Level.AFTER_DELAY:
            return _by_patience(rule, failing_for)
        case Level.KNOWN_PATTERN if known_error:
            return Ruling(RulingKind.ALLOW, f"known error {known_error}")
        case _:
            return Ruling(
                RulingKind.ASK,
                f"autonomy.yaml has {rule.action} as '{rule.level}',"
                f" blast radius {rule.blast_radius}",
            )


def _by_patience(rule: Rule, failing_for: timedelta) -> Ruling:
    said = timedelta(seconds=int(failing_for.total_seconds()))
    if failing_for >= rule.delay:
        return Ruling(RulingKind.ALLOW, f"failing for {said}, past the {rule.delay} patience")
    return Ruling(
        RulingKind.WAIT,
        f"{rule.action} runs by itself after {rule.delay} of failure: failing for {said} so far",
        wait_s=(rule.delay - failing_for).total_seconds(),
    )


def failing_for(*, by_clock: float, when_noted: float, since_noted: float) -> timedelta:
    """How long a failure has lasted: never longer than it can have, wherever the clock was set.

    Args:
        by_clock: seconds since it came in, by the clock of the day.
        when_noted: the same when this process first ruled on it.
        since_noted: seconds since then, by a clock that nobody sets.
    """
    believable = min(by_clock, max(when_noted, 0.0) + since_noted)
    return timedelta(seconds=max(believable, since_noted))


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The ruling on several steps together: one refusal refuses, one question asks.

    Of several that wait, the longest wait.
    """
    order = [RulingKind.ALLOW, RulingKind.WAIT, RulingKind.ASK, RulingKind.REFUSE]
    idle = Ruling(RulingKind.ALLOW, "nothing is done but wait")
    return max(rulings, key=lambda ruling: (order.index(ruling.kind), ruling.wait_s), default=idle)
