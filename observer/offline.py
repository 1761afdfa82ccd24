"""What can be said to an observer that is not running: it is taken up at the next start."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from pydantic import ValidationError

from observer.domain.token_order import TokenOrder
from observer.errors import ConfigurationError
from observer.records.approvals import Approvals
from observer.records.candidates import EvalCandidates
from observer.records.checkpoints import open_checkpoints
from observer.records.closed_queue import ClosedQueue
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.deletion import Deletion
from observer.records.journal import Journal
from observer.records.past_incidents import PastIncidents
from observer.records.redactor import redactor_of
from observer.records.spans import Spans
from observer.records.stale_checkpoints import StaleCheckpoints
from observer.records.tenant_data import Found
from observer.records.tokens import Tokens, shown
from observer.settings import Configuration, load_configuration

T = TypeVar("T")


def answer_offline(approval_id: str, decisions: list[dict[str, Any]]) -> str:
    """Write an approval's answer into the configured data directory.

    Raises:
        ObserverError: the directory is in use or holds no records, or the answer does not fit.
    """

    async def work(database: Database, journal: Journal) -> None:
        await Approvals(database, journal).answer(approval_id, decisions)

    _with_records(work)
    return f"the answer to {approval_id} is written down; the observer takes it up when it starts"


def judge_offline(
    tenant_id: str, session_id: str, feedback: str, note: str | None
) -> dict[str, Any]:
    """Write a person's thumb on a session into the configured data directory.

    Raises:
        ObserverError: the directory is in use or holds no records, or nothing has ended there.
    """
    return _with_records(
        lambda db, journal: EvalCandidates(db, journal).judge(tenant_id, session_id, feedback, note)
    )


def add_token_offline(order: dict[str, Any]) -> dict[str, Any]:
    """Make a token in the configured data directory, which need not hold anything yet.

    Raises:
        ObserverError: the directory is in use, or the token cannot be added.
    """
    try:
        checked = TokenOrder.model_validate(order)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigurationError(f"{first['loc'][0]}: {first['msg']}") from None

    async def work(database: Database, journal: Journal) -> dict[str, Any]:
        tokens = await _tokens(database, journal)
        added, text = await tokens.add(checked, by=None)
        return {**shown(added), "token": text}

    return _with_records(work, new=True)


def revoke_token_offline(named: str) -> dict[str, Any]:
    """Revoke a token in the configured data directory.

    Raises:
        ObserverError: the directory is in use or holds no records, or there is no such token.
    """

    async def work(database: Database, journal: Journal) -> dict[str, Any]:
        tokens = await _tokens(database, journal)
        return shown(await tokens.revoke(named, by=None))

    return _with_records(work)


def list_tokens_offline() -> dict[str, Any]:
    """The tokens of the configured data directory.

    Raises:
        ObserverError: the directory is in use or holds no records.
    """

    async def work(database: Database, journal: Journal) -> dict[str, Any]:
        tokens = await _tokens(database, journal)
        return {"tokens": [shown(token) for token in tokens.listed()]}

    return _with_records(work)


async def _tokens(database: Database, journal: Journal) -> Tokens:
    tokens = Tokens(database, journal, Spans(database))
    await tokens.open()
    return tokens


def delete_offline(tenant_id: str, older_than_s: float, *, dry_run: bool) -> dict[str, Any]:
    """Delete a tenant's data from the configured data directory; says what was found.

    Raises:
        ObserverError: the directory is in use or holds no records.
    """
    with _owned() as (configuration, directory):
        found = asyncio.run(_delete(configuration, directory, tenant_id, older_than_s, dry_run))
    return {"tenant_id": tenant_id, **asdict(found), "dry_run": dry_run}


def _with_records(work: Callable[[Database, Journal], Awaitable[T]], *, new: bool = False) -> T:
    with _owned(new=new) as (configuration, directory):
        journal = Journal(redactor_of(configuration, directory))
        return asyncio.run(_opened(directory, journal, work))


@contextmanager
def _owned(*, new: bool = False) -> Iterator[tuple[Configuration, DataDir]]:
    configuration = load_configuration()
    directory = DataDir(configuration.data_dir)
    if not new and not directory.records.exists():
        raise ConfigurationError(f"{directory.path}: there is no observer's data here")
    directory.lock()
    try:
        yield configuration, directory
    finally:
        directory.unlock()


async def _opened(
    directory: DataDir, journal: Journal, work: Callable[[Database, Journal], Awaitable[T]]
) -> T:
    database = Database(directory.records)
    await database.open()
    try:
        return await work(database, journal)
    finally:
        await database.close()


async def _delete(
    configuration: Configuration,
    directory: DataDir,
    tenant_id: str,
    older_than_s: float,
    dry_run: bool,
) -> Found:
    journal = Journal(redactor_of(configuration, directory))
    database = Database(directory.records)
    await database.open()
    try:
        async with open_checkpoints(directory.checkpoints, None) as checkpoints:
            deletion = Deletion(
                database,
                journal,
                PastIncidents(database, journal),
                directory,
                ClosedQueue(directory.queue, database_url=configuration.database_url),
                StaleCheckpoints(checkpoints),
                turn=asyncio.Lock(),
                kept_days=configuration.observer.retention.days,
                most_rewritten=math.inf,
            )
            found = await deletion.data.found(tenant_id, time.time() - older_than_s)
            if not dry_run:
                await deletion.orders.ask(tenant_id, older_than_s)
                for order in await deletion.orders.open():
                    await deletion.carry_out(order, asyncio.Event())
            return found
    finally:
        await database.close()
