"""Gatus' custom provider as events, and which delivery is which occurrence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.event import Severity
from observer.domain.occurrence import Latest, fired_id
from observer.errors import PayloadRejected
from observer.sources import SOURCES, Alert

KEYS = ("name", "group", "status", "description", "errors", "severity", "tenant_id")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=10,
)
NEARLY = st.fixed_dictionaries(
    {"name": st.text(max_size=600), "status": st.sampled_from(["TRIGGERED", "RESOLVED"])},
    optional={
        key: st.text(max_size=40) | ANYTHING for key in KEYS if key not in ("name", "status")
    },
)


def delivery(**changes: Any) -> dict[str, Any]:
    """What the body of docs/intake.md becomes."""
    return {
        "group": "Data Latency",
        "name": "Redis Freshness Primary",
        "status": "TRIGGERED",
        "description": "data is stale",
        "errors": "",
        "severity": "warning",
        **changes,
    }


def parse(payload: Any) -> Any:
    return SOURCES["gatus"](payload)


def test_an_endpoint_is_an_event_with_its_group_and_name_as_the_alerts_name() -> None:
    (event,) = parse(delivery(errors="EOF"))
    assert event.labels["alertname"] == "Data Latency / Redis Freshness Primary"
    assert event.message == "Data Latency / Redis Freshness Primary: data is stale: EOF"
    assert (event.severity, event.over) == (Severity.WARNING, False)
    (alone,) = parse(delivery(group="", status="RESOLVED"))
    assert (alone.labels["alertname"], alone.over) == ("Redis Freshness Primary", True)


def test_an_alert_of_another_severity_is_another_subject_and_its_end_is_its_own() -> None:
    """A second threshold may page: it is no reminder of the first."""
    (warned,), (over,) = parse(delivery()), parse(delivery(status="RESOLVED", errors="none"))
    (paged,) = parse(delivery(severity="critical"))
    assert warned.subject == over.subject != paged.subject


@given(ANYTHING | NEARLY)
def test_any_json_gives_events_or_a_refusal_and_nothing_else(payload: Any) -> None:
    """Case 65."""
    try:
        events = parse(payload)
    except PayloadRejected as refusal:
        assert refusal.field
    else:
        assert all(isinstance(event, Alert) and event.stage.isascii() for event in events)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"status": "[ALERT]"}, "status"),
        ({"tenant_id": "a b"}, "tenant_id"),
    ],
)
def test_what_is_no_delivery_is_refused_with_its_field(changes: Any, field: str) -> None:
    with pytest.raises(PayloadRejected) as refusal:
        parse(delivery(**changes))
    assert refusal.value.field == field


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 120)), max_size=12))
def test_a_failure_after_an_end_is_never_taken_for_the_one_before(
    deliveries: list[tuple[bool, bool, int]],
) -> None:
    """Any order of deliveries: over or not, the last session open or ended, some time apart."""
    window, now, latest = 60.0, 0.0, None
    fired: set[str] = set()
    ended: set[str] = set()
    for over, session_open, gap in deliveries:
        now += gap
        if latest is not None:
            latest = Latest(latest.event_id, latest.accepted_at, session_open)
        known = fired_id("s", latest, over=over, now=now, window_s=window)
        if over:
            assert known in fired | {"s-0"}
            ended.add(known)
            event = f"{known}-resolved"
        else:
            assert known not in ended, "an end swallowed a failure"
            if known in fired:
                assert latest is not None
                assert latest.session_open or now - latest.accepted_at < window
                continue
            fired.add(known)
            event = known
        if latest is None or latest.event_id != event:
            latest = Latest(event, now, session_open)
