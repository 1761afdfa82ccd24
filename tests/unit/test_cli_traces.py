"""`observer traces` and its neighbours: a wrong word is never taken for good news."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.cli.costs import GAP, bar, room_for_bars
from observer.domain.span import SpanKind
from observer.records.spans import store
from tests.synthetic_spans import a_span, records

TRACE = "trace-1"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Records with one failed call of a tool."""
    folder = tmp_path / "var"
    folder.mkdir()
    with closing(records(folder / "observer.db")) as database:
        store(database, [a_span(SpanKind.TOOL_CALL, trace_id=TRACE, result_status="error")])
    return folder


def observer(data_dir: Path, *args: str) -> Result:
    return CliRunner().invoke(app, [*args, "--data-dir", str(data_dir)])


@pytest.mark.parametrize(
    ("option", "wrong", "right"),
    [
        ("--status", "errors", "error"),
        ("--tool", "restart", "restart_stage"),
        ("--tenant", "Acme", "acme"),
        ("--feature", "observer", "pipeline_observer"),
    ],
)
def test_a_filter_that_nothing_fits_is_named_with_what_is_recorded(
    data_dir: Path, option: str, wrong: str, right: str
) -> None:
    found = observer(data_dir, "traces", "--kind", "tool_call", option, wrong)
    name = option.removeprefix("--")
    assert f"No span has this {name}; recorded are: {right}" in found.stderr


def test_a_filter_that_fits_other_spans_only_is_no_mistake(data_dir: Path) -> None:
    found = observer(data_dir, "traces", "--status", "error", "--until", "2001-01-01")
    assert found.stderr == "No span matches.\n"


@pytest.mark.parametrize(
    "command", [("traces",), ("data", "export", "--out", "export"), ("costs", "--config", "config")]
)
def test_a_stretch_of_time_that_ends_before_it_begins_is_wrong_usage(
    data_dir: Path, command: tuple[str, ...]
) -> None:
    found = observer(data_dir, *command, "--since", "1h", "--until", "2h")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "`since` must be before `until`" in found.stderr


def test_too_little_of_a_traces_id_is_not_said_to_be_of_none(data_dir: Path) -> None:
    found = observer(data_dir, "trace", TRACE[:3])
    assert found.exit_code == 1
    assert found.stderr == "no session has the id 'tra', and of a trace's it takes 4 characters\n"


def test_a_bar_takes_only_what_the_terminal_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert room_for_bars([["tenant", "calls"], ["globex-europe", 2]]) == 80 - 13 - 5 - 2 * GAP
    assert [len(bar(nano, 100, 20)) for nano in (100, 50, 1, 0)] == [20, 10, 1, 0]


@pytest.mark.parametrize("command", ["traces", "ledger"])
def test_a_limit_beyond_all_numbers_is_wrong_usage(data_dir: Path, command: str) -> None:
    found = observer(data_dir, command, "--limit", "99999999999999999999")
    assert found.exit_code == 2
    assert "--limit" in found.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("traces", "--csv"),
        ("costs", "--config", "config", "--csv"),
        ("costs", "--config", "config", "--svg"),
        ("trace", TRACE, "--html"),
    ],
)
def test_a_file_that_cannot_be_written_is_named_and_a_folder_on_the_way_is_made(
    data_dir: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    refused = observer(data_dir, *command, str(tmp_path))
    assert refused.exit_code == 2
    assert f"{tmp_path}: cannot be written: Is a directory" in refused.stderr
    file = tmp_path / "new" / "folder" / "file"
    assert observer(data_dir, *command, str(file)).exit_code == 0
    assert file.is_file()
