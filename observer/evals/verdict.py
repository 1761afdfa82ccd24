"""What a trial says: which demands of the label are broken, and what else has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from observer.domain.calls import CallStatus, Purpose
from observer.domain.eval_case import Case, Label, WantedCall, wanted
from observer.evals.replay import Replayed
from observer.evals.same_calls import SameCalls
from observer.evals.trajectories import Mode, matches


@dataclass(frozen=True)
class Verdict:
    """On one case. It passes while nothing that its label demands is broken."""

    case: str
    because: str
    """Why the label says so."""
    outcome: str
    broken: list[str]
    changed: list[str]
    """What differs from the recording, and no label speaks of."""
    unrecorded: list[str]
    cost_nano: int
    recorded_cost_nano: int

    @property
    def passed(self) -> bool:
        """Whether all that is demanded holds."""
        return not self.broken


def judge(case: Case, label: Label, replayed: Replayed, same_calls: SameCalls) -> Verdict:
    """Compare a trial with its label and with what was recorded."""
    now = Case.model_validate(replayed.candidate)
    changed = [
        f"{what}: {is_}, was {was}"
        for what, is_, was in (
            ("cost", f"{now.cost_nano} nano-USD", f"{case.cost_nano} nano-USD"),
            ("tool calls", len(now.tool_calls), len(case.tool_calls)),
            ("approval", now.hitl_override.decision, case.hitl_override.decision),
            ("outcome", now.outcome, case.outcome),
        )
        if is_ != was
    ]
    return Verdict(
        case=case.name,
        because=label.because,
        outcome=now.outcome,
        broken=_broken(label, now, replayed.candidate, same_calls),
        changed=changed,
        unrecorded=replayed.unrecorded,
        cost_nano=now.cost_nano,
        recorded_cost_nano=case.cost_nano,
    )


def _broken(label: Label, now: Case, candidate: dict[str, Any], same_calls: SameCalls) -> list[str]:
    demanded = (
        ("outcome", now.outcome, label.outcome),
        ("severity", now.context.severity, label.severity),
        ("remedy", candidate.get("remedy"), label.remedy),
    )
    broken = [f"{what}: {is_}, not {due}" for what, is_, due in demanded if is_ != due]
    trajectories: tuple[tuple[str, Mode, Purpose, list[WantedCall]], ...] = (
        ("does", "strict", Purpose.REMEDY, label.does),
        ("reads", "superset", Purpose.READ, label.reads),
        ("told", "unordered", Purpose.NOTIFY, label.told),
    )
    for what, mode, purpose, due in trajectories:
        made = wanted(now.tool_calls, purpose)
        if not matches(mode, made, due, same_calls):
            missing = _listed(_beyond(due, made, same_calls))
            more = _listed(_beyond(made, due, same_calls))
            by = {"superset": f"without {missing}"}.get(
                mode, f"{_listed(made)}, not {_listed(due)}"
            )
            broken.append(
                f"{what}: {by}" + (f" (new: {more})" if more and mode != "superset" else "")
            )
    called = {c.tool for c in now.tool_calls if c.status is not CallStatus.REFUSED}
    broken += [f"must not: {tool} was called" for tool in label.must_not if tool in called]
    report = now.final_output or ""
    return broken + [f"says: the report has no {w!r}" for w in label.says if w not in report]


def _beyond(
    calls: Sequence[WantedCall], known: Sequence[WantedCall], same_calls: SameCalls
) -> list[WantedCall]:
    def is_known(call: WantedCall) -> bool:
        return any(
            k.tool == call.tool and same_calls.same(k.tool, k.args, call.args) for k in known
        )

    return [call for call in calls if not is_known(call)]


def _listed(calls: Sequence[WantedCall]) -> str:
    said = (f"{call.tool}({', '.join(f'{k}={v}' for k, v in call.args.items())})" for call in calls)
    return "; ".join(said) or "nothing"
