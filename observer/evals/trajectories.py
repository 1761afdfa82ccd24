"""Compares the calls of a run with those that a label names, by agentevals' own matching."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

from observer.domain.eval_case import WantedCall

Mode = Literal["strict", "unordered", "superset"]


def matches(mode: Mode, made: Sequence[WantedCall], wanted: Sequence[WantedCall]) -> bool:
    """Whether the calls are those wanted: in order, in any order, or among others."""
    return bool(
        _evaluator(mode)(outputs=_as_messages(made), reference_outputs=_as_messages(wanted))[
            "score"
        ]
    )


@cache
def _evaluator(mode: Mode) -> Callable[..., Any]:
    # It brings LangSmith's tracing with it: a trial tells nobody.
    os.environ["LANGSMITH_TRACING"] = "false"
    from agentevals.trajectory.match import create_trajectory_match_evaluator

    return create_trajectory_match_evaluator(trajectory_match_mode=mode)


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
