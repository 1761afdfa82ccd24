"""What we read of supervisord's files is what the real supervisord reads."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import expand as supervisors_expand
from supervisor.xmlrpc import SupervisorTransport

from observer.domain.draft.supervisor_ini import Setting, expand, pairs
from observer.errors import ConfigurationError
from observer.settings.supervisor_files import read_supervisors
from tests.crash.evidence import until
from tests.drafts import SETUP

KNOWN = {"PGPASS": "hunter2-env", "DERIVED_STREAM": "derived_metrics"}
"""What the setup's supervisord has in its environment, and nobody else."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A copy of the setup; by a short name, because a socket's must be."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(SETUP, Path(name).resolve() / "s")
        yield Path(name).resolve() / "s"


@pytest.fixture
def reported(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """What a real supervisord says that it runs; it finds none of these programs to start."""
    with (folder / "out.txt").open("w") as out:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", folder / "supervisord.conf"],
            env={**KNOWN, "PATH": str(folder / "no-programs")},
            cwd=folder,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        socket = f"unix://{folder / 'supervisor.sock'}"

        def answer() -> Any:
            assert daemon.poll() is None, (folder / "out.txt").read_text()
            transport = SupervisorTransport(serverurl=socket)
            server: Any = ServerProxy("http://127.0.0.1", transport)
            try:
                return server.supervisor.getAllConfigInfo()
            except (OSError, Fault):
                return None

        yield until(answer, "supervisord answers")
    finally:
        daemon.kill()  # it has started nothing
        daemon.wait(20)


def in_full(text: str) -> str:
    """A value of ours with what only supervisord knows filled in."""
    for name, value in {**KNOWN, "host_node_name": platform.node()}.items():
        text = text.replace("${" + name + "}", value)
    return text


@pytest.mark.slow
def test_programs_groups_and_commands_are_those_that_supervisord_reports(
    folder: Path, reported: list[dict[str, Any]]
) -> None:
    (ours,) = read_supervisors([folder / "supervisord.conf"]).supervisors
    listeners = {name.removeprefix("eventlistener:") for name, _ in ours.skipped}
    assert listeners == {"crashmail"}
    assert {(p.group, p.name, in_full(p.command)) for p in ours.processes} == {
        (one["group"], one["name"], one["command"])
        for one in reported
        if one["group"] not in listeners
    }


def test_environments_are_those_that_supervisord_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from supervisor.options import ServerOptions

    for name, value in KNOWN.items():
        monkeypatch.setenv(name, value)
    options = ServerOptions()
    options.realize(["-c", str(folder / "supervisord.conf")])
    theirs = {
        (group.name, process.name): process.environment
        for group in options.process_group_configs
        for process in group.process_configs
    }
    (ours,) = read_supervisors([folder / "supervisord.conf"]).supervisors
    assert len(ours.processes) == 6
    for process in ours.processes:
        made = theirs[process.group, process.name]
        assert {**process.shared, **process.environment} == made


def setting(value: str) -> Setting:
    return Setting(value, "x.conf", 1, "/here")


@given(st.text("AB=,'\"# /.+-():x\\\n", max_size=30))
@example('A="1,2",B=x')
@example("A=1 B=2")
def test_any_environment_is_taken_apart_as_supervisord_does_or_refused_as_by_it(text: str) -> None:
    try:
        theirs = dict_of_key_value_pairs(text)
    except ValueError:
        with pytest.raises(ConfigurationError, match=r"^x\.conf:1: "):
            pairs(setting(text), text)
    else:
        assert pairs(setting(text), text) == theirs


@given(
    st.lists(
        st.sampled_from(["%(a)s", "%(n)02d", "%(n)s", "%(here)s", "%%", "%", "s", "%(b)s", "%(a)d"])
        | st.text("%()sd0a ", max_size=3),
        max_size=6,
    ).map("".join)
)
def test_any_value_is_filled_in_as_by_supervisord_or_refused(text: str) -> None:
    facts: dict[str, str | int] = {"a": "A", "n": 7}
    try:
        ours = expand(setting(text), facts)
    except ConfigurationError:
        return
    assert ours == supervisors_expand(text, {**facts, "here": "/here"}, "x")
