"""A trial is quick, and as often and as long as the configuration says all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from observer.evals.staging import FASTER, as_then
from observer.settings import Configuration, load_configuration
from observer.settings.examples import write_example

OPEN = datetime(2026, 5, 5, 15, 0, tzinfo=UTC)  # a Tuesday, 11:00 in New York
CLOSED = datetime(2026, 5, 3, 15, 0, tzinfo=UTC)  # a Sunday


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    folder = tmp_path_factory.mktemp("stack") / "config"
    write_example("stack", folder)
    return load_configuration(folder, folder / "var")


@pytest.mark.parametrize(("moment", "counts"), [(OPEN, True), (CLOSED, False)])
def test_a_promise_counts_as_it_did_then_whenever_it_is_tried(
    stack: Configuration, tmp_path: Path, moment: datetime, counts: bool
) -> None:
    metric = as_then(stack, moment, tmp_path).tree.metrics["entity_data_freshness"]
    assert [metric.window.holds(now) for now in (OPEN, CLOSED)] == [counts, counts]
    assert metric.window.name == "PRIMARY_BUSINESS_HOURS"


def test_every_wait_is_shorter_and_nothing_else_is_changed(
    stack: Configuration, tmp_path: Path
) -> None:
    then = as_then(stack, OPEN, tmp_path)
    assert then.runbook.settle == stack.runbook.settle / FASTER
    assert then.runbook.check.interval == stack.runbook.check.interval / FASTER
    assert {**vars(then.runbook), "settle": 0, "check": 0} == {
        **vars(stack.runbook),
        "settle": 0,
        "check": 0,
    }
    for known, was in zip(then.known_errors, stack.known_errors, strict=True):
        assert replace(known, remedy=None) == replace(was, remedy=None)
        assert (known.remedy is None) is (was.remedy is None)
        if known.remedy is not None and was.remedy is not None:
            assert known.remedy.calls == was.remedy.calls
            assert known.remedy.check.condition == was.remedy.check.condition
    assert then.autonomy == stack.autonomy
    assert then.escalation == stack.escalation


@example(interval=0.1, timeout=0.7, looks=7)
@given(
    interval=st.floats(0.001, 3600), timeout=st.floats(0.001, 86400), looks=st.integers(1, 10_000)
)
def test_as_many_looks_fit_as_before(interval: float, timeout: float, looks: int) -> None:
    spent = looks * interval > timeout
    assert (looks * (interval / FASTER) > timeout / FASTER) is spent
