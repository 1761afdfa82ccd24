"""Case 91: two sessions want to change the same node at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.crash.evidence import actions, tally, under_way, until, warnings
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

PAIR = {
    "OBSERVER__CONCURRENCY": "2",
    "OBSERVER__MCP_SERVERS__PIPELINE__TIMEOUT": "2s",
}


def _two_at_once(observer: ObserverProcess, other_stage: str = "transformation") -> tuple[str, str]:
    """The first one's remedy hangs until its time is up; the second one has read by then."""
    first, second = warnings(2, "pair")
    second["stage"] = other_stage
    acting = observer.send(first)
    until(lambda: under_way(observer, "retry_failed_jobs"), "the first one acts")
    waiting = observer.send(second)
    until(lambda: len(observer.session(waiting)["transitions"]) == 2, "the second one has read")
    return acting, waiting


def _remedies(observer: ObserverProcess) -> list[str]:
    keys = [action["key"] for action in actions(observer.data_dir)]
    return [key.split("/")[1] for key in keys if "/remedy/" in key]


def test_one_acts_and_the_other_waits_and_looks_again(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """What the first one healed is not healed a second time, and the report says so."""
    observer = make_observer(env=PAIR)
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "hang", "times": 1}}})
    observer.start()

    acting, waiting = _two_at_once(observer)

    for session in (acting, waiting):
        assert observer.wait_for(session)["status"] == "resolved"
    assert _remedies(observer) == [acting]
    assert "healed by another session's action" in observer.session(waiting)["report"]
    told = tally(observer, [acting, waiting])
    assert {(n["incidents"], n["alerts"]) for n in told.values()} == {(1, 1)}


def test_a_node_above_the_one_acted_on_waits_for_its_turn_and_its_event_is_believed(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Validation stands on the transformation; `act_on: event` has no use for its good readings."""
    observer = make_observer(env=PAIR)
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "hang", "times": 1}}})
    observer.start()

    acting, waiting = _two_at_once(observer, "validation")
    assert under_way(observer, "retry_failed_jobs") is not None
    assert _remedies(observer) == []

    for session in (acting, waiting):
        assert observer.wait_for(session)["status"] == "resolved"
    assert _remedies(observer) == [acting, waiting]


def test_what_is_still_ill_after_the_first_ones_action_is_acted_upon(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Looking again is no excuse: without healing, the second one's turn is its own."""
    observer = make_observer(env=PAIR)
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "hang", "times": 1}}})
    observer.start()
    acting, waiting = _two_at_once(observer)
    observer.faults({"tools": {"retry_failed_jobs": {"mode": "no_heal", "times": 1}}})

    for session in (acting, waiting):
        assert observer.wait_for(session)["status"] == "resolved"

    assert set(_remedies(observer)) == {acting, waiting}
    looks = [t["idempotency_key"] for t in observer.session(waiting)["transitions"]]
    assert any("look again" in key for key in looks), looks
