"""`observer tree`: what stands on the terminal, on stdout as JSON, and in the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from observer.cli.app import app

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples"
SHIPPED = ROOT / "config"


def run(*args: str, config: Path) -> Result:
    return CliRunner().invoke(app, ["tree", *args, "--config", str(config)])


def test_show_draws_a_shared_node_once() -> None:
    drawn = run("show", config=EXAMPLE).stdout
    assert drawn.count("kafka_entity_topic (kafka_topic, topic_freshness)") == 1
    assert "kafka_entity_topic (drawn above)" in drawn


def test_show_as_json_has_every_node_with_its_pointers() -> None:
    shown = json.loads(run("show", "--json", config=EXAMPLE).stdout)
    nodes = {node["node"]: node for node in shown["nodes"]}
    assert nodes["kafka_entity_topic"]["min_isr"] == 2
    assert nodes["redis_instance"]["healthcheck"] == {
        "method": "promql",
        "query": "redis_connected_clients",
        "condition": "< 280",
    }
    assert [metric["window"] for metric in shown["metrics"]].count("PRIMARY_BUSINESS_HOURS") == 3


def test_impact_names_the_promises_and_the_way_down() -> None:
    suffers = json.loads(run("impact", "loading", "--json", config=SHIPPED).stdout)["suffers"]
    assert suffers == [
        {
            "metric": "pipeline_freshness",
            "threshold": "60s",
            "window": "ALWAYS",
            "counts_now": True,
            "path": ["pipeline_freshness", "indexing", "loading"],
        }
    ]
    said = run("impact", "loading", config=SHIPPED).stdout
    assert said == (
        "pipeline_freshness (promise: 60s, ALWAYS): pipeline_freshness → indexing → loading\n"
    )


def test_the_impact_of_what_the_tree_does_not_have_is_exit_1() -> None:
    result = run("impact", "moon", config=SHIPPED)
    assert result.exit_code == 1
    assert "no node 'moon'" in result.stderr


def test_check_counts_a_whole_tree_and_names_who_is_not_looked_at(tmp_path: Path) -> None:
    assert json.loads(run("check", "--json", config=EXAMPLE).stdout) == {
        "valid": True,
        "metrics": 4,
        "nodes": 7,
        "without_healthcheck": [],
    }
    text = (SHIPPED / "dependency_tree.yaml").read_text()
    blind = text.replace("healthcheck: {method: stage_metrics}", "notes: nobody looks", 1)
    (tmp_path / "dependency_tree.yaml").write_text(blind)
    result = run("check", config=tmp_path)
    assert result.exit_code == 0
    assert result.stderr == "without a healthcheck: indexing\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["prose", "json"])
def test_check_says_everything_that_is_wrong_with_its_line_and_exits_2(
    tmp_path: Path, as_json: list[str]
) -> None:
    text = (EXAMPLE / "dependency_tree.yaml").read_text()
    broken = text.replace("ref: redis_instance", "ref: redis_instanz").replace(
        "window: ALWAYS", "window: SOMETIMES"
    )
    (tmp_path / "dependency_tree.yaml").write_text(broken)

    result = run("check", *as_json, config=tmp_path)

    assert result.exit_code == 2
    said = json.loads(result.stdout)["problems"] if as_json else result.stderr.splitlines()
    assert len(said) == 2
    assert any("did you mean 'redis_instance'?" in line for line in said)
    assert all(":" in line and line.split(":")[1].isdigit() for line in said)
