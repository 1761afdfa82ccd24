"""What can be said to an observer that is not running: it is taken up at the next start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import ValidationError

from observer.domain.redaction import Redactor
from observer.domain.token_order import TokenOrder
from observer.errors import ConfigurationError
from observer.records.approvals import Approvals
from observer.records.candidates import EvalCandidates
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.journal import Journal
from observer.records.spans import Spans
from observer.records.tokens import Tokens, shown
from observer.settings import load_configuration

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


def _with_records(work: Callable[[Database, Journal], Awaitable[T]], *, new: bool = False) -> T:
    configuration = load_configuration()
    directory = DataDir(configuration.data_dir)
    if not new and not directory.records.exists():
        raise ConfigurationError(f"{directory.path}: there is no observer's data here")
    directory.lock()
    try:
        journal = Journal(Redactor(list(configuration.secrets)))
        return asyncio.run(_opened(directory, journal, work))
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
