"""Each action at most once by its key, also when the server dies in the middle of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from mcp_servers.actions import VISIBLE
from mcp_servers.actions.contract import Action, CannotTell, Failed, Refused, World, unseen
from mcp_servers.backends.action_records import ActionRecords, Record
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.pipeline_results import FoundAction

R = TypeVar("R", bound=BaseModel)

_LOOK_UP_LIMIT_S = 8.0


class Once:
    """Carries out actions, and remembers how each ended."""

    def __init__(self, world: World, records: ActionRecords, now: Callable[[], datetime]) -> None:
        self._world = world
        self._records = records
        self._now = now

    async def act(self, action: Action[R], *, key: str, reason: str = "") -> R:
        """Have the effect, or answer as the first time if this key has been here before.

        Raises:
            Refused: nothing was done; the key is free.
            Failed: it was tried and did not work; the key is spent.
            CannotTell: it is not known what became of it, now or in an earlier try.
            SourceTrouble: what must be asked first gives no answer; nothing was done.
        """
        try:
            async with asyncio.timeout(action.limit_s), self._records.alone(action.target):
                record = await self._begun(action, key, reason)
                if not record.ended:
                    record = await self._carry_out(action, record)
        except TimeoutError:
            late = f"{action.tool} on {action.target} did not end within {action.limit_s:g} s"
            if await self._records.find(key) is None:
                raise Refused(f"{late}: it was not begun") from None
            raise CannotTell(f"{late}; whether it was done can't be told yet") from None
        if record.failure is not None:
            raise Failed(record.failure)
        return action.answer.model_validate(record.result)

    async def find(self, key: str) -> FoundAction:
        """What became of a key; what a crash left open is looked up in the world.

        Raises:
            CannotTell: the world does not show it.
        """
        found = await self._records.find(key)
        if found is None:
            return FoundAction(found=False)
        try:
            async with asyncio.timeout(_LOOK_UP_LIMIT_S), self._records.alone(found.target):
                record = await self._records.find(key) or found
                if not record.ended:
                    if record.tool not in VISIBLE:
                        raise unseen(record.tool, record.target)
                    action = VISIBLE[record.tool](world=self._world, **record.args)  # pyright: ignore[reportCallIssue]
                    result = await action.seen(record)
                    if result is None:
                        return FoundAction(found=False)
                    record = await self._ended(record, result)
        except (TimeoutError, SourceTrouble, Refused, Failed) as error:
            why = str(error) or "no answer in time"
            raise CannotTell(f"{found.tool} on {found.target}: {why}") from error
        # A failure is told in the words by which every caller knows one.
        result = record.result or {"error": f"(error) {record.failure}"}
        return FoundAction(found=True, action=record.tool, result=result)

    async def _begun(self, action: Action[R], key: str, reason: str) -> Record:
        """The record of an action that may begin now, or has come to an end before."""
        record = await self._records.find(key)
        if record is not None:
            self._refuse_reuse(record, action)
            if record.ended:
                return record
            if (result := await action.seen(record)) is not None:
                return await self._ended(record, result)
        before = await action.before()
        if record is not None:
            return record
        record = Record(
            key=key,
            tool=action.tool,
            target=action.target,
            args=action.args,
            reason=self._world.mask.text(reason),
            at=self._now().isoformat(),
            before=before,
        )
        await self._records.keep(record)
        return record

    async def _carry_out(self, action: Action[R], record: Record) -> Record:
        try:
            return await self._ended(record, await action.carry_out(record))
        except (Failed, Refused) as error:
            failed = record.model_copy(update={"failure": self._world.mask.text(str(error))})
            await self._records.keep(failed)
            return failed
        except Exception as error:
            raise CannotTell(
                f"{action.tool} on {action.target} was begun, and then: {error}; whether it was"
                " done can't be told"
            ) from error

    async def _ended(self, record: Record, result: BaseModel) -> Record:
        masked = self._world.mask.value(result.model_dump())
        ended = record.model_copy(update={"result": masked})
        await self._records.keep(ended)
        return ended

    def _refuse_reuse(self, record: Record, action: Action[R]) -> None:
        if (record.tool, record.args) != (action.tool, action.args):
            raise Refused(
                f"the idempotency key {record.key!r} belongs to {record.tool} on {record.target};"
                f" {action.tool} on {action.target} needs a key of its own"
            )
