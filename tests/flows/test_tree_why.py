"""`observer tree why` on the lab, through the real tool server, with and without a daemon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.observer_process import ROOT, ObserverProcess

pytestmark = pytest.mark.slow
CHAIN = ["pipeline_freshness", "indexing", "loading", "validation", "transformation"]


def why(data_dir: Path, name: str = "pipeline_freshness", *more: str) -> Any:
    command = [sys.executable, "-m", "observer.cli.app", "tree", "why", name, *more]
    done = subprocess.run(
        [*command, "--data-dir", str(data_dir)], cwd=ROOT, capture_output=True, text=True
    )
    return done if "--json" not in more else json.loads(done.stdout)


def test_it_finds_the_degraded_stage_at_the_end_of_the_chain_and_clears_the_others(
    tmp_path: Path,
) -> None:
    found = why(tmp_path, "pipeline_freshness", "--json")

    (cause,) = found["causes"]
    assert (cause["node"], cause["path"]) == ("transformation", CHAIN)
    assert "error_rate_pct is 3.2" in cause["because"]
    assert {look["node"] for look in found["excluded"]} == {*CHAIN[1:-1], "ingestion"}
    assert not (tmp_path / "pipeline" / "actions.jsonl").exists()


def test_the_deepest_of_several_ill_stages_is_the_cause_also_beside_a_daemon(
    tmp_path: Path,
) -> None:
    with ObserverProcess(tmp_path / "var") as observer:
        stages = dict.fromkeys([*CHAIN[1:], "ingestion"], "healthy")
        ill = {**stages, "indexing": "degraded", "ingestion": "failed"}
        state = observer.data_dir / "pipeline" / "pipeline_state.json"
        state.write_text(json.dumps({"stages": {**ill, "loading": "degraded"}}))

        said = why(observer.data_dir)

    assert said.returncode == 0, said.stderr
    lines = said.stdout.splitlines()
    assert lines[0].startswith("Found: loading: error_rate_pct is 3.2 (< 1); what it stands on")
    assert any(line.startswith("Ill because of something else: indexing") for line in lines)
    assert any(line.startswith("Cleared: validation") for line in lines)


def test_a_name_that_the_tree_does_not_have_is_exit_1(tmp_path: Path) -> None:
    done = why(tmp_path, "moon")
    assert done.returncode == 1
    assert "no metric or node 'moon'" in done.stderr
