"""An intake on a real database, a queue in memory and a clock of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.lifecycle import Lifecycle
from observer.domain.redaction import Redactor
from observer.domain.windows import ALWAYS
from observer.intake import Accepted, Intake
from observer.records.approvals import Approvals
from observer.records.database import Connection, Database
from observer.records.events import Events
from observer.records.holds import Holds
from observer.records.journal import Journal
from observer.records.mission import Mission
from observer.records.session_views import SessionViews
from observer.records.sessions import Sessions
from observer.settings.schema import ObserverSettings
from observer.sources import Alert

WINDOW = 60.0
SECRET = "the-held-secret"
TREE = DependencyTree(
    metrics={
        "freshness": Metric(
            "freshness",
            "",
            "60s",
            ALWAYS,
            gatus_check="Data Latency / Redis Freshness Primary",
            depends_on=("redis",),
        )
    },
    nodes={"redis": Node("redis", "process", alerts=("RedisFull",))},
)


class FakeInbox:
    """Keeps each id once, as the real one does."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.broken = False

    async def put(self, item: dict[str, Any], *, item_id: str, lane: str, session: str) -> None:
        if self.broken:
            raise OSError("disk full")
        await asyncio.sleep(0)
        self.items.setdefault(item_id, {**item, "lane": lane, "session": session})


class World:
    """An intake on a real database, with a clock of its own."""

    def __init__(
        self,
        folder: Path,
        tree: DependencyTree | None = None,
        *,
        join: str = "stage",
        **queue: int,
    ) -> None:
        self.now = 1_750_000_000.0 // WINDOW * WINDOW
        self.database = Database(folder / "observer.db")
        redactor = Redactor([SECRET])
        self.sessions = Sessions(self.database, Journal(redactor))
        self.approvals = Approvals(self.database, Journal(redactor))
        self.views = SessionViews(self.database)
        self.holds = Holds(self.database, Journal(redactor))
        self.inbox = FakeInbox()
        self.lifecycle = SimpleNamespace(state=Lifecycle.RUNNING, reason="")
        told: Any = {"mcp_servers": {}, "queue": queue, "sessions": {"join": join}}
        settings = ObserverSettings(**told)
        services = SimpleNamespace(
            database=self.database,
            events=Events(self.database),
            mission=Mission(self.database, Journal(redactor), 10),
            sessions=self.sessions,
            approvals=self.approvals,
            session_views=self.views,
            holds=self.holds,
            redactor=redactor,
            configuration=SimpleNamespace(observer=settings),
            drain=SimpleNamespace(wake=lambda: None),
            tree=tree or TREE,
        )
        self.intake = Intake(services, self.inbox, SimpleNamespace(), self.lifecycle)  # type: ignore[arg-type]

    async def post(self, body: bytes = b"body", source: str = "native", **event: Any) -> Accepted:
        alert = Alert(**{"severity": "WARNING", "stage": "loading", "message": "slow", **event})
        (accepted,) = await self.intake.accept(source, [alert], body)
        return accepted

    async def end(self, session_id: str, status: str = "resolved") -> None:
        def work(connection: Connection) -> None:
            connection.execute(
                "UPDATE sessions SET status = ? WHERE session_id = ?", (status, session_id)
            )
            connection.execute("UPDATE events SET status = 'done'")

        await self.database.write(work)

    async def stored(self) -> list[tuple[str, str]]:
        return await self.database.read(
            lambda c: [
                (row["session_id"], row["status"])
                for row in c.execute("SELECT session_id, status FROM events ORDER BY seq")
            ]
        )

    async def kinds(self) -> list[str]:
        return await self.database.read(
            lambda c: [row["kind"] for row in c.execute("SELECT kind FROM journal ORDER BY seq")]
        )
