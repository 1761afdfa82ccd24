"""rollout_restart on a kubectl that stands in for one, and writes down what it was told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.platform.scenes import crash_before_record, platform, script

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

KUBECTL = """\
import json, pathlib, sys
world = pathlib.Path(__file__).with_name("world.json")
now = json.loads(world.read_text())
now["said"].append(sys.argv[1:])
verb, name = sys.argv[4], sys.argv[6]
if verb == "patch" and now["refuses"]:
    world.write_text(json.dumps(now))
    sys.exit("Error from server (Forbidden)")
if name not in now["deployments"]:
    sys.exit(f'deployments.apps "{name}" not found')
found = now["deployments"][name]
if verb == "patch":
    patch = json.loads(sys.argv[-1].removeprefix("--patch="))
    wanted = patch["spec"]["template"]["metadata"]["annotations"]
    if wanted.items() - found["annotations"].items():
        found["annotations"] |= wanted
        found["rollouts"] += 1
world.write_text(json.dumps(now))
print(json.dumps({"spec": {"template": {"metadata": {"annotations": found["annotations"]}}}}))
"""
NODES = {
    "api": {"type": "process", "deployment": "api"},
    "gone": {"type": "process", "deployment": "gone"},
    "strange": {"type": "process", "deployment": "--all"},
    "bare": {"type": "process"},
}


class Cluster:
    """The double's world."""

    def __init__(self, folder: Path) -> None:
        self.kubectl = script(folder / "kubectl", KUBECTL)
        self._path = folder / "world.json"
        self.write({"said": [], "refuses": False, "deployments": {}})
        self.change(deployments={"api": {"annotations": {"mine": "kept"}, "rollouts": 0}})

    def read(self) -> dict[str, Any]:
        return json.loads(self._path.read_text())

    def write(self, world: dict[str, Any]) -> None:
        self._path.write_text(json.dumps(world))

    def change(self, **parts: Any) -> None:
        self.write({**self.read(), **parts})

    @property
    def api(self) -> dict[str, Any]:
        return self.read()["deployments"]["api"]

    @property
    def told(self) -> dict[str, Any]:
        return {"kubernetes": {"context": "prod", "namespace": "app", "argv": [self.kubectl]}}


CALL = {"node": "api", "reason": "stuck"}


async def test_a_rollout_happens_once_a_key(tmp_path: Path) -> None:
    """The annotation names the action, so the same action patches nothing new."""
    cluster = Cluster(tmp_path)
    async with platform(tmp_path / "data", NODES, **cluster.told) as ask:
        done = await ask("rollout_restart", **CALL, idempotency_key="k")
        again = await ask("rollout_restart", **CALL, idempotency_key="k")
        assert cluster.api["rollouts"] == 1 and again == done
        await ask("rollout_restart", **CALL, idempotency_key="k2")

    assert cluster.api["rollouts"] == 2 and cluster.api["annotations"]["mine"] == "kept"
    assert done["restarted_at"] < cluster.api["annotations"]["kubectl.kubernetes.io/restartedAt"]
    for said in cluster.read()["said"]:
        assert said[:2] == ["--context=prod", "--namespace=app"]
        assert said[3] in ("get", "patch") and said[4:6] == ["deployment", "api"]


async def test_after_a_crash_the_annotation_tells(tmp_path: Path) -> None:
    """Case 1: ours: done; the one before: not done; another one's: nobody can tell."""
    cluster = Cluster(tmp_path)
    data = tmp_path / "data"
    async with platform(data, NODES, **cluster.told) as ask:
        done = await ask("rollout_restart", **CALL, idempotency_key="k")
        crash_before_record(data)
        adopted = await ask("find_platform_action", idempotency_key="k")

        crash_before_record(data)
        cluster.change(deployments={"api": {"annotations": {"mine": "kept"}, "rollouts": 0}})
        undone = await ask("find_platform_action", idempotency_key="k")
        again = await ask("rollout_restart", **CALL, idempotency_key="k")

        crash_before_record(data)
        await ask("rollout_restart", **CALL, idempotency_key="other")
        unclear = await ask.complaint("find_platform_action", idempotency_key="k")

    assert adopted["result"] == done == again and undone["found"] is False
    assert "by another action since" in unclear


async def test_what_the_cluster_refuses_is_a_failure(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.change(refuses=True)
    async with platform(tmp_path / "data", NODES, **cluster.told) as ask:
        said = await ask.complaint("rollout_restart", **CALL, idempotency_key="k")
        gone, strange, bare = [
            await ask.complaint("rollout_restart", node=n, reason="r", idempotency_key=n)
            for n in ("gone", "strange", "bare")
        ]

    assert "Forbidden" in said and cluster.api["rollouts"] == 0
    assert "not found" in gone and "has no deployment" in bare
    assert "is no name of one" in strange
    assert not any("--all" in part for said in cluster.read()["said"] for part in said)
