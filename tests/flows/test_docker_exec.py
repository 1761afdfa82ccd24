"""The seed's step `docker_exec`, from the log line to a real Redis and back to people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.flows.configs import edited_config
from tests.flows.scenes import another, handle, tools
from tests.observer_process import ObserverProcess
from tests.stack.redis_server import RedisServer

pytestmark = pytest.mark.slow

SERVER = """\
  platform:
    command: [python, -m, mcp_servers.platform_tools, --data-dir, "{data_dir}/platform"]
    sections: [platform, nodes]
    look_up: find_platform_action
"""
ROWS = """\
  find_platform_action: {level: full, blast_radius: 1}
  container_exec: {level: known_pattern, blast_radius: 3}
"""


def known(id: str, node: str, command: str) -> str:
    return f"""\
  - id: {id}
    signature: {{log_pattern: pool exhausted, node: {node}}}
    root_cause: x
    severity: low
    fix:
      type: automated
      steps:
        - {{action: docker_exec, container: redis, command: "{command}"}}
        - {{action: verify, check: "error_rate_pct < 100", timeout: 1s}}
        - {{action: escalate_if_failed, message: Redis took no command}}
"""


@pytest.fixture(scope="module")
def observer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObserverProcess]:
    """The lab, whose stages loading and indexing stand on a Redis of this machine."""
    folder = tmp_path_factory.mktemp("docker-exec")
    with RedisServer(folder / "redis") as server:
        platform = {"platform": {"containers": {"redis": {"argv": []}}}}
        edits = {
            "observer.yaml": {
                "mcp_servers:\n": f"{yaml.safe_dump(platform)}mcp_servers:\n{SERVER}"
            },
            "autonomy.yaml": {"actions:\n": f"actions:\n{ROWS}"},
        }
        config = edited_config(folder / "config", edits)
        _stand_on_redis(config / "dependency_tree.yaml")
        cli = f"redis-cli -p {server.port} -a {server.password} --no-auth-warning"
        (config / "known_errors.yaml").write_text(
            "errors:\n"
            + known("ke-works", "loading", f"{cli} MEMORY PURGE")
            + known("ke-seed", "indexing", f"{cli} CLIENT KILL AGE 300")
        )
        with ObserverProcess(folder / "var", config=config) as process:
            lines = {stage: ["pool exhausted"] for stage in ("loading", "indexing")}
            process.faults({"errors": lines})
            yield process


def _stand_on_redis(tree: Path) -> None:
    text = tree.read_text()
    for stage in ("loading", "indexing"):
        assert text.count(f"node: {stage}\n") == 1
        indent = text.split(f"- node: {stage}\n")[0].rpartition("\n")[2] + "  "
        text = text.replace(f"node: {stage}\n", f"node: {stage}\n{indent}container: redis\n")
    tree.write_text(text)


def test_a_command_in_a_container_is_a_step_like_any_other(observer: ObserverProcess) -> None:
    session = handle(observer, another(stage="loading"))
    assert session["outcome"] == "resolved", session["report"]
    assert tools(session).count("container_exec") == 1
    assert "healed and verified (container_exec)" in session["report"]


def test_the_seeds_own_command_is_refused_by_redis_and_that_is_a_failure(
    observer: ObserverProcess,
) -> None:
    """Case 92: redis-cli ends with 0 and prints ERR."""
    session = handle(observer, another(stage="indexing"))
    (row,) = [t for t in session["transitions"] if t["tool_name"] == "container_exec"]
    assert row["status"] == "failed"
    assert "ERR syntax error" in row["result_summary"]
    assert session["outcome"] == "escalated"
    assert "not healed: Redis took no command (container_exec failed: " in session["report"]
    assert observer.pipeline("incidents")[-1]["title"].startswith("WARNING on indexing")
