"""`/metrics`: what is known in Prometheus' format, and what is not known is not there."""

from __future__ import annotations

import asyncio
import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from observer.domain.breaker import BreakerState
from observer.domain.budget import NANO, Meter
from observer.domain.event import Severity
from observer.domain.fault import Facts
from observer.domain.hold import Hold, HoldCause
from observer.domain.lifecycle import Lifecycle
from observer.domain.span import FINAL_RESPONSE, Span, SpanKind
from observer.errors import RecordsUnavailable
from observer.records.gauges import Gauges
from observer.settings.watch import Watch
from observer.watch import findings as findings_module
from observer.watch.findings import Findings, Records, Sources
from observer.watch.health import reasons
from observer.watch.instruments import Instruments, Known
from observer.watch.metrics import exposition
from tests.observer_process import ROOT


class Services:
    """As much of the services as the gauges ask for."""

    def __init__(self) -> None:
        breaker = {"openai": {"state": BreakerState.OPEN}}
        self.models = SimpleNamespace(health=lambda: {"providers": breaker})
        self.drain = SimpleNamespace(drained_spans=90)
        self.configuration = SimpleNamespace(
            observer=SimpleNamespace(budget=SimpleNamespace(tenants={"acme": None}))
        )
        self.today = SimpleNamespace(left=self._left)

    def _left(self, whom: str) -> dict[Meter, tuple[int, int]]:
        half = 5 if whom == "acme" else 10
        return {
            Meter.TOOL_CALLS: (half, 10),
            Meter.COST: (NANO, 4 * NANO),
            Meter.IRREVERSIBLE: (0, 0),
        }


def instruments() -> Instruments:
    return Instruments(
        Known(tools=["restart", "page"], notices=["page"], models=["openai:x"], sources=["native"])
    )


def samples(findings: Findings, counted: Instruments | None = None) -> dict[str, float]:
    services: Any = Services()
    text = exposition(findings, services, counted or instruments()).decode()
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_known_is_told() -> None:
    facts = Facts(
        Lifecycle.SUSPENDED,
        holds=(Hold("*", HoldCause.PERSON, "x", 1.0), Hold("a", HoldCause.BUDGET, "x", 1.0)),
        servers={"one": None, "two": "Connection closed"},
        oldest_event_age_s=12.5,
        free_bytes=1 << 30,
    )
    inbox = {"queued": 2, "running": 1, "held": 3}
    gauges = Gauges(2, 60.0, 3, 7, 100)
    records = Records(inbox, 12.5, {}, {"a": 1, "b": 2}, gauges)
    alarms = SimpleNamespace(waiting=4)
    told = samples(Findings(facts, records, 1795306516.25, alarms, None))  # type: ignore[arg-type]
    assert told["observer_heartbeat_timestamp_seconds"] == 1795306516.25
    assert told["observer_state/SUSPENDED"] == 1
    assert sum(v for k, v in told.items() if k.startswith("observer_state/")) == 1
    assert told["observer_oldest_event_age_seconds"] == 12.5
    assert told["observer_inbox_events/queued"] == 2
    assert told["observer_inbox_events/held"] == 3
    assert (told["observer_held_tenants/person"], told["observer_held_tenants/budget"]) == (1, 1)
    assert told["observer_dead_letters"] == 3
    assert (told["observer_mcp_server_up/one"], told["observer_mcp_server_up/two"]) == (1, 0)
    assert told["observer_alarms_waiting"] == 4
    assert told["observer_disk_free_bytes"] == 1 << 30
    assert told["observer_approvals_waiting"] == 2
    assert told["observer_oldest_approval_age_seconds"] == 60
    assert told["observer_notifications_undelivered"] == 3
    assert told["observer_drain_lag_rows/journal"] == 7
    assert told["observer_drain_lag_rows/spans"] == 10
    assert told["observer_drain_broken"] == 0
    assert told["observer_budget_left_ratio/tool_calls/acme"] == 0.5
    assert told["observer_budget_left_ratio/cost/*"] == 0.25
    assert told["observer_budget_cost_left_usd/acme"] == 1
    assert "observer_budget_left_ratio/irreversible/*" not in told, "of nothing, nothing is left"
    assert told["observer_model_provider_breaker/openai/open"] == 1
    assert told["observer_model_provider_breaker/openai/closed"] == 0


def span(kind: SpanKind, name: str, status: str = "success", **tags: Any) -> Span:
    required: dict[SpanKind, dict[str, Any]] = {
        SpanKind.LLM_CALL: {
            "model_id": name,
            "model_version": name,
            "prompt_version_hash": "h",
            "input_tokens": 100,
            "output_tokens": 10,
            "temperature": 0.0,
            "cost_usd": 0.25,
        },
        SpanKind.TOOL_CALL: {"tool_name": name, "tool_version": "1", "args_redacted": {}},
    }
    return Span(
        trace_id="t",
        span_id="s",
        parent_span_id=None,
        tenant_id="a-tenant",
        session_id="a-session",
        step_index=0,
        timestamp_ms=1,
        span_kind=kind,
        latency_ms=250.0,
        feature="a-feature",
        stage="a-stage",
        name=name,
        result_status=status,
        **{**required.get(kind, {}), **tags},
    )


def test_spans_are_counted_and_no_name_from_outside_becomes_a_label() -> None:
    """Tenants, sessions, stages and made-up tools are the callers' words."""
    counted = instruments()
    for one in (
        span(SpanKind.TOOL_CALL, "restart"),
        span(SpanKind.TOOL_CALL, "drop_all_tables", "refused"),
        span(SpanKind.TOOL_CALL, "page", "error"),
        span(SpanKind.LLM_CALL, "openai:x"),
        span(SpanKind.LLM_CALL, "openai:invented"),
        span(SpanKind.AGENT_STEP, "verify"),
        span(SpanKind.AGENT_STEP, FINAL_RESPONSE, "waiting", cost_usd=0.5),
        span(SpanKind.RETRY, "openai:x", "error"),
    ):
        counted.span(one)
    event: Any = SimpleNamespace(source="native")
    for status in ("queued", "joined", "done"):
        counted.arrival(event, status)
    raised: Any = SimpleNamespace(source="a-trigger")
    counted.arrival(raised, "queued")
    stored: Any = SimpleNamespace(accepted_at=time.time() - 2)
    counted.outcome(stored, "resolved", Severity.WARNING)

    told = samples(Findings(Facts(Lifecycle.RUNNING), None, None, None, None), counted)

    assert told["observer_tool_calls_total/success/restart"] == 1
    assert told["observer_tool_calls_total/refused/other"] == 1
    assert told["observer_notifications_total/error"] == 1
    assert told["observer_model_calls_total/openai:x/success"] == 1
    assert told["observer_model_calls_total/other/success"] == 1
    assert told["observer_model_tokens_total/input/openai:x"] == 100
    assert told["observer_model_cost_usd_total/openai:x"] == 0.25
    assert told["observer_step_duration_seconds_count/verify"] == 1
    assert told["observer_run_duration_seconds_sum/waiting"] == 0.25
    assert told["observer_events_accepted_total/native"] == 3
    assert told["observer_events_accepted_total/other"] == 1
    for outcome in ("joined", "acknowledged", "resolved"):
        assert told[f"observer_events_total/{outcome}"] == 1
    assert told["observer_event_duration_seconds_sum/WARNING"] >= 2
    assert not [name for name in told if re.search("a-|drop|invented|_created", name)]


def test_records_that_do_not_answer_leave_the_rest() -> None:
    """An absent figure is unknown; a zero would be a lie."""
    told = samples(Findings(Facts(Lifecycle.RUNNING, servers={"one": None}), None, 1.0, None, None))
    assert told["observer_state/RUNNING"] == told["observer_mcp_server_up/one"] == 1
    unknown = ("oldest_event_age_seconds", "inbox_events", "dead_letters", "disk_free_bytes")
    assert not [name for name in told for part in unknown if part in name]


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_records_that_refuse_or_hang_are_left_out_soon(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks gets an answer, whatever the disk does."""
    monkeypatch.setattr(findings_module, "_PATIENCE_S", 0.05)

    async def trouble(*_: object) -> Any:
        if how == "refuse":
            raise RecordsUnavailable
        await asyncio.Event().wait()

    settings = SimpleNamespace(watch=Watch())
    services = SimpleNamespace(
        configuration=SimpleNamespace(observer=settings),
        mcp=SimpleNamespace(servers={"one": SimpleNamespace(up=True, last_error=None)}),
        holds=SimpleNamespace(listed=list),
        drain=SimpleNamespace(broken=None),
        run_health=SimpleNamespace(latest=list),
        data_dir=SimpleNamespace(free_bytes=free),
        session_views=SimpleNamespace(pending=trouble),
    )
    sources = Sources(
        services,  # type: ignore[arg-type]
        SimpleNamespace(state=Lifecycle.RUNNING, reason="ready"),  # type: ignore[arg-type]
        (),
        None,
        SimpleNamespace(age_s=1.0, longest_age_s=35.0, last_at=5.0),  # type: ignore[arg-type]
        None,
        None,
    )

    findings = await sources.find()

    assert findings.records is None
    assert samples(findings)["observer_heartbeat_timestamp_seconds"] == 5.0
    assert samples(findings)["observer_disk_free_bytes"] == 1 << 30
    assert reasons(findings) == ["the records do not answer"]


def every_name() -> list[str]:
    """Of each metric, as a rule or a dashboard writes it; a histogram's without its suffixes."""
    records = Records({}, 0.0, {}, {}, Gauges(0, 0.0, 0, 0, 0))
    alarms: Any = SimpleNamespace(waiting=0)
    findings = Findings(Facts(Lifecycle.RUNNING), records, 1.0, alarms, None)
    services: Any = Services()
    text = exposition(findings, services, instruments()).decode()
    return [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(text)
    ]


async def free() -> int:
    return 1 << 30


def test_every_family_is_documented_and_none_is_in_the_global_registry() -> None:
    page = (ROOT / "docs" / "watching.md").read_text()
    names = every_name()
    assert len(set(names)) == len(names)
    documented = re.findall(r"^\| `(observer_\w+)(?:\{[\w, ]+\})?` \|", page, re.M)
    assert sorted(documented) == sorted(names)
    assert [m.name for m in REGISTRY.collect() if m.name.startswith("observer")] == []
