"""Case 7: SIGTERM in the middle of a tool call."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.crash.evidence import assert_handled_once, under_way, until, warnings
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

GRACE_S = 2.0
AROUND_S = 5.0
"""For stopping the service, the queue, the tool server (two seconds, if it hangs) and Python."""


@pytest.mark.parametrize("tool", ["retry_failed_jobs", "send_slack_alert"])
def test_sigterm_in_a_tool_that_hangs_parks_the_run_for_the_next_process(
    make_observer: Callable[..., ObserverProcess], tool: str
) -> None:
    """Case 7: ends within the grace time, exit code 0; the next process finishes it, once."""
    first = make_observer(env={"OBSERVER__WORKER__GRACE": f"{GRACE_S}s"})
    first.faults({"tools": {tool: {"mode": "hang", "times": 1}}})
    first.start()
    events = warnings(3, tool)
    sessions = [first.send(event) for event in events]
    busy = until(lambda: under_way(first, tool), f"{tool} is under way")

    begin = time.monotonic()
    code = first.terminate()
    took = time.monotonic() - begin

    assert took < GRACE_S + AROUND_S
    assert code == 0, first.log
    assert "Traceback" not in first.log
    survivor = make_observer().start()
    survivor.wait_until_idle()
    assert_handled_once(survivor, sessions)
    runs = [run["status"] for run in survivor.session(busy)["runs"]]
    assert runs == ["interrupted", "done"]


def test_sigterm_while_working_stops_at_the_next_step_and_goes_on_there(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Case 7: nothing hangs, so it ends long before the grace time is over."""
    first = make_observer(env={"OBSERVER__WORKER__GRACE": "20s"}).start()
    events = warnings(8, "busy")
    sessions = [first.send(event) for event in events]
    until(lambda: first.pipeline("alerts"), "the first one is done")

    begin = time.monotonic()
    code = first.terminate()

    assert (code, time.monotonic() - begin < 10) == (0, True), first.log
    survivor = make_observer().start()
    survivor.wait_until_idle()
    assert_handled_once(survivor, sessions)


def test_sigterm_at_rest_ends_at_once(make_observer: Callable[..., ObserverProcess]) -> None:
    """Case 7: an idle daemon needs no grace time."""
    observer = make_observer().start()
    begin = time.monotonic()

    assert observer.terminate() == 0, observer.log

    assert time.monotonic() - begin < AROUND_S
    assert "Traceback" not in observer.log
