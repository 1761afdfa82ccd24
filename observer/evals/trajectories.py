"""Compares the calls of a run with those that a label names, by agentevals' own matching."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from observer.domain.eval_case import WantedCall
from observer.evals.same_calls import SameCalls

Mode = Literal["strict", "unordered", "superset"]


def matches(
    mode: Mode, made: Sequence[WantedCall], wanted: Sequence[WantedCall], same_calls: SameCalls
) -> bool:
    """Whether the calls are those wanted: in order, in any order, or among others."""
    tools = {call.tool for call in wanted}
    by_tool = {tool: partial(same_calls.same, tool) for tool in tools}
    return bool(
        _evaluator(mode, by_tool)(
            outputs=_as_messages(made), reference_outputs=_as_messages(wanted)
        )["score"]
    )


def _evaluator(mode: Mode, by_tool: Mapping[str, Callable[..., bool]]) -> Callable[..., Any]:
    # It brings LangSmith's tracing with it: a trial tells nobody.
    os.environ["LANGSMITH_TRACING"] = "false"
    from agentevals.trajectory.match import create_trajectory_match_evaluator
    from agentevals.types import ToolArgsMatchOverrides

    overrides: ToolArgsMatchOverrides = {**by_tool}

    return create_trajectory_match_evaluator(
        trajectory_match_mode=mode, tool_args_match_overrides=overrides
    )


def _as_messages(calls: Sequence[WantedCall]) -> list[dict[str, Any]]:
    return [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": str(place),
                    "type": "function",
                    "function": {"name": call.tool, "arguments": json.dumps(call.args)},
                }
            ],
        }
        for place, call in enumerate(calls)
    ]
