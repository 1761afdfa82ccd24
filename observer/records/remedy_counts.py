"""How often a remedy acted lately, whichever session it was for: what may have happened counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from observer.domain.autonomy import Quota
from observer.domain.calls import CallStatus
from observer.records.database import Connection


def why_spent(
    connection: Connection,
    tenant_id: str,
    quotas: Iterable[Quota],
    *,
    but: str = "",
    ahead: Counter[Quota] | None = None,
) -> str | None:
    """Which cap one more call would go beyond; None where there is none.

    Args:
        connection: of the transaction to look in.
        tenant_id: whose calls count.
        quotas: the caps of the call.
        but: the call's own key, which does not count.
        ahead: what the same remedy does before it.
    """
    for quota in quotas:
        used = _used(connection, tenant_id, quota, but) + (ahead or {}).get(quota, 0)
        if (why := quota.spent(used)) is not None:
            return why
    return None


def _used(connection: Connection, tenant_id: str, quota: Quota, but: str) -> int:
    # No upper end: after a clock was set back, what stands in the future counts as well.
    marks = ", ".join("?" * len(quota.tools))
    row = connection.execute(
        "SELECT count(*) FROM state_transitions WHERE tenant_id = ? AND timestamp >= ?"
        " AND target IS NOT NULL AND target = coalesce(?, target)"
        f" AND tool_name IN ({marks}) AND idempotency_key != ?"
        " AND coalesce(result_status, '') != ?",
        (
            tenant_id,
            time.time() - quota.cap.per.total_seconds(),
            quota.node,
            *quota.tools,
            but,
            CallStatus.REFUSED,
        ),
    ).fetchone()
    return int(row[0])
