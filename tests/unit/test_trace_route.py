"""`GET /traces/{id}` and what an id may be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from observer.domain.access import HERE
from observer.domain.mission import OWN_SESSION, OWN_TENANT
from observer.domain.span import FINAL_RESPONSE
from observer.domain.span_kinds import SpanKind
from observer.errors import DataDirUnusable, ObserverError
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.read_only import reading
from observer.records.spans import store
from observer.web.bodies import current_observer
from observer.web.refusals import explain
from observer.web.traces import traces
from tests.synthetic_spans import a_span, records

FIRST, SECOND, THEIRS = "aaaa1111", "aaaa2222", "bbbb3333"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Records of two tenants, each with a session of the same name."""
    connection = records(tmp_path / "observer.db")
    for trace, tenant, at in ((FIRST, "acme", 1), (SECOND, "acme", 2), (THEIRS, "globex", 3)):
        tags = {
            "trace_id": trace,
            "tenant_id": tenant,
            "session_id": "shared" if tenant == "globex" else "session-1",
            "timestamp_ms": at,
        }
        step = a_span(span_id=f"{trace}-1", name="classify", **tags)
        final = a_span(
            span_id=f"{trace}-2", parent_span_id=f"{trace}-1", name=FINAL_RESPONSE, **tags
        )
        store(connection, [step, final])
    for tenant, session in (("acme", "shared"), ("acme", "session-1"), ("globex", "shared")):
        connection.execute(
            "INSERT INTO sessions (tenant_id, session_id, status, stage, created_at, updated_at)"
            " VALUES (?, ?, 'resolved', 'loading', 0, 0)",
            (tenant, session),
        )
    connection.close()
    return tmp_path


def as_this_machines_user(app: ASGIApp) -> ASGIApp:
    """What the gate says of a caller, where no token was ever made."""

    async def here(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": {"caller": HERE}}, receive, send)

    return here


def get(folder: Path, path: str) -> tuple[int, Any]:
    async def ask() -> httpx.Response:
        database = Database(folder / "observer.db")
        await database.open()
        app = FastAPI()
        app.include_router(traces)
        app.add_middleware(as_this_machines_user)
        app.add_exception_handler(ObserverError, explain)
        app.dependency_overrides[current_observer] = lambda: SimpleNamespace(
            services=SimpleNamespace(data_dir=DataDir(folder))
        )
        try:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://o") as client:
                return await client.get(path)
        finally:
            await database.close()

    answer = asyncio.run(ask())
    return answer.status_code, answer.json()


def test_a_session_is_answered_with_all_its_runs_the_newest_last(folder: Path) -> None:
    status, body = get(folder, "/traces/session-1?tenant_id=acme")
    assert (status, body["session_id"], body["tenant_id"]) == (200, "session-1", "acme")
    assert [run["trace_id"] for run in body["runs"]] == [FIRST, SECOND]
    assert [span["span_id"] for span in body["runs"][0]["spans"]] == [f"{FIRST}-1", f"{FIRST}-2"]
    assert {"status", "totals", "slowest", "failing", "blame"} <= body["runs"][0].keys()


@pytest.mark.parametrize("wanted", [SECOND, "aaaa2", "session-1"])
def test_a_trace_is_found_by_its_id_or_what_is_unique_of_it(folder: Path, wanted: str) -> None:
    status, body = get(folder, f"/traces/{wanted}")
    assert (status, body["runs"][-1]["trace_id"]) == (200, SECOND)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/traces/nobody", 404),
        ("/traces/aaa", 404),
        ("/traces/%25aaa", 404),
        ("/traces/aaaa", 409),
        ("/traces/shared", 409),
        ("/traces/shared?tenant_id=globex", 200),
        ("/traces/session-1?tenant_id=globex", 404),
        (f"/traces/{FIRST}?tenant_id=globex", 404),
        (f"/traces/{THEIRS}?tenant_id=globex", 200),
        (f"/traces/{THEIRS}?tenant_id=acme", 404),
    ],
)
def test_what_is_unknown_another_tenants_or_not_unique_is_refused(
    folder: Path, path: str, expected: int
) -> None:
    status, body = get(folder, path)
    assert status == expected
    assert ("detail" in body) == (expected != 200)


def test_what_the_observer_asked_of_its_own_accord_is_found_by_its_session(folder: Path) -> None:
    connection = records(folder / "observer.db")
    own = {"tenant_id": OWN_TENANT, "session_id": OWN_SESSION, "trace_id": "cccc4444"}
    store(connection, [a_span(SpanKind.LLM_CALL, **own)])
    connection.close()
    status, body = get(folder, f"/traces/{OWN_SESSION}")
    assert (status, body["runs"][0]["trace_id"]) == (200, "cccc4444")


def test_records_of_another_release_are_refused_to_a_reader(folder: Path) -> None:
    connection = records(folder / "observer.db")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for other, said in ((version - 1, "older release"), (version + 1, "newer release")):
        connection.execute(f"PRAGMA user_version={other}")
        with pytest.raises(DataDirUnusable, match=said), reading(DataDir(folder)):
            pass
    connection.close()
