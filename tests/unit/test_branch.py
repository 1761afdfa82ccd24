"""Which alerts are one cause, most likely, and which run looks into which of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.branch import covers, related
from observer.domain.event import Event, Severity
from observer.settings.tree import load_tree

TREE = load_tree(Path(__file__).parents[2] / "docs" / "examples")
NAMES = [*TREE.metrics, *TREE.nodes]
NOW = datetime(2026, 11, 25, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("redis_instance", "redis_instance", True),
        ("kafka_to_redis_consumer", "upstream_data_feed", True),  # far below it
        ("entity_data_freshness", "redis_instance", True),  # a metric and what it stands on
        ("kafka_to_redis_consumer", "redis_instance", True),  # a consumer waits for it
        ("kafka_to_redis_consumer", "kafka_to_tsdb_consumer", False),  # two that both lag
        ("entity_data_freshness", "tsdb_raw_freshness", False),  # two promises
        ("kafka_to_tsdb_consumer", "redis_instance", False),
        ("derived_metrics_job", "websocket_ingestion", True),
        ("redis_instance", "kafka_entity_topic", False),
    ],
)
def test_what_stands_on_or_waits_for_the_other_is_on_its_branch(
    one: str, other: str, expected: bool
) -> None:
    """Case 89."""
    assert related(TREE, one, other) is expected


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_it_is_the_same_whoever_came_first(one: str, other: str) -> None:
    assert related(TREE, one, other) == related(TREE, other, one)


def event(severity: Severity | None, message: str, stage: str = "redis_instance") -> Event:
    return Event(event_id="e", session_id="s", severity=severity, stage=stage, message=message)


SEVERITIES = st.sampled_from([*Severity, None])
NEW = st.sampled_from([Severity.WARNING, Severity.CRITICAL, None])
MESSAGES = st.sampled_from(["slow", "3.2% (threshold: 1%)"])


@given(SEVERITIES, NEW, MESSAGES, MESSAGES)
def test_a_waiting_event_covers_what_is_surely_no_more_severe_than_itself(
    waiting: Severity | None, new: Severity | None, said: str, says: str
) -> None:
    """A severity that a model is to tell may be any: INFO for the one, CRITICAL for the other."""

    def could_be(severity: Severity | None, message: str) -> set[Severity]:
        if severity is not None:
            return {severity}
        return {Severity.WARNING} if "threshold" in message else set(Severity)

    surely = min(s.rank for s in could_be(waiting, said)) >= max(
        s.rank for s in could_be(new, says)
    )
    alike = (waiting, said) == (new, says)
    assert covers(event(waiting, said), event(new, says), TREE, NOW) == (surely or alike)
    assert not covers(event(waiting, said, "kafka_entity_topic"), event(new, says), TREE, NOW)
