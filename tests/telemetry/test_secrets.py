"""Our credentials never come back, whoever echoes them (case 48)."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.doubles.http_server import Asked, HttpDouble, Reply
from tests.observer_process import ROOT
from tests.telemetry.scenes import over_stdio

pytestmark = pytest.mark.slow

SECRETS = {
    name: f"canary/{name} 31"
    for name in ("prom_url", "loki_url", "redis_url", "supervisor_url", "bearer", "basic")
}


def forms(secret: str) -> list[str]:
    """How a secret could look on its way."""
    return [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]


def echo(asked: Asked) -> Reply:
    """Says everything it was told, as misconfigured proxies do."""
    sent = asked.headers.get("authorization", "")
    plain = ""
    if sent.startswith("Basic "):
        plain = base64.b64decode(sent.removeprefix("Basic ")).decode()
    words = f"{sent} {plain} {quote(plain, safe='')}"
    if asked.query.get("query") == "fails":
        return Reply(500, words.encode())
    if "loki" in asked.path:
        data = {"resultType": "streams", "result": [{"stream": {}, "values": [["9" * 18, words]]}]}
    else:
        cut = "x" * 484 + plain  # a credential of which a cut would leave the first half
        row = {"metric": {"__name__": "up", "said": words, "cut": cut}, "value": [1, "1"]}
        data = {"resultType": "vector", "result": [row]}
    answer = {"status": "success", "data": data, "warnings": [words]}
    return Reply(200, json.dumps(answer).encode())


@pytest.mark.asyncio
@pytest.mark.parametrize("file", ["none", "bearer", "basic"])
async def test_no_answer_error_or_log_holds_a_credential(tmp_path: Path, file: str) -> None:
    """Case 48: not in answers, errors or stderr; not raw, URL-encoded or in base64."""
    with HttpDouble(echo) as server:

        def url(name: str, scheme: str = "http") -> str:
            return f"{scheme}://observer:{quote(SECRETS[name], safe='')}@{server.place}"

        prometheus = {"url": url("prom_url")}
        if file != "none":
            secret = SECRETS[file] if file == "bearer" else f"observer:{SECRETS[file]}"
            (tmp_path / file).write_text(secret + "\n")
            key = "bearer_token_file" if file == "bearer" else "basic_auth_file"
            prometheus |= {key: str(tmp_path / file)}
        told = {
            "telemetry": {"prometheus": prometheus, "loki": {"url": url("loki_url") + "/loki"}},
            "platform": {
                "supervisor": {"url": url("supervisor_url")},
                "redis": {"r": {"url": url("redis_url", "redis")}},
            },
        }
        said: list[str] = []
        async with over_stdio(told, tmp_path / "stderr") as ask:
            for tool, args in [
                ("query_metrics", {"query": "up"}),
                ("query_metrics", {"query": "fails"}),
                ("query_logs", {"container": "c"}),
                ("query_logs", {"query": "fails"}),
                ("check_health", {"method": "supervisor_state", "parameters": {"process": "a"}}),
                ("check_health", {"method": "redis_ping", "parameters": {"redis": "r"}}),
                (
                    "check_health",
                    {"method": "promql", "parameters": {"query": "up", "condition": "> 0"}},
                ),
            ]:
                reply = await ask.session.call_tool(tool, args)
                said.append(reply.model_dump_json())
        said.append((tmp_path / "stderr").read_text())

    assert any("authorization" in asked.headers for asked in server.asked)
    assert "[masked]" in said[0] and "[masked]" in said[1] and "[masked]" in said[3]
    everything = "\n".join(said)
    assert "xobserver:[mask" in everything or file == "bearer"
    assert "canary" not in everything
    for name, secret in SECRETS.items():
        for form in forms(secret) + forms(f"observer:{secret}"):
            assert json.dumps(form)[1:-1] not in everything and form not in everything, name


@pytest.mark.asyncio
async def test_a_credential_in_a_log_is_masked_wherever_it_came_from(tmp_path: Path) -> None:
    """Case 48: also one of another part than the one that is looked through."""
    url = f"redis://:{quote(SECRETS['redis_url'], safe='')}@127.0.0.1:1"
    (tmp_path / "app.log").write_text(f"connecting to {url} with {SECRETS['redis_url']!r}\n")
    told = {
        "telemetry": {"log_files": {"pattern": str(tmp_path / "{container}.log")}},
        "platform": {"redis": {"r": {"url": url}}},
    }
    async with over_stdio(told, tmp_path / "stderr") as ask:
        answer = await ask("query_logs", container="app")
        reply = await ask.session.call_tool("query_logs", {"container": "app"})

    assert answer["lines"][0]["message"] == (
        "connecting to redis://:[masked]@127.0.0.1:1 with '[masked]'"
    )
    assert "canary" not in reply.model_dump_json()


@pytest.mark.parametrize(
    ("sections", "where"),
    [
        ('{"telemetry": {"prometheus": {"url": ["hunter22"]}}}', "telemetry.prometheus.url"),
        ('{"telemetry": {"promtheus": {"url": "http://a:hunter22@b"}}}', "telemetry.promtheus"),
        ("hunter22", "no JSON"),
    ],
)
def test_wrong_sections_are_named_and_not_shown(sections: str, where: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_servers.telemetry_tools"],
        cwd=ROOT,
        env={**os.environ, "OBSERVER_SECTIONS": sections},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert where in done.stderr and "hunter22" not in done.stderr + done.stdout
