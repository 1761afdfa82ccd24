"""The four on-call questions over many spans: the time of each, and the memory it adds.

`python -m bench.traces --spans 1000000` asks as many spans as it is told.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from rich.console import Console
from rich.table import Table

from observer.domain.span import FINAL_RESPONSE, Span, SpanKind
from observer.domain.span_question import Grouping, SortBy, SpanQuestion
from observer.records.data_dir import DataDir
from observer.records.read_only import reading
from observer.records.span_queries import groups_of, runs_of, spans_of
from observer.records.spans import store
from tests.synthetic_spans import a_span, records

SPANS = 50_000
_BATCH = 10_000
_BEGAN = 1_800_000_000_000
_APART_MS = 60
"""A million spans are 17 hours: within the last 24."""
_RUN = (
    *[SpanKind.AGENT_STEP] * 9,
    *[SpanKind.TOOL_CALL] * 6,
    *[SpanKind.LLM_CALL] * 4,
)
"""The kinds of one run's spans, before its final response."""
QUESTIONS = {
    "--tenant T --since 24h --sort-by latency": SpanQuestion(
        tenant="tenant-3", since=_BEGAN, sort_by=SortBy.LATENCY
    ),
    "--tool NAME --status error": SpanQuestion(tool="restart_stage", status="error"),
    "--group-by model_version": SpanQuestion(group_by=Grouping.MODEL_VERSION),
    "--group-by prompt_version_hash": SpanQuestion(group_by=Grouping.PROMPT_VERSION_HASH),
    "--group-by tool_name": SpanQuestion(group_by=Grouping.TOOL_NAME),
}


@dataclass(frozen=True)
class Answer:
    """What one question took: wall and CPU seconds, and the memory above an open database's."""

    wall_s: float
    cpu_s: float
    memory_mib: float


def synthetic(count: int, seed: int = 1) -> Iterator[Span]:
    """So many spans of runs of twenty."""
    draw = random.Random(seed)
    for number in range(count):
        run, place = divmod(number, len(_RUN) + 1)
        last = place == len(_RUN)
        kind = SpanKind.AGENT_STEP if last else _RUN[place]
        tags = {
            "trace_id": f"{run * 2654435761 % 2**32:032x}",
            "span_id": f"{number:032x}",
            "tenant_id": f"tenant-{run % 7}",
            "session_id": f"session-{run}",
            "step_index": place,
            "timestamp_ms": _BEGAN + number * _APART_MS,
            "latency_ms": draw.lognormvariate(4, 1),
            "result_status": "error" if draw.random() < 0.05 else "success",
            "result_summary": "x" * 200,
        }
        if last:
            tags |= {"name": FINAL_RESPONSE, "cost_nano": draw.randrange(10**7)}
        elif kind is SpanKind.LLM_CALL:
            tags["model_version"] = draw.choice(("gpt-4o", "gpt-4o-mini"))
            tags["prompt_version_hash"] = draw.choice(("a524ccaf546f", "f06090ba4a07"))
            tags["cost_nano"] = draw.randrange(10**7)
        elif kind is SpanKind.TOOL_CALL:
            tags["tool_name"] = draw.choice(("restart_stage", "query_metrics", "query_logs"))
        yield a_span(kind, **tags)


def traces(count: int = SPANS) -> dict[str, Answer]:
    """Write so many spans, then ask each question in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        path = DataDir(Path(name)).records
        connection = records(path)
        connection.execute("PRAGMA synchronous=OFF")
        made = synthetic(count)
        for _ in range(0, count, _BATCH):
            connection.execute("BEGIN")
            store(connection, itertools.islice(made, _BATCH))
            connection.execute("COMMIT")
        connection.close()
        return {words: _in_a_process(Path(name), words) for words in QUESTIONS}


def _in_a_process(folder: Path, words: str) -> Answer:
    ours, theirs = multiprocessing.Pipe()
    # Started afresh: a fork would begin with our own memory.
    process = multiprocessing.get_context("spawn").Process(
        target=_ask, args=(folder, words, theirs)
    )
    process.start()
    theirs.close()
    answer = ours.recv()
    process.join()
    return answer


def _ask(folder: Path, words: str, pipe: Pipe) -> None:
    question = QUESTIONS[words]
    with reading(DataDir(folder)) as connection:
        before, wall, cpu = _peak_mib(), time.perf_counter(), time.process_time()
        if question.group_by is not None:
            groups_of(connection, question)
        elif question.of_runs:
            runs_of(connection, question, _BEGAN)
        else:
            spans_of(connection, question)
        pipe.send(
            Answer(time.perf_counter() - wall, time.process_time() - cpu, _peak_mib() - before)
        )


def _peak_mib() -> float:
    # Not getrusage: its figure outlives an exec, so it would be our parent's.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def print_answers(console: Console, count: int = SPANS) -> None:
    """Measure and print."""
    table = Table("observer traces", "s", "CPU s", "memory MiB")
    for words, answer in traces(count).items():
        table.add_row(
            words, f"{answer.wall_s:.3f}", f"{answer.cpu_s:.3f}", f"{answer.memory_mib:.1f}"
        )
    console.print(f"on-call questions over {count:,} spans")
    console.print(table, "")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS)
    print_answers(Console(width=110), parser.parse_args().spans)
