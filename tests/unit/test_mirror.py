"""The mirror's task against a real receiver: every span, in order, whatever the receiver does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from observer.domain.span import Span, SpanKind
from observer.records.database import Database
from observer.records.spans import Spans
from observer.settings.otlp import Otlp
from observer.watch import mirror as mirror_module
from observer.watch.mirror import Mirror
from tests.doubles.http_server import Asked, Reply
from tests.doubles.otlp_receiver import OtlpReceiver, spans_of

pytestmark = pytest.mark.asyncio(loop_scope="function")

SPAN_ID = "{:032x}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(mirror_module, "_LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(mirror_module, "_PAUSE_S", 0.001)


@asynccontextmanager
async def records(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield database
    await database.close()


@asynccontextmanager
async def mirroring(database: Database, endpoint: str, **how: object) -> AsyncIterator[Mirror]:
    settings = Otlp.model_validate({"endpoint": endpoint, "interval": 0.05, **how})
    mirror = Mirror(settings, {"authorization": "Bearer of-the-test"}, database)
    mirror.start()
    yield mirror
    await mirror.stop()


async def write(database: Database, first: int, last: int) -> None:
    spans = Spans(database)
    for number in range(first, last + 1):
        spans.emit(
            Span(
                trace_id="a" * 32,
                span_id=SPAN_ID.format(number << 64),
                parent_span_id=None,
                tenant_id="acme",
                session_id="s",
                step_index=number,
                timestamp_ms=1_700_000_000_000 + number,
                span_kind=SpanKind.AGENT_STEP,
                latency_ms=1.0,
                feature="f",
                stage="loading",
                name="diagnose",
                result_status="success",
            )
        )
    await spans.flush()


def ids(first: int, last: int) -> list[str]:
    return [f"{number:016x}" for number in range(first, last + 1)]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what a thread and a task did has no event
            await asyncio.sleep(0.01)


async def test_each_span_arrives_once_in_order_and_a_restart_goes_on(tmp_path: Path) -> None:
    with OtlpReceiver() as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, 25)
            async with mirroring(database, receiver.endpoint, batch=10) as mirror:
                await until(lambda: len(receiver.spans) == 25)
                await write(database, 26, 27)
                await until(lambda: len(receiver.spans) == 27 and mirror.lag == 0)
                assert mirror.facts() == {"lag": 0, "error": None, "refused": 0}
            await write(database, 28, 30)
            async with mirroring(database, receiver.endpoint, batch=10):
                await until(lambda: len(receiver.spans) == 30)
        assert [span.span_id for span in receiver.spans] == ids(1, 30)
        assert {a.headers["authorization"] for a in receiver.asked} == {"Bearer of-the-test"}


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(500),
        Reply(503, headers={"retry-after": "0.02"}),
        Reply(429),
        Reply(401),
        Reply(404, b"<html>"),
        Reply(302, headers={"location": "http://127.0.0.1:1/"}),
    ],
    ids=lambda reply: str(reply.status),
)
async def test_what_a_receiver_does_not_take_is_sent_again_until_it_does(
    tmp_path: Path, trouble: Reply
) -> None:
    """Case 30."""
    with OtlpReceiver(lambda _: trouble) as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, 5)
            async with mirroring(database, receiver.endpoint) as mirror:
                await until(lambda: mirror.broken == f"the receiver answered {trouble.status}")
                await until(lambda: len(receiver.asked) >= 3)
                assert mirror.lag == 5
                receiver.rule = lambda _: None
                await until(lambda: len(receiver.spans) == 5 and mirror.broken is None)
                assert (mirror.lag, mirror.refused) == (0, 0)
        assert [span.span_id for span in receiver.spans] == ids(1, 5)


async def test_nobody_there_or_nothing_answered_keeps_only_one_batch_and_says_so(
    tmp_path: Path,
) -> None:
    """Case 30: down, then there but silent, then well."""
    with OtlpReceiver() as gone:
        port = int(gone.place.rpartition(":")[2])
    async with records(tmp_path) as database:
        await write(database, 1, 30)
        endpoint = f"http://127.0.0.1:{port}/v1/traces"
        async with mirroring(database, endpoint, batch=10, timeout="100ms") as mirror:
            await until(lambda: mirror.broken == "127.0.0.1: ConnectError")
            with OtlpReceiver(lambda _: Reply(silent=True), port) as receiver:
                await until(lambda: mirror.broken == "127.0.0.1: no answer within 0.1 s")
                assert mirror.lag == 30
                receiver.rule = lambda _: None
                await until(lambda: len(receiver.spans) == 30)
            assert {len(spans_of(asked.body)) for asked in receiver.asked} == {10}
            assert [span.span_id for span in receiver.spans] == ids(1, 30)


async def test_a_span_that_is_refused_for_good_does_not_keep_the_others_back(
    tmp_path: Path,
) -> None:
    poison = ids(7, 7)[0]

    def rule(asked: Asked) -> Reply | None:
        return Reply(400) if poison in {s.span_id for s in spans_of(asked.body)} else None

    with OtlpReceiver(rule) as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, 20)
            async with mirroring(database, receiver.endpoint) as mirror:
                await until(lambda: len(receiver.spans) == 19)
                assert (mirror.refused, mirror.broken) == (1, None)
        assert [s.span_id for s in receiver.spans] == [i for i in ids(1, 20) if i != poison]


@pytest.mark.parametrize("count", [1, 5])
async def test_a_receiver_that_refuses_everything_costs_no_span(tmp_path: Path, count: int) -> None:
    with OtlpReceiver(lambda _: Reply(400)) as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, count)
            async with mirroring(database, receiver.endpoint) as mirror:
                await until(lambda: len(receiver.asked) >= 30)
                told = {"lag": count, "error": "the receiver answered 400", "refused": 0}
                assert mirror.facts() == told
                receiver.rule = lambda _: None
                await until(lambda: mirror.lag == 0 and mirror.broken is None)
        assert sorted(s.span_id for s in receiver.spans) == ids(1, count)


async def test_what_retention_deletes_while_the_receiver_is_down_is_passed_over(
    tmp_path: Path,
) -> None:
    with OtlpReceiver(lambda _: Reply(503)) as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, 10)
            async with mirroring(database, receiver.endpoint) as mirror:
                await until(lambda: mirror.broken is not None)
                await database.write(lambda c: c.execute("DELETE FROM spans WHERE id <= 8"))
                # What was read before is sent once more at most.
                seen = len(receiver.asked)
                await until(lambda: len(receiver.asked) >= seen + 2)
                receiver.rule = lambda _: None
                await until(lambda: mirror.lag == 0 and mirror.broken is None)
        assert [span.span_id for span in receiver.spans] == ids(9, 10)


async def test_a_receiver_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_module, "_LAST_WORD_S", 0.05)
    with OtlpReceiver(lambda _: Reply(silent=True)) as receiver:
        async with records(tmp_path) as database:
            await write(database, 1, 3)
            async with asyncio.timeout(20):
                async with mirroring(database, receiver.endpoint, timeout="60s"):
                    await until(lambda: bool(receiver.asked))
            assert [t for t in asyncio.all_tasks() if t is not asyncio.current_task()] == []
