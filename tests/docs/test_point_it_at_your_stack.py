"""docs/point-it-at-your-stack.md is followed, command by command, on a real pipeline."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from observer.settings import load_configuration
from observer.settings.examples import write_example
from tests.observer_process import ROOT, ObserverProcess
from tests.stack.monitoring import SOON
from tests.stack.part import free_port, wait_until
from tests.stack.pipeline_config import SHORT, edit_all
from tests.stack.pipeline_stack import PipelineStack
from tests.stack.supervisord import PASSWORD

pytestmark = pytest.mark.slow
PAGE = (ROOT / "docs" / "point-it-at-your-stack.md").read_text()
FENCE = re.compile(r"^```(?P<head>[^\n]+)\n(?P<text>.*?)^```$", re.M | re.S)
BLOCKS = [(found["head"], found["text"]) for found in FENCE.finditer(PAGE)]
PORT = "9095"


@dataclass
class Reader:
    """Somebody who does what the page says, in a directory of their own."""

    stack: PipelineStack
    folder: Path
    port: int
    observer: subprocess.Popen[bytes] | None = None

    def types(self, script: str) -> str:
        """Type lines into a shell that remembers what was exported."""
        script = script.replace(PORT, str(self.port))
        said = subprocess.run(
            ["bash", "-ec", f"test ! -e .env.sh || . ./.env.sh\n{script}\nexport -p > .env.sh"],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert said.returncode == 0, f"{script}{said.stdout}{said.stderr}"
        return said.stdout

    def environment(self) -> dict[str, str]:
        scripts = Path(sys.executable).parent
        path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
        return {**ObserverProcess(self.folder).environment(), "PATH": path}

    def edits(self, name: str, text: str) -> None:
        """Write one's own addresses into the lines that the page shows."""
        shipped = (self.folder / name).read_text()
        for line in text.splitlines():
            assert line in shipped.splitlines(), f"{name} has no line {line!r}"
        for old in self.stack.addresses()[Path(name).name]:
            assert old in text, f"the page does not show {old}"
        edit_all(self.folder / "ops", {Path(name).name: self.stack.addresses()[Path(name).name]})

    def serves(self, script: str) -> None:
        """Start the daemon, and leave it running."""
        line = f". ./.env.sh\nexec {script.replace(PORT, str(self.port))}"
        with (self.folder / "observer.log").open("wb") as log:
            self.observer = subprocess.Popen(
                ["bash", "-ec", line],
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=log,
            )
        log_file = self.folder / "observer.log"
        wait_until(lambda: "Send events to" in log_file.read_text(), log_file.read_text())

    def tells_alertmanager(self, text: str) -> None:
        config = yaml.safe_load(text.replace(PORT, str(self.port)))
        config["route"] |= SOON
        self.stack.alertmanager.config = config
        self.stack.alertmanager.start()

    def breaks(self, command: str) -> None:
        """The page's supervisorctl, told where this supervisord is."""
        rpc = f"http://127.0.0.1:{self.stack.supervisord.port}"
        said = ["-s", rpc, "-u", "observer", "-p", PASSWORD]
        words = command.split()[1:]
        subprocess.run(
            [sys.executable, "-m", "supervisor.supervisorctl", *said, *words], check=True
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(PipelineStack(tmp_path / "stack"), tmp_path, free_port())
    try:
        with reader.stack:
            yield reader
    finally:
        if reader.observer is not None:
            reader.observer.terminate()
            reader.observer.wait(30)


def test_following_the_page_heals_the_first_fault(reader: Reader) -> None:
    for head, text in BLOCKS:
        kind, _, rest = head.partition(" ")
        if kind == "yaml" and rest.startswith("edit="):
            reader.edits(rest.removeprefix("edit="), text)
        elif rest == "alertmanager":
            reader.tells_alertmanager(text)
        elif rest == "serve":
            edit_all(reader.folder / "ops", SHORT)
            reader.serves(text)
        elif kind == "sh":
            said = reader.types(text)
            if "tree why" in text:
                found = "nothing that entity_data_freshness stands on is ill"
                assert found in said and found in " ".join(PAGE.split())
                assert "Not seen" not in said
        elif text.startswith("supervisorctl stop"):
            reader.breaks(text)
            healed = wait_for_the_first(reader)
            assert reader.stack.supervisord.state(text.split()[-1]) == "RUNNING"
        elif text.startswith("observer session "):
            shown = reader.types(text.replace("SESSION_ID", healed))
            for fact in ("kafka_to_redis_consumer", "restart_process", "Path: ", "Cleared: "):
                assert fact in shown
        else:
            assert text.startswith("observer tree draft --supervisor")
    assert json.loads(reader.types("observer status --json"))["kill_switch"]


def wait_for_the_first(reader: Reader) -> str:
    """The session of the one incident, healed."""

    def ended() -> list[str]:
        listed = json.loads(reader.types("observer sessions --json"))
        rows = listed["sessions"] if isinstance(listed, dict) else listed
        return [row["session_id"] for row in rows if row["status"] == "resolved"]

    wait_until(ended, "the incident is resolved", 60)
    return ended()[0]


def test_every_level_in_its_table_is_as_shipped(tmp_path: Path) -> None:
    write_example("stack", tmp_path / "ops")
    rules = load_configuration(tmp_path / "ops").autonomy
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| `(\w+)`[^|]*\|", PAGE, re.M)
    assert len(rows) == 5
    for names, level in rows:
        for name in re.findall(r"\w+", names):
            assert rules[name].level == level, name
