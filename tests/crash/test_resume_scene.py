"""Case 2, the seed's own acceptance check: one crash around an approved, irreversible action."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.crash.proof.scene import ACTION, SESSION, VARIANTS, play

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both scenes were written."""
    folder = tmp_path_factory.mktemp("scene")
    play(folder / "played", folder / "runs")
    return folder / "runs"


@pytest.fixture(scope="module")
def trace(runs: Path) -> dict[str, dict[str, Any]]:
    """Both variants of the crash as they were written."""
    scene = json.loads((runs / "crash-resume.json").read_text())
    return {variant["killed"]: variant for variant in scene["variants"]}


@pytest.fixture(scope="module")
def clean(runs: Path) -> dict[str, Any]:
    """The same without a crash."""
    return json.loads((runs / "clean-run.json").read_text())


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


@pytest.mark.parametrize("killed", VARIANTS)
def test_the_trees_of_the_clean_and_the_crashed_scene_are_equal_but_for_the_cut(
    clean: dict[str, Any], trace: dict[str, dict[str, Any]], killed: str
) -> None:
    """Case 43: the resumed run is a tree of its own, begun where the other one was cut."""
    spans = trace[killed]["after_restart"]["spans"]
    resumed = trace[killed]["after_restart"]["runs"][-1]["trace_id"]
    cut = [span for span in spans if span["result_status"] == "interrupted"]
    [first] = [
        span for span in spans if span["trace_id"] == resumed and span["parent_span_id"] is None
    ]
    assert (first["name"], first["step_index"]) == (cut[0]["name"], cut[0]["step_index"])

    first["parent_span_id"] = cut[0]["parent_span_id"]
    assert branches([span for span in spans if span not in cut]) == branches(clean["spans"])


def branches(spans: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Each span by its place and kind, below its parent's; without ids, times and figures."""
    places = {span["span_id"]: (span["step_index"], span["name"]) for span in spans}
    return sorted(
        (
            span["step_index"],
            span["span_kind"],
            span["name"],
            span["result_status"],
            places.get(span["parent_span_id"], (0, "")),
        )
        for span in spans
    )
