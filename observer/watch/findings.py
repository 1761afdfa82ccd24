"""Everything that is known of the observer at a moment, gathered once for whoever asks."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from observer.domain.fault import Anomaly, Facts
from observer.errors import RecordsUnavailable
from observer.gateway.telegram import TelegramAnswers
from observer.lifecycle import LifecycleControl
from observer.records.availability import Availability
from observer.records.gauges import Gauges, read_gauges
from observer.services import Services
from observer.watch.alarms import Alarms
from observer.watch.dead_man import DeadManSwitch
from observer.watch.heartbeat import Heartbeat
from observer.watch.mirror import Mirror

_PATIENCE_S = 3.0
_RECENT_S = 300.0
"""An anomaly ends its run at once; so long after the last one it is called over."""


@dataclass(frozen=True)
class Records:
    """What only the database knows."""

    inbox: dict[str, int]
    oldest_event_age_s: float
    kill_switch: dict[str, object]
    dead_letters: dict[str, int]
    gauges: Gauges


@dataclass(frozen=True)
class Findings:
    """What `/health` and `/metrics` say; `records` is None where they do not answer."""

    facts: Facts
    records: Records | None
    heartbeat_at: float | None
    alarms: Alarms | None
    dead_man: DeadManSwitch | None
    mirror: Mirror | None = None


@dataclass(frozen=True)
class Sources:
    """Whom to ask."""

    services: Services
    lifecycle: LifecycleControl
    files: tuple[Availability, ...]
    telegram: TelegramAnswers | None
    heartbeat: Heartbeat
    alarms: Alarms | None
    dead_man: DeadManSwitch | None
    mirror: Mirror | None = None

    async def find(self) -> Findings:
        """Ask everybody; who does not answer soon is left out."""
        # Before anybody is waited for: a tool server that was down for a moment was down.
        servers = {
            name: None if server.up else server.last_error or "no answer"
            for name, server in self.services.mcp.servers.items()
        }
        state, reason = self.lifecycle.state, self.lifecycle.reason
        records, free = await asyncio.gather(self._records(), self._free_bytes())
        facts = Facts(
            state=state,
            state_reason=reason,
            holds=tuple(self.services.holds.listed()),
            anomalies=self._anomalies(),
            servers=servers,
            oldest_event_age_s=None if records is None else records.oldest_event_age_s,
            longest_age_s=self.services.configuration.observer.watch.inbox_age,
            journal_trouble=self.services.drain.broken,
            files={file.path.name: file.trouble for file in self.files},
            free_bytes=free,
            heartbeat_age_s=self.heartbeat.age_s,
            longest_beat_s=self.heartbeat.longest_age_s,
            dead_letters=None if records is None else records.dead_letters,
        )
        told = (self.alarms, self.dead_man, self.mirror)
        return Findings(facts, records, self.heartbeat.last_at, *told)

    def _anomalies(self) -> tuple[Anomaly, ...]:
        since = time.time() - _RECENT_S
        return tuple(
            Anomaly(one["tenant_id"], f"session {one['session_id']}: {one['anomaly']}")
            for one in reversed(self.services.run_health.latest())
            if one["at"] > since
        )

    async def _records(self) -> Records | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                pending: dict[str, Any] = await self.services.session_views.pending()
                return Records(
                    oldest_event_age_s=pending.pop("oldest_event_age_s"),
                    inbox=pending,
                    kill_switch=await self.services.kill_switch.standing(),
                    dead_letters=await self.services.dead_letters.counted(),
                    gauges=await read_gauges(self.services.database),
                )
        except (RecordsUnavailable, TimeoutError):
            return None

    async def _free_bytes(self) -> int | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await self.services.data_dir.free_bytes()
        except (OSError, TimeoutError):
            return None
