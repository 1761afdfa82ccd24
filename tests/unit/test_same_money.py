"""The models' spans, the budget's reservations and the day's budget are the same number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from observer.domain.calls import Run
from observer.domain.event import Incident, Severity
from observer.domain.hold import EVERYBODY
from observer.domain.redaction import Redactor
from observer.errors import RecordsUnavailable
from observer.gateway import model_tries
from observer.gateway.models import Models
from observer.gateway.money import Money
from observer.gateway.today import Today
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.spans import Spans
from observer.records.spending import Spending
from observer.settings import Configuration, load_configuration
from tests.day_budgets import today
from tests.flows.configs import edited_config
from tests.run_health import run_health
from tests.unit.test_models import (
    CHAIN,
    FACTS,
    LARGE,
    SHIPPED_CHAIN,
    SMALL,
    Clock,
    CutShort,
    Refused,
    Scripted,
    Severe,
    said,
)

pytestmark = pytest.mark.asyncio


class Process:
    """A process on these records, from its start until it is killed."""

    def __init__(self, database: Database, configuration: Configuration) -> None:
        self.database = database
        journal = Journal(Redactor([]))
        self.spans = Spans(database)
        self.spending = Spending(database, journal, ())
        holds = Holds(database, journal)
        self.today: Today = today(database, journal, holds)
        self.chat = Scripted(configuration)
        self.models = Models(
            configuration,
            self.spans,
            journal,
            Redactor([]),
            holds,
            run_health(database, journal, holds),
            Money(self.today, self.spending),
            self.chat,
            clock=Clock(),
            spread=lambda: 0.0,
        )

    async def start(self) -> Process:
        await self.spending.settle_cut(self.spans)
        await self.today.look()
        return self

    async def ask(self, tenant: str = "acme", *words: Any) -> None:
        """One question, that the models answer in these words."""
        first, second = words or (said(),) * 2
        self.chat.script = {LARGE: [first, Refused(500)], SMALL: [second]}
        incident = Incident(
            tenant, "s", f"e-{tenant}", "k", "loading", "", Severity.CRITICAL, "", "nightly"
        )
        run = Run(incident, trace_id=f"trace-{tenant}", step=1, span_id="step")
        await self.models.ask("critical", "classify", Severe, facts=FACTS, run=run)

    async def sums(self) -> tuple[int, int, int]:
        """Of the spans, of what was reserved and settled, of the day."""
        await self.spans.flush()
        spans, spending = await self.database.read(
            lambda c: (
                c.execute(
                    "SELECT sum(cost_nano) FROM spans WHERE span_kind = 'llm_call'"
                ).fetchone()[0],
                c.execute(
                    "SELECT sum(coalesce(spent_nano, reserved_nano)) FROM spending"
                ).fetchone()[0],
            )
        )
        usd = self.today.shown()["used"][EVERYBODY]["cost_usd"]["used"]
        return spans, spending, round(Decimal(str(usd)) * 10**9)

    async def assert_same(self) -> int:
        spans, spending, day = await self.sums()
        assert spans == spending == day > 0
        return day


@pytest_asyncio.fixture
async def records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Database, Configuration]]:
    edits = {SHIPPED_CHAIN: f'{CHAIN}\n    judge: ["openai:gpt-4o-mini"'}
    config = edited_config(tmp_path / "config", {"models.yaml": edits})
    monkeypatch.setenv("OBSERVER_MODELS", "openai")
    monkeypatch.setattr(model_tries.asyncio, "sleep", Clock().sleep)
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield database, load_configuration(config, tmp_path / "var")
    await database.close()


async def test_answers_failures_and_calls_cut_off_cost_the_same_in_spans_budget_and_bill(
    records: tuple[Database, Configuration],
) -> None:
    """Case 45: whatever came of a call, its cost is one number."""
    for tenant, words in {
        "acme": (said(1237, 91), said()),
        "globex": (TimeoutError(), said(333, 7)),
        "initech": (said(None), said()),
        "umbrella": (CutShort(100, 10), said(10**17, 10)),
        "wayne": (Refused(401), said(3, 1)),
    }.items():
        # Of its own process: nobody is left alone for another's failures.
        process = await Process(*records).start()
        await process.ask(tenant, *words)
        await process.assert_same()

    process, asked = await Process(*records).start(), asyncio.Event()

    async def never() -> Any:
        asked.set()
        await asyncio.Event().wait()

    question = asyncio.create_task(process.ask("hooli", never, said()))
    await asked.wait()
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    before = await process.assert_same()

    assert await (await Process(*records).start()).assert_same() == before


async def test_a_call_that_a_crash_cut_has_a_span_with_what_the_budget_counts(
    records: tuple[Database, Configuration], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while a model was asked: nothing of the process is left but its reservation."""
    process = await Process(*records).start()
    with monkeypatch.context() as killed:
        killed.setattr(process.spans, "emit", lambda *_: None)
        killed.setattr(Spending, "settle", _nothing)
        await process.ask("acme", said(), said())

    survivor = await Process(*records).start()

    await survivor.assert_same()
    (span,) = await survivor.database.read(
        lambda c: c.execute(
            "SELECT name, tenant_id, feature, parent_span_id, result_status, cost_nano, record"
            " FROM spans WHERE span_kind = 'llm_call'"
        ).fetchall()
    )
    assert tuple(span)[:5] == (LARGE, "acme", "nightly", "step", "interrupted")
    assert span["cost_nano"] > 1000 * 10_000
    assert '"price_table": "genai-prices ' in span["record"]
    assert await survivor.spending.settle_cut(survivor.spans) == 0, "once"


@pytest.mark.parametrize("end", ["killed", "the disk is full"])
async def test_a_call_whose_span_is_kept_and_whose_bill_is_not_is_settled_as_its_span_says(
    records: tuple[Database, Configuration], monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    process = await Process(*records).start()
    with monkeypatch.context() as trouble:
        trouble.setattr(Spending, "settle", _nothing if end == "killed" else _cannot)
        if end == "killed":
            await process.ask("acme", said(100, 10), said())
        else:
            with pytest.raises(RecordsUnavailable):
                await process.ask("acme", said(100, 10), said())

    survivor = await Process(*records).start()

    assert await survivor.assert_same() == 100 * 2500 + 10 * 10_000


async def _nothing(*_: Any) -> None:
    """As if the process ended before it."""


async def _cannot(*_: Any) -> None:
    raise RecordsUnavailable("the disk is full")
