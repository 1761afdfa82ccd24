"""Slack, by an incoming webhook or by chat.postMessage."""

import hashlib
import re
from typing import Any
from urllib.parse import urlsplit

from mcp.server.fastmcp import FastMCP

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.notification_log import Sent
from mcp_servers.backends.trouble import WrongParameters
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
    accepted,
    decoded,
    plain,
    post_json,
    shortened,
)
from mcp_servers.sections import Slack

TOOL = "post_slack_message"
_LONGEST = 7000
"""Escaped, it is still less than the 40,000 characters at which Slack cuts."""
_EVENT = "observer_notification"
_CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]{7,}")
_CLOCKS_APART_S = 120


def inert(message: str) -> str:
    """Text in which nothing is a mention or a link, whoever wrote it."""
    text = shortened(plain(message), _LONGEST)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Webhooks ignore `parse`: a word joiner keeps an address from becoming a link.
    return text.replace("://", ":\u2060//")


def _content(message: str) -> dict[str, Any]:
    quiet = {"mrkdwn": False, "link_names": False, "unfurl_links": False, "unfurl_media": False}
    return {"text": inert(message), "parse": "none", **quiet}


class Webhook:
    """A webhook: it belongs to one channel, and cannot be asked what arrived."""

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url, "Slack", held=(url, urlsplit(url).path))

    async def send(self, message: str, key: str, begun: Begun) -> Delivered:
        """Post a message."""
        answer = await post_json(self._address, "", _content(message), begun)
        if answer.body.strip() != b"ok":
            raise NotSent(f"Slack answers {shortened(answer.body.decode(errors='replace'), 200)}")
        return Delivered(channel="slack", where="webhook", result="posted")

    async def ask(self, sent: Sent) -> Delivered | None:
        """Nobody can be asked."""
        raise CannotTell("a Slack webhook does not say whether a message arrived")


class Api:
    """A bot's token: what it posted is found again by its metadata, where its scopes allow."""

    def __init__(self, settings: Slack, token: str, deliveries: Deliveries) -> None:
        self._address = Address.parse(settings.api_url, "Slack")
        self._headers = {"authorization": f"Bearer {token}"}
        self._channel = settings.channel or ""
        self._log = deliveries.log

    async def send(self, message: str, key: str, begun: Begun) -> Delivered:
        """Post a message."""
        body = {
            "channel": self._channel,
            **_content(message),
            "metadata": {"event_type": _EVENT, "event_payload": {"key": _mark(key)}},
        }
        answer = await post_json(
            self._address, "/chat.postMessage", body, begun, headers=self._headers
        )
        said = decoded(self._address, answer)
        if said.get("ok") is not True:
            raise NotSent(f"Slack refuses the message: {shortened(str(said.get('error')), 100)}")
        return self._delivered(str(said.get("channel")), str(said.get("ts")))

    async def ask(self, sent: Sent) -> Delivered | None:
        """Look for the message among the channel's newest."""
        channel = self._channel_id()
        params = {
            "channel": channel,
            "include_all_metadata": "true",
            "oldest": str(sent.at - _CLOCKS_APART_S),
            "limit": "200",
        }
        answer = await exchange(
            self._address, "/conversations.history", params=params, headers=self._headers
        )
        said = decoded(self._address, accepted(self._address, answer))
        if said.get("ok") is not True:
            why = shortened(str(said.get("error")), 100)
            raise CannotTell(f"Slack does not show what the channel holds: {why}")
        for message in said.get("messages") or []:
            metadata = message.get("metadata") or {}
            payload = metadata.get("event_payload") or {}
            if metadata.get("event_type") == _EVENT and payload.get("key") == _mark(sent.key):
                return self._delivered(channel, str(message.get("ts")))
        if said.get("has_more"):
            raise CannotTell("too much was written in the channel since")
        return None

    def _channel_id(self) -> str:
        if _CHANNEL_ID.fullmatch(self._channel):
            return self._channel
        # Slack takes names for posting only; what was posted before says the id.
        last = self._log.latest(TOOL, "")
        result = last.result if last is not None and last.result is not None else {}
        channel, slash, _ = str(result.get("reference")).partition("/")
        if not slash or result.get("where") != self._channel:
            raise CannotTell(f"write the id of {self._channel} instead of its name, to be able to")
        return channel

    def _delivered(self, channel: str, ts: str) -> Delivered:
        reference = f"{channel}/{ts}"
        return Delivered(channel="slack", where=self._channel, reference=reference, result="posted")


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def offer(server: FastMCP, settings: Slack, secrets: Secrets, deliveries: Deliveries) -> None:
    """Add the channel's tool."""
    if settings.webhook_url_env is not None:
        slack: Webhook | Api = Webhook(secrets[settings.webhook_url_env])
    elif settings.token_env is not None and settings.channel is not None:
        slack = Api(settings, secrets[settings.token_env], deliveries)
    else:
        raise WrongParameters("slack: write webhook_url_env, or token_env with channel")
    deliveries.offers(TOOL, slack.ask)

    @server.tool(annotations=REACHES_PEOPLE)
    async def post_slack_message(message: Words, idempotency_key: Key) -> Delivered:
        """Tell the configured Slack channel what happened and what was done.

        Not for what must wake somebody. Which channel it is cannot be chosen here.
        """
        return await deliveries.once(
            TOOL,
            idempotency_key,
            lambda begun: slack.send(message, idempotency_key, begun),
            Delivered,
        )
