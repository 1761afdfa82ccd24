"""What the failure of a model's call means: whose it is, what it cost, when to try again."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from observer.domain.backoff import seconds_asked_for
from observer.gateway.answers import Tokens, tokens
from observer.gateway.chat_models import AnswerTooLarge, Unbuildable

_BUSY = (408, 429)
_NEVER_SENT = (
    Unbuildable,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_TRANSPORT = (httpx.TransportError, TimeoutError, OSError)


def why_failed(error: BaseException) -> str:
    """What happened and at the root of it: "Connection error." alone explains nothing."""
    *_, root = _chain(error)
    text = f"{type(error).__name__}: {error}"
    return text if root is error else f"{text} <- {type(root).__name__}: {root}"


def is_providers(error: BaseException) -> bool:
    """Whether the provider could not be reached or cannot serve, whatever its model.

    An answer that cannot be used, and a request that is refused for what it says, are not.
    """
    if (status := _status(error)) is not None:
        return status in _BUSY or status >= 500
    causes = list(_chain(error))
    if any(isinstance(cause, AnswerTooLarge | Unbuildable) for cause in causes):
        return False
    return any(isinstance(cause, _TRANSPORT) for cause in causes)


def may_be_billed(error: BaseException) -> bool:
    """Whether the provider may have done the work: a refusal, or no contact, says it did not."""
    if _status(error) is not None:
        return False
    return not any(isinstance(cause, _NEVER_SENT) for cause in _chain(error))


def hopeless(error: BaseException) -> bool:
    """A refused key, an unknown model or a missing library is not mended by asking again."""
    return isinstance(error, Unbuildable) or _status(error) in (400, 401, 403, 404)


def tokens_in(error: BaseException) -> Tokens | None:
    """What an answer used that the provider's library refused, as it does with one cut short."""
    usage = getattr(getattr(error, "completion", None), "usage", None)
    used_in = getattr(usage, "prompt_tokens", None)
    return tokens(used_in, getattr(usage, "completion_tokens", None))


def retry_after(error: BaseException, now: float) -> float | None:
    """Seconds for which the provider asks to be left alone."""
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    return None if header is None else seconds_asked_for(header, now)


def _status(error: BaseException) -> int | None:
    """The HTTP status with which the provider refused."""
    statuses = (getattr(cause, "status_code", None) for cause in _chain(error))
    return next((status for status in statuses if isinstance(status, int)), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
