"""The native event: each wrong field is refused by its name, before anything acts upon it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.errors import PayloadRejected
from observer.sources.native import MESSAGE_LIMIT, parse

GOOD: dict[str, Any] = {"severity": "WARNING", "stage": "loading", "message": "slow"}
INJECTIONS = [
    "loading; rm -rf /",
    "../x",
    "/etc/passwd",
    "-rf",
    "--help",
    "loading\n",
    "loading\nx",
    "\nloading",
    "loading\x00",
    "load ing",
    "$(reboot)",
    "`reboot`",
    'loading"} or up{a="',
    "loading|cat",
    "lоading",  # noqa: RUF001  the o is Cyrillic
    "",
    "x" * 101,
]


@pytest.mark.parametrize("field", ["stage", "tenant_id", "session_id", "event_id", "feature"])
@pytest.mark.parametrize("value", [*INJECTIONS, 7, ["loading"], {"a": 1}, True])
def test_a_name_that_is_no_name_is_refused_by_its_field(field: str, value: Any) -> None:
    """Cases 65 and 75: no shell, path, option, label or header can be injected by a name."""
    with pytest.raises(PayloadRejected) as refusal:
        parse({**GOOD, field: value})
    assert refusal.value.field == field
    assert refusal.value.status == 422


@given(st.text())
def test_no_accepted_stage_needs_quoting_anywhere(stage: str) -> None:
    """Cases 65 and 75."""
    try:
        parse({**GOOD, "stage": stage})
    except PayloadRejected:
        return
    assert stage.isascii()
    assert not stage.startswith(("-", "."))
    assert set(stage) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:-")


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({**GOOD, "severity": "critical"}, "severity"),
        ({**GOOD, "severity": "PANIC"}, "severity"),
        ({"stage": "loading"}, "message"),
        ({**GOOD, "message": ""}, "message"),
        ({**GOOD, "message": "x" * (MESSAGE_LIMIT + 1)}, "message"),
        ({**GOOD, "message": None}, "message"),
        ({"message": "x"}, "stage"),
        ({**GOOD, "occurred_at": "yesterday"}, "occurred_at"),
        ({**GOOD, "labels": {"a": 1}}, "labels.a"),
        ({**GOOD, "labels": {str(i): "x" for i in range(101)}}, "labels"),
        ({**GOOD, "metrics": {"a": "many"}}, "metrics.a"),
        ({**GOOD, "metrics": {"a": float("inf")}}, "metrics.a"),
        ({**GOOD, "metrics": {"a": float("nan")}}, "metrics.a"),
        ([GOOD], "(body)"),
        ("text", "(body)"),
        (None, "(body)"),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(payload: Any, field: str) -> None:
    with pytest.raises(PayloadRejected) as refusal:
        parse(payload)
    assert refusal.value.field == field
    assert refusal.value.status == 422


def test_the_smallest_event_has_a_stage_and_a_message() -> None:
    (alert,) = parse({"stage": "loading", "message": "slow"})
    assert (alert.severity, alert.tenant_id, alert.session_id) == (None, "default", None)


def test_keys_that_nobody_knows_are_ignored() -> None:
    assert parse({**GOOD, "approved_by": "admin", "status": "resolved"}) == parse(GOOD)
