"""A log line's own time, in the formats that services write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_servers.backends.log_lines import MOST_BYTES, clean, newest, own_time, timed

NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
AT = datetime(2026, 11, 21, 17, 41, 29, tzinfo=UTC)
LOCAL = datetime(2026, 11, 21, 17, 41, 29).astimezone(UTC)


@pytest.mark.parametrize(
    ("line", "at"),
    [
        ("2026-11-21T17:41:29Z ERROR x", AT),
        ("2026-11-21T17:41:29.250+00:00 x", AT + timedelta(milliseconds=250)),
        ("2026-11-21T18:41:29.123456789+0100 x", AT + timedelta(microseconds=123456)),
        ("2026-11-21 12:11:29-05:30 x", AT),
        ("[2026-11-21 17:41:29 UTC] x", AT),
        ("INFO:root:2026-11-21 17:41:29,000 x", LOCAL),
        ('{"level":"error","msg":"x","time":"2026-11-21T17:41:29Z"}', AT),
        ('{"ts":1795282889.0,"msg":"x"}', AT),
        ("1795282889 x", AT),
        ("1795282889000 x", AT),
        ('10.0.0.1 - - [21/Nov/2026:18:41:29 +0100] "GET / HTTP/1.1" 200', AT),
        ("1234:M 21 Nov 2026 17:41:29.000 * Ready", LOCAL),
        ("2026/11/21 17:41:29 x", LOCAL),
        ("Nov 21 17:41:29 host app[1]: x", LOCAL),
        ("2026-13-41T99:41:29Z x", None),
        ("took 1795282889 ms", None),
        ("no time at all", None),
        ("", None),
    ],
)
def test_a_lines_time_is_read(line: str, at: datetime | None) -> None:
    assert own_time(line, NOW) == at


def test_a_time_without_a_year_that_lies_ahead_is_of_last_year() -> None:
    at = own_time("Dec 24 10:00:00 host x", NOW)
    assert at is not None and at.year == 2025


@given(st.text(max_size=700))
def test_no_line_breaks_the_reading(line: str) -> None:
    own_time(line, NOW)
    clean(line)


def test_a_line_without_a_time_belongs_to_the_one_before_it() -> None:
    lines = ["banner", "2026-11-21T17:41:29Z boom", "  at main.py:3", "2026-11-21T17:50:00Z next"]
    times = [at for at, _ in timed(lines, NOW)]
    assert times == [AT, AT, AT, AT + timedelta(minutes=8, seconds=31)]


def test_only_lines_of_the_window_are_kept_newest_last() -> None:
    lines = [(AT + timedelta(minutes=m), f"line {m}") for m in (3, 0, 2, 1)]
    kept, more = newest(lines, since=AT + timedelta(minutes=1), limit=2, wanted=lambda _: True)
    assert [line.message for line in kept] == ["line 2", "line 3"]
    assert more


def test_bytes_are_bounded_whatever_the_lines() -> None:
    lines = [(None, "\u2603" * 4000)] * 100
    kept, more = newest(lines, since=AT, limit=500, wanted=lambda _: True)
    assert more and sum(len(line.message.encode()) for line in kept) <= MOST_BYTES
