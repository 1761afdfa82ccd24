"""A step's span is on disk before the step and closed after it: a cut run shows its cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.calls import Run
from observer.domain.event import Event, Incident, Severity
from observer.domain.redaction import Redacted
from observer.domain.span import Span, SpanKind, span_of
from observer.records.database import Database
from observer.records.spans import Spans, new_id
from observer.records.steps import Step, Steps

pytestmark = pytest.mark.asyncio

EVENT = Event(event_id="e-1", session_id="s-1", tenant_id="acme", stage="loading", message="stuck")
INCIDENT = Incident(
    "acme", "s-1", "e-1", EVENT.key, "loading", "stuck", Severity.WARNING, "said so", "f"
)


class Records:
    """The spans of one data directory, as one process after the other writes them."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "observer.db"
        self.told: list[Span] = []

    async def start(self) -> Records:
        self.database = Database(self.path)
        await self.database.open()
        self.spans = Spans(self.database)
        self.spans.listen(self.told.append)
        self.steps = Steps(self.spans)
        return self

    async def killed_and_started(self) -> Records:
        """What waits for the next flush is lost."""
        await self.database.close()
        return await self.start()

    async def begin(self, name: str, step: int, *, leads: bool = True, trace: str = "t-1") -> Step:
        run = Run(INCIDENT, trace, step, f"{trace}/{new_id()}")
        return await self.steps.begin(run, name, leads=leads)

    async def end_run(self, *args: Any, **facts: Any) -> None:
        def work(connection: Any) -> None:
            self.spans.flush_into(connection)
            self.spans.end_run(connection, EVENT, *args, **facts)

        await self.database.write(work)

    async def rows(self, table: str) -> list[dict[str, Any]]:
        found = await self.database.read(
            lambda c: c.execute(f"SELECT record FROM {table} ORDER BY rowid").fetchall()
        )
        return [json.loads(row["record"]) for row in found]

    async def open(self) -> list[str]:
        return [record["name"] for record in await self.rows("open_spans")]

    async def all(self) -> list[dict[str, Any]]:
        return await self.rows("spans")


@pytest_asyncio.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    opened = await Records(tmp_path).start()
    yield opened
    await opened.database.close()


async def test_a_step_is_written_down_before_it_does_anything(records: Records) -> None:
    await records.begin("classify", 1)

    assert await records.open() == ["classify"]
    assert await records.all() == []


async def test_the_next_step_closes_the_one_before_in_the_same_transaction(
    records: Records,
) -> None:
    first = await records.begin("classify", 1)
    records.steps.end(first, "success", Redacted("the event says so", []))
    await records.begin("investigate", 2)

    assert await records.open() == ["investigate"]
    (closed,) = await records.all()
    assert (closed["name"], closed["result_status"]) == ("classify", "success")
    assert closed["result_summary"] == "the event says so"
    assert closed["parent_span_id"] is None


async def test_each_step_is_the_child_of_the_one_that_led_to_it(records: Records) -> None:
    """Case 42: looks in parallel share their step_index and parent; whoever planned them leads."""
    for name, step, leads in [
        ("classify", 1, True),
        ("investigate", 2, True),
        ("observe", 3, False),
        ("observe", 3, False),
        ("investigate", 4, True),
        ("close", 5, True),
    ]:
        records.steps.end(await records.begin(name, step, leads=leads), "success", Redacted("", []))
    await records.end_run("t-1", status="success", outcome="resolved", latency_ms=12.5)

    found = await records.all()
    names = {span["span_id"]: f"{span['name']}-{span['step_index']}" for span in found}
    assert len(names) == len(found)
    assert [
        (names[span["span_id"]], names.get(span["parent_span_id"] or "")) for span in found
    ] == [
        ("classify-1", None),
        ("investigate-2", "classify-1"),
        ("observe-3", "investigate-2"),
        ("observe-3", "investigate-2"),
        ("investigate-4", "investigate-2"),
        ("close-5", "investigate-4"),
        ("final_response-6", "close-5"),
    ]


async def test_two_runs_at_once_have_a_chain_each(records: Records) -> None:
    await records.begin("classify", 1, trace="a")
    await records.begin("classify", 1, trace="b")
    second = await records.begin("investigate", 2, trace="a")

    assert (second.span.parent_span_id or "").startswith("a/")


async def test_the_final_response_has_the_whole_latency_and_the_cost_of_all_models(
    records: Records,
) -> None:
    step = await records.begin("diagnose", 1)
    for nano in (1_500_000, 2):
        records.spans.emit(_llm_call(step.run, nano))
    records.steps.end(step, "success", Redacted("", []))
    await records.end_run("t-1", status="success", outcome="resolved", latency_ms=12.5)

    final = (await records.all())[-1]
    assert (final["name"], final["span_kind"]) == ("final_response", "agent_step")
    assert (final["latency_ms"], final["cost_nano"]) == (12.5, 1_500_002)
    assert final["cost_usd"] == pytest.approx(0.001500002)
    assert (final["result_status"], final["result_summary"]) == ("success", "resolved")


async def test_a_cut_step_is_closed_as_interrupted_and_lasted_until_its_last_call(
    records: Records,
) -> None:
    step = await records.begin("remediate", 4)
    began = step.span.timestamp_ms
    records.spans.emit(_llm_call(step.run, 0, began_ms=began + 40, latency_ms=2.0))
    await records.spans.flush()

    again = await records.killed_and_started()
    await again.end_run("t-1", status="interrupted", outcome="interrupted")

    assert await again.open() == []
    *_, cut, final = await again.all()
    assert (cut["name"], cut["result_status"], cut["latency_ms"]) == (
        "remediate",
        "interrupted",
        42.0,
    )
    assert (final["result_status"], final["latency_ms"]) == ("interrupted", 42.0)
    assert final["parent_span_id"] == cut["span_id"]


async def test_what_no_run_goes_on_with_is_closed_at_the_next_start(records: Records) -> None:
    await records.begin("judge", 0)
    again = await records.killed_and_started()
    await again.spans.end_orphans()

    assert await again.open() == []
    assert [span["result_status"] for span in await again.all()] == ["interrupted"]


async def test_while_a_person_is_asked_the_question_stands_below_its_step(
    records: Records,
) -> None:
    step = await records.begin("seek_approval", 5)
    records.steps.end(step, "waiting", Redacted("restart_stage needs a person", []))
    await records.spans.flush()

    question, closed = await records.all()
    assert question["span_kind"] == "hitl_approval"
    assert question["parent_span_id"] == closed["span_id"]
    assert (question["result_status"], closed["result_status"]) == ("waiting", "waiting")


async def test_listeners_hear_of_a_span_only_when_it_is_on_disk(records: Records) -> None:
    step = await records.begin("classify", 1)
    records.steps.end(step, "success", Redacted("", []))
    assert records.told == []
    await records.spans.flush()
    assert [span.name for span in records.told] == ["classify"]


async def test_a_failed_transaction_is_told_to_nobody_and_written_once_later(
    records: Records,
) -> None:
    step = await records.begin("classify", 1)
    records.steps.end(step, "success", Redacted("", []))

    def fails(connection: Any) -> None:
        records.spans.flush_into(connection)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await records.database.write(fails)
    assert records.told == []
    await asyncio.gather(records.spans.flush())
    assert [span["name"] for span in await records.all()] == ["classify"]


def _llm_call(run: Run, nano: int, *, began_ms: int = 1, latency_ms: float = 1.0) -> Span:
    return span_of(
        run,
        SpanKind.LLM_CALL,
        name="openai:gpt",
        span_id=f"llm-{nano}",
        started_ms=began_ms,
        latency_ms=latency_ms,
        status="success",
        model_id="openai:gpt",
        model_version="gpt-1",
        prompt_version_hash="abc",
        input_tokens=1,
        output_tokens=1,
        temperature=0.0,
        cost_usd=nano / 1e9,
        cost_nano=nano,
    )
