"""Which log lines count for a known error: the node's own, and recent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.log_lines import recent_lines

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
QUARTER = 900.0


def counted(*lines: dict[str, Any], node: str = "consumer", **answer: Any) -> list[str]:
    payload = {**answer, "errors": list(lines)}
    return recent_lines([payload], node=node, now=NOW.timestamp(), window_s=QUARTER)


def moments(ago: timedelta) -> list[Any]:
    """The same moment as tools write it."""
    moment = NOW - ago
    seconds = moment.timestamp()
    return [
        seconds,
        int(seconds * 1e3),
        int(seconds * 1e6),
        int(seconds * 1e9),
        str(int(seconds * 1e9)),
        str(int(seconds)),
        moment.isoformat(),
        moment.strftime("%Y-%m-%d %H:%M:%S.%f+0000"),
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.astimezone(timezone(timedelta(hours=-5))).isoformat(),
    ]


@pytest.mark.parametrize("how", range(len(moments(timedelta()))))
def test_a_line_older_than_the_window_does_not_count(how: int) -> None:
    """Case 88: what a dead process left in its log is no evidence."""
    old = {"timestamp": moments(timedelta(minutes=16))[how], "message": "old"}
    new = {"timestamp": moments(timedelta(minutes=14))[how], "message": "new"}
    assert counted(old, new) == ["new"]


@pytest.mark.parametrize(
    "stamp",
    [
        *[None, "", "14:23:12", "2020-01-01 10:00:00", "yesterday", "2020-13-45T99:00:00Z"],
        *[True, [], {}, -5, float("nan"), float("inf"), 10**400, "9" * 400],
    ],
)
def test_a_line_whose_time_cannot_be_told_counts(stamp: Any) -> None:
    assert counted({"timestamp": stamp, "message": "kept"}) == ["kept"]
    assert counted({"message": "kept"}) == ["kept"]


def test_a_line_from_a_clock_that_is_ahead_counts() -> None:
    assert counted({"timestamp": moments(-timedelta(hours=2))[0], "message": "kept"}) == ["kept"]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("2026-01-15T11:59:00Z ERROR pool exhausted", True),
        ("2026-01-15T11:40:00Z ERROR pool exhausted", False),
        ("[2026-01-15 11:40:00,123 +0000] ERROR pool exhausted", False),
        ("2026-01-15 12:40:00.5+01:00 ERROR pool exhausted", False),
        ("2026-01-15 12:50:00.5+01:00 ERROR pool exhausted", True),
        ("2026-01-15 11:40:00 ERROR no zone, so who knows", True),
        ("ERROR since 2026-01-15T11:40:00Z", True),
        ("2026-99-99T99:99:99Z ERROR", True),
    ],
)
def test_a_time_at_the_beginning_of_the_text_is_the_lines_time(text: str, counts: bool) -> None:
    assert counted({"message": text}) == ([text] if counts else [])


def test_the_time_beside_the_text_comes_before_the_one_in_it() -> None:
    text = "2020-01-01T00:00:00Z ERROR replayed just now"
    assert counted({"timestamp": NOW.timestamp(), "message": text}) == [text]


def test_only_the_nodes_own_lines_count() -> None:
    own = {"message": "own", "node": "consumer"}
    other = {"message": "other", "node": "broker"}
    assert counted(own, other, {"message": "unnamed"}) == ["own", "unnamed"]
    assert counted({"message": "x"}, stage="consumer") == ["x"]
    assert counted({"message": "x"}, stage="broker") == []
    assert counted({"message": "x"}, node="broker", stage="broker") == ["x"]


def test_half_a_surrogate_pair_is_replaced() -> None:
    (line,) = counted({"message": "bad \ud800 text"})
    assert line == "bad ? text"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["errors", "message", "timestamp", "node", "x"]), inner)
    ),
    max_leaves=12,
)


@given(st.lists(JSON))
def test_no_answer_of_a_tool_makes_reading_its_lines_fail(payloads: list[Any]) -> None:
    lines = recent_lines(payloads, node="consumer", now=NOW.timestamp(), window_s=QUARTER)
    assert all(isinstance(line, str) for line in lines)
