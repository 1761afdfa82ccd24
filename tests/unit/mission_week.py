"""A week of history with its sums written out, for pure tests and for the records alike.

The week is Monday 2026-11-09 00:00 to Monday 2026-11-16 00:00, UTC: 604,800 s. `freshness` counts
always; `reports` on working days from 9 to 17, 5 * 8 h = 144,000 s.

    what                                               down, pipeline  freshness  reports
    A  Mon 10:00-10:20  CRITICAL, loading
    B  Mon 10:10-10:40  CRITICAL, ingestion: A and B
       overlap, together 10:00-10:40                           2400 s     2400 s
    C  Tue 03:00-05:00  reports, outside its window               0                   0
    D  Tue 16:30-17:30  reports, half of it inside             1800 s              1800 s
    E  Wed 21:30-Thu 06:30  CRITICAL, loading; the
       observer is down from 22:00 to 06:00 (8 h =
       28,800 s not watched): 30 min + 30 min                  3600 s     3600 s
    F  Fri 12:00-12:05  WARNING, transformation                   0
    G  Sat 09:00-09:02  CRITICAL, loading, reads healthy          0          0
    H  Sun 23:30-      CRITICAL, loading, still open           1800 s     1800 s
                                                               ------     ------   ------
                                                               9600 s     7800 s   1800 s

Watched: 604,800 - 28,800 = 576,000 s. Of the hours of `reports` the night takes nothing: 144,000 s.

    pipeline   1 - 9600 / 576,000 = 1 - 0.0166667 = 98.3333 %
    freshness  1 - 7800 / 576,000 = 1 - 0.0135417 = 98.6458 %
    reports    1 - 1800 / 144,000 = 1 - 0.0125000 = 98.7500 %

The verdict is `failing`: H is unresolved for 30 minutes, and 9600 s are more down time than the
0.1 % of 604,800 s = 604.8 s that a window all watched allows (of `reports`: 144 s). A (20 min),
B (30 min) and E (9 h) were late P1s. Of the seven that are over, all but the false alarm G are
real: 6; healed by us are A, B, D and E, the others went to people: 4 of 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.event import Severity
from observer.domain.failure import Failure, Result, broken_by
from observer.domain.mission import Terms
from observer.domain.uptime import Interval
from observer.domain.windows import ALWAYS, Window

MONDAY = datetime(2026, 11, 9, tzinfo=UTC).timestamp()
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
END = MONDAY + 7 * DAY
TERMS = Terms(
    objective="Keep the pipeline above 99.9% uptime.",
    success_criteria="No unresolved P1 incidents for >15 minutes.",
    uptime_target=99.9,
    unresolved_for_s=900,
    window_s=7 * DAY,
)
OFFICE = Window("OFFICE", ZoneInfo("UTC"), frozenset(range(5)), time(9), time(17))
TREE = DependencyTree(
    metrics={
        "freshness": Metric("freshness", "", "60s", ALWAYS, depends_on=("loading",)),
        "reports": Metric("reports", "", "5m", OFFICE, depends_on=("mart",)),
    },
    nodes={
        "loading": Node("loading", "stage", depends_on=("transformation",)),
        "transformation": Node("transformation", "stage", depends_on=("ingestion",)),
        "ingestion": Node("ingestion", "stage"),
        "mart": Node("mart", "stage"),
    },
)
NIGHT: Interval = (MONDAY + 2 * DAY + 22 * HOUR, MONDAY + 3 * DAY + 6 * HOUR)
WATCHED: list[Interval] = [(MONDAY, NIGHT[0]), (NIGHT[1], END)]
PERCENT = {"pipeline": 98.3333, "freshness": 98.6458, "reports": 98.7500}
UNHEALTHY_S = {"pipeline": 9600, "freshness": 7800, "reports": 1800}


def at(day: int, hours: int, minutes: int = 0) -> float:
    """A moment of the week; Monday is day 0."""
    return MONDAY + day * DAY + hours * HOUR + minutes * MINUTE


@dataclass(frozen=True)
class Incident:
    """One row of the table."""

    about: str
    severity: Severity
    result: Result
    began_at: float
    ended_at: float | None

    def failure(self, session_id: str) -> Failure:
        """As it is recorded."""
        broken = broken_by(TREE, about=self.about, node=self.about, severity=self.severity)
        return Failure(
            "default",
            session_id,
            self.about,
            self.severity,
            self.result,
            broken,
            self.began_at,
            self.ended_at,
        )


CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING
HEALED, HANDED_OVER = Result.HEALED, Result.HANDED_OVER
WEEK = {
    "A": Incident("loading", CRITICAL, HEALED, at(0, 10), at(0, 10, 20)),
    "B": Incident("ingestion", CRITICAL, HEALED, at(0, 10, 10), at(0, 10, 40)),
    "C": Incident("reports", WARNING, HANDED_OVER, at(1, 3), at(1, 5)),
    "D": Incident("reports", WARNING, HEALED, at(1, 16, 30), at(1, 17, 30)),
    "E": Incident("loading", CRITICAL, HEALED, at(2, 21, 30), at(3, 6, 30)),
    "F": Incident("transformation", WARNING, HANDED_OVER, at(4, 12), at(4, 12, 5)),
    "G": Incident("loading", CRITICAL, Result.FALSE_ALARM, at(5, 9), at(5, 9, 2)),
    "H": Incident("loading", CRITICAL, Result.OPEN, at(6, 23, 30), None),
}
FAILURES = [incident.failure(name) for name, incident in WEEK.items()]
A_GOOD_WEEK = [
    replace(f, ended_at=f.began_at + 300, severity=WARNING, metrics=frozenset[str]())
    for f in FAILURES
    if f.result in (HEALED, HANDED_OVER)
]
"""The same failures as WARNINGs about nodes, each over after five minutes."""
