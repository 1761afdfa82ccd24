"""`observer data export`: what the records hold, as whole files that others can read."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.domain.span import Span, SpanKind
from observer.records import export_files
from observer.records.data_dir import DataDir
from observer.records.database import Database
from observer.records.export import COLUMNS, Wanted, What, rows_of
from observer.records.export_files import Format, write_rows
from observer.records.spans import Spans

T0 = 1_795_000_000


def _span(number: int) -> Span:
    """Every second one is acme's; one a second; every third a model call."""
    model: dict[str, Any] = {
        "model_id": "openai:gpt-5-mini",
        "model_version": "gpt-5-mini-1",
        "prompt_version_hash": "ab",
        "input_tokens": 100,
        "output_tokens": 7,
        "temperature": 0.0,
        "cost_usd": 3e-9 * number,
        "cost_nano": 3 * number,
    }
    return Span(
        trace_id="a" * 32,
        span_id=f"{number:032x}",
        parent_span_id=None,
        tenant_id="acme" if number % 2 else "other",
        session_id=f"s-{number}",
        step_index=number,
        timestamp_ms=(T0 + number) * 1000,
        span_kind=SpanKind.LLM_CALL if number % 3 == 0 else SpanKind.AGENT_STEP,
        latency_ms=1.5,
        feature="f",
        stage="loading",
        name="x",
        result_status="success",
        args_redacted={"stage": "loading"},
        redacted=["email"],
        **(model if number % 3 == 0 else {}),
    )


async def _fill(directory: DataDir, count: int) -> None:
    database = Database(directory.records)
    await database.open()
    spans = Spans(database)
    for number in range(count):
        spans.emit(_span(number))
    await spans.flush()

    def more(c: sqlite3.Connection) -> None:
        for tenant in ("acme", "other"):
            c.execute(
                "INSERT INTO sessions VALUES (?, 's-1', 'resolved', 'WARNING', 'loading', NULL,"
                " 'resolved', 'the report', ?, ?)",
                (tenant, T0, T0 + 5),
            )
            c.execute(
                "INSERT INTO events (event_key, tenant_id, session_id, status, payload,"
                " accepted_at) VALUES (?, ?, 's-1', 'done', ?, ?)",
                (f"key-{tenant}", tenant, json.dumps({"message": f"of {tenant}"}), T0),
            )
            c.execute(
                "INSERT INTO runs (trace_id, tenant_id, session_id, event_key, status, started_at)"
                " VALUES (?, ?, 's-1', ?, 'done', ?)",
                (f"trace-{tenant}", tenant, f"key-{tenant}", T0),
            )
            c.execute(
                "INSERT INTO state_transitions (session_id, trace_id, tenant_id, event_key,"
                " iteration, purpose, tool_name, tool_input_hash, args, idempotency_key, status,"
                " timestamp) VALUES ('s-1', 't', ?, 'k', 1, 'read', 'look', 'h', ?, ?, 'done', ?)",
                (tenant, '{"stage": "loading"}', f"i-{tenant}", T0),
            )
            c.execute(
                "INSERT INTO eval_candidates (event_key, record) VALUES (?, ?)",
                (f"key-{tenant}", json.dumps({"input": {"tenant_id": tenant}, "fresh": 1})),
            )

    await database.write(more)
    await database.close()
    directory.journal.mkdir()
    lines = [
        {"seq": n, "ts": f"2026-11-22T03:00:0{n}+00:00", "tenant_id": tenant, "kind": "event"}
        for n, tenant in enumerate(["acme", "other", None])
    ]
    text = "".join(json.dumps({**line, "message": "m"}) + "\n" for line in lines)
    (directory.journal / "2026-11-22.jsonl").write_text(text + '{"seq": 4, "torn')


@pytest.fixture
def directory(tmp_path: Path) -> DataDir:
    found = DataDir(tmp_path / "var")
    found.path.mkdir()
    asyncio.run(_fill(found, 30))
    return found


def run(directory: DataDir, *args: str, code: int = 0) -> Any:
    done = CliRunner().invoke(app, ["data", "export", "--data-dir", str(directory.path), *args])
    assert done.exit_code == code, done.output
    return done


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_everything_of_everybody_is_in_a_folder_for_its_owner(directory: DataDir) -> None:
    out = directory.path.parent / "out"
    said = json.loads(run(directory, "--out", str(out), "--json").stdout)["files"]
    counts = {row["what"]: row["rows"] for row in said}
    assert counts == {
        "spans": 30,
        "sessions": 2,
        "transitions": 2,
        "journal": 3,
        "costs": 2,
        "evals": 2,
    }
    assert {path.name for path in out.iterdir()} == {f"{what}.jsonl" for what in What}
    assert {path.stat().st_mode & 0o777 for path in out.iterdir()} == {0o600}
    assert read(out / "spans.jsonl") == [_span(n).as_record() for n in range(30)]
    session = read(out / "sessions.jsonl")[0]
    assert session["events"] == [{"message": "of acme"}]
    assert session["runs"][0]["trace_id"] == "trace-acme"


@pytest.mark.parametrize("what", list(What))
def test_a_tenants_export_has_nothing_of_another(directory: DataDir, what: What) -> None:
    mine = list(rows_of(directory, what, Wanted("acme")))
    assert mine and {row["tenant_id"] for row in mine} == {"acme"}
    assert "other" not in json.dumps(mine)


def test_since_is_part_of_it_and_until_is_not(directory: DataDir) -> None:
    out = directory.path.parent / "some.jsonl"
    args = ["--since", "2026-11-18T11:06:50", "--until", "2026-11-18T11:06:53Z"]
    run(directory, "--out", str(out), "--what", "spans", *args)
    assert [row["step_index"] for row in read(out)] == [10, 11, 12]


def test_costs_are_exact_sums_by_day_tenant_feature_and_model(directory: DataDir) -> None:
    calls = [n for n in range(30) if n % 3 == 0]
    expected = {
        tenant: [sum(3 * n for n in calls if n % 2 == odd), sum(n % 2 == odd for n in calls)]
        for tenant, odd in (("acme", 1), ("other", 0))
    }
    found = list(rows_of(directory, What.COSTS, Wanted()))
    assert {row["tenant_id"]: [row["cost_nano"], row["calls"]] for row in found} == expected


@pytest.mark.parametrize("what", list(What))
def test_parquet_says_the_same_in_fixed_columns(
    directory: DataDir, tmp_path: Path, what: What
) -> None:
    path = tmp_path / f"{what}.parquet"
    count = write_rows(path, what, rows_of(directory, what, Wanted()), Format.PARQUET)
    table = pq.read_table(path)
    assert table.column_names == [*COLUMNS[what], "more"]
    rows = list(rows_of(directory, what, Wanted()))
    assert count == table.num_rows == len(rows)
    for told, row in zip(table.to_pylist(), rows, strict=True):
        beyond = json.loads(told.pop("more") or "{}")
        for name, value in row.items():
            cell = beyond[name] if name in beyond else told[name]
            same = json.loads(cell) if isinstance(value, dict | list) and name in told else cell
            assert same == value, name


def test_a_write_that_fails_leaves_the_file_that_was_there(
    directory: DataDir, tmp_path: Path
) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text("before")

    def breaks() -> Any:
        yield {"a": 1}
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        write_rows(path, What.SPANS, breaks(), Format.JSONL)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["spans.jsonl"]


@pytest.mark.parametrize(("step", "said"), [(-1, "of an older release"), (1, "a newer release")])
def test_records_of_another_release_are_refused(
    directory: DataDir, tmp_path: Path, step: int, said: str
) -> None:
    with closing(sqlite3.connect(directory.records)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute(f"PRAGMA user_version = {version + step}")
    out = tmp_path / "spans.jsonl"
    done = run(directory, "--out", str(out), "--what", "spans", code=2)
    assert said in done.stderr
    assert not out.exists()


def test_it_takes_bounded_memory_and_holds_no_transaction(
    directory: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(directory, What.SPANS, Wanted())
    monkeypatch.setattr("observer.records.export._PAGE", 10)
    next(rows)
    with closing(sqlite3.connect(directory.records)) as connection:
        connection.execute("DELETE FROM spans WHERE id > 20")
        connection.commit()
        # (busy, ...): a reader in a transaction would keep the log from being emptied.
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    many = ({**_span(3).as_record(), "result_summary": "x" * 1000} for _ in range(60_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    write_rows(tmp_path / "many.parquet", What.SPANS, many, Format.PARQUET)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--out", "x", "--what", "spans,secrets"], "--what takes some of"),
        (["--out", "x.jsonl"], "name one --what"),
        (["--out", "x.parquet", "--what", "spans", "--format", "jsonl"], "no other --format"),
        (["--out", "x", "--format", "csv"], "--format takes jsonl or parquet"),
        (["--out", "x", "--since", "yesterday"], "is no moment"),
        (["--out", "x", "--data-dir", "nowhere"], "no observer's data here"),
    ],
)
def test_wrong_usage_is_said(directory: DataDir, args: list[str], expected: str) -> None:
    assert expected in run(directory, *args, code=2).output


def test_without_the_extra_it_says_how_to_get_it(
    directory: DataDir, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)  # type: ignore[arg-type]
    out = ["--out", str(tmp_path / "out"), "--format", "parquet"]
    assert "pip install 'pipeline-observer[archive]'" in run(directory, *out, code=2).output
    assert not (tmp_path / "out").exists()
    assert export_files.Format("jsonl") == Format.JSONL
