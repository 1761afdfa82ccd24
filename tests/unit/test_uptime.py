"""Uptime is what a second-by-second count of the same history says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, Metric
from observer.domain.uptime import (
    Interval,
    Outage,
    common,
    length,
    merged,
    of_metrics,
    of_pipeline,
    open_times,
    uptime,
)
from observer.domain.windows import ALWAYS, Window

SPAN = 60
moments = st.integers(-10, SPAN + 10)
intervals = st.lists(st.tuples(moments, moments), max_size=8)
"""Also such that end before they begin: a clock was set back."""
BERLIN = ZoneInfo("Europe/Berlin")
clocks = st.sampled_from([time(0), time(1, 30), time(2, 30), time(3), time(9), time(17, 30)])
windows = st.builds(
    Window,
    name=st.just("W"),
    zone=st.sampled_from([BERLIN, ZoneInfo("America/New_York"), ZoneInfo("UTC")]),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=clocks,
    closes=clocks,
    holidays=st.frozensets(st.sampled_from([date(2026, 3, 29), date(2026, 10, 26)])),
)
SPRING, AUTUMN = (datetime(2026, m, d, tzinfo=UTC).timestamp() for m, d in ((3, 28), (10, 24)))


def within(at: float, times: list[Interval]) -> bool:
    return any(begin <= at < end for begin, end in times)


@given(counted=intervals, watched=intervals, down=intervals)
def test_the_three_parts_are_a_count_of_seconds(
    counted: list[Interval], watched: list[Interval], down: list[Interval]
) -> None:
    expected = {"healthy": 0, "unhealthy": 0, "unwatched": 0}
    for second in range(-10, SPAN + 10):
        if not within(second, counted):
            continue
        if not within(second, watched):
            expected["unwatched"] += 1
        else:
            expected["unhealthy" if within(second, down) else "healthy"] += 1

    found = uptime(counted, watched, down)

    assert found.healthy_s == expected["healthy"]
    assert found.unhealthy_s == expected["unhealthy"]
    assert found.unwatched_s == expected["unwatched"]
    seen = expected["healthy"] + expected["unhealthy"]
    if seen == 0:
        assert found.percent is None
    else:
        assert found.percent == pytest.approx(100 * (1 - expected["unhealthy"] / seen))


@given(times=intervals, others=intervals)
def test_merged_time_is_in_order_and_counts_each_moment_once(
    times: list[Interval], others: list[Interval]
) -> None:
    one, other = merged(times), merged(others)
    assert all(a[1] < b[0] for a, b in pairwise(one))
    assert all(begin < end for begin, end in one)
    assert length(one) == sum(within(s, times) for s in range(-10, SPAN + 10))
    both = common(one, other)
    assert length(both) == sum(
        within(s, times) and within(s, others) for s in range(-10, SPAN + 10)
    )


@given(window=windows, begin=st.sampled_from([SPRING, AUTUMN]), hours=st.integers(1, 60))
def test_a_window_is_open_exactly_when_it_holds_also_while_the_clocks_change(
    window: Window, begin: float, hours: int
) -> None:
    end = begin + hours * 3600
    times = open_times(window, begin, end)
    assert all(begin <= one < other <= end for one, other in times)
    for minute in range(hours * 60):
        at = begin + minute * 60
        assert within(at, times) == window.holds(datetime.fromtimestamp(at, UTC))


def test_a_window_opens_and_closes_to_the_second() -> None:
    window = Window("DAY", BERLIN, frozenset(range(5)), time(9), time(17, 30, 15))
    monday = datetime(2026, 11, 16, tzinfo=BERLIN)
    begin, end = monday.timestamp(), monday.timestamp() + 86400
    ((opens, closes),) = open_times(window, begin, end)
    assert (opens - begin, closes - begin) == (9 * 3600, 17 * 3600 + 30 * 60 + 15)


def test_time_that_nobody_watched_is_neither_up_nor_down() -> None:
    found = uptime([(0, 100)], [(0, 40), (60, 100)], [(30, 70)])
    assert (found.healthy_s, found.unhealthy_s, found.unwatched_s) == (60, 20, 20)
    assert found.percent == 75.0
    assert uptime([(0, 100)], [], [(0, 100)]).percent is None


def test_an_outage_that_goes_on_lasts_until_now_and_a_negative_one_not_at_all() -> None:
    tree = DependencyTree()
    seen = [(0.0, 100.0)]
    going_on = Outage(90, None, frozenset())
    backwards = Outage(50, 20, frozenset())
    assert of_pipeline(tree, [going_on, backwards], seen, 0, 100).unhealthy_s == 10


def test_an_outage_counts_for_a_metric_while_its_own_window_is_open() -> None:
    """The pipeline counts while any promise does; an outage while one of those it breaks does."""
    day = datetime(2026, 11, 17, tzinfo=UTC).timestamp()
    office = Window("OFFICE", ZoneInfo("UTC"), frozenset(range(7)), time(9), time(17))
    tree = DependencyTree(
        metrics={
            "always": Metric("always", "", "60s", ALWAYS),
            "office": Metric("office", "", "60s", office),
        }
    )
    night = (day + 2 * 3600, day + 3 * 3600)
    noon = (day + 12 * 3600, day + 13 * 3600)
    outages = [
        Outage(*night, frozenset({"office"})),
        Outage(*noon, frozenset({"office"})),
        Outage(*night, frozenset({"gone from the tree"})),
    ]
    seen = [(day, day + 86400)]
    by_metric = of_metrics(tree, outages, seen, day, day + 86400)
    assert by_metric["office"].unhealthy_s == 3600
    assert by_metric["office"].healthy_s == 7 * 3600
    assert by_metric["always"].unhealthy_s == 0
    whole = of_pipeline(tree, outages[:2], seen, day, day + 86400)
    assert (whole.unhealthy_s, whole.healthy_s) == (3600, 23 * 3600)
    # What hurts no promise of the tree counts whenever the pipeline does.
    whole = of_pipeline(tree, outages, seen, day, day + 86400)
    assert whole.unhealthy_s == 2 * 3600
