"""Alarms that wait to be delivered, one small file each, and what stands: they work without a
database, and without a disk for as long as the process lives.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from observer.domain.alarms import Alarm, Standing, after, notice_of_dropped
from observer.domain.fault import Fault, FaultKind
from observer.records.small_files import put_in_place

_MOST = 1000
_PATIENCE_S = 5.0
_STANDING = "standing.json"
T = TypeVar("T")

logger = logging.getLogger("observer.watch")


@dataclass(frozen=True)
class Spooled:
    """One alarm and its place in the order."""

    number: int
    alarm: Alarm

    @property
    def name(self) -> str:
        """Its file's."""
        return f"{self.number:012}.json"


class AlarmSpool:
    """In order, the oldest first; bounded, and says what was dropped."""

    def __init__(self, folder: Path, *, most: int = _MOST) -> None:
        self._folder = folder
        self._most = most
        # Of its own: a disk that hangs must hold up nobody else.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observer-alarms")
        self._waiting: list[Spooled] = []
        self._unwritten: list[Spooled] = []
        self._dropped: list[Spooled] = []
        """Their files are still to be deleted."""
        self._last = 0
        self._behind = False
        self.standing: dict[str, Standing] = {}
        """The faults that were told and are not over, by their keys."""

    async def open(self) -> None:
        """Go on with what an earlier process left."""
        await self._on_disk(self._read)

    def __len__(self) -> int:
        return len(self._waiting)

    def first(self) -> Spooled | None:
        """The one to be delivered next."""
        return self._waiting[0] if self._waiting else None

    async def put(self, alarms: Sequence[Alarm], standing: Mapping[str, Standing]) -> None:
        """Write down what is to be told and what stands after it; kept in memory at least."""
        if not alarms and standing == self.standing and not self._behind:
            return
        fresh = [Spooled(self._last + i, alarm) for i, alarm in enumerate(alarms, start=1)]
        self._last += len(fresh)
        self.standing = dict(standing)
        self._unwritten += fresh
        await self._write_down()
        self._waiting += fresh
        if len(self._waiting) > self._most:
            while len(self._waiting) > self._most:
                self._drop_oldest()
            await self._write_down()

    async def remove(self, delivered: Spooled) -> None:
        """It was delivered."""
        if delivered in self._waiting:
            self._waiting.remove(delivered)
        if delivered in self._unwritten:
            self._unwritten.remove(delivered)
        await self._on_disk(self._unlink, delivered)

    def close(self) -> None:
        """What waits stays on the disk."""
        self._thread.shutdown(wait=False)

    def _drop_oldest(self) -> None:
        oldest, following, *rest = self._waiting
        notice = notice_of_dropped(oldest.alarm, following.alarm, alarm_id=uuid.uuid4().hex)
        logger.error("%s", notice.text)
        instead = Spooled(following.number, notice)
        self._waiting = [instead, *rest]
        kept = [one for one in self._unwritten if one not in (oldest, following)]
        self._unwritten = [instead, *kept]
        self._dropped.append(oldest)

    async def _write_down(self) -> None:
        """What the disk does not take now goes with the next write."""
        fresh, dropped = self._unwritten.copy(), self._dropped.copy()
        state = (self.standing, self._last)
        self._behind = not await self._on_disk(self._write, fresh, dropped, *state)
        if not self._behind:
            self._unwritten = [one for one in self._unwritten if one not in fresh]
            self._dropped = self._dropped[len(dropped) :]

    async def _on_disk(self, work: Callable[..., None], *args: Any) -> bool:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await loop.run_in_executor(self._thread, work, *args)
        except (OSError, TimeoutError) as error:
            if not self._behind:
                logger.error("%s cannot be written: %s", self._folder, error or "too slow")
            return False
        return True

    def _write(
        self,
        spooled: list[Spooled],
        dropped: list[Spooled],
        standing: Mapping[str, Standing],
        last: int,
    ) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        for one in spooled:
            text = json.dumps(one.alarm.as_json())
            put_in_place(self._folder / one.name, text.encode(), durable=True)
        # After them: a crash in between is made good from the alarms themselves.
        stands = [asdict(one) for one in standing.values()]
        text = json.dumps({"last": last, "standing": stands})
        put_in_place(self._folder / _STANDING, text.encode(), durable=True)
        for one in dropped:
            self._unlink(one)

    def _unlink(self, spooled: Spooled) -> None:
        (self._folder / spooled.name).unlink(missing_ok=True)

    def _read(self) -> None:
        last = 0
        if (kept := _parsed(self._folder / _STANDING, _kept)) is not None:
            last, self.standing = kept
        self._last = last
        for path in sorted(self._folder.glob("[0-9]*.json")):
            if (alarm := _parsed(path, Alarm.from_json)) is None:
                continue
            self._waiting.append(Spooled(int(path.stem), alarm))
            self._last = max(self._last, int(path.stem))
            if int(path.stem) > last:
                self.standing = after(self.standing, alarm)


def _kept(said: dict[str, Any]) -> tuple[int, dict[str, Standing]]:
    stands = [
        Standing(Fault(**{**row["fault"], "kind": FaultKind(row["fault"]["kind"])}), row["since"])
        for row in said["standing"]
    ]
    return said["last"], {one.fault.key: one for one in stands}


def _parsed(path: Path, parse: Callable[[dict[str, Any]], T]) -> T | None:
    """What a file holds; one that somebody damaged is left where it is, and said."""
    try:
        return parse(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.error("%s cannot be read: %s", path, error)
        return None
