"""The triggers' way in: an event as their settings have it, through the one intake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from observer.domain.templates import fill
from observer.errors import InboxFull, ObserverUnavailable, RecordsUnavailable
from observer.intake import Intake
from observer.settings.triggers import RaisedEvent
from observer.sources import RaisedAlert

T = TypeVar("T")

REFUSED = (InboxFull, ObserverUnavailable, RecordsUnavailable)
"""Not now: nothing was accepted, and the same is tried again."""

AGAIN_S = 5.0
"""After a refusal."""

_WORD_LIMIT = 4096
_MESSAGE_LIMIT = 8192

logger = logging.getLogger("observer.triggers")


@dataclass
class Standing:
    """How one trigger is doing, for people."""

    name: str
    last_fired: datetime | None = None
    """Since the daemon began."""
    last_error: str | None = None

    def facts(self, **more: Any) -> dict[str, Any]:
        """As `/health` shows it."""
        fired = None if self.last_fired is None else self.last_fired.isoformat(timespec="seconds")
        return {"name": self.name, "last_fired": fired, **more, "last_error": self.last_error}

    def wrong(self, error: Exception) -> None:
        """It could not do its work this time."""
        told = readable(str(error)) or type(error).__name__
        if self.last_error != told:
            logger.warning("trigger %s: %s", self.name, told)
        self.last_error = told


def readable(text: str) -> str:
    """A file's name may be any bytes: those that are not UTF-8 are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def raised(
    event: RaisedEvent,
    *,
    event_id: str,
    words: Mapping[str, str | None],
    occurred_at: datetime | None = None,
    depth: int = 0,
) -> RaisedAlert:
    """An event with its message filled in; nothing but the message comes from the words."""
    bounded = {name: readable(word or "")[:_WORD_LIMIT] for name, word in words.items()}
    message = _message(event.message, bounded)[:_MESSAGE_LIMIT].strip()
    return RaisedAlert(
        severity=event.severity,
        stage=event.stage,
        message=message or "(empty)",
        tenant_id=event.tenant_id,
        event_id=event_id,
        occurred_at=occurred_at,
        labels=event.labels,
        feature=event.feature,
        depth=depth,
    )


def _message(text: str, words: Mapping[str, str]) -> str:
    try:
        return fill(text, words)
    except Exception as error:  # an expression may fail on some words, and would again
        plain = ", ".join(f"{name}: {word}" for name, word in words.items())
        return f"{plain} (the trigger's message cannot be filled in: {error})"


async def put(intake: Intake, source: str, alert: RaisedAlert, standing: Standing) -> None:
    """Commit one event.

    Raises:
        ObserverUnavailable, InboxFull, RecordsUnavailable: it must be tried again.
    """
    (accepted,) = await intake.accept(source, [alert], (alert.event_id or "").encode())
    if not accepted.duplicate:
        standing.last_fired = datetime.now(UTC)


async def wait(event: asyncio.Event, seconds: float | None) -> None:
    """Until the event is set, or so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


async def keep_on(work: Callable[[], Awaitable[None]]) -> None:
    """Run a trigger's loop for ever: what nobody foresaw is logged and does not end it."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("a trigger stumbled, and goes on")
        await asyncio.sleep(AGAIN_S)
