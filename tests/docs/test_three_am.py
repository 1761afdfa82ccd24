"""docs/three-am.md: each command gives what it shows; and what spans alone tell of a run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from tests.docs.night import LARGE, SMALL, play
from tests.flows.scenes import rows
from tests.observer_process import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "three-am.md").read_text()
SHOWN = [
    (command, output)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.S)
    for command, output in re.findall(r"^\$ observer (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
]


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the night; no daemon runs."""
    return play(tmp_path_factory.mktemp("night"))


@pytest.fixture
def ask(night: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """Run a command line on the night's records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OBSERVER_DATA_DIR", str(night))

    def ask(line: str, *, exit_code: int = 0) -> str:
        command, _, lines = line.partition(" | tail -")
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == exit_code, result.output
        return "".join(result.output.splitlines(keepends=True)[-int(lines or 0) :])

    yield ask


def words(text: str) -> Counter[str]:
    """What is the same on every night: no moments, ids, durations and shares, no line breaks."""
    for pattern, name in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "WHEN"),
        (r"\b[0-9a-f]{8,32}\b", "ID"),
        (r"\d+(\.\d+)?\s+(ms|s|min)\b(\s+\d+ s)?", "TOOK"),
        (r"\d+\s+%", "SHARE"),
        (r"<- slowest", ""),
        (r"(- model \S+ +\w+).*", r"\1"),
        (r"slowest: .*?\(", "slowest: ("),
        (r"(?m)^(.{40}).*\.\.\.$", r"\1"),
        (r"─+", ""),
    ):
        text = re.sub(pattern, name, text)
    return Counter(text.split())


@pytest.mark.parametrize(("command", "output"), SHOWN, ids=[command for command, _ in SHOWN])
def test_each_command_of_the_page_gives_what_the_page_shows(
    ask: Any, command: str, output: str
) -> None:
    assert words(ask(command)) == words(output)


def test_the_page_shows_an_output_for_every_command() -> None:
    assert len(SHOWN) >= 12
    assert [command for command, output in SHOWN if not output.strip()] == []


def test_the_slowest_span_of_a_novel_warning_is_the_model(ask: Any) -> None:
    (run,) = json.loads(ask("trace acme-1 --json"))["runs"]
    assert (run["slowest"]["layer"], run["slowest"]["name"]) == ("model", f"openai:{SMALL}")
    assert run["totals"]["models_ms"] > run["totals"]["tools_ms"]


def test_another_model_and_another_prompt_are_rows_of_their_own(ask: Any) -> None:
    """Acceptance: a changed prompt file or model shows in the roll-up without a further word."""
    models = json.loads(ask("traces --group-by model_version --json"))["groups"]
    prompts = json.loads(ask("traces --group-by prompt_version_hash --json"))["groups"]
    assert {row["group"]: row["count"] for row in models} == {SMALL: 4, LARGE: 1}
    assert sorted(row["count"] for row in prompts) == [1, 4]


def test_a_cut_run_and_the_one_that_went_on_are_both_there(ask: Any) -> None:
    """Case 43: same session, new trace, both found by the session and each by its own id."""
    found = json.loads(ask("trace queue-1 --json"))
    asked, cut, resumed = found["runs"]
    assert [run["status"] for run in found["runs"]] == ["waiting", "interrupted", "success"]
    assert resumed["goes_on_with"] == cut["trace_id"] != resumed["trace_id"]
    assert cut["failing"]["layer"] == "process"
    *_, step, final = cut["spans"]
    assert (step["result_status"], final["name"]) == ("interrupted", "final_response")
    assert step["step_index"] == resumed["spans"][0]["step_index"] > 1
    (answer,) = [span for span in cut["spans"] if span["span_kind"] == "hitl_approval"]
    assert cut["started_ms"] > answer["timestamp_ms"], "the wait for the answer is not its time"
    for run in (asked, cut, resumed):
        (alone,) = json.loads(ask(f"trace {run['trace_id'][:10]} --json"))["runs"]
        assert alone["trace_id"] == run["trace_id"]
    assert {span["session_id"] for run in found["runs"] for span in run["spans"]} == {"queue-1"}


def test_parallel_readings_share_their_step_and_not_their_span(ask: Any) -> None:
    """Case 42."""
    (run,) = json.loads(ask("trace acme-1 --json"))["runs"]
    steps = [span for span in run["spans"] if span.get("parallel")]
    assert [step["name"] for step in steps] == ["observe", "observe"]
    assert len({step["step_index"] for step in steps}) == 1
    calls = [
        span for span in run["spans"] if span["parent_span_id"] in {s["span_id"] for s in steps}
    ]
    assert {call["tool_name"] for call in calls} == {"get_stage_metrics", "get_recent_errors"}
    assert len({span["span_id"] for span in [*steps, *calls]}) == 4


@pytest.mark.parametrize("session", ["acme-1", "globex-1", "queue-1", "acme-2"])
def test_the_spans_alone_say_what_the_journal_and_the_ledger_say(
    ask: Any, night: Path, session: str
) -> None:
    """Whoever has only the output of `observer trace` can say what the agent did, and why."""
    text = ask(f"trace {session}")
    decided = [
        (line["node"], line["step"], line["because"])
        for line in journal(night, session)
        if line["kind"] in ("classified", "ruling", "decision")
    ]
    told = steps_in(text)
    assert [(name, number, why) for name, number, why in told if (name, number, why) in decided]
    assert Counter(seen(one) for one in told) == Counter(seen(one) for one in decided)

    called = re.findall(r"^      - tool (\w+)  (\w+)", text, re.M)
    ledger = rows(
        night / "observer.db",
        "SELECT tool_name, result_status FROM state_transitions WHERE session_id = ? ORDER BY id",
        session,
    )
    assert Counter(called) == Counter(ledger)
    outcome = rows(
        night / "observer.db", "SELECT outcome FROM sessions WHERE session_id = ?", session
    )
    assert re.findall(r"^    \w+: (\w+)  ", text, re.M)[-1] == outcome[0][0]


def steps_in(text: str) -> list[tuple[str, int, str]]:
    """Name, number and reason of each step that was done, read as a person reads them."""
    found = re.findall(
        r"^ *(\d+)[ |] (\w+) +(\w+) +[\d.]+ \w+.*\n((?:      [^ -].*\n)*)", text, re.M
    )
    return [
        (name, int(number), " ".join(why.split()))
        for number, name, status, why in found
        if status != "interrupted" and why
    ]


def seen(decision: tuple[str, int, str]) -> tuple[str, int, str]:
    """A decision up to where a span's reason is cut."""
    name, number, why = decision
    return name, number, " ".join(why.split())[:290]


def journal(night: Path, session: str) -> list[dict[str, Any]]:
    files = sorted((night / "journal").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [line for line in lines if line["session_id"] == session]


@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("trace nobody", 1, "no session has the id 'nobody'"),
        ("trace acme-1 --tenant globex", 1, "no session has the id 'acme-1'"),
        ("traces --tool nothing", 0, "No span matches."),
        ("traces --since yesterday", 2, "'yesterday' is no moment"),
        ("traces --tool x --group-by model_version", 2, "no span has all of it"),
        ("traces --until 2020-01-01", 0, "No run matches."),
    ],
)
def test_what_is_not_there_or_cannot_be_asked_is_said(
    ask: Any, line: str, exit_code: int, said: str
) -> None:
    assert said in ask(line, exit_code=exit_code)


def test_csv_json_and_page_hold_the_same_runs(ask: Any, tmp_path: Path) -> None:
    listed = json.loads(ask("traces --json"))["runs"]
    header, *lines = ask("traces --csv -").splitlines()
    assert header.split(",")[:2] == ["trace_id", "session_id"]
    assert [line.split(",")[0] for line in lines] == [run["trace_id"] for run in listed]
    assert ask("traces --until 2020-01-01 --csv -").splitlines() == [header]
    ask("trace queue-1 --html queue.html")
    page = (tmp_path / "queue.html").read_text()
    assert page.count("<h2>") == 3
    assert "failing layer: process remediate: interrupted" in page
