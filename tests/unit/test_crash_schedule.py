"""The crash proof's schedule: from the seed alone, and nothing that it promises is left out."""

from __future__ import annotations

from tests.crash.proof.moments import CUT, MOMENTS, RESUME
from tests.crash.proof.schedule import KINDS, Schedule


def test_a_schedule_depends_on_its_seed_alone_and_reaches_every_named_moment() -> None:
    """A failing seed can be replayed; 25 deaths include each moment at least once."""
    one, same, other = Schedule(7, 25), Schedule(7, 25), Schedule(8, 25)

    assert (one.lives, one.left) == (same.lives, same.left)
    assert one.lives != other.lives
    for schedule in (one, other):
        assert set(MOMENTS) <= {life.kill.moment for life in schedule.lives}
        moments = [life.kill.moment for life in schedule.lives]
        assert all(moments[i - 1] == CUT for i, m in enumerate(moments) if m == RESUME)


def test_a_schedule_delivers_twice_late_and_in_chains() -> None:
    """Case 78 under kills: copies one after the other and at once, sessions out of their order."""
    schedule = Schedule(1, 60)
    deliveries = [d for life in schedule.lives for d in (*life.deliveries, life.bait) if d]
    deliveries += schedule.left
    first = [d[0] for d in deliveries]
    at_once = [d for d in deliveries if len(d) == 2]
    chains: dict[str, list[str]] = {}
    for sent in dict.fromkeys(event.event_id for event in first):
        event = next(e for e in first if e.event_id == sent)
        chains.setdefault(event.body.get("session_id", ""), []).append(event.body["occurred_at"])

    assert at_once
    assert len(first) > len({event.event_id for event in first})
    assert any(times != sorted(times) for session, times in chains.items() if "chain" in session)
    assert any("session_id" not in event.body for event in first)
    assert {event.kind for event in first} == set(KINDS)
