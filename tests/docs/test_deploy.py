"""The shipped dashboard and alert rules: what they ask for exists, and what they say is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from observer.domain.breaker import BreakerState
from observer.domain.lifecycle import Lifecycle
from tests.observer_process import ROOT
from tests.unit.test_watch_metrics import every_name

RULES = ROOT / "deploy" / "alert-rules.yaml"
RULE_TESTS = ROOT / "deploy" / "alert-rules.test.yaml"
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text())
PAGE = (ROOT / "docs" / "watching.md").read_text()
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
_OF_GRAFANA = {"$__rate_interval": "5m", "$job": "pipeline-observer"}

with_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ, reason="no promtool here"
)


def queries_of_the_dashboard() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"]
            for name, value in _OF_GRAFANA.items():
                query = query.replace(name, value)
            yield query


QUERIES = [*queries_of_the_dashboard(), *(rule["expr"] for rule in ALERTS)]


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_is_promql_about_metrics_that_exist(query: str) -> None:
    promql_parser.parse(query)
    asked = set(re.findall(r"\b(observer_\w+?)(?:_bucket)?\b(?=[{\[ )]|$)", query))
    assert asked <= set(every_name())
    assert asked or "up{" in query


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(queries_of_the_dashboard())
    assert [name for name in every_name() if name not in shown] == []


def test_a_figure_picked_by_a_condition_is_of_now_alone() -> None:
    """Over hours, each state that was true once would be shown as if it were now."""
    picked = [
        target
        for panel in DASHBOARD["panels"]
        if panel["type"] == "stat"
        for target in panel["targets"]
        if re.search(r"[=<>]=? \d", target["expr"])
    ]
    assert [(one["instant"], one["range"]) for one in picked] == [(True, False)]


@with_promtool
def test_a_model_that_never_failed_is_shown_with_no_failures(tmp_path: Path) -> None:
    """Not as if nobody knew: the panel draws a line for it at zero."""
    [failed] = [query for query in QUERIES if 'status!="success"' in query and "(model)" in query]
    calls = "observer_model_calls_total{job='pipeline-observer', "
    series = {
        f"{calls}model='well', status='success'}}": "0+60x60",
        f"{calls}model='ill', status='success'}}": "0+45x60",
        f"{calls}model='ill', status='error'}}": "0+15x60",
    }
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": told} for name, told in series.items()],
        "promql_expr_test": [
            {
                "expr": failed,
                "eval_time": "30m",
                "exp_samples": [
                    {"labels": '{model="ill"}', "value": 0.25},
                    {"labels": '{model="well"}', "value": 0},
                ],
            }
        ],
    }
    file = tmp_path / "dashboard.test.yaml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    done = subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_states_that_rules_ask_for_exist() -> None:
    asked = {state for query in QUERIES for state in re.findall(r'state="([\w-]+)"', query)}
    assert asked <= {*map(str, Lifecycle), *map(str, BreakerState)}


def test_no_two_panels_have_one_place_or_id() -> None:
    panels = DASHBOARD["panels"]
    for of_panel in (lambda p: p["id"], lambda p: (p["gridPos"]["x"], p["gridPos"]["y"])):
        assert len({of_panel(panel) for panel in panels}) == len(panels)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do_and_is_tried_both_ways(rule: dict[str, Any]) -> None:
    assert f"\n### {rule['alert']}\n" in PAGE
    assert rule["annotations"]["runbook"] == f"docs/watching.md#{rule['alert'].lower()}"
    tried = [
        bool(case["exp_alerts"])
        for test in yaml.safe_load(RULE_TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == rule["alert"]
    ]
    assert set(tried) == {True, False}


@with_promtool
@pytest.mark.parametrize("command", [("check", RULES), ("test", RULE_TESTS)], ids=lambda c: c[0])
def test_promtool_finds_nothing_wrong(command: tuple[str, Any]) -> None:
    done = subprocess.run(
        ["promtool", command[0], "rules", str(command[1])],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
