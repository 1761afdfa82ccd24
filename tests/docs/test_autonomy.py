"""docs/autonomy.md does what it says: its files load, its tables are those of the code."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path

from observer.domain.autonomy import Cap, rule_on
from observer.domain.event import Severity
from observer.domain.remedy import Level, RulingKind
from observer.settings import load_configuration
from observer.settings.autonomy_file import AutonomyFile, AutonomyRow, NodeRow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "autonomy.md").read_text()
RULES, PATIENCE = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)


def rows(head: str) -> list[list[str]]:
    """The rows of the table with this heading."""
    (found,) = re.findall(rf"^\| {head} \|.*\n\|-.*\n((?:\|.*\n)+)", PAGE, re.M)
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in found.splitlines()]


def test_its_files_load_and_say_what_the_page_says(tmp_path: Path) -> None:
    config = Path(shutil.copytree(ROOT / "config", tmp_path / "config"))
    shipped = (config / "autonomy.yaml").read_text()
    actions, nodes, rest = re.split(r"^(?=nodes:)|^(?=caps:)", RULES, flags=re.M)
    own = [line for line in actions.splitlines()[1:] if line.split(":")[0] + ":" not in shipped]
    whole = shipped.replace("actions:\n", "actions:\n" + "\n".join(own) + "\n")
    (config / "autonomy.yaml").write_text(f"{whole}\n{nodes}{rest}")
    with (config / "escalation.yaml").open("a") as file:
        file.write(PATIENCE)

    found = load_configuration(config)

    restart = found.autonomy["restart_process"]
    assert (restart.level, restart.delay) == (Level.AFTER_DELAY, timedelta(minutes=5))
    assert restart.at_most == Cap(3, timedelta(hours=1))
    assert restart.on("loading").level is Level.NEVER
    assert found.autonomy["redis_config_set"].on("loading").level is Level.FULL
    assert found.caps == {3: Cap(5, timedelta(hours=1))}
    assert [n.tool for n in found.escalation.patience[Severity.CRITICAL]] == ["send_slack_alert"]


def test_every_level_and_what_it_answers_is_on_the_page() -> None:
    said = {
        "": RulingKind.ALLOW,
        "it waits until then": RulingKind.WAIT,
        "a person is asked": RulingKind.ASK,
        "it is refused": RulingKind.REFUSE,
    }
    found = {row[0].strip("`"): said[row[2]] for row in rows("level")}
    assert list(found) == [str(level) for level in Level]
    for level, kind in found.items():
        rule = AutonomyFile(
            actions={"x": AutonomyRow(level=Level(level), blast_radius=3, delay=300.0)}
        ).rules["x"]
        assert rule_on(rule, severity=Severity.WARNING).kind is kind


def test_every_key_of_the_file_is_on_the_page() -> None:
    models = (AutonomyFile, AutonomyRow, NodeRow)
    keys = {key for model in models for key in model.model_fields} - {"actions"}
    written = {word for row in rows("key") for word in re.findall(r"`(\w+)`", row[0])}
    assert keys == written
