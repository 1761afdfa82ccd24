"""The queue while no observer runs: its items can be deleted without starting it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import sqlalchemy
from dbos import DBOSClient

from observer.records.inbox import DurableConnection


class ClosedQueue:
    """Deletes only, by DBOS's own client."""

    def __init__(self, path: Path, *, database_url: str | None) -> None:
        self._path = path
        self._database_url = database_url

    async def forget(self, item_ids: list[str]) -> None:
        """Delete items: the same ids can be put again."""
        if item_ids and (self._database_url is not None or self._path.exists()):
            await asyncio.to_thread(self._delete, item_ids)

    def _delete(self, item_ids: list[str]) -> None:
        engine = None
        if self._database_url is None:
            engine = sqlalchemy.create_engine(
                f"sqlite:///{self._path}", connect_args={"factory": DurableConnection}
            )
        client = DBOSClient(
            system_database_url=self._database_url or f"sqlite:///{self._path}",
            system_database_engine=engine,
        )
        try:
            client.delete_workflows(item_ids)
        finally:
            client.destroy()
