"""GitHub: one issue an incident, found again by a marker and then commented, never doubled."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from mcp.server.fastmcp import FastMCP

from mcp_servers.backends.bounded_http import Address, Answer, exchange
from mcp_servers.backends.notification_log import Sent
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.channels.contract import (
    REACHES_PEOPLE,
    Begun,
    Delivered,
    Deliveries,
    IncidentKey,
    Key,
    Secrets,
    Words,
    accepted,
    decoded,
    plain,
    post_json,
    shortened,
)
from mcp_servers.sections import GitHub

TOOL = "open_github_issue"
LABEL = "pipeline-observer"
_LONGEST_TITLE = 256
_LONGEST_BODY = 60_000
_PAGE = 100
_MOST_PAGES = 10
_CLOCKS_APART_S = 120
_MARKER = re.compile(r"<!-- pipeline-observer incident=([0-9a-f]{32}) key=([0-9a-f]{32}) -->")
_FENCES = re.compile(r"`{3,}")


class IssueWritten(Delivered):
    """An issue that was opened, or got a comment."""

    incident_id: str
    """What the observer calls its ticket."""
    url: str


def marker(incident_key: str, key: str) -> str:
    """What a text of ours begins with, invisible to a reader."""
    return f"<!-- pipeline-observer incident={_digest(incident_key)} key={_digest(key)} -->"


def written(incident_key: str, key: str, body: str) -> str:
    """A text for GitHub: fenced, so that nothing in it is a mention, a link or a marker."""
    text = shortened(plain(body), _LONGEST_BODY)
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCES.findall(text))])
    return f"{marker(incident_key, key)}\n{fence}text\n{text}\n{fence}\n"


def marks(text: object) -> tuple[str, str] | None:
    """Incident and key of a text that begins with a marker; one further down was not ours."""
    found = _MARKER.match(text) if isinstance(text, str) else None
    return None if found is None else (found[1], found[2])


class Issues:
    """The issues of one repository that carry our label."""

    def __init__(self, settings: GitHub, token: str, deliveries: Deliveries) -> None:
        self._address = Address.parse(settings.api_url, "GitHub")
        self._repo = settings.repo
        self._log = deliveries.log
        self._headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/vnd.github+json",
            "x-github-api-version": "2022-11-28",
            "user-agent": "pipeline-observer",
        }

    async def send(
        self, title: str, body: str, incident_key: str, key: str, begun: Begun
    ) -> IssueWritten:
        """Open the incident's issue, or comment on the one that there is."""
        text = written(incident_key, key, body)
        issue = await self._issue_of(incident_key)
        if issue is not None:
            number = issue.get("number")
            said = await self._post(f"/issues/{number}/comments", {"body": text}, begun)
            return self._written(number, said, "commented")
        line = shortened(" ".join(plain(title).split()), _LONGEST_TITLE)
        new = {"title": line, "body": text, "labels": [LABEL]}
        said = await self._post("/issues", new, begun)
        return self._written(said.get("number"), said, "opened")

    async def ask(self, sent: Sent) -> IssueWritten | None:
        """Look for the key in the incident's issue and its comments."""
        issue = await self._issue_of(sent.about)
        if issue is None:
            return None
        wanted = (_digest(sent.about), _digest(sent.key))
        if marks(issue.get("body")) == wanted:
            return self._written(issue.get("number"), issue, "opened")
        since = datetime.fromtimestamp(sent.at - _CLOCKS_APART_S, UTC)
        params = {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
        async for comment in self._pages(f"/issues/{issue.get('number')}/comments", params):
            if marks(comment.get("body")) == wanted:
                return self._written(issue.get("number"), comment, "commented")
        return None

    async def _issue_of(self, incident_key: str) -> dict[str, Any] | None:
        """The incident's issue: the one that we know of, else the one that is found.

        By list, not by search: what was written a moment ago is not in the search yet.
        """
        known = self._log.latest(TOOL, incident_key)
        reference = str((known.result or {}).get("reference")) if known else ""
        if reference.isdecimal() and (issue := await self._known(reference)) is not None:
            return issue
        wanted = _digest(incident_key)
        params = {"state": "all", "labels": LABEL, "sort": "created", "direction": "desc"}
        async for issue in self._pages("/issues", params):
            found = marks(issue.get("body"))
            if found is not None and found[0] == wanted and "pull_request" not in issue:
                return issue
        return None

    async def _known(self, number: str) -> dict[str, Any] | None:
        """An issue by its number; people delete them, and move them elsewhere."""
        answer = await self._get(f"/issues/{number}", {})
        if answer.status in (301, 404, 410):
            return None
        return decoded(self._address, accepted(self._address, answer))

    async def _pages(self, path: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            asked = {**params, "per_page": str(_PAGE), "page": str(page)}
            answer = accepted(self._address, await self._get(path, asked))
            try:
                rows = json.loads(answer.body)
            except (ValueError, RecursionError):
                rows = None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise SourceTrouble(f"{self._address.place} answers something else than a list")
            for row in rows:
                yield row
            if len(rows) < _PAGE:
                return

    async def _get(self, path: str, params: dict[str, str]) -> Answer:
        return await exchange(
            self._address, f"/repos/{self._repo}{path}", params=params, headers=self._headers
        )

    async def _post(self, path: str, body: dict[str, Any], begun: Begun) -> dict[str, Any]:
        answer = await post_json(
            self._address, f"/repos/{self._repo}{path}", body, begun, headers=self._headers
        )
        return decoded(self._address, answer)

    def _written(self, number: object, said: dict[str, Any], what: str) -> IssueWritten:
        return IssueWritten(
            channel="github",
            where=self._repo,
            reference=str(number),
            incident_id=f"{self._repo}#{number}",
            url=str(said.get("html_url")),
            result=what,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def offer(server: FastMCP, settings: GitHub, secrets: Secrets, deliveries: Deliveries) -> None:
    """Add the channel's tool."""
    issues = Issues(settings, secrets[settings.token_env], deliveries)
    deliveries.offers(TOOL, issues.ask)

    @server.tool(annotations=REACHES_PEOPLE)
    async def open_github_issue(
        title: Words, body: Words, incident_key: IncidentKey, idempotency_key: Key
    ) -> IssueWritten:
        """Open an issue for what a person must decide, or comment on the incident's own issue.

        Not for routine information. Which repository it is cannot be chosen here.
        """
        return await deliveries.once(
            TOOL,
            idempotency_key,
            lambda begun: issues.send(title, body, incident_key, idempotency_key, begun),
            IssueWritten,
            about=incident_key,
        )
