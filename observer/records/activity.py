"""What the records hold of the last while, for a snapshot of the mission. Reads only."""

from __future__ import annotations

from collections.abc import Collection

from observer.domain.calls import Purpose
from observer.domain.mission import PAGED_AGAIN_S, Activity, Page
from observer.records.database import Connection, Database
from observer.records.failures import Failures
from observer.records.mission import HOUR_S

_PAGES = (
    "SELECT t.tenant_id, t.session_id, t.timestamp AS at,"
    " coalesce(failures.node, sessions.stage, '') AS node FROM state_transitions AS t"
    " LEFT JOIN failures ON failures.event_key = t.event_key"
    " LEFT JOIN sessions ON sessions.tenant_id = t.tenant_id"
    " AND sessions.session_id = t.session_id WHERE t.tenant_id = ? AND t.timestamp >= ?"
    " AND t.purpose = ? AND t.status = 'done' AND t.tool_name IN ({tools})"
)
_CALLS = "SELECT count(*) FROM state_transitions WHERE tenant_id = ? AND timestamp >= ?"
_ACKNOWLEDGED = "SELECT count(*) FROM sessions WHERE updated_at >= ? AND outcome = 'acknowledged'"
_DUPLICATES = "SELECT sum(number) FROM duplicate_deliveries WHERE hour >= ?"
_COST = (
    "SELECT sum(json_extract(record, '$.cost_usd')) FROM spans"
    " WHERE span_kind = 'llm_call' AND timestamp_ms >= ?"
)
_RUNS = "SELECT max(CAST(value AS INTEGER)) FROM facts WHERE name = 'mission/runs'"


class ActivityRecords:
    """Puts the figures of a while together."""

    def __init__(self, database: Database, failures: Failures, paging: Collection[str]) -> None:
        self._database = database
        self._failures = failures
        self._paging = sorted(paging)
        """The tools that wake somebody."""

    async def since(self, begin: float) -> Activity:
        """Everything that a snapshot of the time since a moment is made of."""
        failures, watched = await self._failures.since(begin)

        def work(connection: Connection) -> Activity:
            def one(query: str, *values: object) -> float:
                return connection.execute(query, values).fetchone()[0] or 0

            rows = connection.execute("SELECT DISTINCT tenant_id FROM sessions")
            tenants = [row["tenant_id"] for row in rows]
            return Activity(
                failures=failures,
                watched=watched,
                pages=[
                    page for tenant in tenants for page in self._pages(connection, tenant, begin)
                ],
                acknowledged=int(one(_ACKNOWLEDGED, begin)),
                duplicate_deliveries=int(one(_DUPLICATES, int(begin) // HOUR_S)),
                tool_calls=sum(int(one(_CALLS, tenant, begin)) for tenant in tenants),
                cost_usd=one(_COST, int(begin * 1000)),
                runs=int(one(_RUNS)),
            )

        return await self._database.read(work)

    def _pages(self, connection: Connection, tenant_id: str, begin: float) -> list[Page]:
        rows = connection.execute(
            _PAGES.format(tools=", ".join("?" * len(self._paging))),
            (tenant_id, begin - PAGED_AGAIN_S, Purpose.NOTIFY, *self._paging),
        )
        return [Page(r["tenant_id"], r["session_id"], r["node"], r["at"]) for r in rows]
