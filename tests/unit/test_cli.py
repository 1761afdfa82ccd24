"""The `observer` command against a stub of the daemon's HTTP contract."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner, Result

from observer.cli import demo_stage
from observer.cli.app import COMMANDS, app
from observer.cli.demo_daemon import DemoDaemon
from observer.cli.demo_scenarios import approval, lab
from observer.cli.demo_stage import Stage
from observer.cli.http import ObserverClient
from observer.cli.render import inert
from observer.errors import ConfigurationError, DataDirLocked, UnknownApproval

PROJECT = Path(__file__).resolve().parents[2]
ACCEPTED = {"events": [{"event_id": "e-1", "session_id": "s-1", "duplicate": False}]}
ASKED = {
    "id": "ap-1",
    "session_id": "s/1",
    "tenant_id": "default",
    "status": "pending",
    "action_requests": [
        {"name": "clear_queue", "args": {"stage": "indexing"}, "description": "queue is full"}
    ],
    "review_configs": [{"action_name": "clear_queue", "allowed_decisions": ["approve", "edit"]}],
    "deadline": 1_800_000_000.0,
    "impact": ["search results"],
}
NASTY = "\x1b[2J\x1b]0;owned\x07[bold red]real[/] \u202eevil\r\n[202] INFO: forged\x9b31m\x00"


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Stub:
    """A daemon that answers what it was told to, and remembers what it was asked."""

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def on(self, call: str, status: int, body: Any = None) -> None:
        """The answer to `METHOD /path`; a list of bodies is given out one after the other."""
        self.answers[call] = (status, {} if body is None else body)

    def answer(self, request: Request) -> tuple[int, Any]:
        self.requests.append(request)
        status, body = self.answers.get(
            f"{request.method} {request.path}", (404, {"detail": "there is no such thing"})
        )
        if isinstance(body, list):
            body = body.pop(0) if len(body) > 1 else body[0]
        return status, body


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, url.path, url.query, headers, body)
            status, answer = stub.answer(request)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = respond

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield stub
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No observer of the developer's, and no `.env` but the test's own."""
    for name in ("URL", "TOKEN", "WEBHOOK_SECRET", "DATA_DIR", "CONFIG"):
        # Set, then deleted: whatever a command puts there is taken back after the test.
        monkeypatch.setenv(f"OBSERVER_{name}", "")
        monkeypatch.delenv(f"OBSERVER_{name}")
    monkeypatch.chdir(tmp_path)


def run(*args: str) -> Result:
    result = CliRunner().invoke(app, list(args))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("info", "INFO: Checkpoint saved. 12,450 records processed. Throughput nominal."),
        ("warning", "WARNING: Error rate elevated: 3.2% (threshold: 1%) in last 5 minutes."),
        ("critical", "CRITICAL: Stage FAILED: Connection refused to database. Pipeline halted."),
    ],
)
def test_send_prints_the_labs_line(stub: Stub, name: str, line: str) -> None:
    stub.on("POST /alerts", 202, ACCEPTED)
    result = run("send", name, "--url", stub.url)
    assert (result.stdout, result.stderr, result.exit_code) == (f"[202] {line}\n", "", 0)
    event = stub.requests[0].json
    assert f"{event['severity']}: {event['message']}" == line
    assert event["event_id"]


def test_each_send_has_an_event_id_of_its_own_unless_the_file_names_one(
    stub: Stub, tmp_path: Path
) -> None:
    stub.on("POST /alerts", 202, ACCEPTED)
    file = tmp_path / "event.json"
    file.write_text('{"event_id": "mine", "stage": "loading", "message": "slow"}')
    for what in ("info", "info", str(file)):
        assert run("send", what, "--url", stub.url).exit_code == 0
    first, second, third = (request.json["event_id"] for request in stub.requests)
    assert first != second
    assert third == "mine"


def test_tenant_and_session_become_fields_of_the_event(stub: Stub) -> None:
    stub.on("POST /alerts", 202, ACCEPTED)
    run("send", "warning", "--tenant", "acme", "--session", "s-9", "--url", stub.url)
    event = stub.requests[0].json
    assert (event["tenant_id"], event["session_id"]) == ("acme", "s-9")


def test_send_signs_the_very_bytes_it_posts_with_the_first_secret(
    stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OBSERVER_WEBHOOK_SECRET", " new , old")
    stub.on("POST /alerts", 202, ACCEPTED)
    run("send", "critical", "--url", stub.url)
    sent = stub.requests[0]
    expected = hmac.new(b"new", sent.body, hashlib.sha256).hexdigest()
    assert sent.headers["x-webhook-signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed(stub: Stub) -> None:
    stub.on("POST /alerts", 202, ACCEPTED)
    run("send", "info", "--url", stub.url)
    assert "x-webhook-signature" not in stub.requests[0].headers


def test_dotenv_gives_url_secret_and_token(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"OBSERVER_URL={stub.url}\nOBSERVER_WEBHOOK_SECRET=s3\nOBSERVER_TOKEN=t0k\n"
    )
    stub.on("POST /alerts", 202, ACCEPTED)
    assert run("send", "info").exit_code == 0
    assert stub.requests[0].headers["authorization"] == "Bearer t0k"
    assert "x-webhook-signature" in stub.requests[0].headers


def test_another_sources_file_is_posted_byte_for_byte(stub: Stub, tmp_path: Path) -> None:
    stub.on("POST /alerts/alertmanager", 202, ACCEPTED)
    file = tmp_path / "am.json"
    file.write_bytes(b'{"alerts" : [ ]}\n')
    result = run("send", str(file), "--source", "alertmanager", "--url", stub.url)
    assert result.exit_code == 0
    assert stub.requests[0].body == b'{"alerts" : [ ]}\n'


def test_a_refused_event_is_exit_1_with_the_reason_on_stderr(stub: Stub) -> None:
    reason = [{"loc": ["body", "stage"], "msg": "Field required", "type": "missing"}]
    for detail, where in (
        (reason, None),
        ("Field required", "body.stage"),
        ("body.stage: Field required", "body.stage"),
    ):
        stub.on("POST /alerts", 422, {"detail": detail, "field": where})
        result = run("send", "warning", "--url", stub.url)
        assert result.exit_code == 1
        assert result.stdout.startswith("[422] WARNING: ")
        assert result.stderr == "body.stage: Field required\n"


@pytest.mark.parametrize(
    "content", [None, b"{nope", b"[1]", b'{"a": NaN}', b"\xff", b"[" * 200_000]
)
def test_a_file_that_holds_no_event_is_exit_2(
    stub: Stub, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "event.json"
    if content is not None:
        file.write_bytes(content)
    result = run("send", str(file), "--url", stub.url)
    assert result.exit_code == 2
    assert "event.json" in result.stderr
    assert not stub.requests


@pytest.mark.parametrize(
    "command", [["send", "info"], ["status"], ["sessions"], ["session", "s"], ["pause"]]
)
def test_without_a_daemon_it_says_so_and_exits_1(command: list[str]) -> None:
    result = run(*command, "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "No observer answers at http://127.0.0.1:9" in result.stderr


@pytest.mark.parametrize("url", ["nowhere", "ftp://x", "http://", "http://[", "http://h:port"])
def test_a_url_that_is_none_is_exit_2(url: str) -> None:
    result = run("status", "--url", url)
    assert result.exit_code == 2, result.stderr
    assert "is not an address" in result.stderr


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        (["approve"], {"type": "approve"}),
        (["reject", "--comment", "not now"], {"type": "reject", "message": "not now"}),
        (
            ["edit", "--args", '{"stage": "loading"}'],
            {
                "type": "edit",
                "edited_action": {"name": "clear_queue", "args": {"stage": "loading"}},
            },
        ),
    ],
)
def test_an_answer_posts_one_decision_per_action(
    stub: Stub, command: list[str], decision: dict[str, Any]
) -> None:
    stub.on("GET /approvals/ap-1", 200, ASKED)
    stub.on("POST /sessions/s%2F1/resume", 202, {})
    result = run(command[0], "ap-1", *command[1:], "--url", stub.url)
    assert result.exit_code == 0, result.stderr
    meant = decision.get("edited_action", ASKED["action_requests"][0])
    assert f"clear_queue(stage={meant['args']['stage']})" in result.stdout
    assert stub.requests[-1].json == {"approval_id": "ap-1", "decisions": [decision]}
    assert stub.requests[-1].query == "tenant_id=default"


def test_approving_two_actions_takes_two_decisions_and_editing_names_both(stub: Stub) -> None:
    both = [*ASKED["action_requests"], {"name": "restart_stage", "args": {}}]
    stub.on("GET /approvals/ap-1", 200, {**ASKED, "action_requests": both})
    stub.on("POST /sessions/s%2F1/resume", 202, {})
    assert run("approve", "ap-1", "--url", stub.url).exit_code == 0
    assert stub.requests[-1].json["decisions"] == [{"type": "approve"}] * 2
    assert run("edit", "ap-1", "--args", '{"a": 1}', "--url", stub.url).exit_code == 2
    assert run("edit", "ap-1", "--args", '[null, {"a": 1}]', "--url", stub.url).exit_code == 0
    assert stub.requests[-1].json["decisions"] == [
        {"type": "approve"},
        {"type": "edit", "edited_action": {"name": "restart_stage", "args": {"a": 1}}},
    ]


@pytest.mark.parametrize("args", ["{", "3", "[]", '["x"]', "null"])
def test_edit_takes_only_json_objects(stub: Stub, args: str) -> None:
    assert run("edit", "ap-1", "--args", args, "--url", stub.url).exit_code == 2
    assert not stub.requests


@pytest.mark.parametrize(("status", "reason"), [(409, "already answered"), (410, "expired")])
def test_an_answer_that_comes_too_late_is_exit_1(stub: Stub, status: int, reason: str) -> None:
    stub.on("GET /approvals/ap-1", 200, ASKED)
    stub.on("POST /sessions/s%2F1/resume", status, {"detail": reason})
    result = run("approve", "ap-1", "--url", stub.url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"[{status}] {reason}\n"


def test_an_unknown_approval_is_exit_1(stub: Stub) -> None:
    assert run("approve", "nope", "--url", stub.url).exit_code == 1


def test_while_the_daemon_is_down_the_answer_is_written_to_its_data_dir(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given: list[Any] = []

    def answer_offline(*args: Any) -> str:
        given.append(args)
        return "written down"

    monkeypatch.setitem(
        sys.modules, "observer.offline", types.SimpleNamespace(answer_offline=answer_offline)
    )
    data_dir = tmp_path / "records"
    offline = ["--url", "http://127.0.0.1:9", "--data-dir", str(data_dir)]
    result = run("approve", "ap-1", *offline)
    assert (result.exit_code, result.stdout) == (0, "written down\n")
    assert given == [("ap-1", [{"type": "approve"}])]
    assert os.environ["OBSERVER_DATA_DIR"] == str(data_dir)


@pytest.mark.parametrize(("error", "code"), [(UnknownApproval, 1), (DataDirLocked, 2)])
def test_an_answer_that_cannot_be_written_offline_says_why(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception], code: int
) -> None:
    def answer_offline(*args: Any) -> str:
        raise error

    monkeypatch.setitem(
        sys.modules, "observer.offline", types.SimpleNamespace(answer_offline=answer_offline)
    )
    result = run("reject", "ap-1", "--url", "http://127.0.0.1:9")
    assert result.exit_code == code
    assert result.stderr.strip() == error.__doc__


def test_an_observer_on_another_machine_is_never_answered_on_our_disk() -> None:
    result = run("approve", "ap-1", "--url", "http://observer.invalid:9")
    assert result.exit_code == 1
    assert "No observer answers" in result.stderr


HEALTH = {
    "state": "RUNNING",
    "oldest_event_age_s": 3.2,
    "inbox": {"queued": 2, "running": 1},
    "mcp_servers": {"pipeline": {"state": "connected", "restarts": 1}},
    "models": {"profile": "runbook", "last_error": None},
    "disk": {"free_bytes": 2**31},
    "consecutive_failures": 0,
    "reasons": [],
}
SESSION = {
    "session_id": "s-1",
    "tenant_id": "default",
    "status": "resolved",
    "severity": "WARNING",
    "stage": "indexing",
    "outcome": "resolved",
    "events": [{"event_id": "e", "severity": "WARNING", "message": NASTY, "status": "done"}],
    "runs": [{"trace_id": "t", "event_id": "e", "status": "done", "started_at": 1.8e9}],
    "transitions": [
        {"iteration": 1, "tool_name": "clear_queue", "status": "done", "result_summary": NASTY}
    ],
    "pending": [ASKED],
    "report": f"Report line 1\nline 2 {NASTY}",
}

DEAD_LETTER = {
    "id": "d-1",
    "event_id": "e",
    "tenant_id": "default",
    "session_id": "s-1",
    "severity": "WARNING",
    "stage": "indexing",
    "message": NASTY,
    "attempts": 4,
    "reason": f"Undelivered: {NASTY}",
    "accepted_at": 1.8e9,
    "given_up_at": 1.8e9,
}


def test_status_says_how_to_hear_more_than_the_state(stub: Stub) -> None:
    stub.on("GET /health", 200, {"state": "RUNNING"})
    result = run("status", "--url", stub.url)
    assert (result.exit_code, "RUNNING" in result.stdout) == (0, True)
    assert "OBSERVER_TOKEN" in result.stderr


def routes(stub: Stub) -> None:
    stub.on("GET /health", 200, HEALTH)
    stub.on("GET /sessions", 200, {"sessions": [SESSION]})
    stub.on("GET /sessions/s-1", 200, SESSION)
    stub.on("POST /sessions/s-1/resume", 202, {"resumed": True})
    stub.on("GET /dead-letters", 200, {"dead_letters": [DEAD_LETTER]})
    stub.on("POST /dead-letters/d-1/redeliver", 202, {"id": "d-1", "session_id": "s-1"})
    stub.on("GET /approvals", 200, {"approvals": [ASKED]})
    stub.on("GET /approvals/ap-1", 200, ASKED)
    stub.on("POST /sessions/s%2F1/resume", 202, {})
    stub.on("POST /alerts", 202, ACCEPTED)
    for name in ("pause", "unpause", "restart"):
        stub.on(f"POST /control/{name}", 200, {"state": name})


@pytest.mark.parametrize(
    "command",
    [
        "status",
        "sessions",
        "session s-1 --tenant acme",
        "resume s-1",
        "dead-letters --tenant acme",
        "redeliver d-1",
        "approvals",
        "approve ap-1",
        "reject ap-1",
        "edit ap-1 --args {}",
        "send info",
        "pause",
        "unpause --tenant acme",
        "restart",
    ],
)
def test_json_is_all_there_is_on_stdout_and_plain_text_works_too(stub: Stub, command: str) -> None:
    routes(stub)
    result = run(*command.split(), "--json", "--url", stub.url)
    assert (result.exit_code, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), dict)
    assert run(*command.split(), "--url", stub.url).exit_code == 0


def test_status_says_what_is_left_of_the_day_and_who_is_held(stub: Stub) -> None:
    """Case 84: for all, and for each tenant that used something."""

    def used(calls: int, limit: int) -> dict[str, dict[str, float]]:
        cost, final = {"used": 0.25, "limit": 5.0}, {"used": 1, "limit": 10}
        return {
            "tool_calls": {"used": calls, "limit": limit},
            "cost_usd": cost,
            "irreversible": final,
        }

    budget = {"day": "2026-11-22", "used": {"*": used(500, 2000), "acme": used(500, 500)}}
    hold = {"tenant_id": "acme", "cause": "budget", "reason": "spent", "since": 1.8e9}
    stub.on("GET /health", 200, {**HEALTH, "budget": budget, "held": [hold]})
    lines = run("status", "--url", stub.url).stdout.splitlines()
    rest = "$4.75 of $5.00 for models, 9 of 10 irreversible actions"
    for name, value in [
        ("left today: all", f"1500 of 2000 tool calls, {rest}"),
        ("left today: acme", f"0 of 500 tool calls, {rest}"),
        ("held: acme", "budget: spent"),
    ]:
        assert any(line.startswith(name) and line.endswith(value) for line in lines), lines
    shown = json.loads(run("status", "--json", "--url", stub.url).stdout)
    assert shown["budget"] == budget


def test_every_command_takes_json() -> None:
    for command in COMMANDS:
        assert "--json" in run(command.__name__.replace("_", "-"), "--help").stdout


def test_an_unhealthy_observer_is_exit_1_and_its_page_is_still_shown(stub: Stub) -> None:
    stub.on("GET /health", 503, {**HEALTH, "state": "FAILED", "reasons": ["5 failures in a row"]})
    result = run("status", "--url", stub.url)
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert result.stderr == "5 failures in a row\n"
    assert json.loads(run("status", "--json", "--url", stub.url).stdout)["state"] == "FAILED"


def test_sessions_are_asked_for_with_their_filters(stub: Stub) -> None:
    routes(stub)
    filters = ["--tenant", "a&b", "--status", "running", "--limit", "5"]
    assert run("sessions", *filters, "--url", stub.url).exit_code == 0
    assert stub.requests[0].query == "tenant_id=a%26b&status=running&limit=5"


def test_resume_posts_an_empty_body(stub: Stub) -> None:
    routes(stub)
    run("resume", "s-1", "--url", stub.url)
    assert stub.requests[0].body == b""


def test_control_names_the_tenant_only_where_one_is_given(stub: Stub) -> None:
    routes(stub)
    run("pause", "--url", stub.url)
    run("pause", "--tenant", "acme", "--url", stub.url)
    assert [request.json for request in stub.requests] == [{}, {"tenant_id": "acme"}]


def test_an_id_cannot_become_another_path(stub: Stub) -> None:
    assert run("session", "../approvals?x", "--url", stub.url).exit_code == 1
    assert stub.requests[0].path == "/sessions/..%2Fapprovals%3Fx"


def test_text_from_outside_is_inert_on_a_terminal(stub: Stub) -> None:
    routes(stub)
    shown = run("session", "s-1", "--url", stub.url).stdout
    assert not [c for c in shown if ord(c) < 32 and c != "\n"]
    assert not {"\x9b", "\x7f", "\u202e"} & set(shown)
    assert "owned" not in shown
    assert "[bold red]real[/]" in shown
    assert not [line for line in shown.splitlines() if line.startswith("[202]")][:-1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;never ends\nmore", "0;never ends more"),
        ("\x1bPq secret \x1b\\after", "after"),
        ("\x1bcreset", "reset"),
        ("a\x1b", "a"),
        ("a\rb\nc\u2028d\x85e", "a b c d e"),
        ("tab\there\x00\x07\x08\x7f", "tab here"),
        ("\u202eright\u200b to left\ue000", "right to left"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("[red]kept[/red] \\[", "[red]kept[/red] \\["),
        ("Zürich → 東京", "Zürich → 東京"),
        (None, ""),
        ({"a": "\x1b[1m"}, '{"a": "\\u001b[1m"}'),
        (["one", "two\x1b[1m"], "one, two"),
    ],
)
def test_inert(text: object, expected: str) -> None:
    assert inert(text) == expected


def test_validate_tells_a_good_configuration_from_a_bad_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load_configuration(directory: Path) -> None:
        if directory.name == "bad":
            raise ConfigurationError("autonomy.yaml:3: x: no\nmodels.yaml:9: y: no")

    monkeypatch.setitem(
        sys.modules,
        "observer.settings",
        types.SimpleNamespace(load_configuration=load_configuration),
    )
    good = run("validate", "--config", "good")
    assert (good.exit_code, good.stdout) == (0, "configuration is valid: good\n")
    bad = run("validate", "--config", "bad")
    assert (bad.exit_code, bad.stdout) == (2, "")
    assert bad.stderr == "autonomy.yaml:3: x: no\nmodels.yaml:9: y: no\n"
    assert json.loads(run("validate", "--config", "bad", "--json").stdout)["valid"] is False


def test_serve_takes_option_then_environment_then_default(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[str, int]] = []
    monkeypatch.setitem(
        sys.modules,
        "server",
        types.SimpleNamespace(run=lambda host, port: runs.append((host, port)) or 0),
    )
    for name in ("HOST", "PORT"):
        monkeypatch.delenv(f"OBSERVER__SERVER__{name}", raising=False)
    run("serve")
    monkeypatch.setenv("OBSERVER__SERVER__PORT", "0")
    run("serve")
    run("serve", "--host", "::1", "--port", "81")
    assert runs == [("127.0.0.1", 9090), ("127.0.0.1", 0), ("::1", 81)]
    monkeypatch.setenv("OBSERVER__SERVER__PORT", "many")
    assert run("serve").exit_code == 2


def test_a_locked_data_dir_is_exit_2_in_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(host: str, port: int) -> int:
        raise DataDirLocked("var/observer.lock is held by process 7")

    monkeypatch.setitem(sys.modules, "server", types.SimpleNamespace(run=locked))
    result = run("serve")
    assert (result.exit_code, result.stderr) == (2, "var/observer.lock is held by process 7\n")


def test_the_lab_scenario_fails_where_the_world_is_not_as_the_lab_says(
    stub: Stub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def calls(count: int) -> list[dict[str, Any]]:
        row = {"tool_name": "get_stage_metrics", "status": "done", "result_summary": "fine"}
        return [row] * count

    def play() -> Stage:
        ends = [("acknowledged", 0), ("resolved", 5), ("resolved", 6)]
        ids = [f"s-{number}" for number in range(3)]
        stub.on("POST /alerts", 202, [{"events": [{"session_id": one}]} for one in ids])
        for one, (status, count) in zip(ids, ends, strict=True):
            body = {"session_id": one, "status": status, "transitions": calls(count)}
            stub.on(f"GET /sessions/{one}", 200, body)
        with ObserverClient(stub.url) as observer:
            stage = Stage(observer, DemoDaemon(tmp_path, PROJECT / "config", "runbook"))
            lab(stage)
        return stage

    world = tmp_path / "pipeline"
    world.mkdir()
    names = ("ingestion", "transformation", "validation", "loading", "indexing")
    state = {"stages": dict.fromkeys(names, "healthy")}
    alerts = [
        {"type": "slack", "channel": "#data-pipeline"},
        {"type": "pagerduty", "service": "data-platform"},
        {"type": "slack", "channel": "#incidents"},
    ]
    (world / "pipeline_state.json").write_text(json.dumps(state))
    (world / "incidents.json").write_text('[{"severity": "WARNING"}, {"severity": "CRITICAL"}]')
    (world / "alerts.json").write_text(json.dumps(alerts))
    assert play().passed()
    out = capsys.readouterr().out
    assert "not ok" not in out
    assert "done    get_stage_metrics -> fine" in out

    (world / "alerts.json").write_text(json.dumps(alerts[::-1]))
    assert not play().passed()
    (world / "alerts.json").unlink()
    assert not play().passed()


@pytest.mark.parametrize(("cleared", "passes"), [(1, True), (2, False), (0, False)])
def test_the_approval_scenario_wants_the_queue_cleared_once(
    stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cleared: int, passes: bool
) -> None:
    monkeypatch.setattr(demo_stage, "POLL_EVERY", 0.01)
    row = {"tool_name": "clear_queue", "status": "done", "result_summary": "{}"}
    waiting = {"session_id": "s-1", "status": "waiting_approval", "transitions": []}
    stub.on("POST /alerts", 202, ACCEPTED)
    stub.on("POST /sessions/s-1/resume", 202, {})
    stub.on(
        "GET /sessions/s-1",
        200,
        [
            {**waiting, "status": "queued"},
            {**waiting, "pending": [ASKED]},
            waiting,
            {**waiting, "status": "resolved", "transitions": [row] * cleared},
        ],
    )
    with ObserverClient(stub.url) as observer:
        stage = Stage(observer, DemoDaemon(tmp_path, PROJECT / "config", "runbook"))
        approval(stage)
    assert stage.passed() is passes
    resumed = next(r for r in stub.requests if r.path.endswith("/resume"))
    assert resumed.json == {"approval_id": "ap-1", "decisions": [{"type": "approve"}]}


def test_the_demo_refuses_an_unknown_scenario_and_a_used_directory(tmp_path: Path) -> None:
    assert run("demo", "--scenario", "nope").exit_code == 2
    (tmp_path / "used").write_text("")
    result = run("demo", "--data-dir", str(tmp_path))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from observer.cli.app import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'langgraph', 'langchain_core', 'fastapi', 'httpx', 'dbos', 'rich', 'pydantic'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "approve" in done.stdout
