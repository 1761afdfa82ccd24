"""Case 2, the seed's own acceptance check: one crash around an approved, irreversible action."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.crash.proof.scene import ACTION, SESSION, VARIANTS, play

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Both variants as they were written."""
    folder = tmp_path_factory.mktemp("scene")
    file = folder / "runs" / "crash-resume.json"
    play(folder / "played", file)
    return {variant["killed"]: variant for variant in json.loads(file.read_text())["variants"]}


@pytest.mark.parametrize("killed", VARIANTS)
def test_the_run_goes_on_at_the_iteration_where_it_was_cut(
    trace: dict[str, dict[str, Any]], killed: str
) -> None:
    """Case 2 and 43: same iteration, same session, new trace; the cut run says interrupted."""
    before, after = trace[killed]["at_death"], trace[killed]["after_restart"]
    cut, resumed = after["runs"][-2:]
    steps = [
        span["step_index"] for span in after["spans"] if span["trace_id"] == resumed["trace_id"]
    ]

    assert min(steps) == before["next_iteration"] > 1
    assert [run["status"] for run in after["runs"]] == ["waiting_approval", "interrupted", "done"]
    assert before["runs"][-1] == {**cut, "status": "running"}
    assert len({run["trace_id"] for run in after["runs"]}) == 3
    assert {run["session_id"] for run in after["runs"]} == {SESSION}
    step, end = [span for span in after["spans"] if span["result_status"] == "interrupted"]
    assert (step["name"], step["span_kind"]) == ("remediate", "agent_step")
    assert (end["name"], end["parent_span_id"]) == ("final_response", step["span_id"])
    assert (step["trace_id"], step["step_index"]) == (cut["trace_id"], before["next_iteration"])
    # Nothing that was recorded is done or read again.
    done = [row for row in before["transitions"] if row["status"] == "done"]
    assert after["transitions"][: len(done)] == done


@pytest.mark.parametrize("killed", VARIANTS)
def test_the_action_is_one_under_one_key_with_the_backends_first_result(
    trace: dict[str, dict[str, Any]], killed: str
) -> None:
    """Case 2: the retry carries the same key, and its result is the one the backend gave."""
    before, after = trace[killed]["at_death"], trace[killed]["after_restart"]
    [action] = after["backend"]
    [row] = [row for row in after["transitions"] if row["tool_name"] == ACTION]
    [span] = [span for span in after["spans"] if span.get("tool_name") == ACTION]

    assert before["backend"] == ([action] if killed == "before the result" else [])
    assert action["result"]["clear_id"] == "cq-1"
    assert json.loads(row["result_summary"]) == json.loads(span["result_summary"])
    assert json.loads(row["result_summary"]) == action["result"]
    assert row["idempotency_key"] == action["idempotency_key"]
    assert span["args_redacted"]["idempotency_key"] == action["idempotency_key"]
    assert row["iteration"] == span["step_index"] == before["next_iteration"]
    if killed == "before the result":
        [intent] = [row for row in before["transitions"] if row["status"] == "intent"]
        assert (intent["idempotency_key"], intent["iteration"]) == (
            row["idempotency_key"],
            row["iteration"],
        )
