"""Whatever takes JSON by HTTP, and does the same Idempotency-Key's work once."""

from mcp.server.fastmcp import FastMCP

from mcp_servers.backends.bounded_http import Address
from mcp_servers.backends.notification_log import Sent
from mcp_servers.channels.contract import (
    REACHES_PEOPLE,
    Begun,
    Delivered,
    Deliveries,
    IncidentKey,
    Key,
    Secrets,
    Severity,
    Words,
    plain,
    post_json,
)
from mcp_servers.sections import Webhook

TOOL = "post_webhook"


class Receiver:
    """One address."""

    def __init__(self, settings: Webhook, token: str | None) -> None:
        self._address = Address.parse(settings.url, "the webhook")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}

    async def send(
        self, title: str, body: str, severity: Severity, incident_key: str, key: str, begun: Begun
    ) -> Delivered:
        """Post one notification."""
        message = {
            "title": plain(title),
            "body": plain(body),
            "severity": severity,
            "incident_key": incident_key,
            "idempotency_key": key,
        }
        headers = {**self._headers, "idempotency-key": key.encode().decode("ascii", "replace")}
        answer = await post_json(self._address, "", message, begun, headers=headers)
        return Delivered(
            channel="webhook", where=self._address.place, result=f"answered {answer.status}"
        )

    async def ask(self, sent: Sent) -> Delivered | None:
        """The receiver knows the key, so it may be sent again."""
        return None


def offer(server: FastMCP, settings: Webhook, secrets: Secrets, deliveries: Deliveries) -> None:
    """Add the channel's tool."""
    token = secrets[settings.token_env] if settings.token_env is not None else None
    receiver = Receiver(settings, token)
    deliveries.offers(TOOL, receiver.ask)

    @server.tool(annotations=REACHES_PEOPLE)
    async def post_webhook(
        title: Words,
        body: Words,
        severity: Severity,
        incident_key: IncidentKey,
        idempotency_key: Key,
    ) -> Delivered:
        """Tell the configured webhook. The same incident_key is the same incident.

        Not for what must wake somebody. Where it goes cannot be chosen here.
        """
        return await deliveries.once(
            TOOL,
            idempotency_key,
            lambda begun: receiver.send(
                title, body, severity, incident_key, idempotency_key, begun
            ),
            Delivered,
            about=incident_key,
        )
