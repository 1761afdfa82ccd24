"""What every channel keeps to: sent once by its key, and honest about what cannot be told."""

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar
from weakref import WeakValueDictionary

from mcp.server.fastmcp.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from mcp_servers.backends.bounded_http import Address, Answer, exchange
from mcp_servers.backends.notification_log import NotificationLog, Sent
from mcp_servers.backends.trouble import SourceTrouble, WrongParameters
from mcp_servers.masking import Mask

Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=1000,
        description="Names this one notification: the same key again sends nothing "
        "and returns the first result",
    ),
]
Words = Annotated[str, Field(min_length=1, max_length=200_000)]
"""Text for people; what a channel does not take is cut off."""

IncidentKey = Annotated[
    str, Field(min_length=1, max_length=1000, description="The same for all news of one incident")
]
Severity = Literal["INFO", "WARNING", "CRITICAL"]

REACHES_PEOPLE = ToolAnnotations(
    readOnlyHint=False, destructiveHint=False, idempotentHint=True, openWorldHint=True
)
_LIMIT_S = 8.0
"""For one notification: less than the observer waits for a call."""

Begun = Callable[[], None]
"""Called when the far side may begin to hear of it."""


class Delivered(BaseModel):
    """Where a notification went, and what it is called there."""

    channel: str
    where: str
    reference: str | None = None
    result: str


Result = TypeVar("Result", bound=Delivered)


class NotSent(Exception):
    """It was not delivered, certainly: the same key may be tried again."""


class CannotTell(Exception):
    """Whether it was delivered cannot be told."""


Ask = Callable[[Sent], Awaitable[Delivered | None]]
"""What the far side knows of a notification whose answer was lost; None: send it again.

Raises:
    CannotTell: it cannot be asked.
"""


Secrets = Mapping[str, str]
"""The values of the environment variables that the settings name."""


class Deliveries:
    """Sends each key once, and tells afterwards what became of it."""

    def __init__(self, log: NotificationLog, mask: Mask) -> None:
        self.log = log
        self._mask = mask
        self._asks: dict[str, Ask] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def offers(self, tool: str, ask: Ask) -> None:
        """A channel's tool, and whom to ask about what it sent."""
        self._asks[tool] = ask

    async def once(
        self,
        tool: str,
        once: str,
        send: Callable[[Begun], Awaitable[Result]],
        answer: type[Result],
        about: str = "",
    ) -> Result:
        """Send, or answer as the first time if this key was sent before."""
        async with self._turn(about or once):
            return await self._bounded(lambda: self._once(tool, once, send, answer, about))

    async def find(self, key: str) -> tuple[str, dict[str, Any]] | None:
        """The tool and result of a key; None where it was not delivered."""
        sent = self.log.find(key)
        if sent is None:
            return None
        async with self._turn(sent.about or key):
            result = await self._bounded(lambda: self._known(key, sent.tool))
        return None if result is None else (sent.tool, result)

    def _turn(self, what: str) -> asyncio.Lock:
        """One at a time for each incident: two first words about it must meet."""
        return self._turns.setdefault(what, asyncio.Lock())

    async def _once(
        self,
        tool: str,
        key: str,
        send: Callable[[Begun], Awaitable[Result]],
        answer: type[Result],
        about: str,
    ) -> Result:
        if (known := await self._known(key, tool)) is not None:
            return answer.model_validate(known)
        self.log.begin(key, tool, about)
        begun = False

        def note() -> None:
            nonlocal begun
            begun = True

        try:
            result = await send(note)
        except BaseException as error:
            if isinstance(error, NotSent) or not begun:
                self.log.not_sent(key)
            raise
        return answer.model_validate(self._note(key, result))

    async def _known(self, key: str, tool: str) -> dict[str, Any] | None:
        sent = self.log.find(key)
        if sent is None:
            return None
        if sent.tool != tool:
            raise WrongParameters(f"the idempotency key belongs to {sent.tool}, not to {tool}")
        if sent.result is not None:
            return sent.result
        if tool not in self._asks:
            raise CannotTell(f"{tool} is not configured any more, so nobody can be asked")
        found = await self._asks[tool](sent)
        if found is None:
            return None
        return self._note(key, found)

    def _note(self, key: str, result: Delivered) -> dict[str, Any]:
        said: dict[str, Any] = self._mask.value(result.model_dump())
        self.log.delivered(key, said)
        return said

    async def _bounded(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do it in its time, and say nothing of our secrets, in errors neither."""
        try:
            async with asyncio.timeout(_LIMIT_S):
                return await work()
        except TimeoutError:
            raise ToolError(f"no answer within {_LIMIT_S:g} s") from None
        except CannotTell as error:
            raise ToolError(self._mask.text(f"it cannot be told: {error}")) from None
        except (NotSent, SourceTrouble, WrongParameters) as error:
            raise ToolError(self._mask.text(str(error))) from None
        except sqlite3.Error as error:
            raise ToolError(f"the log of notifications cannot be used: {error}") from None
        except Exception as error:
            raise ToolError(
                shortened(self._mask.text(f"{type(error).__name__}: {error}"), 500)
            ) from None


async def post_json(
    address: Address,
    path: str,
    body: Mapping[str, Any],
    begun: Begun,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """POST some JSON; an answer that is an error, or sends us elsewhere, is none.

    Raises:
        NotSent: the far side said no.
    """
    answer = await exchange(
        address,
        path,
        headers={"content-type": "application/json", **(headers or {})},
        content=json.dumps(body).encode(),
        begun=begun,
    )
    return accepted(address, answer)


def accepted(address: Address, answer: Answer) -> Answer:
    """The answer, where it is a yes.

    Raises:
        NotSent: it is a no, or sends us elsewhere.
    """
    if 200 <= answer.status < 300:
        return answer
    said = shortened(answer.body.decode(errors="replace"), 200)
    later = f", to be tried again after {answer.retry_after} s" if answer.retry_after else ""
    raise NotSent(f"{address.place} answers {answer.status}{later}: {said}")


def decoded(address: Address, answer: Answer) -> dict[str, Any]:
    """The answer's JSON object.

    Raises:
        SourceTrouble: it is none.
    """
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SourceTrouble(f"{address.place} answers {answer.media} instead of JSON")
    return value


def plain(text: str) -> str:
    """Text as it was before the observer made it fit for HTML, without control characters."""
    text = "".join(c for c in text if c in "\n\t" or c.isprintable())
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def shortened(text: str, limit: int) -> str:
    """The beginning, where it is too long."""
    return text if len(text) <= limit else text[: limit - 1] + "\u2026"
