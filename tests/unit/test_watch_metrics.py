"""`/metrics`: what is known in Prometheus' format, and what is not known is not there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from observer.domain.fault import Facts
from observer.domain.hold import Hold, HoldCause
from observer.domain.lifecycle import Lifecycle
from observer.errors import RecordsUnavailable
from observer.settings.watch import Watch
from observer.watch import findings as findings_module
from observer.watch.findings import Findings, Records, Sources
from observer.watch.health import reasons
from observer.watch.metrics import FAMILIES, exposition
from tests.observer_process import ROOT


def samples(findings: Findings) -> dict[str, float]:
    text = exposition(findings).decode()
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
    records = Records({"queued": 2, "running": 1, "held": 3}, 12.5, [], {"a": 1, "b": 2})
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


async def free() -> int:
    return 1 << 30


def test_every_family_is_documented_and_none_is_in_the_global_registry() -> None:
    page = (ROOT / "docs" / "watching.md").read_text()
    findings = Findings(Facts(Lifecycle.RUNNING), None, None, None, None)
    names = [family(findings).name for family in FAMILIES]
    assert len(set(names)) == len(names)
    assert [name for name in names if f"`{name}" not in page] == []
    assert [m.name for m in REGISTRY.collect() if m.name.startswith("observer")] == []
