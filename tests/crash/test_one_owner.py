"""Case 6: one process owns a data directory."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

LIMIT_S = 2.0


def test_a_second_process_ends_at_once_and_names_the_lock(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Case 6: measured whole, imports and all; the first one is not disturbed."""
    first, second = make_observer().start(), make_observer()

    took: list[float] = []
    for _ in range(3):
        begin = time.monotonic()
        second.start(wait=False)
        assert second.process is not None
        assert second.process.wait(30) != 0
        took.append(time.monotonic() - begin)

    assert str(first.data_dir / "observer.lock") in second.log
    assert first.process is not None
    assert f"process {first.process.pid}" in second.log
    assert "Traceback" not in second.log
    session = first.send({**WARNING, "session_id": "undisturbed"})
    assert first.wait_for(session)["status"] == "resolved"
    assert min(took) < LIMIT_S, took


def test_the_lock_goes_with_its_process(make_observer: Callable[..., ObserverProcess]) -> None:
    """Case 6: after kill -9 nobody has to remove anything."""
    make_observer().start().kill()

    assert make_observer().start().get("/health")["state"] == "RUNNING"
