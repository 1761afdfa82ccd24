"""Keep this server's own credentials out of what it says."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from mcp_servers.sections import Sections

MASK = "[masked]"
_SHORTEST_SECRET = 4


class Mask:
    """Knows every credential of the settings, in each form in which it travels."""

    def __init__(self, sections: Sections, secrets: Iterable[str] = ()) -> None:
        told = sections.telemetry.prometheus
        self._files = (
            [f for f in (told.bearer_token_file, told.basic_auth_file) if f] if told else []
        )
        loki = sections.telemetry.loki
        urls = [told.url] if told else []
        urls += [loki.url] if loki else []
        urls += [r.url for r in sections.platform.redis.values()]
        urls += [sections.platform.supervisor.url] if sections.platform.supervisor else []
        urls += [sections.channels.webhook.url] if sections.channels.webhook else []
        self._fixed = {form for url in urls for form in _of_url(url)}
        self._fixed |= {form for secret in secrets for form in forms("", secret)}

    def text(self, value: str) -> str:
        """The text without any credential; token files are read again, they change."""
        return _masked(value, self._held())

    def value(self, value: Any) -> Any:
        """The same at any depth of a JSON value."""
        return _masked(value, self._held())

    def _held(self) -> list[str]:
        held = self._fixed.union(*(_of_file(name) for name in self._files))
        return sorted(held, key=len, reverse=True)


def _masked(value: Any, held: list[str]) -> Any:
    if isinstance(value, str):
        for form in held:
            value = value.replace(form, MASK)
        return value
    if isinstance(value, dict):
        return {_masked(str(key), held): _masked(item, held) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, held) for item in value]
    return value


def credentials(url: str) -> tuple[str, str] | None:
    """User name and password of an address, decoded; None where it has none."""
    before, at, _ = urlsplit(url).netloc.rpartition("@")
    if not at:
        return None
    user, _, password = before.partition(":")
    return unquote(user), unquote(password)


def _of_url(url: str) -> set[str]:
    try:
        pair = credentials(url)
    except ValueError:
        return set()
    return forms(*pair) if pair else set()


def _of_file(name: str) -> set[str]:
    try:
        text = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return set()
    user, colon, password = text.partition(":")
    return forms(user, password) | forms("", text) if colon else forms("", text)


def forms(user: str, password: str) -> set[str]:
    """Each form in which a password travels."""
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    alone = base64.b64encode(password.encode()).decode()
    said = {password, quote(password, safe=""), json.dumps(password)[1:-1], basic, alone}
    return {form for form in said if len(form) >= _SHORTEST_SECRET}
