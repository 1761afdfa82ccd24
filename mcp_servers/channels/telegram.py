"""Telegram: a bot's messages to one chat, with buttons where a person is asked."""

from typing import Annotated, Any

from mcp.server.fastmcp import FastMCP
from pydantic import Field

from mcp_servers.backends.bounded_http import Address
from mcp_servers.backends.notification_log import Sent
from mcp_servers.channels.contract import (
    REACHES_PEOPLE,
    Begun,
    CannotTell,
    Delivered,
    Deliveries,
    Key,
    NotSent,
    Secrets,
    Words,
    decoded,
    plain,
    post_json,
    shortened,
)
from mcp_servers.sections import Telegram

TOOL = "send_telegram_message"
_LONGEST = 4096

ApprovalId = Annotated[
    str,
    # With `approve:` before it, a button takes 64 bytes.
    Field(max_length=56, pattern=r"^[A-Za-z0-9_.:-]*$", description="Adds approve and reject"),
]


def fitting(text: str) -> str:
    """As much as one message takes; Telegram counts in UTF-16."""
    text = shortened(text, _LONGEST)
    while len(text.encode("utf-16-le")) // 2 > _LONGEST:
        text = shortened(text, len(text) - 1)
    return text


def buttons(approval_id: str) -> dict[str, Any]:
    """Approve and reject, for one question."""
    row = [
        {"text": word.capitalize(), "callback_data": f"{word}:{approval_id}"}
        for word in ("approve", "reject")
    ]
    return {"inline_keyboard": [row]}


class Bot:
    """A bot that writes to one chat."""

    def __init__(self, settings: Telegram, token: str) -> None:
        self._address = Address.parse(settings.api_url, "Telegram", held=(token,))
        self._token = token
        self._chat_id = settings.chat_id

    async def send(self, message: str, approval_id: str, begun: Begun) -> Delivered:
        """Send one message."""
        body: dict[str, Any] = {
            "chat_id": self._chat_id,
            # Without a parse_mode nothing in the text is a command to Telegram.
            "text": fitting(plain(message)),
            "link_preview_options": {"is_disabled": True},
        }
        if approval_id:
            body["reply_markup"] = buttons(approval_id)
        answer = await post_json(self._address, f"/bot{self._token}/sendMessage", body, begun)
        said = decoded(self._address, answer)
        if said.get("ok") is not True:
            why = shortened(str(said.get("description")), 200)
            raise NotSent(f"Telegram refuses the message: {why}")
        number = str((said.get("result") or {}).get("message_id"))
        return Delivered(channel="telegram", where=self._chat_id, reference=number, result="sent")

    async def ask(self, sent: Sent) -> Delivered | None:
        """Nobody can be asked."""
        raise CannotTell("Telegram does not say whether a message arrived")


def offer(server: FastMCP, settings: Telegram, secrets: Secrets, deliveries: Deliveries) -> None:
    """Add the channel's tool."""
    bot = Bot(settings, secrets[settings.token_env])
    deliveries.offers(TOOL, bot.ask)

    @server.tool(annotations=REACHES_PEOPLE)
    async def send_telegram_message(
        message: Words, idempotency_key: Key, approval_id: ApprovalId = ""
    ) -> Delivered:
        """Tell the configured Telegram chat; with approval_id people there can answer by a press.

        Not for what must wake somebody. Which chat it is cannot be chosen here.
        """
        return await deliveries.once(
            TOOL,
            idempotency_key,
            lambda begun: bot.send(message, approval_id, begun),
            Delivered,
        )
