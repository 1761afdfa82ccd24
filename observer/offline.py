"""What can be said to an observer that is not running: it is taken up at the next start."""

from __future__ import annotations

import asyncio
from typing import Any

from observer.domain.redaction import Redactor
from observer.errors import ConfigurationError
from observer.records.approvals import Approvals
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.journal import Journal
from observer.settings import load_configuration


def answer_offline(approval_id: str, decisions: list[dict[str, Any]]) -> str:
    """Write an approval's answer into the configured data directory.

    Raises:
        ObserverError: the directory is in use or holds no records, or the answer does not fit.
    """
    configuration = load_configuration()
    directory = DataDir(configuration.data_dir)
    if not directory.records.exists():
        raise ConfigurationError(f"{directory.path}: there is no observer's data here")
    directory.lock()
    try:
        redactor = Redactor(list(configuration.secrets))
        asyncio.run(_answer(directory, redactor, approval_id, decisions))
    finally:
        directory.unlock()
    return f"the answer to {approval_id} is written down; the observer takes it up when it starts"


async def _answer(
    directory: DataDir, redactor: Redactor, approval_id: str, decisions: list[dict[str, Any]]
) -> None:
    database = Database(directory.records)
    await database.open()
    try:
        await Approvals(database, Journal(redactor)).answer(approval_id, decisions)
    finally:
        await database.close()
