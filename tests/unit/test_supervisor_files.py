"""`observer tree draft`: files joined as supervisord joins them; a bad one named with its line."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app
from observer.settings.supervisor_files import read_supervisors

MAIN = "[supervisord]\n"
PROGRAM = "[program:{name}]\ncommand = {name}\n"

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write one configuration file; the tests stand in its directory."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return Path(name)

    return write


def draft(*args: str) -> Result:
    return CliRunner().invoke(app, ["tree", "draft", *args])


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("command = x\n", 1, "write a section first, for example [program:NAME]"),
        ("[program:x]\ncommand\n", 2, "write `name = value`"),
        ("[program:x]\nautostart = true\n", 1, "[program:x] has no `command`"),
        ("[program:x]\ncommand =\n", 2, "`command` is empty"),
        ("[program:x]\ncommand = x 'y\n", 2, "a quotation mark in `command` is never closed"),
        ("[program:x]\ncommand = date +%Y\n", 2, "write %% for the character"),
        ("[program:x]\ncommand = x %(nome)s\n", 2, "supervisord can fill in ENV_NAME, group_name"),
        ("[program:x]\ncommand = x %(program_name)d\n", 2, "fits no such value; write s"),
        ("[program:x]\ncommand = x\nenvironment = A\n", 3, 'write KEY="value",KEY2="value 2"'),
        ("[program:x]\ncommand = x\nenvironment = A='b\n", 3, "is never closed"),
        ("[program:x]\ncommand = x\nnumprocs = 2\n", 1, "%(program_name)s_%(process_num)02d"),
        ("[program:x]\ncommand = x\nnumprocs = many\n", 3, "write a whole number"),
        ("[program:x]\ncommand = x\nnumprocs = 99999\n", 3, "is over 1000"),
        ("[program:a b]\ncommand = x\n", 1, "write letters, digits, - and _ only"),
        (
            "[group:g]\nprograms = a, b\n[program:a]\ncommand = a\n",
            2,
            "write a [program:b], or",
        ),
        ("[include]\n", 1, "write files = conf.d/*.conf"),
        ("[supervisord]\n", 1, "name files with [program:NAME] sections"),
        ("[eventlistener:e]\ncommand = e\n", 1, "name files with [program:NAME] sections"),
    ],
)
def test_a_bad_file_is_exit_2_with_its_line_and_what_to_write(
    write: Write, text: str, line: int, complaint: str
) -> None:
    write("bad.conf", text)
    result = draft("--supervisor", "bad.conf")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"bad.conf:{line}: ")
    assert complaint in result.stderr


def test_what_is_wrong_in_an_included_file_is_named_there(write: Write) -> None:
    write("main.conf", MAIN + "[include]\nfiles = conf.d/*.conf\n")
    write("conf.d/a.conf", PROGRAM.format(name="a"))
    write("conf.d/b.conf", "; a comment\n[program:a]\ncommand = %\n")
    assert draft("--supervisor", "main.conf").stderr.startswith("conf.d/b.conf:3: a % stands alone")


@pytest.mark.parametrize("content", [None, b"\xff[program:x]", b"#" * (2 << 20)])
def test_a_file_that_is_no_configuration_is_exit_2(
    write: Write, tmp_path: Path, content: bytes | None
) -> None:
    write("here.conf", "")
    if content is not None:
        (tmp_path / "there.conf").write_bytes(content)
    result = draft("--supervisor", "there.conf")
    assert result.exit_code == 2
    assert result.stderr.startswith("there.conf:")


def test_included_files_are_joined_and_their_own_directory_is_here(
    write: Write, tmp_path: Path
) -> None:
    write("main.conf", MAIN + "[include]\nfiles = d/*.conf none/*.ini %(ENV_DIR)s/*.conf\n")
    write("d/2.conf", "[program:a]\ncommand = %(here)s/second\n")
    write("d/1.conf", "[program:a]\ncommand = first\nautostart = false\n[include]\nfiles = x\n")
    found = read_supervisors([Path("d/2.conf"), Path("main.conf"), Path("d/2.conf")])
    (one,) = found.supervisors
    (process,) = one.processes
    assert process.argv == (str(tmp_path / "d" / "second"),)
    assert process.todos == ("autostart is off: is it part of the pipeline at all?",)
    assert found.read == ["main.conf", "d/1.conf", "d/2.conf"]
    assert [remark.split(",")[0] for remark in found.remarks] == [
        "main.conf:3 includes none/*.ini",
        "main.conf:3 includes ${DIR}/*.conf",
    ]


def test_a_file_that_two_supervisords_include_is_run_by_both(write: Write) -> None:
    write("d/shared.conf", PROGRAM.format(name="shared"))
    mains = [write(f"{n}.conf", MAIN + "[include]\nfiles = d/*.conf\n") for n in ("one", "two")]
    found = read_supervisors(mains)
    assert [len(one.processes) for one in found.supervisors] == [1, 1]
    assert found.read == ["one.conf", "d/shared.conf", "two.conf"]


def test_files_without_a_supervisord_belong_to_the_one_before_them(write: Write) -> None:
    mains = [write(f"{name}.conf", MAIN + PROGRAM.format(name=name)) for name in ("one", "two")]
    parts = [write(f"{name}.conf", PROGRAM.format(name=name)) for name in ("a", "b", "c")]
    found = read_supervisors([parts[0], mains[0], parts[1], mains[1], parts[2]])
    assert [[process.name for process in one.processes] for one in found.supervisors] == [
        ["a", "b", "one"],
        ["c", "two"],
    ]
    (alone,) = read_supervisors(parts).supervisors
    assert [process.name for process in alone.processes] == ["a", "b", "c"]


def test_what_is_no_part_of_a_pipeline_is_left_out_with_its_reason(write: Write) -> None:
    write("x.conf", PROGRAM.format(name="x") + "[eventlistener:e]\ncommand = e\n[programs:y]\n")
    assert json.loads(draft("--supervisor", "x.conf", "--json").stdout)["left_out"] == [
        {
            "section": "eventlistener:e",
            "reason": "listens to supervisord's own events; no part of a pipeline",
        },
        {"section": "programs:y", "reason": "is no section of supervisord's"},
    ]


def test_the_draft_goes_to_a_new_file_and_never_over_another(write: Write, tmp_path: Path) -> None:
    write("x.conf", PROGRAM.format(name="x"))
    shown = draft("--supervisor", "x.conf").stdout
    written = draft("--supervisor", "x.conf", "--out", "tree.yaml")
    assert (written.exit_code, written.stdout) == (0, "")
    assert written.stderr == "a draft, to be verified by a person; metrics: 1, nodes: 1, TODO: 8\n"
    assert (tmp_path / "tree.yaml").read_text() == shown

    (tmp_path / "tree.yaml").write_text("verified by a person")
    again = draft("--supervisor", "x.conf", "--out", "tree.yaml")
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == "tree.yaml: is there already; choose another name\n"
    assert (tmp_path / "tree.yaml").read_text() == "verified by a person"


def test_as_json_it_is_one_document(write: Write) -> None:
    write("x.conf", PROGRAM.format(name="x"))
    shown = draft("--supervisor", "x.conf")
    told = json.loads(draft("--supervisor", "x.conf", "--json").stdout)
    assert told.pop("draft") == shown.stdout
    assert told == {
        "metrics": ["x_freshness"],
        "nodes": ["x"],
        "todos": 8,
        "left_out": [],
        "read": ["x.conf"],
        "out": None,
    }


def test_it_asks_what_kind_of_files_they_are(write: Write) -> None:
    write("x.conf", PROGRAM.format(name="x"))
    result = draft("x.conf")
    assert result.exit_code == 2
    assert "observer tree draft --supervisor x.conf" in result.stderr
