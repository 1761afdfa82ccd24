"""The explicit rules by which a snapshot is judged where no model does, and its figures as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from observer.domain.event import Severity
from observer.domain.mission import Judgement, Snapshot, Terms, Trend, Verdict
from observer.domain.uptime import Uptime

_REPEATED_PAGES = 3
_FALSE_ALARMS, _FALSE_ALARM_PART = 3, 0.3
_DUPLICATE_INCIDENTS = 2
_FEW_HEALED_OF, _FEW_HEALED_PART = 5, 0.5
_HEALED_AGAIN = 5
_UPTIME_STEP = 0.01
"""A change of uptime that is worth a word, in percentage points."""

_Finding = tuple[Verdict, str, str]
"""How bad, why, and what to do."""


def rank(verdict: Verdict) -> int:
    """Order of badness, 0 for on track."""
    return get_args(Verdict).index(verdict)


def judge(snapshot: Snapshot, terms: Terms) -> Judgement:
    """The worst finding decides; the same snapshot always has the same judgement."""
    found = sorted(_findings(snapshot, terms), key=lambda f: -rank(f[0]))
    if not found:
        return Judgement(verdict="on_track", advice="Nothing needs to change.", reasons=[])
    advice = "; ".join(dict.fromkeys(what for _, _, what in found))
    return Judgement(
        verdict=found[0][0], advice=advice[:1000], reasons=[why for _, why, _ in found][:20]
    )


def trend(now: Snapshot, before: Snapshot | None, terms: Terms) -> Trend | None:
    """Better, same or worse than an earlier snapshot, by the same rules; None for the first.

    The rules' verdict decides, then a hundredth of a per cent of uptime, then how much is amiss.
    """
    if before is None:
        return None
    new, old = judge(now, terms), judge(before, terms)
    ups = now.uptime.percent, before.uptime.percent
    change = 0.0 if None in ups else (ups[0] or 0.0) - (ups[1] or 0.0)
    gains = (
        rank(old.verdict) - rank(new.verdict),
        change if abs(change) >= _UPTIME_STEP else 0.0,
        len(old.reasons) - len(new.reasons),
    )
    gain = next((gain for gain in gains if gain), 0)
    return "same" if not gain else "better" if gain > 0 else "worse"


def figures(snapshot: Snapshot, terms: Terms) -> list[str]:
    """The snapshot for a reader, a fact a line."""
    by_severity = ", ".join(f"{n} {severity}" for severity, n in snapshot.severities.items())
    by_result = ", ".join(f"{n} {result}" for result, n in snapshot.results.items() if n)
    part = snapshot.auto_remediation
    return [
        f"Within {told(terms.window_s)}: {by_severity}; of these {by_result or 'none looked into'}",
        f"Uptime of the pipeline: {_uptime(snapshot.uptime)}",
        *(f"Uptime of {m.metric}: {_uptime(m.uptime)}" for m in snapshot.metrics),
        f"Open incidents: {snapshot.open_count}",
        *(
            f"Open: {o.severity} on {o.node}, unresolved for {told(o.unresolved_s)}"
            for o in snapshot.open_incidents
        ),
        f"P1s that took longer than {told(terms.unresolved_for_s)}: {snapshot.late_p1}",
        f"Pages: {snapshot.pages}, of which about the same again: {snapshot.repeated_pages}",
        f"Duplicates: {snapshot.duplicate_deliveries} deliveries, recognised;"
        f" {snapshot.duplicate_incidents} incidents",
        f"Healed by the observer: {snapshot.healed} of {snapshot.real} real failures"
        + ("" if part is None else f" ({part:.0%})"),
        *(f"Healed again: {o.node}, {o.times} times" for o in snapshot.healed_again),
        f"False alarms: {snapshot.false_alarms}",
        f"Tool calls: {snapshot.tool_calls}; models: {snapshot.cost_usd:.4f} US dollars",
    ]


def told(seconds: float) -> str:
    """A duration in its two largest units: 7d, 2h 5m, 40s."""
    left, words = round(seconds), list[str]()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words[:2]) or "0s"


def _findings(snapshot: Snapshot, terms: Terms) -> Iterator[_Finding]:
    yield from _unresolved(snapshot, terms)
    yield from _down(snapshot, terms)
    yield from _noise(snapshot)
    part = snapshot.auto_remediation
    if part is not None and snapshot.real >= _FEW_HEALED_OF and part < _FEW_HEALED_PART:
        why = f"auto-remediation rate is {part:.0%} of {snapshot.real} failures"
        yield "at_risk", why, "too much is left to people: add remedies or known errors"
    for often in snapshot.healed_again:
        if often.times >= _HEALED_AGAIN:
            why = f"{often.node} was healed {often.times} times"
            what = f"issues aren't being surfaced: find out why {often.node} fails again and again"
            yield "at_risk", why, what


def _unresolved(snapshot: Snapshot, terms: Terms) -> Iterator[_Finding]:
    allowed = told(terms.unresolved_for_s)
    for incident in snapshot.open_incidents:
        late = incident.unresolved_s > terms.unresolved_for_s
        if incident.severity is Severity.CRITICAL and late:
            took = told(incident.unresolved_s)
            why = f"P1 on {incident.node} unresolved for {took} (more than {allowed})"
            yield "failing", why, f"see to {incident.node} first"
    if snapshot.late_p1:
        why = f"{snapshot.late_p1} P1 took longer than {allowed}"
        yield "at_risk", why, "look into what kept them open"


def _down(snapshot: Snapshot, terms: Terms) -> Iterator[_Finding]:
    """Under the target is a risk; it fails once more is down than a window all watched allows."""
    target = terms.uptime_target
    whole = [("the pipeline", snapshot.uptime)]
    # A metric whose time is the pipeline's own says nothing new.
    others = [(m.metric, m.uptime) for m in snapshot.metrics if m.uptime != snapshot.uptime]
    for name, seen in [*whole, *others]:
        if seen.percent is None or seen.percent >= target:
            continue
        counted = seen.healthy_s + seen.unhealthy_s + seen.unwatched_s
        spent = seen.unhealthy_s > counted * (1 - target / 100)
        why = f"uptime of {name} is {seen.percent:.4f} %, under {target:g} %"
        yield "failing" if spent else "at_risk", why, f"find out what took {name} down"


def _noise(snapshot: Snapshot) -> Iterator[_Finding]:
    if snapshot.repeated_pages >= _REPEATED_PAGES:
        why = f"{snapshot.repeated_pages} of {snapshot.pages} pages were about the same again"
        yield "at_risk", why, "on-call is fatigued, reduce paging"
    alarms = snapshot.false_alarms
    if alarms >= _FALSE_ALARMS and alarms >= _FALSE_ALARM_PART * (alarms + snapshot.real):
        why = f"{alarms} of {alarms + snapshot.real} alarms were false"
        yield "at_risk", why, "on-call is fatigued by false alarms: raise their thresholds"
    if snapshot.duplicate_incidents >= _DUPLICATE_INCIDENTS:
        why = f"{snapshot.duplicate_incidents} incidents repeat one about the same node"
        yield "at_risk", why, "incident dedup is failing"


def _uptime(seen: Uptime) -> str:
    if seen.percent is None:
        return f"not known: not watched for {told(seen.unwatched_s)}"
    return (
        f"{seen.percent:.4f} %, unhealthy for {told(seen.unhealthy_s)},"
        f" not watched for {told(seen.unwatched_s)}"
    )
