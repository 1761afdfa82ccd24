"""autonomy.yaml: nodes, caps and patience; what makes no sense is refused with its line."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from observer.domain.autonomy import Cap
from observer.domain.remedy import Level
from observer.errors import ConfigurationError
from observer.settings import Configuration, load_configuration

SHIPPED = Path(__file__).parents[2] / "config"
ACTIONS = len((SHIPPED / "autonomy.yaml").read_text().splitlines())


def loaded(folder: Path, *lines: str, **edits: str) -> Configuration:
    """The shipped configuration with lines after autonomy.yaml's own, and single rows changed."""
    config = Path(shutil.copytree(SHIPPED, folder / "config"))
    path = config / "autonomy.yaml"
    kept = [
        f"  {name}: {edits[name]}" if (name := line.partition(":")[0].strip()) in edits else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join([*kept, *lines, ""]))
    return load_configuration(config)


def complaint(folder: Path, *lines: str, **edits: str) -> tuple[str, int]:
    """The one thing that is wrong, without its file, and which of the added lines it is in."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, *lines, **edits)
    (said,) = str(refused.value).splitlines()
    path, line, what = said.split(":", 2)
    assert path.endswith("autonomy.yaml")
    return what.strip(), int(line) - ACTIONS


def test_a_node_has_its_own_level_and_caps_and_the_rest_of_its_action(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "nodes:",
        "  indexing:",
        "    restart_stage: {level: never}",
        "  loading:",
        "    restart_stage: {at_most: {times: 1, per: 10m}}",
        "caps:",
        "  3: {times: 5, per: 1h}",
        restart_stage="{level: full, blast_radius: 3, at_most: {times: 3, per: 1h},"
        " severities: [CRITICAL]}",
    )
    rule = found.autonomy["restart_stage"]
    assert rule.at_most == Cap(3, timedelta(hours=1))
    assert found.caps == {3: Cap(5, timedelta(hours=1))}
    never, capped = rule.on("indexing"), rule.on("loading")
    assert (never.level, never.at_most, never.severities) == (
        Level.NEVER,
        rule.at_most,
        rule.severities,
    )
    assert (capped.level, capped.at_most) == (Level.FULL, Cap(1, timedelta(minutes=10)))
    assert rule.on("validation") is rule


@pytest.mark.parametrize(
    ("lines", "wrong", "where", "words"),
    [
        (
            ["nodes:", "  indxing: {restart_stage: {level: never}}"],
            2,
            "nodes.indxing",
            ["no node of dependency_tree.yaml", "did you mean 'indexing'?"],
        ),
        (
            ["nodes:", "  indexing:", "    restart_stge: {level: never}"],
            3,
            "nodes.indexing.restart_stge",
            ["no action of this file", "did you mean 'restart_stage'?"],
        ),
        (
            ["nodes:", "  indexing:", "    get_stage_metrics: {level: never}"],
            3,
            "nodes.indexing.get_stage_metrics",
            ["a look changes nothing", "the same rule on every node"],
        ),
        (
            ["nodes:", "  indexing:", "    restart_stage: {}"],
            3,
            "nodes.indexing.restart_stage",
            ["write a `level`, a `delay` or an `at_most`"],
        ),
        (
            ["nodes:", "  indexing:", "    restart_stage: {blast_radius: 2}"],
            3,
            "nodes.indexing.restart_stage.blast_radius",
            ["unknown key"],
        ),
        (["caps:", "  1: {times: 5, per: 1h}"], 2, "caps.1", ["greater than or equal to 2"]),
        (["caps:", "  5: {times: 5, per: 1h}"], 2, "caps.5", ["less than or equal to 4"]),
        (["caps:", "  3: {times: 0, per: 1h}"], 2, "caps.3.times", ["greater than or equal to 1"]),
        (
            ["caps:", "  3: {times: 5, per: 31d}"],
            2,
            "caps.3.per",
            ["longer than retention.days", "forgotten"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, lines: list[str], wrong: int, where: str, words: list[str]
) -> None:
    said, line = complaint(tmp_path, *lines)
    assert line == wrong
    assert said.startswith(f"{where}: ")
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("row", "where", "words"),
    [
        (
            "{level: full, blast_radius: 5}",
            "level",
            ["blast radius 5 is never autonomous", "`level: never`"],
        ),
        (
            "{level: full, blast_radius: 3, at_most: {times: 1, per: 90d}}",
            "at_most.per",
            ["longer than retention.days"],
        ),
        (
            "{level: full, blast_radius: 3, at_most: {times: 1}}",
            "at_most.per",
            ["missing"],
        ),
    ],
)
def test_a_row_that_could_never_hold_is_refused(
    tmp_path: Path, row: str, where: str, words: list[str]
) -> None:
    said, _ = complaint(tmp_path, clear_queue=row)
    assert said.startswith(f"actions.clear_queue.{where}: ")
    assert all(word in said for word in words), said


def test_a_node_cannot_loosen_what_is_never_autonomous(tmp_path: Path) -> None:
    said, line = complaint(
        tmp_path,
        "nodes:",
        "  indexing:",
        "    clear_queue: {level: approve}",
        clear_queue="{level: never, blast_radius: 5}",
    )
    assert (said.partition(": ")[0], line) == ("nodes.indexing.clear_queue.level", 3)
    assert "blast radius 5 is never autonomous" in said


def test_the_shipped_lab_has_neither_caps_nor_nodes_of_their_own() -> None:
    shipped = load_configuration(SHIPPED)
    assert shipped.caps == {}
    assert all(rule.at_most is None and not rule.on_nodes for rule in shipped.autonomy.values())
