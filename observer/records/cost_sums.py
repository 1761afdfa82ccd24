"""Sums of the models' costs, from their spans: exact, and from the index `spans_costs` alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from zoneinfo import ZoneInfo

from observer.domain.costs import By, CostSum, Stretch, days, in_order
from observer.records.data_dir import DataDir
from observer.records.database import Connection
from observer.records.read_only import reading

_COLUMNS = {By.TENANT: "tenant_id", By.FEATURE: "feature", By.MODEL: "rtrim(name, ':')"}


def sums_in(
    data_dir: DataDir,
    stretch: Stretch,
    by: Collection[By],
    *,
    zone: ZoneInfo,
    tenant_id: str | None = None,
) -> list[CostSum]:
    """What model calls of a stretch cost, from a database that may be in use.

    Raises:
        DataDirUnusable: it cannot be read.
    """
    with reading(data_dir) as connection:
        return cost_sums(connection, stretch, by, zone=zone, tenant_id=tenant_id)


def cost_sums(
    connection: Connection,
    stretch: Stretch,
    by: Collection[By],
    *,
    zone: ZoneInfo,
    tenant_id: str | None = None,
) -> list[CostSum]:
    """What model calls that began in a stretch cost, in the order of their groups."""
    if By.DAY not in by:
        return in_order(_of(connection, stretch, by, {}, tenant_id))
    return in_order(
        found
        for day, part in days(stretch, zone)
        for found in _of(connection, part, by, {By.DAY: day.isoformat()}, tenant_id)
    )


def _of(
    connection: Connection,
    stretch: Stretch,
    by: Collection[By],
    known: dict[By, str],
    tenant_id: str | None,
) -> Iterator[CostSum]:
    wanted = {one: _COLUMNS[one] for one in By if one in by and one in _COLUMNS}
    keys = "".join(f"{column} AS key_{one}, " for one, column in wanted.items())
    numbers = ", ".join(str(i) for i in range(1, len(wanted) + 1))
    of_tenant = "" if tenant_id is None else " AND tenant_id = ?"
    rows = connection.execute(
        # A call of an earlier release may lack its tokens, and never its cost.
        f"SELECT {keys}count(*) AS calls, coalesce(sum(input_tokens), 0) AS input_tokens,"
        " coalesce(sum(output_tokens), 0) AS output_tokens,"
        " coalesce(sum(cost_nano), 0) AS cost_nano"
        " FROM spans INDEXED BY spans_costs WHERE span_kind = 'llm_call'"
        f" AND timestamp_ms >= ? AND timestamp_ms < ?{of_tenant}"
        + (f" GROUP BY {numbers}" if numbers else ""),
        (stretch.from_ms, stretch.to_ms, *([] if tenant_id is None else [tenant_id])),
    )
    for row in rows:
        if row["calls"]:
            group = {**known, **{one: row[f"key_{one}"] for one in wanted}}
            measures = (row[n] for n in ("calls", "input_tokens", "output_tokens", "cost_nano"))
            yield CostSum(group, *measures)
