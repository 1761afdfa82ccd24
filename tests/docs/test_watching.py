"""The page about who watches the observer names every kind of alarm and every key."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from observer.domain.alarms import DROPPED, Alarm, AlarmState
from observer.domain.fault import FaultKind
from observer.settings.watch import AlarmWebhook, DeadMan, Watch
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "watching.md").read_text()
UNIT = ROOT / "deploy" / "pipeline-observer.service"


def test_every_kind_of_alarm_is_explained() -> None:
    table = PAGE.partition("| kind | begins when |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == {*map(str, FaultKind), DROPPED}


def test_every_field_of_an_alarm_stands_in_the_example() -> None:
    alarm = Alarm("i", FaultKind.FAILED, None, "", AlarmState.OVER, "t", at=1.0, since=1.0)
    example = PAGE.partition("```json\n")[2].partition("```")[0]
    assert set(re.findall(r'"(\w+)": ', example)) == set(alarm.as_json())


@pytest.mark.parametrize("file", ["config/observer.yaml", "observer/examples/stack/observer.yaml"])
def test_every_key_stands_in_the_shipped_files(file: str) -> None:
    text = (ROOT / file).read_text()
    for section in (Watch, AlarmWebhook, DeadMan):
        for key in section.model_fields:
            assert re.search(rf"\b{key}: ", text), f"{file} says nothing of {key}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text().replace("/opt/pipeline-observer/.venv/bin/observer", "/bin/true")
    )
    command = ["systemd-analyze", "verify", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
