"""restart_process on a real supervisord, and on a systemctl by double."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.platform.scenes import (
    Restartable,
    crash_before_record,
    over_stdio,
    platform,
    process_node,
    script,
)
from tests.stack.part import wait_until
from tests.telemetry.scenes import Asker

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]

NODES = {
    "consumer": process_node("worker"),
    "broken": process_node("broken"),
    "parked": process_node("parked"),
    "stubborn": process_node("stubborn", None),
    "misnamed": process_node("nobody"),
    "everybody": process_node("*"),
}


async def restart(ask: Asker, node: str, key: str) -> dict[str, object]:
    return await ask("restart_process", node=node, reason="stuck", idempotency_key=key)


@pytest.mark.parametrize("way", ["tcp", "unix"])
async def test_a_process_runs_anew_and_the_same_key_again_changes_nothing(
    supervisord: Restartable, tmp_path: Path, way: str
) -> None:
    url = supervisord.url if way == "tcp" else supervisord.socket_url
    before = supervisord.pid("pipeline:worker")
    async with platform(tmp_path, NODES, supervisor={"url": url}) as ask:
        first = await restart(ask, "consumer", "k1")
        after = supervisord.pid("pipeline:worker")
        second = await restart(ask, "consumer", "k1")
        other = await ask.complaint(
            "restart_process", node="parked", reason="stuck", idempotency_key="k1"
        )
        found = await ask("find_platform_action", idempotency_key="k1")
        nothing = await ask("find_platform_action", idempotency_key="k2")

    assert first["pid"] == after != before and first["state"] == "RUNNING"
    assert second == first and supervisord.pid("pipeline:worker") == after
    assert "needs a key of its own" in other
    assert found == {"found": True, "action": "restart_process", "result": first}
    assert nothing["found"] is False


async def test_a_process_that_sleeps_is_woken_and_ends(
    supervisord: Restartable, tmp_path: Path
) -> None:
    """After SIGSTOP it says RUNNING and hears no SIGTERM: it need not wait for its SIGKILL."""
    before = supervisord.pid("pipeline:worker")
    os.kill(before, signal.SIGSTOP)
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        async with asyncio.timeout(5):  # its stopwaitsecs are 10
            done = await restart(ask, "consumer", "k")

    assert done["pid"] == supervisord.pid("pipeline:worker") != before


async def test_a_process_that_ignores_sigterm_is_killed_by_its_supervisor(
    supervisord: Restartable, tmp_path: Path
) -> None:
    before = supervisord.pid("stubborn")
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        done = await restart(ask, "stubborn", "k")

    assert done["pid"] == supervisord.pid("stubborn") != before


async def test_a_stopped_process_is_started(supervisord: Restartable, tmp_path: Path) -> None:
    supervisord.rpc.stopProcess("pipeline:worker")
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        done = await restart(ask, "consumer", "k")

    assert done["state"] == supervisord.state("pipeline:worker") == "RUNNING"


async def test_a_process_that_does_not_stay_up_is_a_failure_and_stays_one(
    supervisord: Restartable, tmp_path: Path
) -> None:
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        call = {"node": "broken", "reason": "stuck", "idempotency_key": "k"}
        first = await ask.complaint("restart_process", **call)
        again = await ask.complaint("restart_process", **call)
        found = await ask("find_platform_action", idempotency_key="k")

    assert "FATAL" in first or "EXITED" in first
    assert again == first
    assert found["found"] and found["result"]["error"].startswith("(error) ")


@pytest.mark.parametrize(
    ("node", "words"),
    [("misnamed", "knows no process"), ("everybody", "is no name of one")],
)
async def test_a_pointer_that_names_no_one_process_is_refused_and_leaves_the_key_free(
    supervisord: Restartable, tmp_path: Path, node: str, words: str
) -> None:
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        said = await ask.complaint(
            "restart_process", node=node, reason="stuck", idempotency_key="k"
        )
        found = await ask("find_platform_action", idempotency_key="k")

    assert words in said and found["found"] is False


async def test_killed_between_effect_and_record_a_restart_is_seen_in_the_world(
    supervisord: Restartable, tmp_path: Path
) -> None:
    """Case 1: the process' own start tells; nothing is started twice."""
    async with platform(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        await restart(ask, "consumer", "k")
        await restart(ask, "consumer", "other")
        pid = supervisord.pid("pipeline:worker")
        crash_before_record(tmp_path)
        found = await ask("find_platform_action", idempotency_key="other")
        crash_before_record(tmp_path)
        again = await restart(ask, "consumer", "other")
        now = supervisord.rpc.getProcessInfo("pipeline:worker")
        crash_before_record(tmp_path, start=[str(now["start"]), str(now["pid"])])
        undone = await ask("find_platform_action", idempotency_key="other")

    assert undone["found"] is False, "it runs since before the intent"
    assert found["found"] and found["result"] == again and again["pid"] == pid
    assert supervisord.pid("pipeline:worker") == pid


async def test_killed_before_the_effect_a_restart_is_told_as_not_done(
    supervisord: Restartable, tmp_path: Path
) -> None:
    """Case 1: the server is really killed, while supervisord still stops the process."""
    async with over_stdio(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        doomed = asyncio.create_task(
            ask.session.call_tool(
                "restart_process",
                {"node": "stubborn", "reason": "stuck", "idempotency_key": "k"},
            )
        )
        await asyncio.to_thread(
            wait_until, lambda: supervisord.state("stubborn") == "STOPPING", "it stops"
        )
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        doomed.cancel()

    async with over_stdio(tmp_path, NODES, supervisor={"url": supervisord.url}) as ask:
        found = await ask("find_platform_action", idempotency_key="k")
        state = supervisord.state("stubborn")
        done = await restart(ask, "stubborn", "k")

    assert found["found"] is False and state == "STOPPED"
    assert done["state"] == supervisord.state("stubborn") == "RUNNING"


SYSTEMCTL = """\
import json, pathlib, sys
world = pathlib.Path(__file__).with_name("world.json")
now = json.loads(world.read_text())
now["said"].append(sys.argv[1:])
verb, unit = sys.argv[2], sys.argv[-1]
if verb == "restart":
    now["units"][unit]["start"] += 1
    now["units"][unit]["state"] = now["units"][unit].get("becomes", "active")
world.write_text(json.dumps(now))
if unit not in now["units"]:
    print("LoadState=not-found\\nActiveState=inactive")
elif verb == "show":
    found = now["units"][unit]
    print(f"LoadState=loaded\\nActiveState={found['state']}\\nMainPID=7")
    print(f"InvocationID={found['start']}\\nActiveEnterTimestampMonotonic=1")
elif now["units"][unit]["state"] == "failed":
    sys.exit("Job for it failed.")
"""


async def test_a_unit_of_systemd_is_restarted_once_by_an_argument_list(tmp_path: Path) -> None:
    world = tmp_path / "world.json"
    units = {
        "app.service": {"state": "active", "start": 1},
        "ill.service": {"state": "active", "start": 1, "becomes": "failed"},
    }
    world.write_text(json.dumps({"said": [], "units": units}))
    systemctl = script(tmp_path / "systemctl", SYSTEMCTL)
    nodes = {
        "app": {"type": "process", "systemd_unit": "app.service"},
        "ill": {"type": "process", "systemd_unit": "ill.service"},
        "none": {"type": "process", "systemd_unit": "none.service"},
    }
    data = tmp_path / "data"
    async with platform(data, nodes, systemd={"argv": [systemctl, "--user"]}) as ask:
        done = await restart(ask, "app", "k")
        crash_before_record(data)
        found = await ask("find_platform_action", idempotency_key="k")
        again = await restart(ask, "app", "k")
        call = {"reason": "stuck", "idempotency_key": "k2"}
        ill = await ask.complaint("restart_process", node="ill", **call)
        none = await ask.complaint(
            "restart_process", node="none", **{**call, "idempotency_key": "3"}
        )
    said = json.loads(world.read_text())

    assert done["state"] == "active" and found["result"] == again == done
    assert said["units"]["app.service"]["start"] == 2
    assert said["said"].count(["--user", "restart", "--", "app.service"]) == 1
    assert "Job for it failed." in ill and "knows no unit" in none
