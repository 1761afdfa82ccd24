"""Whether the observer serves its mission: a snapshot of what it did, explicit rules, the trend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from observer.domain.dependency_tree import DependencyTree
from observer.domain.event import Severity
from observer.domain.failure import NOTHING_DONE, Failure, Result
from observer.domain.uptime import Interval, Uptime, of_metrics, of_pipeline

OWN_TENANT, OWN_SESSION = "observer", "mission"
"""Whose a verdict is: of the observer itself, of no tenant whose events it handles."""
SAME_FAILURE_S = 600.0
"""Two incidents about one node that begin so soon after each other should have been one."""
PAGED_AGAIN_S = 4 * 3600.0
"""A page about a node or session that was paged about so shortly before is a repeated one."""
_MOST_LISTED = 20

Verdict = Literal["on_track", "at_risk", "failing"]
Trend = Literal["better", "same", "worse"]


class Fixed(BaseModel):
    """Facts that travel as JSON, to a judge and into the records."""

    model_config = ConfigDict(frozen=True)


class Terms(Fixed):
    """What a snapshot is judged by."""

    objective: str
    success_criteria: str
    uptime_target: float
    """Per cent."""
    unresolved_for_s: float
    """How long a P1 may stay unresolved."""
    window_s: float
    """Over how long a snapshot looks back."""


class OpenIncident(Fixed):
    """What nobody has seen or called well again."""

    node: str
    severity: Severity
    unresolved_s: float


class OfMetric(Fixed):
    """The uptime of one metric."""

    metric: str
    uptime: Uptime


class OfNode(Fixed):
    """How often something happened to one node."""

    node: str
    times: int


class Snapshot(Fixed):
    """What happened within the window before a moment. Unix times, seconds, US dollars."""

    taken_at: float
    runs: int
    """Finished since the observer's first day."""
    severities: dict[Severity, int]
    results: dict[Result, int]
    uptime: Uptime
    metrics: list[OfMetric]
    open_incidents: list[OpenIncident]
    """The CRITICAL ones first, of them the longest first; at most 20."""
    open_count: int
    late_p1: int
    """P1s that are over, and took longer than one may."""
    pages: int
    repeated_pages: int
    duplicate_deliveries: int
    duplicate_incidents: int
    healed: int
    real: int
    """WARNINGs and CRITICALs that were no false alarms, not over by themselves, and not healed
    with another one."""
    healed_again: list[OfNode]
    false_alarms: int
    tool_calls: int
    cost_usd: float

    @property
    def auto_remediation(self) -> float | None:
        """The part of the real failures that the observer healed; None without any."""
        return self.healed / self.real if self.real else None


class Judgement(Fixed):
    """A verdict with its advice: the judge's answer, and nothing else may be answered."""

    verdict: Verdict
    advice: str = Field(max_length=1000)
    reasons: list[str] = Field(max_length=20)


@dataclass(frozen=True)
class Page:
    """Somebody was woken."""

    tenant_id: str
    session_id: str
    node: str
    at: float


@dataclass(frozen=True)
class Activity:
    """What the records hold of the window."""

    failures: Sequence[Failure]
    """Also those that began before it, and ended in it or not at all."""
    watched: Sequence[Interval]
    pages: Sequence[Page]
    """Also those of `PAGED_AGAIN_S` before the window."""
    acknowledged: int = 0
    duplicate_deliveries: int = 0
    tool_calls: int = 0
    cost_usd: float = 0.0
    runs: int = 0


def snapshot_of(activity: Activity, tree: DependencyTree, terms: Terms, now: float) -> Snapshot:
    """The figures of the window that ends now."""
    begin = now - terms.window_s
    known = [f for f in activity.failures if f.began_at < now]
    recent = [f for f in known if f.began_at >= begin]
    outages = [f.outage for f in known if f.is_outage]
    unresolved = sorted(
        (f for f in known if f.ended_at is None), key=lambda f: (-f.severity.rank, f.began_at)
    )
    severities = Counter(f.severity for f in recent)
    severities[Severity.INFO] = activity.acknowledged
    results = Counter(f.result for f in recent)
    over = [f for f in recent if f.result is not Result.OPEN]
    healed = [f for f in over if f.result is Result.HEALED]
    again = Counter((f.tenant_id, f.node) for f in healed).most_common(_MOST_LISTED)
    by_metric = of_metrics(tree, outages, activity.watched, begin, now)
    return Snapshot(
        taken_at=now,
        runs=activity.runs,
        severities={severity: severities[severity] for severity in Severity},
        results={result: results[result] for result in Result},
        uptime=of_pipeline(tree, outages, activity.watched, begin, now),
        metrics=[OfMetric(metric=name, uptime=u) for name, u in by_metric.items()],
        open_incidents=[
            OpenIncident(node=f.node, severity=f.severity, unresolved_s=now - f.began_at)
            for f in unresolved[:_MOST_LISTED]
        ],
        open_count=len(unresolved),
        late_p1=sum(_was_late(f, terms) for f in known),
        pages=sum(page.at >= begin for page in activity.pages),
        repeated_pages=_repeated(activity.pages, begin),
        duplicate_deliveries=activity.duplicate_deliveries,
        duplicate_incidents=_doubled(recent),
        healed=len(healed),
        real=sum(f.result not in (*NOTHING_DONE, Result.SPARED) for f in over),
        healed_again=[OfNode(node=node, times=times) for (_, node), times in again if times > 1],
        false_alarms=sum(f.result in NOTHING_DONE for f in over),
        tool_calls=activity.tool_calls,
        cost_usd=activity.cost_usd,
    )


def _was_late(failure: Failure, terms: Terms) -> bool:
    if failure.ended_at is None or not failure.is_outage:
        return False
    took = failure.ended_at - failure.began_at
    return failure.severity is Severity.CRITICAL and took > terms.unresolved_for_s


def _repeated(pages: Sequence[Page], begin: float) -> int:
    """Pages of the window before which the same node or session was paged about shortly before."""
    latest: dict[tuple[str, str, str], float] = {}
    repeated = 0
    for page in sorted(pages, key=lambda page: page.at):
        about = (
            ("session", page.tenant_id, page.session_id),
            ("node", page.tenant_id, page.node),
        )
        before = max((latest[key] for key in about if key in latest), default=None)
        if before is not None and page.at >= begin and page.at - before <= PAGED_AGAIN_S:
            repeated += 1
        latest |= dict.fromkeys(about, page.at)
    return repeated


def _doubled(failures: Sequence[Failure]) -> int:
    """Sessions that began shortly after another session about the same node."""
    begun: dict[tuple[str, str, str], float] = {}
    for f in failures:
        key = (f.tenant_id, f.node, f.session_id)
        begun[key] = min(f.began_at, begun.get(key, f.began_at))
    latest: dict[tuple[str, str], float] = {}
    doubled = 0
    for (tenant, node, _), began in sorted(begun.items(), key=lambda item: item[1]):
        before = latest.get((tenant, node))
        doubled += before is not None and began - before <= SAME_FAILURE_S
        latest[tenant, node] = began
    return doubled
