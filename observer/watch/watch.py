"""The watch over the observer: heartbeat, alarms, dead man's switch and systemd, as one."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from observer.gateway.telegram import TelegramAnswers
from observer.lifecycle import LifecycleControl
from observer.records.alarm_spool import AlarmSpool
from observer.records.availability import Availability
from observer.records.heartbeat import HeartbeatFile
from observer.services import Services
from observer.watch.alarms import Alarms
from observer.watch.dead_man import DeadManSwitch
from observer.watch.findings import Findings, Sources
from observer.watch.health import as_json, reasons
from observer.watch.heartbeat import Heartbeat
from observer.watch.instruments import Instruments
from observer.watch.metrics import exposition
from observer.watch.mirror import Mirror
from observer.watch.sd_notify import SdNotify

logger = logging.getLogger("observer.watch")


class Watch:
    """Looks at the observer every `watch.heartbeat`, and at once when something changes."""

    def __init__(
        self,
        services: Services,
        lifecycle: LifecycleControl,
        files: tuple[Availability, ...],
        telegram: TelegramAnswers | None,
        instruments: Instruments,
    ) -> None:
        self._instruments = instruments
        settings = services.configuration.observer.watch
        self._every_s = settings.heartbeat
        self.systemd = SdNotify()
        self._heartbeat = Heartbeat(
            services.database,
            HeartbeatFile(services.data_dir.heartbeat),
            lifecycle,
            self.systemd,
            every_s=settings.heartbeat,
        )
        self._alarms = _alarms(services)
        self._dead_man = _dead_man(services)
        self._mirror = _mirror(services)
        self._sources = Sources(
            services,
            lifecycle,
            files,
            telegram,
            self._heartbeat,
            self._alarms,
            self._dead_man,
            self._mirror,
        )
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        lifecycle.listeners.append(lambda _: self._changed.set())
        services.holds.listeners.append(self._look_soon)
        for server in services.mcp.servers.values():
            server.on_change = self._changed.set

    async def start(self) -> None:
        """Begin to look."""
        self._heartbeat.start()
        if self._alarms is not None:
            await self._alarms.start()
        if self._dead_man is not None:
            self._dead_man.start(self._is_well)
        if self._mirror is not None:
            self._mirror.start()
        self._task = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Look no more; what was not delivered is, by the next process."""
        self.systemd.stopping()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        for part in (self._mirror, self._dead_man, self._alarms, self._heartbeat):
            try:
                if part is not None:
                    await part.stop()
            except Exception:
                # The next one is to be stopped all the same.
                logger.exception("a part of the watch could not be stopped")

    async def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the observer can do its job, and what says so."""
        findings = await self._sources.find()
        return not reasons(findings), as_json(findings, self._sources)

    async def metrics(self) -> bytes:
        """What is known, in Prometheus' text format."""
        findings = await self._sources.find()
        return exposition(findings, self._sources.services, self._instruments)

    async def _is_well(self) -> bool:
        return not reasons(await self._sources.find())

    async def _look_soon(self) -> None:
        self._changed.set()

    async def _look(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._once()
            except Exception:
                # Whatever it is, the next look may see more; who watches must not fall asleep.
                logger.exception("the watch could not look")
            try:
                async with asyncio.timeout(self._every_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _once(self) -> None:
        findings = await self._sources.find()
        self.systemd.status(_status(findings))
        if self._alarms is not None:
            await self._alarms.look(findings.facts)


def _status(findings: Findings) -> str:
    why = reasons(findings)
    return f"{findings.facts.state}; {why[0]}" if why else str(findings.facts.state)


def _alarms(services: Services) -> Alarms | None:
    settings = services.configuration.observer.watch.alarms
    if settings is None:
        return None
    secrets = services.configuration.watch_secrets
    secret = None if settings.secret_env is None else secrets[settings.secret_env]
    spool = AlarmSpool(services.data_dir.alarms)
    return Alarms(spool, services.redactor, secrets[settings.webhook_url_env], secret)


def _dead_man(services: Services) -> DeadManSwitch | None:
    settings = services.configuration.observer.watch.dead_man
    if settings is None:
        return None
    url = services.configuration.watch_secrets[settings.url_env]
    return DeadManSwitch(url, every_s=settings.every)


def _mirror(services: Services) -> Mirror | None:
    configuration = services.configuration
    settings = configuration.observer.otlp
    if settings is None:
        return None
    return Mirror(settings, configuration.otlp_headers, services.database)
