"""The mirror: sends every span to a receiver of OTLP, behind the runs' backs.

It reads what is on disk already, a batch at a time, so a receiver that is down, slow or wrong costs
nothing but a lag. Where an answer is lost, its batch is sent again: at least once, never less.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from observer.errors import RecordsUnavailable
from observer.gateway.judged_http import HttpAnswer, NoAnswer, exchange
from observer.records.database import Database
from observer.records.mirrored import MirroredSpans, NextSpans
from observer.settings.otlp import Otlp

_PAUSE_S = 0.2
"""Between two batches of a backlog: it must not take the machine from the runs."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
"""After a batch that was not taken, each time twice as long."""
_LONGEST_ASKED_S = 300.0
_LAST_WORD_S = 2.0
_LOOK_AHEAD = 10
"""Spans after a refused one, of which one must be taken before it is passed over."""
_AT_FAULT = {400, 413, 422}
"""What is wrong is in the request: sent again, it is refused again."""

logger = logging.getLogger("observer.watch")


class _NotTaken(Exception):
    """The batch is to be sent again, whole or in parts."""

    def __init__(self, why: str, wait_s: float | None = None) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Mirror:
    """One background task. `lag` and `broken` tell how it stands."""

    def __init__(self, settings: Otlp, headers: dict[str, str], database: Database) -> None:
        self._settings = settings
        self._headers = {**headers, "content-type": "application/x-protobuf"}
        self._spans = MirroredSpans(database)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observer-mirror")
        self._size = settings.batch
        self._failures = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.lag = 0
        """Spans that the receiver does not have yet."""
        self.broken: str | None = None
        """Why the last batch was not taken."""
        self.refused = 0
        """Spans that it would not take and will not be sent again, since the start."""

    def facts(self) -> dict[str, Any]:
        """What `/health` says of it."""
        return {"lag": self.lag, "error": self.broken, "refused": self.refused}

    def start(self) -> None:
        """Go on where an earlier process stopped."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Let a batch that is on its way arrive, if that is soon; the next start has the rest."""
        self._stopping.set()
        if self._task is not None:
            _, stuck = await asyncio.wait({self._task}, timeout=_LAST_WORD_S)
            for task in stuck:
                task.cancel()
            await asyncio.wait({self._task})
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        upto: int | None = None
        while not self._stopping.is_set():
            try:
                upto = await self._once(await self._spans.upto() if upto is None else upto)
                wait_s = _PAUSE_S if self.lag else self._settings.interval
            except _NotTaken as error:
                self._note(str(error))
                wait_s = self._backoff_s() if error.wait_s is None else error.wait_s
            except RecordsUnavailable:
                upto, wait_s = None, self._backoff_s()
            except Exception:
                # Whatever it is, what was not sent is still on disk.
                if self.broken is None:
                    logger.exception("spans are not mirrored")
                self.broken, wait_s = "an unexpected error; the log has it", self._backoff_s()
            await self._sleep(wait_s)

    def _backoff_s(self) -> float:
        self._failures += 1
        return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass

    async def _once(self, upto: int) -> int:
        """Send the next batch, if there is one; returns up to which span all are dealt with."""
        batch = await self._spans.after(upto, self._size)
        self.lag = max(0, batch.newest - upto)
        if not batch.rows:
            return upto
        last = await self._send(batch)
        await self._spans.done(last)
        self.lag, self._failures = max(0, batch.newest - last), 0
        self._note(None)
        return last

    async def _send(self, batch: NextSpans) -> int:
        """Returns up to which span all are dealt with."""
        why = await self._refusal(batch)
        if why is None:
            self._size = min(self._settings.batch, self._size * 2)
            return batch.rows[-1][0]
        if len(batch.rows) > 1:
            # One of them is at fault: the halves tell which.
            self._size = len(batch.rows) // 2
            raise _NotTaken(why, _PAUSE_S)
        # Or the receiver is, which refuses everything: then nothing is passed over.
        following = await self._spans.after(batch.rows[0][0], _LOOK_AHEAD)
        for passed, row in enumerate(following.rows, 1):
            if await self._refusal(NextSpans([row], following.newest)) is None:
                await self._pass_over([batch.rows[0], *following.rows[: passed - 1]], why)
                return row[0]
        raise _NotTaken(why)

    async def _pass_over(self, rows: list[tuple[int, str]], why: str) -> None:
        """Drop what is refused by a receiver that takes others; it may have been ill before."""
        for row in rows:
            if await self._refusal(NextSpans([row], row[0])) is not None:
                self._drop(1, why)

    async def _refusal(self, batch: NextSpans) -> str | None:
        """Why a batch would be refused again; None: it is taken."""
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(self._thread, _encoded, batch)
        settings = self._settings
        try:
            answer = await exchange(
                settings.endpoint, content, self._headers, limit_s=settings.timeout
            )
        except NoAnswer as error:
            raise _NotTaken(str(error)) from None
        if 200 <= answer.status < 300:
            self._count_dropped(answer)
            return None
        why = f"the receiver answered {answer.status}"
        if answer.status not in _AT_FAULT:
            asked_s = answer.retry_after_s
            raise _NotTaken(why, None if asked_s is None else min(asked_s, _LONGEST_ASKED_S))
        return why

    def _count_dropped(self, answer: HttpAnswer) -> None:
        from observer.gateway.otlp import turned_down

        number, why = turned_down(answer.body)
        if number:
            self._drop(number, why)

    def _drop(self, number: int, why: str) -> None:
        self.refused += number
        logger.warning("%d spans are not mirrored: %s", number, why)

    def _note(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self.broken:
            logger.warning("spans are not mirrored for now: %s", trouble)
        self.broken = trouble


def _encoded(batch: NextSpans) -> bytes:
    # Here and not above: an observer without a mirror needs none of it.
    from observer.gateway.otlp import encoded

    return encoded(batch.records())
