"""A real Prometheus scrapes the real daemon and evaluates the shipped rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.crash.evidence import until
from tests.observer_process import INFO, ROOT, WARNING, ObserverProcess
from tests.plain_http import NO_TLS
from tests.stack.part import program
from tests.stack.prometheus import Prometheus

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no Prometheus here"),
]

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: pipeline-observer
    static_configs: [{{targets: ["{target}"]}}]
"""


class OfObserver(Prometheus):
    """It scrapes the observer; every alert fires at once, instead of after its minutes."""

    def __init__(self, folder: Path, observer: ObserverProcess) -> None:
        super().__init__(folder, "")
        self._target = observer.url.removeprefix("http://")

    def command(self) -> list[str]:
        rules = self.folder / "alert-rules.yaml"
        shipped = (ROOT / "deploy" / rules.name).read_text().splitlines()
        rules.write_text("\n".join(line for line in shipped if not line.strip().startswith("for:")))
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=rules, target=self._target))
        return [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def value(self, query: str) -> float | None:
        found: list[Any] = self.ask(query)
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        alerts = httpx.get(f"{self.url}/api/v1/alerts", verify=NO_TLS).json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}


def test_what_the_observer_does_is_seen_and_what_is_wrong_with_it_fires(tmp_path: Path) -> None:
    """An event's run is counted; a spent day, a dead daemon raise the alerts that are theirs."""
    budget = {"acme": {"max_tool_calls_per_day": 4}}
    env = {"OBSERVER__BUDGET__TENANTS": json.dumps(budget)}
    with ObserverProcess(tmp_path / "var", env=env) as observer:
        prometheus = OfObserver(tmp_path / "prometheus", observer)
        prometheus.folder.mkdir(exist_ok=True)
        prometheus.start()
        try:
            until(lambda: prometheus.value("observer_state{state='RUNNING'}") == 1, "it is seen")
            until(lambda: prometheus.firing() == set(), "nothing is wrong")

            observer.send(INFO)
            session = observer.send({**WARNING, "tenant_id": "acme"})
            observer.wait_for(session, tenant="acme")
            ended = 'sum(observer_events_total{outcome!="acknowledged"})'
            acknowledged = 'observer_events_total{outcome="acknowledged"}'
            for query in (ended, acknowledged, "sum(observer_run_duration_seconds_count)"):
                until(lambda query=query: prometheus.value(query) == 1, f"{query} is 1")
            calls = "sum(observer_tool_calls_total)"
            until(lambda: (prometheus.value(calls) or 0) >= 4, "its calls are counted")
            spent = {"ObserverBudgetNearlySpent"}
            until(lambda: prometheus.firing() == spent, "its day is spent, and no more is wrong")

            text = httpx.get(f"{observer.url}/metrics", verify=NO_TLS).text
            lint = subprocess.run(
                ["promtool", "check", "metrics"],
                input=text,
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")

            observer.kill()
            until(lambda: "ObserverDown" in prometheus.firing(), "nobody answers")
        finally:
            prometheus.stop()
