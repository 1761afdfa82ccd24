"""What a tool server answered, read as a success or a failure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mcp.types import CallToolResult, TextContent

from observer.domain.calls import CallStatus

UNCLEAR = "(unknown)"
"""With this word a tool's error begins where the effect may have happened all the same."""

_ANSWER_LIMIT = 262_144


@dataclass(frozen=True)
class Reply:
    """What a tool server answered, or how it failed to.

    `reached` is false when the call certainly never got to a server.
    """

    status: CallStatus
    payload: dict[str, Any] | None
    text: str
    reached: bool = True


def reply_from(result: CallToolResult) -> Reply:
    """What an answer means: a tool's own error is an error, in whatever way it says so."""
    text = "\n".join(c.text for c in result.content if isinstance(c, TextContent))
    payload = result.structuredContent
    length = max(len(text), len(json.dumps(payload, ensure_ascii=False)))
    if length > _ANSWER_LIMIT:
        return Reply(CallStatus.UNKNOWN, None, f"the answer has {length} characters, too many")
    if result.isError:
        # The SDK writes the tool's name and a colon before the tool's own words.
        unclear = text.partition(": ")[2].startswith(UNCLEAR) or text.startswith(UNCLEAR)
        return Reply(CallStatus.UNKNOWN if unclear else CallStatus.ERROR, None, text)
    if _says_error(payload, text):
        return Reply(CallStatus.ERROR, payload, text)
    return Reply(CallStatus.SUCCESS, payload, text)


def reply_from_result(result: Any) -> Reply:
    """What a backend keeps under a key, judged as the answer that it was."""
    if not isinstance(result, dict):
        return Reply(CallStatus.UNKNOWN, None, "the backend keeps no result under the key")
    status = CallStatus.ERROR if _says_error(result, "") else CallStatus.SUCCESS
    return Reply(status, result, json.dumps(result))


def _says_error(payload: dict[str, Any] | None, text: str) -> bool:
    """Some tools report a failure in words: redis-cli prints ERR and exits with 0."""
    said = [text, *(v for v in (payload or {}).values() if isinstance(v, str))]
    return any(words.lstrip().startswith(("ERR ", "ERR:", "(error)")) for words in said)
