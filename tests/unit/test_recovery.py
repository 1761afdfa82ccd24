"""Whether all is well by itself, and which promises count for it."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, HealthCheck, Metric, Node
from observer.domain.recovery import counting, verdict
from observer.domain.walk import Health, Look
from observer.domain.windows import ALWAYS, Window

CHECK = HealthCheck("tcp_connect")
TREE = DependencyTree(
    metrics={"fresh": Metric("fresh", "", "60s", ALWAYS)},
    nodes={
        **{name: Node(name, "process", healthcheck=CHECK) for name in "abc"},
        "dark": Node("dark", "external"),
    },
)
HEALTHS = st.sampled_from(list(Health))


def looks(**healths: Health) -> dict[str, Look]:
    return {name: Look(name, health, "") for name, health in healths.items()}


@given(st.dictionaries(st.sampled_from("abc"), HEALTHS), st.lists(HEALTHS, max_size=2))
def test_well_is_only_what_was_seen_and_was_all_good(
    nodes: dict[str, Health], promises: list[Health]
) -> None:
    """Case 28: unknown is neither."""
    found = verdict(TREE, looks(**nodes), [Look("fresh", health, "") for health in promises])
    seen = [*nodes.values(), *promises]
    assert (found is Health.UNHEALTHY) is (Health.UNHEALTHY in seen)
    assert (found is Health.HEALTHY) is (set(seen) == {Health.HEALTHY})


def test_a_node_that_nobody_can_look_at_has_no_say() -> None:
    assert verdict(TREE, looks(a=Health.HEALTHY, dark=Health.UNKNOWN), []) is Health.HEALTHY
    assert verdict(TREE, looks(dark=Health.UNKNOWN), []) is Health.UNKNOWN


@pytest.mark.parametrize(("hour", "counts"), [(12, True), (20, False)])
def test_a_promise_counts_in_its_window_only(hour: int, counts: bool) -> None:
    hours = Window("H", ZoneInfo("UTC"), frozenset(range(7)), time(9), time(17))
    tree = DependencyTree(metrics={"fresh": Metric("fresh", "", "60s", hours)})
    broken = Look("fresh", Health.UNHEALTHY, "")
    assert bool(counting(tree, [broken], datetime(2026, 3, 4, hour, tzinfo=UTC))) is counts
