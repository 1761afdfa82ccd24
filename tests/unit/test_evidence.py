"""What is read out of an answer: figures for conditions."""

from __future__ import annotations

from observer.domain.evidence import numbers, of_node


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


def test_the_figures_of_another_node_are_not_this_ones() -> None:
    answers = [
        {"stage": "transformation", "throughput_rps": 12},
        {"stage": "loading", "error_rate_pct": 9.5},
        {"node": "broker", "values": {"error_rate_pct": 9.5}},
        {"values": {"redis_connected_clients": 298}},
        None,
    ]
    assert numbers(of_node(answers, "transformation")) == {
        "throughput_rps": 12,
        "redis_connected_clients": 298,
    }
