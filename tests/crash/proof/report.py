"""What a proof has shown, for people and for a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.evidence import rows
from tests.crash.proof.facts import FAULTS, Fault, Finding
from tests.crash.proof.world import Start

_SHOWN = 20


@dataclass(frozen=True)
class Report:
    """The figures of one proof."""

    seed: int
    kills: list[str]
    missed: list[str]
    """Named moments that did not come about; those daemons were killed at random."""
    kinds: list[str]
    answered: int
    joined: int
    actions: int
    findings: list[Finding]
    faults: list[str]
    """What is wrong with the journal or with the last daemon's end."""
    resumed_s: list[float]

    @property
    def proven(self) -> bool:
        """Nothing lost, nothing twice, in order, as without a crash."""
        return not self.findings and not self.faults

    def count(self, fault: Fault) -> int:
        """How many findings of one kind."""
        return sum(finding.fault == fault for finding in self.findings)

    def as_json(self) -> dict[str, Any]:
        """What `runs/crash-proof.json` holds."""
        return {
            "seed": self.seed,
            "kills": len(self.kills),
            **{fault: self.count(fault) for fault in FAULTS},
            "other_faults": self.faults,
            "findings": [f"{finding.fault}: {finding.text}" for finding in self.findings],
            "resume_s": {name: round(value, 2) for name, value in self.resume_s.items()},
            "resumes": len(self.resumed_s),
            "kills_by_moment": _counted(self.kills),
            "missed_moments": self.missed,
            "events": len(self.kinds),
            "events_by_kind": _counted(self.kinds),
            "events_noted_on_a_question": self.joined,
            "questions_answered": self.answered,
            "actions": self.actions,
        }

    @property
    def resume_s(self) -> dict[str, float]:
        """From the start of a process until it goes on with what the last one left."""
        times = sorted(self.resumed_s) or [0.0]
        last = len(times) - 1
        return {"p50": times[last // 2], "p95": times[last * 95 // 100], "max": times[last]}


def _counted(names: list[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def resume_times(data_dir: Path, starts: list[Start]) -> list[float]:
    """Of each start that lived on: until the first run of an event from before it, or ready."""
    times: list[float] = []
    ends = [*(start.at for start in starts[1:]), float("inf")]
    for start, end in zip(starts, ends, strict=True):
        [[first]] = rows(
            data_dir,
            "SELECT min(runs.started_at) FROM runs JOIN events USING (event_key)"
            " WHERE runs.started_at BETWEEN ? AND ? AND events.accepted_at < ?",
            start.at,
            end,
            start.at,
        )
        resumed = first if start.left_over else start.ready_at
        if resumed is not None:
            times.append(resumed - start.at)
    return times


def printed(report: Report) -> str:
    """A page for a terminal."""
    resume = " ".join(f"{name} {value:.1f} s" for name, value in report.resume_s.items())
    lines = [
        f"seed {report.seed}: {len(report.kills)} kills, {len(report.kinds)} events accepted,"
        f" {report.actions} actions, {report.answered} answers",
        *(f"  {fault.replace('_', ' '):14} {report.count(fault)}" for fault in FAULTS),
        f"  resume         {resume}",
        "kills:  " + _listed(report.kills),
        "events: " + _listed(report.kinds),
    ]
    if report.missed:
        lines.append("missed: " + _listed(report.missed))
    shown = [f"{finding.fault}: {finding.text}" for finding in report.findings]
    return "\n".join([*lines, *shown[:_SHOWN], *report.faults[:_SHOWN]])


def _listed(names: list[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in _counted(names).items())
