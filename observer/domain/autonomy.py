"""What may run without asking: facts in, a ruling with its reason out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from observer.domain.event import Severity
from observer.domain.remedy import Level, Ruling, RulingKind


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

    @property
    def reads_only(self) -> bool:
        """Whether the action changes nothing."""
        return self.blast_radius == 1


def rule_on(
    rule: Rule | None,
    *,
    severity: Severity,
    failing_for: timedelta = timedelta(0),
    known_error: str | None = None,
) -> Ruling:
    """Decide one action. An action nobody wrote a rule for is refused, never guessed."""
    if rule is None:
        return Ruling(RulingKind.REFUSE, "no rule in autonomy.yaml names this action")
    if severity not in rule.severities:
        return Ruling(RulingKind.REFUSE, f"{rule.action} is not for {severity} events")
    match rule.level:
        case Level.NEVER:
            return Ruling(RulingKind.REFUSE, f"{rule.action} always belongs to a person")
        case Level.FULL:
            return Ruling(RulingKind.ALLOW, f"{rule.action} is fully autonomous")
        case Level.AFTER_DELAY if failing_for >= rule.delay:
            return Ruling(
                RulingKind.ALLOW, f"failing for {failing_for}, past the {rule.delay} patience"
            )
        case Level.KNOWN_PATTERN if known_error:
            return Ruling(RulingKind.ALLOW, f"known error {known_error}")
        case _:
            return Ruling(
                RulingKind.ASK,
                f"autonomy.yaml has {rule.action} as '{rule.level}',"
                f" blast radius {rule.blast_radius}",
            )


def strictest(rulings: Iterable[Ruling]) -> Ruling:
    """The ruling on several steps together: one refusal refuses, one question asks."""
    order = [RulingKind.ALLOW, RulingKind.ASK, RulingKind.REFUSE]
    idle = Ruling(RulingKind.ALLOW, "nothing is done but wait")
    return max(rulings, key=lambda ruling: order.index(ruling.kind), default=idle)
