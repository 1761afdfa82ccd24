"""The real daemon and a real receiver of OTLP: the whole tree arrives, once, and nothing raw."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Callable
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.crash.evidence import until
from tests.doubles.http_server import Reply
from tests.doubles.otlp_receiver import OtlpReceiver
from tests.observer_process import WARNING, ObserverProcess

pytestmark = pytest.mark.slow

TOKEN = "ZZ-canary+of/the-receiver=="


def rows_of(observer: ObserverProcess) -> dict[str, tuple[str, str | None, str]]:
    """Our own spans: by the id on the wire the trace, the parent's id on the wire, the kind."""
    path = observer.data_dir / "observer.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT span_id, trace_id, parent_span_id, span_kind FROM spans")
        return {s[:16]: (trace, p and p[:16], kind) for s, trace, p, kind in found}


def test_the_tree_arrives_once_after_the_receiver_was_down_and_after_a_kill(
    make_observer: Callable[..., ObserverProcess],
) -> None:
    """Case 30; case 48 for OTLP: with a secret in the alert's text."""
    with OtlpReceiver() as gone:
        port = int(gone.place.rpartition(":")[2])
    env = {
        "OBSERVER__OTLP__ENDPOINT": f"http://127.0.0.1:{port}/v1/traces",
        "OBSERVER__OTLP__HEADERS_ENV": '{"authorization": "AN_OTLP_HEADER"}',
        "OBSERVER__OTLP__INTERVAL": "100ms",
        "AN_OTLP_HEADER": f"Bearer {TOKEN}",
    }
    observer = make_observer(env=env).start()
    forms = (TOKEN, quote(TOKEN, safe=""), base64.b64encode(TOKEN.encode()).decode())
    session = observer.send({**WARNING, "message": f"{WARNING['message']} token {TOKEN}"})
    assert observer.wait_for(session)["status"] == "resolved"
    until(lambda: observer.get("/health")["otlp"]["error"], "it says that nobody is there")
    assert observer.get("/health")["otlp"]["lag"] > 0
    assert observer.get("/health")["reasons"] == []

    with OtlpReceiver(port=port) as receiver:
        until(lambda: observer.get("/health")["otlp"]["lag"] == 0, "it catches up")
        own = rows_of(observer)
        assert dict(receiver.counted()) == dict.fromkeys(own, 1)
        for span in receiver.spans:
            kind = span.attributes["observer.span_kind"]
            assert (span.trace_id, span.parent_id or None, kind) == own[span.span_id]
            assert span.attributes["gen_ai.conversation.id"] == session
        assert {"agent_step", "tool_call"} <= {kind for _, _, kind in own.values()}

        observer.kill()
        observer.start()
        observer.wait_for(observer.send({**WARNING, "session_id": "after"}))
        until(lambda: len(receiver.counted()) == len(rows_of(observer)), "and goes on")
        until(lambda: observer.get("/health")["otlp"]["lag"] == 0, "to the last one")
        assert dict(receiver.counted()) == dict.fromkeys(rows_of(observer), 1)

        receiver.rule = lambda _: Reply(silent=True)
        asked = len(receiver.asked)
        assert observer.wait_for(observer.send({**WARNING, "session_id": "slow"}))["status"]
        until(lambda: len(receiver.asked) > asked, "it is given a batch that it never takes")
        assert observer.terminate(15) == 0

        told = b"".join(asked.body for asked in receiver.asked)
    for form in forms:
        assert form.encode() not in told
        assert form not in observer.log
