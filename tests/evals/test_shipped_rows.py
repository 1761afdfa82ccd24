"""The shipped cases hold with the shipped configuration, and a broken one is caught by name."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from graph.build import build_graph, serializer
from observer.cli.app import app
from observer.evals.cases import read_cases
from observer.evals.replay import replay
from observer.evals.same_calls import SameCalls
from observer.evals.verdict import Verdict, judge
from observer.settings import load_configuration
from observer.settings.examples import write_example
from tests.evals.stack_scenes import write_config
from tests.observer_process import ROOT
from tests.stack.pipeline_config import edit
from tests.stack.pipeline_stack import SECRETS

pytestmark = pytest.mark.slow
LAB, STACK = ROOT / "evals" / "lab.jsonl", ROOT / "evals" / "stack.jsonl"

SKIPPED_BY_RESTART = """\
      type: automated
      steps:
        - {action: restart_process, args: {node: kafka_to_redis_consumer, reason: poison}}
        - {action: verify, check: "kafka_consumer_group_lag < 80", timeout: 5s}
"""


def verdicts(file: Path, config: Path, *names: str) -> dict[str, Verdict]:
    """What comes of the cases of these names, or of all."""
    cases, unlabelled = read_cases([file])
    assert unlabelled == 0
    configuration = load_configuration(config, config / "var")
    same_calls = SameCalls.under(configuration)

    async def tried() -> dict[str, Verdict]:
        found: dict[str, Verdict] = {}
        for case in cases:
            if case.label is not None and (not names or case.name in names):
                replayed = await replay(case, configuration, build_graph, serializer())
                found[case.name] = judge(case, case.label, replayed, same_calls)
        return found

    found = asyncio.run(tried())
    assert not names or set(found) == set(names)
    return found


@pytest.fixture(autouse=True)
def nothing_of_the_developers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVER_MODELS", "runbook")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """The command quietens the observer's log for good: its process is its own, this one is not."""
    log = logging.getLogger("observer")
    level = log.level
    yield
    log.setLevel(level)


def test_every_case_of_the_lab_holds_and_nothing_else_has_changed() -> None:
    found = verdicts(LAB, ROOT / "config")
    wrong = {n: v for n, v in found.items() if v.broken or v.changed or v.unrecorded}
    assert not wrong
    assert {v.outcome for v in found.values()} == {
        "resolved",
        "escalated",
        "acknowledged",
        "failed",
    }


def test_every_case_of_the_stack_holds_and_nothing_else_has_changed(tmp_path: Path) -> None:
    write_config(tmp_path / "config")
    found = verdicts(STACK, tmp_path / "config")
    assert not {n: v for n, v in found.items() if v.broken or v.changed or v.unrecorded}


def test_there_are_enough_cases_of_each_kind_and_each_says_why() -> None:
    rows = [json.loads(line) for file in (LAB, STACK) for line in file.read_text().splitlines()]
    assert len(rows) >= 25
    assert len({row["event_key"] for row in rows}) == len(rows)
    assert all(row["label"]["because"] and row["label"]["must_not"] for row in rows)
    reviewed = {row["hitl_override"]["decision"] for row in rows}
    assert reviewed >= {None, "approved", "edited", "rejected", "expired", "withdrawn"}
    assert {row["context"]["severity"] for row in rows} == {"INFO", "WARNING", "CRITICAL"}
    assert any(row["context"]["kill_switch"] for row in rows)


@pytest.mark.parametrize(
    ("file", "before", "after", "case", "line"),
    [
        (
            "known_errors.yaml",
            "unexpected field|unknown column",
            "no such line",
            "warning-known-error",
            "remedy: retry_failed_jobs, not ke-legacy-id",
        ),
        (
            "autonomy.yaml",
            "clear_queue: {level: approve",
            "clear_queue: {level: full",
            "queue-rejected",
            "must not: clear_queue was called",
        ),
        (
            "runbook.yaml",
            "severity: WARNING, remedy: retry_failed_jobs",
            "severity: WARNING, remedy: clear_queue",
            "warning-novel",
            "remedy: clear_queue, not retry_failed_jobs",
        ),
        (
            "runbook.yaml",
            "condition: error_rate_pct < 1",
            "condition: error_rate_pct < 50",
            "warning-nothing-helps",
            "outcome: resolved, not escalated",
        ),
        (
            "observer.yaml",
            "max_tries: 2 ",
            "max_tries: 1 ",
            "warning-second-idea",
            "outcome: escalated, not resolved",
        ),
        (
            "escalation.yaml",
            '"#data-pipeline", message: "WARNING: {{ summary }}"',
            '"#noise", message: "WARNING: {{ summary }}"',
            "warning-known-error",
            "(new: send_slack_alert(channel=#noise))",
        ),
    ],
    ids=["no known error", "loosened", "other remedy", "weak proof", "one try", "other channel"],
)
def test_a_changed_configuration_of_the_lab_is_caught(
    tmp_path: Path, file: str, before: str, after: str, case: str, line: str
) -> None:
    config = tmp_path / "config"
    write_example("lab", config)
    edit(config / file, {before: after})
    verdict = verdicts(LAB, config, case)[case]
    assert not verdict.passed
    assert any(line in broken for broken in verdict.broken), verdict.broken


@pytest.mark.parametrize("treatment", ["drop", "hash"])
def test_what_is_no_longer_written_down_breaks_no_case(tmp_path: Path, treatment: str) -> None:
    """A call is the recorded one as far as it can be told; a person's yes is still one."""
    config = tmp_path / "config"
    write_example("lab", config)
    policy = config / "redaction.yaml"
    before = "    arguments:\n      stage: {keep:"
    assert before in policy.read_text()
    policy.write_text(policy.read_text().replace(before, before.replace("keep", treatment)))
    found = verdicts(LAB, config, "warning-known-error", "queue-rejected", "queue-approved")
    assert not {n: v for n, v in found.items() if v.broken or v.changed or v.unrecorded}


@pytest.mark.parametrize(
    ("file", "before", "after", "case", "line"),
    [
        (
            "autonomy.yaml",
            "restart_process: {level: after_delay, delay: 2s,",
            "restart_process: {level: full,",
            "consumer-dead-rejected",
            "must not: restart_process was called",
        ),
        (
            "known_errors.yaml",
            "      type: escalate\n",
            SKIPPED_BY_RESTART,
            "poison-record",
            "must not: restart_process was called",
        ),
        (
            "known_errors.yaml",
            "redis_connected_clients > 280",
            "redis_connected_clients > 2800",
            "clients-exhausted",
            "outcome: escalated, not resolved",
        ),
    ],
    ids=["no patience", "acts", "wrong figure"],
)
def test_a_changed_configuration_of_the_stack_is_caught(
    tmp_path: Path, file: str, before: str, after: str, case: str, line: str
) -> None:
    config = tmp_path / "config"
    write_config(config)
    edit(config / file, {before: after})
    verdict = verdicts(STACK, config, case)[case]
    assert not verdict.passed
    assert any(line in broken for broken in verdict.broken), verdict.broken


def test_the_command_says_by_its_exit_code_what_became_of_the_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs_as_before: None
) -> None:
    monkeypatch.setenv("OBSERVER_CONFIG", str(ROOT / "config"))
    monkeypatch.setenv("OBSERVER_DATA_DIR", str(tmp_path / "var"))

    def evals_run(*args: str) -> Result:
        return CliRunner().invoke(app, ["evals", "run", *args])

    few = tmp_path / "few.jsonl"
    lines = LAB.read_text().splitlines(keepends=True)
    few.write_text("".join(line for line in lines if '"session_id": "queue-rejected"' in line))
    held = evals_run(str(few), "--json")
    assert held.exit_code == 0, held.output
    answer = json.loads(held.stdout)
    assert answer["summary"]["held"] == answer["summary"]["cases"] == 1
    assert [v["case"] for v in answer["verdicts"]] == ["queue-rejected"]

    loose = tmp_path / "config"
    write_example("lab", loose)
    edit(loose / "autonomy.yaml", {"clear_queue: {level: approve": "clear_queue: {level: full"})
    broken = evals_run(str(few), "--config", str(loose))
    assert broken.exit_code == 1
    assert "BROKEN  queue-rejected" in broken.stdout
    assert "labelled because a no is a no" in broken.stdout

    assert evals_run(str(tmp_path / "none.jsonl")).exit_code == 2
