"""Answers by Telegram: presses of buttons, fetched by long polling, each taken once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from observer.domain.event import digest
from observer.domain.telegram_press import Choice, Press, choice_of, offset_after, press_of
from observer.errors import RecordsUnavailable
from observer.gateway.judged_http import NoAnswer, post_json
from observer.records.bookmarks import Bookmarks
from observer.settings.channels import Telegram

logger = logging.getLogger("observer.telegram")

_POLL_S = 25
_ANSWER_S = 10.0
_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 60.0
_LONGEST_TEXT = 200
_NOT_TAKEN = "it could not be taken; answer by the command line"

Take = Callable[[Choice, str], Awaitable[str]]
"""Takes a choice and its author; returns what the person is told.

Raises:
    RecordsUnavailable: it could not be written down, and comes again.
"""


class Refused(Exception):
    """Telegram said no."""

    def __init__(self, why: str, retry_after: float) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class TelegramAnswers:
    """Listens to one bot. An outage is waited out; it never ends by itself."""

    def __init__(self, settings: Telegram, token: str, bookmarks: Bookmarks) -> None:
        self._settings = settings
        self._token = token
        self._bookmarks = bookmarks
        # A bot counts its own updates; its token is not for the records.
        self._source = f"telegram/{digest(token)[:16]}"
        self._task: asyncio.Task[None] | None = None
        self.last_error: str | None = None

    def start(self, take: Take) -> None:
        """Begin to listen."""
        # At INFO it writes every address, and the token is part of them.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._task = asyncio.create_task(self._listen(take))

    async def stop(self) -> None:
        """Stop listening; what was not taken yet comes again at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=5)

    async def _listen(self, take: Take) -> None:
        backoff = _FIRST_BACKOFF_S
        while True:
            try:
                await self._poll(take)
                self.last_error = None
                backoff = _FIRST_BACKOFF_S
                continue
            except Refused as error:
                self._note(str(error))
                backoff = max(backoff, min(error.retry_after, _LONGEST_BACKOFF_S))
            except (NoAnswer, RecordsUnavailable) as error:
                self._note(str(error))
            except Exception as error:
                self._note(type(error).__name__)
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, _LONGEST_BACKOFF_S)

    def _note(self, error: str) -> None:
        if error != self.last_error:
            logger.warning("no answers by Telegram now, will try again: %s", error)
        self.last_error = error

    async def _poll(self, take: Take) -> None:
        number, at = await self._bookmarks.last(self._source) or (None, 0.0)
        # After trouble a short look first: it tells at once that the trouble is over.
        patience = _POLL_S if self.last_error is None else 0
        asked: dict[str, Any] = {"timeout": patience, "allowed_updates": ["callback_query"]}
        offset = offset_after(number, at, time.time())
        if offset is not None:
            asked["offset"] = offset
        updates = await self._call("getUpdates", asked, _POLL_S + _ANSWER_S)
        for update in updates if isinstance(updates, list) else []:
            number = update.get("update_id") if isinstance(update, dict) else None
            if isinstance(number, int):
                await self._handle(update, number, take)

    async def _handle(self, update: Any, number: int, take: Take) -> None:
        press = press_of(update)
        text = "" if press is None else await self._taken(press, take)
        await self._bookmarks.put(self._source, number)
        if press is None:
            return
        told = {"callback_query_id": press.query_id, "text": text[:_LONGEST_TEXT]}
        try:
            await self._call("answerCallbackQuery", told, _ANSWER_S)
        except (NoAnswer, Refused) as error:
            logger.warning("%s was not told '%s': %s", press.by, text, error)

    async def _taken(self, press: Press, take: Take) -> str:
        choice = choice_of(
            press, chat_id=self._settings.chat_id, approvers=self._settings.approvers
        )
        if isinstance(choice, str):
            logger.warning("a press by %s does not count: %s", press.by, choice)
            return choice
        try:
            return await take(choice, press.by)
        except RecordsUnavailable:
            raise
        except Exception:
            # It must not come again for ever, and keep every later press waiting.
            logger.exception("the answer of %s to %s is lost", press.by, choice.approval_id)
            return _NOT_TAKEN

    async def _call(self, method: str, body: dict[str, Any], limit_s: float) -> Any:
        path = f"/bot{self._token}/{method}"
        status, said = await post_json(self._settings.api_url, path, body, limit_s=limit_s)
        if isinstance(said, dict) and said.get("ok") is True:
            return said.get("result")
        said = said if isinstance(said, dict) else {}
        parameters = said.get("parameters")
        wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
        why = str(said.get("description", "no reason given"))[:200].replace(self._token, "***")
        seconds = float(wait) if isinstance(wait, int | float) else 0.0
        raise Refused(f"Telegram answers {status} to {method}: {why}", seconds)
