"""What a tool server's answer means."""

from __future__ import annotations

import pytest
from mcp.types import CallToolResult, TextContent

from observer.domain.calls import CallStatus
from observer.gateway.replies import reply_from


@pytest.mark.parametrize(
    ("text", "is_error", "status"),
    [
        ("done", False, CallStatus.SUCCESS),
        ("ERR no such command", False, CallStatus.ERROR),
        ("(unknown) is a word like others here", False, CallStatus.SUCCESS),
        ("Error executing tool a: it is down", True, CallStatus.ERROR),
        ("Error executing tool a: (unknown) it may be down", True, CallStatus.UNKNOWN),
        ("(unknown) it may be down", True, CallStatus.UNKNOWN),
        ("Error executing tool a: it said: (unknown) word", True, CallStatus.ERROR),
    ],
)
def test_an_error_is_a_failure_unless_it_says_that_nobody_can_tell(
    text: str, is_error: bool, status: CallStatus
) -> None:
    """Case 26: the outcome of a write that may have happened is unknown."""
    content = [TextContent(type="text", text=text)]
    assert reply_from(CallToolResult(content=content, isError=is_error)).status is status


def test_an_answer_that_is_too_large_is_not_read_in_whatever_part_it_is() -> None:
    content = [TextContent(type="text", text="see the rows")]
    large = CallToolResult(content=content, structuredContent={"rows": ["x" * 1024] * 257})
    assert reply_from(large).status is CallStatus.UNKNOWN
    assert reply_from(large).payload is None
    enough = CallToolResult(content=content, structuredContent={"rows": ["x" * 1024] * 200})
    assert reply_from(enough).status is CallStatus.SUCCESS
