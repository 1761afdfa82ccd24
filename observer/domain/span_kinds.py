"""The kinds of span: apart from the span itself, for who only names them."""

from __future__ import annotations

from enum import StrEnum


class SpanKind(StrEnum):
    """The seed's five kinds."""

    AGENT_STEP = "agent_step"
    LLM_CALL = "llm_call"
    TOOL_CALL = "tool_call"
    RETRY = "retry"
    HITL_APPROVAL = "hitl_approval"
