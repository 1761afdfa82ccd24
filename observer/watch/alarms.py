"""Alarms about the observer itself: written down first, then sent until they are delivered."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
import uuid
from dataclasses import replace

from observer.domain.alarms import Alarm, edges, wait_before_delivery
from observer.domain.fault import Facts, faults, unknown_kinds
from observer.domain.redaction import Redactor
from observer.gateway.judged_http import NoAnswer, exchange
from observer.gateway.signatures import sign
from observer.records.alarm_spool import AlarmSpool, Spooled

_ANSWER_S = 10.0
_LONGEST_TEXT = 1000

logger = logging.getLogger("observer.watch")


class Alarms:
    """Tells one address what begins to be wrong and what is over, in order, each once."""

    def __init__(self, spool: AlarmSpool, redactor: Redactor, url: str, secret: str | None) -> None:
        self._spool = spool
        self._redactor = redactor
        self._url = url
        self._secret = secret
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.last_error: str | None = None
        """Why the last try did not deliver; None: it did."""

    @property
    def waiting(self) -> int:
        """How many are not delivered yet."""
        return len(self._spool)

    async def start(self) -> None:
        """Go on with what an earlier process could not deliver."""
        await self._spool.open()
        self._wanted.set()
        self._task = asyncio.create_task(self._deliver())

    async def stop(self) -> None:
        """What is not delivered stays on the disk."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._spool.close()

    async def look(self, facts: Facts) -> None:
        """Tell what has changed since the last look."""
        present = [
            replace(fault, text=self._redactor.text(fault.text)[:_LONGEST_TEXT])
            for fault in faults(facts)
        ]
        standing, told = edges(
            self._spool.standing,
            present,
            unknown_kinds(facts),
            now=time.time(),
            new_id=lambda: uuid.uuid4().hex,
        )
        await self._spool.put(told, standing)
        if told:
            self._wanted.set()

    async def _deliver(self) -> None:
        tries = 0
        while True:
            await self._wanted.wait()
            first = self._spool.first()
            if first is None:
                self._wanted.clear()
                continue
            ordered = await self._try(first)
            if self.last_error is None:
                tries = 0
                continue
            tries += 1
            if tries == 1:
                logger.error("an alarm is not delivered, will try again: %s", self.last_error)
            wait = wait_before_delivery(tries, ordered_s=ordered, dice=random.random())  # noqa: S311
            await asyncio.sleep(wait)

    async def _try(self, first: Spooled) -> float | None:
        """Sets `last_error`, whatever happens; returns what the receiver ordered."""
        try:
            ordered = await self._send(first.alarm)
            if self.last_error is None:
                await self._spool.remove(first)
            return ordered
        except NoAnswer as error:
            self.last_error = str(error)
        except Exception as error:
            # Not its own words: the address may stand in them, and a token is in its path.
            self.last_error = type(error).__name__
        return None

    async def _send(self, alarm: Alarm) -> float | None:
        """Sets `last_error`; returns the seconds that the receiver wants to be left alone for."""
        body = json.dumps(alarm.as_json()).encode()
        headers = {"content-type": "application/json", "idempotency-key": alarm.id}
        if self._secret is not None:
            headers["x-webhook-signature"] = sign(body, self._secret)
        answer = await exchange(self._url, body, headers, limit_s=_ANSWER_S)
        taken = 200 <= answer.status < 300
        self.last_error = None if taken else f"the receiver answered {answer.status}"
        return answer.retry_after_s
