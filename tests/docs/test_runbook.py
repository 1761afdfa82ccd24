"""The page on runbook.yaml shows one that is taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from observer.domain.dependency_tree import Node
from observer.domain.event import Severity
from observer.domain.runbook import Runbook

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()


@pytest.fixture(scope="module")
def shown() -> Runbook:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return Runbook.model_validate(yaml.safe_load(block))


def test_the_runbook_of_the_page_does_what_its_table_says(shown: Runbook) -> None:
    pointers = {"container": "c-1", "supervisor_process": "p"}
    consumer = Node("consumer", "process", pointers=pointers)
    log = shown.logs_call(consumer, Severity.WARNING)
    assert log is not None
    assert log.args == {"container": "c-1", "contains": "ERROR", "minutes": 15}
    assert shown.logs_call(Node("topic", "kafka_topic"), Severity.WARNING) is None

    assert list(shown.offered(consumer)) == ["restart_process"]
    assert not shown.offered(Node("redis", "infrastructure"))
    assert not shown.offered(Node("feed", "external"))
    (step,) = shown.remedy("restart_process", stage="consumer", severity=Severity.WARNING).steps
    assert step.args == {"node": "consumer", "reason": "WARNING on consumer"}
    play = shown.play(Severity.WARNING, "consumer", shown.offered(consumer))
    assert play is not None and play.remedy == "restart_process"


@pytest.mark.parametrize("name", Runbook.model_fields)
def test_every_key_is_on_the_page_or_in_the_shipped_file(name: str) -> None:
    shipped = (Path(__file__).parents[2] / "config" / "runbook.yaml").read_text()
    assert f"`{name}" in PAGE or f"\n{name}:" in shipped
