"""The bill of a real daemon: the same by the command, the route, the budget and `/metrics`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.doubles.openai_server import OpenAIServer
from tests.flows.scenes import NOVEL, diagnosis, fresh_lab, openai_env
from tests.observer_process import ROOT, WARNING, ObserverProcess

pytestmark = pytest.mark.slow


def observer_command(observer: ObserverProcess, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "observer.cli.app", *words, "--data-dir", str(observer.data_dir)],
        cwd=ROOT,
        env=observer.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def as_json(observer: ObserverProcess, *words: str) -> Any:
    return json.loads(observer_command(observer, *words, "--json").stdout)


def test_the_bill_is_the_same_whoever_is_asked_while_it_runs_and_after(tmp_path: Path) -> None:
    """Case 45, on what a daemon wrote: by tenant, feature and day, and in whole nano-dollars."""
    with (
        OpenAIServer() as server,
        ObserverProcess(tmp_path / "var", env=openai_env(server)) as observer,
    ):
        fresh_lab(observer, NOVEL)
        for tenant in ("acme", "initech"):
            server.script("gpt-4o-mini", diagnosis("restart_stage"))
            session = observer.send(
                {**WARNING, "tenant_id": tenant, "session_id": f"of-{tenant}", "feature": "nightly"}
            )
            observer.wait_for(session, tenant=tenant)

        told = as_json(observer, "costs")
        route = observer.get("/costs")
        assert told == route
        assert [(one["tenant"], one["feature"]) for one in told["costs"]] == [
            ("acme", "nightly"),
            ("initech", "nightly"),
        ]
        nano = told["total"]["cost_nano"]
        assert nano > 0
        used = observer.get("/health")["budget"]["used"]["*"]["cost_usd"]["used"]
        assert round(used * 10**9) == nano
        metrics = httpx.get(f"{observer.url}/metrics").text
        counted = re.findall(r"^observer_model_cost_usd_total\{.*\} (\S+)$", metrics, re.M)
        assert round(sum(map(float, counted)) * 10**9) == nano
        alone = httpx.get(f"{observer.url}/costs", params={"tenant_id": "acme", "by": "model"})
        assert {one["model"] for one in alone.json()["costs"]} <= {"openai:gpt-4o-mini", "runbook"}
        refused = httpx.get(f"{observer.url}/costs", params={"since": "yesterday"})
        assert (refused.status_code, refused.json()["field"]) == (422, "since")
        assert observer.terminate() == 0

        csv = tmp_path / "cost-summary.csv"
        shown = observer_command(observer, "costs", "--csv", str(csv))
        assert f"total: ${told['total']['cost_usd']}" in shown.stdout
        assert sum(int(line.split(",")[6]) for line in csv.read_text().splitlines()[1:]) == nano

        ledger = as_json(observer, "ledger", "of-acme", "--tenant", "acme")["transitions"]
        assert {row["status"] for row in ledger} == {"done"}
        assert [row["iteration"] for row in ledger] == sorted(row["iteration"] for row in ledger)
        assert "restart_stage" in [row["tool_name"] for row in ledger]
        newest = as_json(observer, "ledger", "--limit", "1")["transitions"]
        assert [row["session_id"] for row in newest] == ["of-initech"]
        assert observer_command(observer, "ledger", "of-nobody").returncode == 1
        text = observer_command(observer, "ledger", "of-acme").stdout
        assert re.search(r" of-acme +remedy +restart_stage +done ", text)
