"""Alertmanager's webhook, version 4, as events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.event import Severity
from observer.errors import PayloadRejected
from observer.sources import SOURCES, ResolvedAlert


def delivery(*alerts: dict[str, Any]) -> dict[str, Any]:
    """A group as Alertmanager 0.25 posts it."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="ConsumerLag"}',
        "status": "firing",
        "receiver": "observer",
        "groupLabels": {"alertname": "ConsumerLag"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "truncatedAlerts": 0,
        "alerts": list(alerts),
    }


def alert(**changes: Any) -> dict[str, Any]:
    labels = {"alertname": "ConsumerLag", "severity": "warning", "stage": "loading"}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "lag is 8420"},
        "startsAt": "2026-11-21T03:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": "a1b2c3",
        **changes,
    }


def parse(payload: Any) -> Any:
    return SOURCES["alertmanager"](payload)


def test_each_alert_of_a_group_is_an_event_with_its_stage_severity_and_words() -> None:
    events = parse(delivery(alert(), alert(labels={"alertname": "Down", "severity": "page"})))
    assert [e.stage for e in events] == ["loading", "Down"]
    assert [e.severity for e in events] == [Severity.WARNING, Severity.CRITICAL]
    assert [e.message for e in events] == ["ConsumerLag: lag is 8420", "Down: lag is 8420"]


def test_a_severity_that_is_not_known_is_left_to_be_classified() -> None:
    (event,) = parse(delivery(alert(labels={"alertname": "A", "severity": "p3"})))
    assert event.severity is None


def test_the_same_alert_notified_again_has_the_same_id_and_a_new_occurrence_another() -> None:
    (first,), (again,) = parse(delivery(alert())), parse(delivery(alert(endsAt="later")))
    (later,) = parse(delivery(alert(startsAt="2026-11-21T04:00:00Z")))
    assert first.event_id == again.event_id != later.event_id


def test_a_resolved_alert_names_the_event_that_fired() -> None:
    (fired,), (over,) = parse(delivery(alert())), parse(delivery(alert(status="resolved")))
    assert isinstance(over, ResolvedAlert)
    assert over.resolves == fired.event_id != over.event_id


@pytest.mark.parametrize("label", ["../../etc", "-rf", "a b\n", "é", " "])
def test_a_label_becomes_a_plain_name_whatever_it_holds(label: str) -> None:
    """Case 65."""
    (event,) = parse(delivery(alert(labels={"stage": label})))
    assert event.stage
    assert event.stage.isascii()
    assert not event.stage.startswith("-")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "(body)"),
        ({}, "version"),
        ({**delivery(alert()), "version": "3"}, "version"),
        (delivery(), "alerts"),
        (delivery(alert(status="pending")), "alerts.0.status"),
        (delivery(alert(startsAt="soon")), "alerts.0.startsAt"),
        (delivery(alert(), alert(fingerprint="")), "alerts.1.fingerprint"),
    ],
)
def test_what_is_no_delivery_is_refused_with_its_field(payload: Any, field: str) -> None:
    with pytest.raises(PayloadRejected) as refusal:
        parse(payload)
    assert refusal.value.field == field


def test_alerts_that_were_left_out_are_an_event_that_is_the_same_at_every_repetition() -> None:
    cut = {**delivery(alert()), "truncatedAlerts": 12}
    fired, left_out = parse(cut)
    assert left_out.stage == "ConsumerLag"
    assert "left 12 alerts of this group out" in left_out.message
    assert left_out.event_id == parse(cut)[1].event_id != fired.event_id
    later = {**delivery(alert(startsAt="2026-11-22T03:00:00Z")), "truncatedAlerts": 12}
    assert parse(later)[1].event_id != left_out.event_id
    assert len(parse({**cut, "status": "resolved"})) == 1


def test_a_group_of_hundreds_firing_and_resolved_is_as_many_events_in_its_order() -> None:
    """Case 32."""
    states = ["firing", "resolved"] * 250
    events = parse(delivery(*(alert(status=s, fingerprint=f"f{i}") for i, s in enumerate(states))))
    assert [isinstance(event, ResolvedAlert) for event in events] == [False, True] * 250
    assert len({event.event_id for event in events}) == 500


def test_the_name_that_the_tree_knows_is_kept_among_however_many_labels() -> None:
    many = {f"a{i}": "x" for i in range(150)}
    (event,) = parse(delivery(alert(labels={**many, "alertname": "Known"})))
    assert event.labels["alertname"] == "Known"
    assert len(event.labels) == 100


WORDS = st.sampled_from(["firing", "resolved", "4", "2026-11-21T03:00:00Z", "2026-11-21 03:00"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | WORDS
LABELS = st.dictionaries(st.sampled_from(["alertname", "stage", "tenant"]) | st.text(), VALUES)


@given(
    st.fixed_dictionaries(
        {
            "version": st.just("4") | VALUES,
            "alerts": st.lists(
                st.fixed_dictionaries(
                    {
                        "status": WORDS,
                        "labels": LABELS,
                        "startsAt": WORDS | st.floats() | st.datetimes().map(str),
                        "fingerprint": st.text(max_size=3) | VALUES,
                    },
                    optional={"annotations": LABELS},
                ),
                max_size=4,
            ),
        },
        optional={"truncatedAlerts": VALUES, "groupLabels": LABELS, "status": WORDS},
    )
)
def test_any_json_gives_events_or_a_refusal_and_nothing_else(payload: Any) -> None:
    """Case 65."""
    try:
        events = parse(payload)
    except PayloadRejected as refusal:
        assert refusal.field
    else:
        assert all(event.stage.isascii() and event.event_id for event in events)
