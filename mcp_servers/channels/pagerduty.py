"""PagerDuty's Events API v2: one incident there for each of ours."""

import hashlib

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
    NotSent,
    Secrets,
    Severity,
    Words,
    decoded,
    plain,
    post_json,
    shortened,
)
from mcp_servers.sections import PagerDuty

TOOL = "page_pagerduty"
_LONGEST_SUMMARY = 1024
_LONGEST_KEY = 255
_SEVERITIES = {"INFO": "info", "WARNING": "warning", "CRITICAL": "critical"}


def dedup_key(incident_key: str) -> str:
    """What PagerDuty knows an incident by; a long key is shortened to one of its own."""
    if len(incident_key) <= _LONGEST_KEY:
        return incident_key
    return hashlib.sha256(incident_key.encode()).hexdigest()


class Events:
    """The events of one integration."""

    def __init__(self, settings: PagerDuty, routing_key: str) -> None:
        self._address = Address.parse(settings.api_url, "PagerDuty", held=(routing_key,))
        self._routing_key = routing_key

    async def send(
        self, summary: str, severity: Severity, incident_key: str, begun: Begun
    ) -> Delivered:
        """Trigger the incident, or tell more of the one that there is."""
        event = {
            "routing_key": self._routing_key,
            "event_action": "trigger",
            "dedup_key": dedup_key(incident_key),
            "payload": {
                "summary": shortened(plain(summary), _LONGEST_SUMMARY),
                "source": "pipeline-observer",
                "severity": _SEVERITIES[severity],
            },
        }
        answer = await post_json(self._address, "/v2/enqueue", event, begun)
        said = decoded(self._address, answer)
        if said.get("status") != "success":
            raise NotSent(f"PagerDuty refuses the event: {shortened(str(said), 200)}")
        key = str(said.get("dedup_key"))
        return Delivered(channel="pagerduty", where="events", reference=key, result="triggered")

    async def ask(self, sent: Sent) -> Delivered | None:
        """The same event again joins its incident there, so it may be sent again."""
        return None


def offer(server: FastMCP, settings: PagerDuty, secrets: Secrets, deliveries: Deliveries) -> None:
    """Add the channel's tool."""
    events = Events(settings, secrets[settings.routing_key_env])
    deliveries.offers(TOOL, events.ask)

    @server.tool(annotations=REACHES_PEOPLE)
    async def page_pagerduty(
        summary: Words, severity: Severity, incident_key: IncidentKey, idempotency_key: Key
    ) -> Delivered:
        """Wake whoever is on call. The same incident_key joins the same incident.

        Not for what has already recovered. Which service it is cannot be chosen here.
        """
        return await deliveries.once(
            TOOL,
            idempotency_key,
            lambda begun: events.send(summary, severity, incident_key, begun),
            Delivered,
            about=incident_key,
        )
