"""What is read out of an answer: figures for conditions."""

from __future__ import annotations

from observer.domain.evidence import numbers


def test_figures_stand_at_the_top_or_under_values_and_a_later_answer_wins() -> None:
    payloads = [
        {"error_rate_pct": 3.2, "status": "degraded", "up": True},
        {"values": {"redis_connected_clients": 298.0, "error_rate_pct": 4}, "total": 1},
        {"values": {"name": "text", "ok": False}},
        None,
    ]
    assert numbers(payloads) == {
        "error_rate_pct": 4,
        "redis_connected_clients": 298.0,
        "total": 1,
    }


def test_an_answer_without_figures_gives_none() -> None:
    """Case 28: what was not observed is not 0."""
    assert numbers([{"found": "none", "series": [], "values": {}}, {"values": [1]}]) == {}
