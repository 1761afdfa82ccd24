"""Answers to approvals by a press of a button: the same path as any other answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from observer.domain.approval import Approval
from observer.domain.telegram_press import Choice
from observer.errors import ApprovalConflict, ObserverError, RecordsUnavailable
from observer.gateway.telegram import TelegramAnswers
from observer.records.approvals import Approvals
from observer.records.bookmarks import Bookmarks
from observer.services import Services

Resume = Callable[..., Awaitable[dict[str, Any]]]


def telegram_answers(services: Services) -> TelegramAnswers | None:
    """Who listens to Telegram's buttons, where that is configured."""
    configuration = services.configuration
    settings = configuration.observer.channels.telegram
    if settings is None:
        return None
    token = configuration.channel_secrets[settings.token_env]
    return TelegramAnswers(settings, token, Bookmarks(services.database))


@asynccontextmanager
async def listening(
    telegram: TelegramAnswers | None,
    approvals: Approvals,
    resume: Resume,
    queue_answer: Callable[[Approval], Awaitable[None]],
) -> AsyncIterator[None]:
    """Listen while the daemon runs."""

    async def take(choice: Choice, by: str) -> str:
        try:
            approval = await approvals.get(choice.approval_id)
            who = (approval.tenant_id, approval.session_id)
            await resume(*who, [{"type": choice.type}], choice.approval_id, by=by)
        except ApprovalConflict as error:
            approval = await approvals.get(choice.approval_id)
            if not approval.was_answered(choice.type, by):
                return str(error)
            # Perhaps the very press that a crash cut short after it was written down.
            await queue_answer(approval)
        except RecordsUnavailable:
            raise
        except ObserverError as error:
            return str(error)
        return "approved" if choice.type == "approve" else "rejected"

    if telegram is not None:
        telegram.start(take)
    try:
        yield
    finally:
        if telegram is not None:
            await telegram.stop()
