"""Bad input against the real daemon: the contract's code, the field's name, and nothing stored."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import hmac
import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.observer_process import INFO, ROOT, WARNING, ObserverProcess
from tests.plain_http import NO_TLS

pytestmark = pytest.mark.slow

OLD, NEW = "the-old-secret", "the-new-secret"
LIMIT = 262_144
JSON = "application/json"
TABLES = ("sessions", "events", "runs", "state_transitions", "approvals", "spans")


class Daemon(ObserverProcess):
    """The daemon with two secrets, as while one of them is rotated out."""

    def sign(self, body: bytes, secret: str = NEW, stamp: str | None = None) -> dict[str, str]:
        signed = body if stamp is None else stamp.encode() + b"." + body
        digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        headers = {"x-webhook-signature": f"sha256={digest}"}
        return headers if stamp is None else {**headers, "x-webhook-timestamp": stamp}

    def deliver(self, body: bytes, path: str = "/alerts", **headers: Any) -> httpx.Response:
        """Post raw bytes, rightly signed unless the headers say otherwise."""
        sent = {"content-type": JSON, **self.sign(body)}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in sent.items() if value is not None}
        return httpx.post(
            f"{self.url}{path}", content=body, headers=sent, timeout=30, verify=NO_TLS
        )

    def event(self, **changes: Any) -> httpx.Response:
        """Post an INFO with some fields changed; `...` leaves a field out."""
        whole = {**INFO, **changes}
        return self.deliver(json.dumps({k: v for k, v in whole.items() if v is not ...}).encode())

    def connect(self) -> socket.socket:
        address = urlsplit(self.url)
        return socket.create_connection((address.hostname, address.port), timeout=30)

    def stored(self) -> dict[str, Any]:
        """Everything that an event leaves behind: rows, queue items, and what the API lists."""
        counts: dict[str, Any] = {"listed": self.get("/sessions")["sessions"]}
        for name, tables in (("observer.db", TABLES), ("queue.db", ("workflow_status",))):
            connection = sqlite3.connect(f"file:{self.data_dir / name}?mode=ro", uri=True)
            with contextlib.closing(connection):
                for table in tables:
                    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
                    counts[table] = row[0]
                if name == "observer.db":
                    # Journal rows leave their table for the file; their number never falls.
                    number = "SELECT seq FROM sqlite_sequence WHERE name = 'journal'"
                    counts["journal"] = connection.execute(number).fetchone()[0]
        return counts

    def memory(self) -> int:
        """The resident set in bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    data_dir = tmp_path_factory.mktemp("bad-input") / "var"
    with Daemon(data_dir, env={"OBSERVER_WEBHOOK_SECRET": f"{OLD},{NEW}"}) as process:
        yield process


@pytest.fixture(autouse=True)
def the_daemon_stays_well(daemon: Daemon) -> Iterator[None]:
    """After every attack: it runs, it can do its job, and it printed no traceback."""
    yield
    assert daemon.get("/health")["state"] == "RUNNING"
    assert "Traceback" not in daemon.log


@pytest.fixture
def refused(daemon: Daemon) -> Iterator[Callable[..., httpx.Response]]:
    """Checks an answer's code and shape; at the end, that nothing at all was stored."""
    before = daemon.stored()

    def check(answer: httpx.Response, code: int, field: str | None) -> httpx.Response:
        assert answer.status_code == code, answer.text
        assert answer.headers["content-type"] == JSON
        problem = answer.json()
        assert set(problem) == {"detail", "field"}
        assert problem["field"] == field, problem
        assert isinstance(problem["detail"], str)
        assert problem["detail"]
        return answer

    yield check
    assert daemon.stored() == before


BODY = json.dumps(WARNING).encode()
GOOD_DIGEST = hmac.new(NEW.encode(), BODY, hashlib.sha256).hexdigest()
BAD_SIGNATURES: dict[str, str | bytes | None] = {
    "missing": None,
    "empty": "",
    "no digits": "sha256=",
    "truncated": f"sha256={GOOD_DIGEST[:-1]}",
    "too long": f"sha256={GOOD_DIGEST}0",
    "not hexadecimal": f"sha256={'g' * 64}",
    "not ASCII": b"sha256=" + "é".encode() * 32,
    "raw bytes": b"\xff\xfe" * 32,
    "another algorithm": f"sha1={GOOD_DIGEST}",
    "a wrong secret": hmac.new(b"guess", BODY, hashlib.sha256).hexdigest(),
    "the empty secret": hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
    "both secrets as one": hmac.new(f"{OLD},{NEW}".encode(), BODY, hashlib.sha256).hexdigest(),
    "a plain hash": hashlib.sha256(BODY).hexdigest(),
    "one digit off": f"sha256={GOOD_DIGEST[:-1]}{'0' if GOOD_DIGEST[-1] != '0' else '1'}",
}


def test_every_bad_signature_gets_the_same_401_and_stores_nothing(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    """Case 52: the answer does not tell what is wrong with it."""
    answers = [
        refused(daemon.deliver(BODY, x_webhook_signature=s), 401, "x-webhook-signature")
        for s in BAD_SIGNATURES.values()
    ]
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted({**answer.headers, "date": ""}.items())) for answer in answers}) == 1
    assert OLD not in answers[0].text
    assert GOOD_DIGEST not in answers[0].text


def test_a_signature_is_asked_for_before_anything_is_parsed(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    """Case 52."""
    for body in (b"{", b"[" * 100_000, b"\xff", b""):
        refused(daemon.deliver(body, x_webhook_signature="x"), 401, "x-webhook-signature")
    unsigned = daemon.deliver(BODY, path="/alerts/nobody", x_webhook_signature=None)
    refused(unsigned, 401, "x-webhook-signature")


@pytest.mark.parametrize("secret", [OLD, NEW])
@pytest.mark.parametrize("prefix", ["sha256=", ""])
def test_both_secrets_are_accepted_while_one_is_rotated_out(
    daemon: Daemon, secret: str, prefix: str
) -> None:
    """Case 52."""
    body = json.dumps({**INFO, "message": f"{secret}{prefix}"}).encode()
    digest = daemon.sign(body, secret)["x-webhook-signature"].removeprefix("sha256=")
    answer = daemon.deliver(body, x_webhook_signature=prefix + digest)
    assert answer.status_code == 202, answer.text
    assert answer.json()["events"][0]["duplicate"] is False


def test_a_body_that_is_changed_or_written_anew_needs_a_new_signature(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    """Case 53."""
    signature = f"sha256={GOOD_DIGEST}"
    rewritten = json.dumps(WARNING, indent=1).encode()
    for body in (rewritten, BODY + b"\n", BODY.replace(b"WARNING", b"warning"), BODY[:-1]):
        answer = daemon.deliver(body, x_webhook_signature=signature)
        refused(answer, 401, "x-webhook-signature")


@pytest.mark.parametrize("age", [-310, 302, 86_400, 1_700_000_000])
def test_a_stamp_out_of_its_window_is_refused(
    daemon: Daemon, refused: Callable[..., httpx.Response], age: int
) -> None:
    """Case 54."""
    stamp = str(int(time.time()) - age)
    answer = daemon.deliver(BODY, **daemon.sign(BODY, stamp=stamp))
    refused(answer, 401, "x-webhook-signature")


def test_an_unsigned_stamp_is_refused(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    """Case 54."""
    for stamp in (str(int(time.time())), "", "now", "1e9", "-1", "9" * 400):
        answer = daemon.deliver(BODY, x_webhook_timestamp=stamp)
        refused(answer, 401, "x-webhook-signature")


def test_a_stamped_delivery_that_is_replayed_in_its_window_is_one_event(daemon: Daemon) -> None:
    """Case 54."""
    body = json.dumps({**INFO, "message": "stamped"}).encode()
    for age, duplicate in ((280, False), (0, True), (-280, True)):
        stamp = str(int(time.time()) - age)
        answer = daemon.deliver(body, **daemon.sign(body, stamp=stamp))
        assert answer.status_code == 202, answer.text
        assert answer.json()["events"][0]["duplicate"] is duplicate


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "text": b"stage=loading",
    "NaN": b'{"stage": "loading", "message": "x", "metrics": {"a": NaN}}',
    "infinity": b'{"stage": "loading", "message": "x", "metrics": {"a": Infinity}}',
    "overflow": b'{"stage": "loading", "message": "x", "metrics": {"a": 1e999}}',
    "duplicate keys": b'{"stage": "loading", "message": "x", "stage": "indexing"}',
    "deep nesting": b"[" * 200_000,
    "deep nesting of objects": b'{"a":' * 40_000,
    "lone surrogate": b'{"stage": "loading", "message": "\\ud800"}',
    "a number of 5,000 digits": b'{"stage": "loading", "message": "x", "n": ' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"stage": "loading", "message": "\xff"}',
    "UTF-16": '{"stage": "loading"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "cut off": BODY[:-1],
    "two values": BODY + BODY,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_not_json_is_400(
    daemon: Daemon, refused: Callable[..., httpx.Response], body: bytes
) -> None:
    """Case 56."""
    started = time.monotonic()
    refused(daemon.deliver(body), 400, "(body)")
    assert time.monotonic() - started < 5


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"severity": "PANIC"}, "severity"),
    ({"severity": "info"}, "severity"),
    ({"severity": 1}, "severity"),
    ({"message": ...}, "message"),
    ({"message": ""}, "message"),
    ({"message": "x" * 100_000}, "message"),
    ({"message": {"text": "x"}}, "message"),
    ({"stage": ...}, "stage"),
    ({"stage": ""}, "stage"),
    ({"stage": "loading; rm -rf /"}, "stage"),
    ({"stage": "../x"}, "stage"),
    ({"stage": "/x"}, "stage"),
    ({"stage": "-rf"}, "stage"),
    ({"stage": "loading\n"}, "stage"),
    ({"stage": "loading\nX-Evil: 1"}, "stage"),
    ({"stage": "loading\u0000"}, "stage"),
    ({"stage": 'loading"} or up{a="'}, "stage"),
    ({"stage": "l\u043eading"}, "stage"),
    ({"stage": "x" * 101}, "stage"),
    ({"stage": ["loading"]}, "stage"),
    ({"tenant_id": "../acme"}, "tenant_id"),
    ({"session_id": "a b"}, "session_id"),
    ({"session_id": "-x"}, "session_id"),
    ({"event_id": "x\r\ny"}, "event_id"),
    ({"feature": "$(id)"}, "feature"),
    ({"occurred_at": "yesterday"}, "occurred_at"),
    ({"labels": {"a": {"b": "c"}}}, "labels.a"),
    ({"labels": {str(n): "x" for n in range(101)}}, "labels"),
    ({"metrics": {"a": "many"}}, "metrics.a"),
]


@pytest.mark.parametrize(("changes", "field"), WRONG_FIELDS, ids=lambda value: repr(value)[:40])
def test_a_wrong_field_is_422_and_named(
    daemon: Daemon,
    refused: Callable[..., httpx.Response],
    changes: dict[str, Any],
    field: str,
) -> None:
    """Case 65: what is no name cannot become an argument, a path, an option or a header."""
    answer = refused(daemon.event(**changes), 422, field)
    assert len(answer.content) < 10_000


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"[{}]"])
def test_json_that_is_no_object_is_422(
    daemon: Daemon, refused: Callable[..., httpx.Response], body: bytes
) -> None:
    refused(daemon.deliver(body), 422, "(body)")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain; x=application/json",
        "application/jsonp",
        "",
        None,
    ],
)
@pytest.mark.parametrize(
    "path", ["/alerts", "/alerts/native", "/control/pause", "/sessions/x/resume"]
)
def test_a_form_of_another_site_cannot_post(
    daemon: Daemon, refused: Callable[..., httpx.Response], kind: str | None, path: str
) -> None:
    """Case 59: a browser sends these three kinds anywhere without asking; JSON it does not."""
    answer = daemon.deliver(BODY, path, content_type=kind)
    refused(answer, 415, "content-type")
    for body in (BODY, b""):
        answer = daemon.deliver(body, path, content_type=kind, origin="https://evil.example")
        refused(answer, 403, "origin")


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "application/cloudevents+json"]
)
def test_json_by_another_name_is_json(daemon: Daemon, kind: str) -> None:
    body = json.dumps({**INFO, "message": kind}).encode()
    assert daemon.deliver(body, content_type=kind).status_code == 202


def test_a_source_that_nobody_wrote_is_404(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    for source in ("nobody", "__class__", "NATIVE", "native%00", "..%2fnative"):
        answer = daemon.deliver(BODY, f"/alerts/{source}")
        assert answer.status_code == 404
        assert set(answer.json()) == {"detail", "field"}
    refused(daemon.deliver(BODY, "/alerts/nobody"), 404, "source")


@pytest.mark.parametrize(
    ("method", "path", "code", "field"),
    [
        ("GET", "/sessions/nobody", 404, None),
        ("GET", "/sessions/%00", 404, None),
        ("GET", "/sessions/a%20b?tenant_id=%ff", 404, None),
        ("GET", "/sessions/x' OR '1'='1", 404, None),
        ("GET", "/approvals/nobody", 404, None),
        ("GET", "/nowhere", 404, None),
        ("GET", "/sessions?limit=0", 422, "limit"),
        ("GET", "/sessions?limit=1001", 422, "limit"),
        ("GET", "/sessions?limit=many", 422, "limit"),
        ("GET", f"/sessions?limit={'9' * 5000}", 422, "limit"),
        ("GET", "/alerts", 405, None),
        ("DELETE", "/sessions", 405, None),
        ("PUT", "/alerts", 405, None),
    ],
)
def test_what_is_not_there_is_said_so_in_the_same_shape(
    daemon: Daemon,
    refused: Callable[..., httpx.Response],
    method: str,
    path: str,
    code: int,
    field: str | None,
) -> None:
    refused(httpx.request(method, f"{daemon.url}{path}", timeout=30, verify=NO_TLS), code, field)


def test_an_unknown_control_command_is_refused(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    refused(daemon.deliver(b"{}", "/control/explode"), 422, "command")
    refused(daemon.deliver(b"{", "/control/pause"), 400, "(body)")
    assert daemon.get("/health")["state"] == "RUNNING"


@pytest.fixture(scope="module")
def ended(daemon: Daemon) -> str:
    """A session in which nothing waits for anybody."""
    return daemon.event(message="an ended session").json()["events"][0]["session_id"]


APPROVE = {"type": "approve"}
MALFORMED: list[tuple[Any, str]] = [
    ([APPROVE], "(body)"),
    ("approve", "(body)"),
    ({"decisions": "approve"}, "decisions"),
    ({"decisions": {"type": "approve"}}, "decisions"),
    ({"decisions": ["approve"]}, "decisions.0"),
    ({"decisions": [{}]}, "decisions.0"),
    ({"decisions": [{"type": "aprove"}]}, "decisions.0"),
    ({"decisions": [{"type": "Approve"}]}, "decisions.0"),
    ({"decisions": [{**APPROVE, "args": {}}]}, "decisions.0.approve.args"),
    ({"decisions": [{**APPROVE, "edited_action": {}}]}, "decisions.0.approve.edited_action"),
    ({"decisions": [{"type": "edit"}]}, "decisions.0.edit.edited_action"),
    (
        {"decisions": [{"type": "edit", "edited_action": {"name": "x"}}]},
        "decisions.0.edit.edited_action.args",
    ),
    (
        {"decisions": [{"type": "edit", "edited_action": {"name": "x", "args": "rm"}}]},
        "decisions.0.edit.edited_action.args",
    ),
    ({"decisions": [{"type": "reject", "message": 7}]}, "decisions.0.reject.message"),
    ({"decisions": [{"type": "reject", "message": "x" * 2001}]}, "decisions.0.reject.message"),
    ({"decision": [APPROVE]}, "decision"),
    ({"decisions": [APPROVE], "approved_by": "admin"}, "approved_by"),
    ({"decisions": [APPROVE], "approval_id": 7}, "approval_id"),
]


@pytest.mark.parametrize(("answer", "field"), MALFORMED, ids=lambda value: repr(value)[:60])
def test_an_answer_that_is_no_answer_is_422_and_named(
    daemon: Daemon,
    ended: str,
    refused: Callable[..., httpx.Response],
    answer: Any,
    field: str,
) -> None:
    """Case 58."""
    sent = daemon.deliver(json.dumps(answer).encode(), f"/sessions/{ended}/resume")
    refused(sent, 422, field)


def test_an_answer_that_is_no_json_is_400(
    daemon: Daemon, ended: str, refused: Callable[..., httpx.Response]
) -> None:
    """Case 56."""
    for body in (b"approve", b'{"decisions": [NaN]}', b"[" * 1000, b'{"a":1,"a":2}'):
        refused(daemon.deliver(body, f"/sessions/{ended}/resume"), 400, "(body)")


def test_resuming_where_nothing_is_pending_is_409_and_an_unknown_session_404(
    daemon: Daemon, ended: str, refused: Callable[..., httpx.Response]
) -> None:
    """Case 58."""
    answers = (b"", json.dumps({"decisions": [APPROVE]}).encode())
    for body in answers:
        refused(daemon.deliver(body, f"/sessions/{ended}/resume"), 409, None)
        refused(daemon.deliver(body, "/sessions/nobody/resume"), 404, None)
        other_tenant = f"/sessions/{ended}/resume?tenant_id=acme"
        refused(daemon.deliver(body, other_tenant), 404, None)
    forged = json.dumps({"decisions": [APPROVE], "approval_id": "nobody"}).encode()
    refused(daemon.deliver(forged, f"/sessions/{ended}/resume"), 404, None)


@pytest.mark.parametrize("chunked", [False, True])
def test_one_byte_over_256_kib_is_413_and_256_kib_are_not(
    daemon: Daemon, refused: Callable[..., httpx.Response], chunked: bool
) -> None:
    """Case 55."""

    def post(size: int) -> httpx.Response:
        body = BODY + b" " * (size - len(BODY))
        headers = {"content-type": JSON, **daemon.sign(b"something else")}
        pieces = (body[at : at + 9999] for at in range(0, size, 9999))
        content = pieces if chunked else body
        return httpx.post(
            f"{daemon.url}/alerts", content=content, headers=headers, timeout=30, verify=NO_TLS
        )

    refused(post(LIMIT + 1), 413, "(body)")
    refused(post(LIMIT), 401, "x-webhook-signature")


def test_a_message_of_a_megabyte_is_413(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    """Cases 55 and 71."""
    refused(daemon.event(message="x" * 1_000_000), 413, "(body)")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_415_and_is_never_unpacked(
    daemon: Daemon, refused: Callable[..., httpx.Response], encoding: str
) -> None:
    """Case 55: 100 MB in 100 KB."""
    bomb = gzip.compress(b" " * 100_000_000, 9)
    assert len(bomb) < LIMIT
    before = daemon.memory()
    refused(daemon.deliver(bomb, content_encoding=encoding), 415, "content-encoding")
    assert daemon.memory() - before < 20 << 20


def test_a_flood_of_bodies_without_length_does_not_fill_the_memory(daemon: Daemon) -> None:
    """Case 55: 16 senders of 16 MiB each."""
    before, before_memory = daemon.stored(), daemon.memory()
    answers: list[bytes] = []

    def flood() -> None:
        with daemon.connect() as connection:
            head = "POST /alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            with contextlib.suppress(OSError):
                connection.sendall(head.encode())
                for _ in range(256):
                    connection.sendall(b"10000\r\n" + b" " * 65_536 + b"\r\n")
            with contextlib.suppress(OSError):
                answers.append(connection.recv(12))

    senders = [threading.Thread(target=flood) for _ in range(16)]
    for sender in senders:
        sender.start()
    peak = 0
    while any(sender.is_alive() for sender in senders):
        peak = max(peak, daemon.memory())
        time.sleep(0.005)
    assert peak - before_memory < 20 << 20
    assert set(answers) <= {b"HTTP/1.1 413", b""}
    assert daemon.stored() == before


def test_a_flood_of_headers_is_cut_off_and_does_not_fill_the_memory(daemon: Daemon) -> None:
    """Case 55, before any body: headers come from people without a signature, too."""
    before, answer = daemon.memory(), b""
    with daemon.connect() as connection, contextlib.suppress(OSError):
        connection.sendall(b"POST /alerts HTTP/1.1\r\nHost: x\r\nX-A: ")
        for _ in range(1024):
            connection.sendall(b"a" * 65_536)
        connection.sendall(b"\r\n\r\n")
        answer = connection.recv(12)
    assert daemon.memory() - before < 20 << 20
    assert answer in (b"", b"HTTP/1.1 400", b"HTTP/1.1 431")


def test_a_body_that_drips_is_408_after_ten_seconds_and_delays_nobody(
    daemon: Daemon,
) -> None:
    """Case 55, slow-loris: 20 connections that send a byte now and then."""
    before = daemon.stored()
    head = (
        f"POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\nContent-Length: 1000\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        drips = [stack.enter_context(daemon.connect()) for _ in range(20)]
        started = time.monotonic()
        for connection in drips:
            connection.sendall(head.encode())
        slowest = 0.0
        while time.monotonic() - started < 9:
            for connection in drips:
                connection.sendall(b"{")
            asked = time.monotonic()
            assert daemon.event(event_id="meanwhile").status_code == 202
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(1)
        answers = [connection.makefile("rb").read() for connection in drips]
        took = time.monotonic() - started
    assert slowest < 5
    assert 9 < took < 20
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["field"] == "(body)"
    after = daemon.stored()
    assert after["events"] <= before["events"] + 1, "only what was sent meanwhile"


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 1e9\r\n\r\n",
        b"POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /alerts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_what_is_not_http_is_refused_and_breaks_nothing(
    daemon: Daemon, refused: Callable[..., httpx.Response], raw: bytes
) -> None:
    with daemon.connect() as connection:
        connection.sendall(raw)
        connection.settimeout(15)
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(65_536)
            assert answer[:10] in (b"", b"HTTP/1.1 4")


def test_a_caller_that_hangs_up_in_the_middle_leaves_nothing(
    daemon: Daemon, refused: Callable[..., httpx.Response]
) -> None:
    head = f"POST /alerts HTTP/1.1\r\nHost: x\r\nContent-Type: {JSON}\r\n"
    for _ in range(20):
        with daemon.connect() as connection:
            connection.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:30])


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_without_a_secret_the_daemon_listens_on_loopback_only(
    daemon: Daemon, tmp_path: Path, host: str
) -> None:
    command = [sys.executable, "-m", "observer.cli.app", "serve", "--host", host, "--port", "0"]
    environment = daemon.environment()
    del environment["OBSERVER_WEBHOOK_SECRET"]
    ended = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "var"), "--config", str(ROOT / "config")],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert f"to listen on {host}, set OBSERVER_WEBHOOK_SECRET" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert not (tmp_path / "var").exists()


def test_a_corrupt_database_is_refused_with_prose_and_left_as_it_is(
    daemon: Daemon, tmp_path: Path
) -> None:
    """Case 17."""
    (tmp_path / "var").mkdir()
    path = tmp_path / "var" / "observer.db"
    path.write_bytes(b"\xff" * 8192)
    process = ObserverProcess(tmp_path / "var").start(wait=False)
    assert process.process is not None
    assert process.process.wait(60) == 2
    assert f"{path}: file is not a database. Nothing was written to it" in process.log
    assert "Traceback" not in process.log
    assert path.read_bytes() == b"\xff" * 8192


def test_a_data_directory_under_a_file_is_refused_with_prose(tmp_path: Path) -> None:
    """Case 18: as root, too."""
    (tmp_path / "file").write_text("precious")
    command = [sys.executable, "-m", "observer.cli.app", "serve", "--port", "0"]
    ended = subprocess.run(
        [*command, "--data-dir", str(tmp_path / "file" / "var")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "file/var cannot be written to" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert (tmp_path / "file").read_text() == "precious"
