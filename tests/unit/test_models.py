"""The door to models: which is asked, how often, what it costs, and what is written down of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from pydantic import BaseModel

from observer.domain.calls import Run
from observer.domain.event import Incident, Severity
from observer.domain.hold import HoldCause
from observer.domain.redaction import Redactor
from observer.domain.span import Span
from observer.errors import ModelsExhausted, RecordsUnavailable
from observer.gateway import model_records, model_tries
from observer.gateway.chat_models import ChatModels
from observer.gateway.models import Models
from observer.records.database import Database
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.spans import Spans
from observer.settings import Configuration, load_configuration
from tests.flows.configs import edited_config
from tests.run_health import run_health

SMALL, LARGE = "openai:gpt-4o-mini", "openai:gpt-4o"
CHAIN = '["openai:gpt-4o", "openai:gpt-4o-mini", "runbook:"]'
SHIPPED_CHAIN = '["openai:gpt-4o", "runbook:"]\n    judge: ["openai:gpt-4o-mini"'
FACTS = {"stage": "loading", "message": "Stage FAILED."}


class Severe(BaseModel):
    """What `classify` answers."""

    severity: Severity
    reason: str


class Refused(Exception):
    """A provider's refusal, in the shape that its library gives it."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"refused with {status}")
        self.status_code = status
        self.response = httpx.Response(status, headers={"retry-after": "", **headers})


class CutShort(Exception):
    """An answer that the provider's library does not hand out, with what it used."""

    def __init__(self, tokens_in: Any = 100, tokens_out: Any = 10) -> None:
        super().__init__("the answer was cut short")
        usage = SimpleNamespace(prompt_tokens=tokens_in, completion_tokens=tokens_out)
        self.completion = SimpleNamespace(usage=usage)


def broken(cause: Exception) -> Exception:
    """A failure as the provider's library wraps it."""
    error = Exception("Connection error.")
    error.__cause__ = cause
    return error


def said(tokens_in: int | None = 100, tokens_out: int = 10, text: str | None = None) -> AIMessage:
    """An answer, with its usage unless the provider tells none."""
    content = json.dumps({"severity": "WARNING", "reason": "it says so"}) if text is None else text
    if tokens_in is None:
        return AIMessage(content)
    usage = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    total = {"total_tokens": tokens_in + tokens_out}
    return AIMessage(content, usage_metadata={**usage, **total})  # type: ignore[arg-type]


class Clock:
    """Time that passes when somebody waits for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Scripted(ChatModels):
    """Chat models that answer, or fail, as their list says; the last word stands."""

    def __init__(self, configuration: Configuration) -> None:
        super().__init__(configuration)
        self.script: dict[str, list[Any]] = {}
        self.asked: list[str] = []

    async def of(self, name: str) -> BaseChatModel:
        if name not in self.script:
            return await super().of(name)

        async def answer(_: Any) -> dict[str, Any]:
            self.asked.append(name)
            said = self.script[name]
            word = said.pop(0) if len(said) > 1 else said[0]
            if callable(word):
                word = await word()
            if isinstance(word, BaseException):
                raise word
            return {"raw": word}

        class Model:
            def with_structured_output(self, *_: Any, **__: Any) -> Any:
                return RunnableLambda(answer)

        return Model()  # type: ignore[return-value]


class Purse:
    """A budget of money that writes down what it is asked."""

    def __init__(self) -> None:
        self.reserved: list[tuple[str, int]] = []
        self.settled: list[tuple[int, int]] = []
        self.closed: list[int] = []
        self.refusal: Callable[[str], str | None] = lambda model: None

    async def reserve(self, if_cut: Span) -> Any | str:
        if (why := self.refusal(if_cut.name)) is not None:
            return why
        assert if_cut.cost_nano is not None
        self.reserved.append((if_cut.name, if_cut.cost_nano))
        return len(self.reserved) - 1

    async def settle(self, reservation: Any, spent_nano: int) -> None:
        self.settled.append((reservation, spent_nano))

    def close(self, reservation: Any) -> None:
        self.closed.append(reservation)


class Scene:
    """Real records, the real door, and everything outside it scripted."""

    def __init__(self, configuration: Configuration, database: Database, clock: Clock) -> None:
        self.clock = clock
        self.database = database
        self.journal = Journal(Redactor([]))
        self.spans = Spans(database)
        self.holds = Holds(database, self.journal)
        self.purse = Purse()
        self.chat = Scripted(configuration)
        self.spread = 1.0
        self.models = Models(
            configuration,
            self.spans,
            self.journal,
            Redactor([]),
            self.holds,
            run_health(database, self.journal, self.holds),
            self.purse,  # type: ignore[arg-type]
            self.chat,
            clock=clock,
            spread=lambda: self.spread,
        )

    async def ask(self, role: Any = "critical", tenant: str = "default") -> str:
        """One question; gives who answered."""
        incident = Incident(
            event_id="e",
            tenant_id=tenant,
            session_id="s",
            stage="loading",
            severity=Severity.CRITICAL,
            severity_reason="it says so",
            message="Stage FAILED.",
            feature="",
            event_key="k",
        )
        run = Run(incident, trace_id="t", step=1, span_id="p")
        answer = await self.models.ask(role, "classify", Severe, facts=FACTS, run=run)
        await self.spans.flush()
        return answer.model_id

    async def recorded(self, kind: str) -> list[dict[str, Any]]:
        """The spans of one kind."""
        rows = await self.database.read(
            lambda c: c.execute("SELECT record FROM spans ORDER BY id").fetchall()
        )
        records = [json.loads(row["record"]) for row in rows]
        return [record for record in records if record["span_kind"] == kind]

    async def lines(self) -> list[dict[str, Any]]:
        """The journal's lines about models."""
        rows = await self.database.read(
            lambda c: c.execute("SELECT * FROM journal WHERE kind = 'health'").fetchall()
        )
        return [{**json.loads(row["body"]), "tenant_id": row["tenant_id"]} for row in rows]

    def provider(self) -> dict[str, Any]:
        return self.models.health()["providers"]["openai"]


@pytest_asyncio.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    edits = {SHIPPED_CHAIN: f'{CHAIN}\n    judge: ["openai:gpt-4o-mini"'}
    config = edited_config(tmp_path / "config", {"models.yaml": edits})
    monkeypatch.setenv("OBSERVER_MODELS", "openai")
    clock = Clock()
    monkeypatch.setattr(model_tries.asyncio, "sleep", clock.sleep)
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield Scene(load_configuration(config, tmp_path / "var"), database, clock)
    await database.close()


REACHES_NOBODY = {
    "a timeout": TimeoutError(),
    "a read timeout": broken(httpx.ReadTimeout("slow")),
    "a refused connection": broken(httpx.ConnectError("refused")),
    "a broken connection": broken(httpx.RemoteProtocolError("cut")),
    "429": Refused(429),
    "408": Refused(408),
    "500": Refused(500),
    "503": Refused(503),
}
ANSWERS_BADLY = {
    "an empty answer": said(text=" "),
    "prose": said(text="Restart it!"),
    "400": Refused(400),
    "401": Refused(401),
    "404": Refused(404),
    "422": Refused(422),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("trouble", REACHES_NOBODY.values(), ids=REACHES_NOBODY)
async def test_a_provider_that_cannot_serve_twice_in_a_row_is_left_alone_with_all_its_models(
    scene: Scene, trouble: Exception
) -> None:
    scene.chat.script = {LARGE: [trouble], SMALL: [said()]}

    assert await scene.ask() == "runbook"
    assert await scene.ask("warning") == "runbook"

    assert scene.chat.asked == [LARGE, LARGE]
    assert scene.provider()["state"] == "open"
    skipped = [s for s in await scene.recorded("retry") if s["result_status"] == "skipped"]
    assert [s["name"] for s in skipped] == [SMALL, SMALL]
    assert all("openai is left alone for a while" in s["result_summary"] for s in skipped)
    lines = await scene.lines()
    assert [(line["anomaly"], line.get("model")) for line in lines] == [
        ("model", LARGE),
        ("model", LARGE),
        ("provider", None),
        ("skipped", SMALL),
        ("skipped", SMALL),
    ]


@pytest.mark.asyncio
@pytest.mark.parametrize("trouble", ANSWERS_BADLY.values(), ids=ANSWERS_BADLY)
async def test_an_answer_that_cannot_be_used_is_the_models_failure_and_not_its_providers(
    scene: Scene, trouble: Any
) -> None:
    scene.chat.script = {LARGE: [trouble], SMALL: [said()]}

    for _ in range(5):
        assert await scene.ask() == SMALL

    assert scene.provider()["state"] == "closed"


@pytest.mark.asyncio
async def test_after_a_while_one_question_finds_out_and_a_healed_provider_is_used_again(
    scene: Scene,
) -> None:
    scene.chat.script = {LARGE: [Refused(429), Refused(429), Refused(429), said()]}
    scene.chat.script[SMALL] = scene.chat.script[LARGE]
    assert await scene.ask() == "runbook"
    opened = scene.clock.now

    scene.clock.now = opened + 14.9
    assert await scene.ask() == "runbook"
    assert len(scene.chat.asked) == 2
    scene.clock.now = opened + 15
    assert scene.provider()["state"] == "half-open"
    assert await scene.ask() == "runbook"
    assert len(scene.chat.asked) == 3, "the probe has no second try"
    scene.clock.now += 15
    assert await scene.ask() == LARGE

    assert scene.provider() | {"since": 0} == {"state": "closed", "since": 0, "last_error": None}
    lines = [line for line in await scene.lines() if line["anomaly"] == "provider"]
    assert [line["state"] for line in lines] == ["open", "half-open", "open", "half-open", "closed"]
    assert {line["tenant_id"] for line in lines} == {None}


@pytest.mark.asyncio
async def test_while_one_question_probes_the_others_are_not_kept_waiting(scene: Scene) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slowly() -> AIMessage:
        asked.set()
        await answer.wait()
        return said()

    scene.chat.script = {LARGE: [Refused(500), Refused(500), slowly], SMALL: [said()]}
    await scene.ask()
    scene.clock.now += 15
    probe = asyncio.create_task(scene.ask())
    await asked.wait()

    assert await scene.ask() == "runbook"
    answer.set()
    assert await probe == LARGE


@pytest.mark.asyncio
async def test_a_probe_that_is_cut_off_leaves_room_for_the_next_one(scene: Scene) -> None:
    asked = asyncio.Event()

    async def never() -> AIMessage:
        asked.set()
        await asyncio.Event().wait()
        return said()

    scene.chat.script = {LARGE: [Refused(500), Refused(500), never, said()], SMALL: [said()]}
    await scene.ask()
    scene.clock.now += 15
    probe = asyncio.create_task(scene.ask())
    await asked.wait()
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe

    assert await scene.ask() == LARGE


@pytest.mark.asyncio
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
async def test_the_wait_before_the_second_try_is_drawn_at_random(
    scene: Scene, spread: float
) -> None:
    scene.spread = spread
    scene.chat.script = {LARGE: [Refused(500), said()]}

    assert await scene.ask() == LARGE

    assert scene.clock.waits == [0.5 * spread]


@pytest.mark.asyncio
@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_short_retry_after_is_waited_for_in_either_form(
    scene: Scene, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.spread = 0.0
    monkeypatch.setattr(model_tries.time, "time", lambda: 784111775.0)
    value = {"seconds": "2", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}[form]
    scene.chat.script = {LARGE: [Refused(429, **{"retry-after": value}), said()]}

    assert await scene.ask() == LARGE

    assert scene.clock.waits == [2.0]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("value", "until"),
    [
        ("60", 60.0),
        ("Sun, 06 Nov 1994 08:50:35 GMT", 60.0),
        ("9" * 400, 3600.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600.0),
    ],
    ids=["seconds", "a date", "an endless number", "an endless date"],
)
async def test_a_long_retry_after_leaves_the_provider_alone_for_so_long_and_nobody_waits(
    scene: Scene, value: str, until: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 80."""
    monkeypatch.setattr(model_tries.time, "time", lambda: 784111775.0)
    refused = Refused(429, **{"retry-after": value})
    scene.chat.script = {LARGE: [refused, said()], SMALL: [said()]}

    assert await scene.ask() == "runbook"
    assert (scene.clock.waits, scene.chat.asked) == ([], [LARGE])
    began = scene.clock.now
    scene.clock.now = began + until - 0.1
    assert await scene.ask() == "runbook"
    scene.clock.now = began + until
    assert await scene.ask() == LARGE


@pytest.mark.asyncio
@pytest.mark.parametrize("value", ["soon", "-5", "nan", "inf", "1e9", "Sun, 99 Foo 1994"])
async def test_a_retry_after_that_says_nothing_is_ignored(scene: Scene, value: str) -> None:
    scene.chat.script = {LARGE: [Refused(429, **{"retry-after": value}), said()]}

    assert await scene.ask() == LARGE

    assert scene.clock.waits == [0.5]


@pytest.mark.asyncio
async def test_from_the_first_failure_on_a_question_has_only_so_long_for_all_its_tries(
    scene: Scene,
) -> None:
    """Case 80: four seconds later the runbook answers, whoever else could be asked."""

    async def slow_prose() -> AIMessage:
        scene.clock.now += 3.6
        return said(text="Let me think.")

    scene.chat.script = {LARGE: [slow_prose], SMALL: [slow_prose]}

    assert await scene.ask() == "runbook"

    assert scene.chat.asked == [LARGE, LARGE]
    (skipped,) = [line for line in await scene.lines() if line["anomaly"] == "skipped"]
    assert skipped["reason"] == "models have failed for 4 s"


@pytest.mark.asyncio
async def test_one_tenant_is_frozen_and_only_the_runbook_answers_it(scene: Scene) -> None:
    scene.chat.script = {LARGE: [said()]}
    await scene.holds.put("frozen", HoldCause.NO_PROGRESS, "three runs without progress")

    assert await scene.ask(tenant="frozen") == "runbook"
    assert await scene.ask(tenant="other") == LARGE

    assert scene.chat.asked == [LARGE]
    skipped = [line for line in await scene.lines() if line["anomaly"] == "skipped"]
    assert [(s["model"], s["tenant_id"], s["reason"]) for s in skipped] == [
        (name, "frozen", "three runs without progress") for name in (LARGE, SMALL)
    ]
    assert scene.purse.reserved == [(LARGE, scene.purse.reserved[0][1])]


@pytest.mark.asyncio
async def test_a_hold_that_does_not_freeze_leaves_the_models_to_the_budget(scene: Scene) -> None:
    scene.chat.script = {LARGE: [said()]}
    await scene.holds.put(None, HoldCause.BUDGET, "today's budget is spent")

    assert await scene.ask() == LARGE


@pytest.mark.asyncio
async def test_the_worst_case_is_reserved_and_what_the_span_says_is_settled(scene: Scene) -> None:
    scene.chat.script = {LARGE: [said(1000, 100)]}

    await scene.ask()

    ((model, worst),) = scene.purse.reserved
    # gpt-4o: 2.50 and 10.00 dollars a million; 1000 tokens may come out.
    spent = 1000 * 2500 + 100 * 10_000
    assert (model, scene.purse.settled) == (LARGE, [(0, spent)])
    assert worst > 1000 * 10_000 + 2500 * len(json.dumps(FACTS))
    (span,) = await scene.recorded("llm_call")
    assert round(span["cost_usd"] * 10**9) == spent


@pytest.mark.asyncio
async def test_the_runbook_is_never_reserved(scene: Scene) -> None:
    scene.purse.refusal = lambda model: "today's budget is spent"
    scene.chat.script = {LARGE: [said()], SMALL: [said()]}

    assert await scene.ask() == "runbook"

    assert (scene.purse.reserved, scene.chat.asked) == ([], [])
    reasons = {span["result_summary"] for span in await scene.recorded("retry")}
    assert reasons == {"today's budget is spent"}
    assert scene.provider()["state"] == "closed"


@pytest.mark.asyncio
async def test_a_cheaper_model_of_the_chain_is_asked_where_the_first_is_too_dear(
    scene: Scene,
) -> None:
    scene.purse.refusal = lambda model: "too dear" if model == LARGE else None
    scene.chat.script = {LARGE: [said()], SMALL: [said()]}

    assert await scene.ask() == SMALL


@pytest.mark.asyncio
async def test_a_budget_that_refuses_the_probe_leaves_room_for_the_next_one(scene: Scene) -> None:
    scene.chat.script = {LARGE: [Refused(500), Refused(500), said()], SMALL: [said()]}
    await scene.ask()
    scene.clock.now += 15
    scene.purse.refusal = lambda model: "today's budget is spent"
    assert await scene.ask() == "runbook"
    scene.purse.refusal = lambda model: None

    assert await scene.ask() == LARGE


FREE = {
    "429": Refused(429),
    "500": Refused(500),
    "401": Refused(401),
    "a connection that never was": broken(httpx.ConnectError("refused")),
}
WORST_CASE = {
    "a timeout": TimeoutError(),
    "a broken connection": broken(httpx.RemoteProtocolError("cut")),
    "an answer without usage": said(None, text="prose"),
    "a good answer without usage": said(None),
    "usage below zero": said(-1, 10),
    "usage of a question without tokens": said(0, 10),
    "an answer cut short, its usage null": CutShort(None),
    "an answer cut short, its usage a word": CutShort(100, "ten"),
    "an answer cut short, its usage a fraction": CutShort(100.5),
    "an answer cut short, its usage below zero": CutShort(100, -1),
}
METERED = {"prose": said(100, 10, text="prose"), "an answer cut short": CutShort()}
BILLS = {
    **{name: (what, "free") for name, what in FREE.items()},
    **{name: (what, "worst case") for name, what in WORST_CASE.items()},
    **{name: (what, "metered") for name, what in METERED.items()},
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("word", "bill"), BILLS.values(), ids=BILLS)
async def test_a_call_without_usage_costs_nothing_if_refused_and_else_its_worst_case(
    scene: Scene, word: Any, bill: str
) -> None:
    scene.chat.script = {LARGE: [word, said(0, 0)], SMALL: [said(0, 0)]}

    await scene.ask()

    worst = scene.purse.reserved[0][1]
    expected = {"free": 0, "worst case": worst, "metered": 100 * 2500 + 10 * 10_000}[bill]
    assert scene.purse.settled[0] == (0, expected)
    first = (await scene.recorded("llm_call"))[0]
    assert round(first["cost_usd"] * 10**9) == expected


BEYOND_BELIEF = {
    "a good answer": said(10**17, 10),
    "an answer": said(10**17, 10, text="prose"),
    "an answer cut short": CutShort(10**17, 10),
    "more than a float holds": CutShort(10**400, 10),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("word", BEYOND_BELIEF.values(), ids=BEYOND_BELIEF)
async def test_usage_beyond_belief_counts_as_ten_times_the_worst_case_at_most(
    scene: Scene, word: Any
) -> None:
    scene.chat.script = {LARGE: [word, said()]}

    assert await scene.ask() == LARGE

    worst, settled = scene.purse.reserved[0][1], scene.purse.settled[0][1]
    assert worst < settled <= 10 * worst
    first = (await scene.recorded("llm_call"))[0]
    assert round(first["cost_usd"] * 10**9) == settled
    (line,) = [line for line in await scene.lines() if line["anomaly"] == "usage"]
    assert line["model"] == LARGE
    assert line["reason"] == (
        f"the provider's usage is not believed: {first['input_tokens']} and 10 tokens are counted"
    )


@pytest.mark.asyncio
async def test_a_call_that_we_cut_off_keeps_its_worst_case_and_its_span_says_so(
    scene: Scene,
) -> None:
    asked = asyncio.Event()

    async def never() -> AIMessage:
        asked.set()
        await asyncio.Event().wait()
        return said()

    scene.chat.script = {LARGE: [never]}
    question = asyncio.create_task(scene.ask())
    await asked.wait()
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    await scene.spans.flush()

    assert (scene.purse.settled, scene.purse.closed) == ([], [0])
    (span,) = await scene.recorded("llm_call")
    assert round(span["cost_usd"] * 10**9) == scene.purse.reserved[0][1]


@pytest.mark.asyncio
async def test_a_call_whose_span_cannot_be_written_leaves_no_reservation_open(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot() -> None:
        raise RecordsUnavailable("the disk is full")

    scene.chat.script = {LARGE: [said()]}
    with monkeypatch.context() as trouble:
        trouble.setattr(scene.spans, "flush", cannot)
        with pytest.raises(RecordsUnavailable):
            await scene.ask()

    assert (scene.purse.settled, scene.purse.closed) == ([], [0])


@pytest.mark.asyncio
async def test_what_loading_a_providers_library_takes_is_not_the_models_latency(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = Clock()
    monkeypatch.setattr(model_records, "time", SimpleNamespace(monotonic=passed))
    built = scene.chat.of

    async def takes_an_hour(name: str) -> BaseChatModel:
        await passed.sleep(3600)
        return await built(name)

    async def answers_in_two_seconds() -> AIMessage:
        await passed.sleep(2)
        return said()

    monkeypatch.setattr(scene.chat, "of", takes_an_hour)
    scene.chat.script = {LARGE: [answers_in_two_seconds]}

    assert await scene.ask() == LARGE

    assert [call["latency_ms"] for call in await scene.recorded("llm_call")] == [2000.0]


@pytest.mark.asyncio
async def test_models_are_built_before_a_run_waits_and_a_missing_library_stops_no_start(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def build(name: str, **_: Any) -> Any:
        built.append(name)
        if name == SMALL:
            raise ImportError("no such library")
        return object()

    monkeypatch.setattr("langchain.chat_models.init_chat_model", build)
    await scene.chat.load()
    assert set(built) == {LARGE, SMALL}
    await scene.chat.of(LARGE)
    assert built.count(LARGE) == 1


@pytest.mark.asyncio
async def test_a_model_whose_library_is_missing_is_not_tried_twice_and_costs_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any, **__: Any) -> Any:
        raise ImportError("no such library")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", missing)

    assert await scene.ask() == "runbook"

    calls = await scene.recorded("llm_call")
    assert [(c["model_id"], c["cost_usd"]) for c in calls] == [
        (LARGE, 0.0),
        (SMALL, 0.0),
        ("runbook", 0.0),
    ]
    assert "no such library" in calls[0]["result_summary"]
    assert [spent for _, spent in scene.purse.settled] == [0, 0]


@pytest.mark.asyncio
async def test_where_not_even_the_runbook_answers_that_is_said(scene: Scene) -> None:
    silent = [said(text="")]
    scene.chat.script = {LARGE: silent, SMALL: silent, "runbook:": silent}

    with pytest.raises(ModelsExhausted):
        await scene.ask()


@pytest.mark.asyncio
async def test_an_empty_answer_is_noted_as_empty_and_nothing_else_is(scene: Scene) -> None:
    """Case 35: by what it is, not by a word in the provider's message."""
    scene.chat.script = {LARGE: [said(text="")], SMALL: [Refused(400), said()]}
    scene.chat.script[SMALL][0].args = ("the field `tools` is empty",)

    await scene.ask()

    lines = [(line["anomaly"], line["model"]) for line in await scene.lines()]
    assert lines == [("empty", LARGE), ("empty", LARGE), ("model", SMALL)]
