"""A day that is spent, on the real daemon: who waits, who does not, and what ends it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.observer_process import CRITICAL, WARNING, ObserverProcess

pytestmark = pytest.mark.slow

HOUR, DAY = 3600.0, 86400.0
CALLS = "OBSERVER__BUDGET__MAX_TOOL_CALLS_PER_DAY"
TELLS = ("create_incident", "page_oncall", "send_slack_alert")
CLOCK = "tests.doubles.set_clock"


def until(holds: Callable[[], bool], what: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        time.sleep(0.05)


def warnings(number: int, tenant: str = "default") -> list[dict[str, Any]]:
    """Sessions of their own."""
    return [
        {**WARNING, "tenant_id": tenant, "session_id": f"{tenant}-{n}", "event_id": f"{tenant}-{n}"}
        for n in range(number)
    ]


def made(observer: ObserverProcess, events: list[dict[str, Any]]) -> int:
    """How many budgeted calls went out for these sessions, by the ledger."""
    rows = [
        row
        for event in events
        for row in observer.session(event["session_id"], tenant=event["tenant_id"]).get(
            "transitions", []
        )
    ]
    return sum(row["tool_name"] not in TELLS and row["result_status"] != "refused" for row in rows)


def statuses(observer: ObserverProcess, events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(
        observer.session(event["session_id"], tenant=event["tenant_id"])["status"]
        for event in events
    )


def set_clock(observer: ObserverProcess, seconds: float) -> None:
    """Replaced, not written over: the daemon never reads half of it."""
    observer.data_dir.mkdir(parents=True, exist_ok=True)
    half = observer.data_dir / "clock.new"
    half.write_text(str(seconds))
    half.replace(observer.data_dir / "clock")


def begun_days(observer: ObserverProcess) -> list[str]:
    """The days that the journal says have begun."""
    lines = [
        json.loads(line)
        for file in sorted((observer.data_dir / "journal").glob("*.jsonl"))
        for line in file.read_text().splitlines()
    ]
    return [
        line["day"] for line in lines if line["kind"] == "budget" and line["what"] == "day begins"
    ]


def test_at_concurrency_8_nothing_goes_above_the_cap_and_all_of_it_resumes(tmp_path: Path) -> None:
    """Case 36: SUSPENDED, events kept; after a restart they still are, and a raised cap resumes."""
    env = {CALLS: "30", "OBSERVER__CONCURRENCY": "8"}
    events = warnings(10, "acme") + warnings(10, "globex")
    with ObserverProcess(tmp_path / "var", env=env) as observer:
        for event in events:
            observer.send(event)
        until(lambda: observer.get("/health")["state"] == "SUSPENDED", "the day is spent")
        until(lambda: "running" not in statuses(observer, events), "what had begun is over")

        assert made(observer, events) == 30
        health = observer.get("/health")
        assert health["budget"]["used"]["*"]["tool_calls"] == {"used": 30, "limit": 30}
        kept = statuses(observer, events)
        assert kept["suspended"] >= 1
        assert kept["suspended"] == health["inbox"]["held"]
        assert set(kept) <= {"suspended", "resolved", "escalated"}

        observer.kill()
        observer.start()
        assert observer.get("/health")["state"] == "SUSPENDED"
        assert statuses(observer, events) == kept
        assert made(observer, events) == 30

        observer.kill()
        env[CALLS] = "1000"
        observer.start()
        observer.wait_until_idle()

        after = statuses(observer, events)
        assert observer.get("/health")["state"] == "RUNNING"
        assert after["suspended"] == 0
        assert after["resolved"] == kept["resolved"] + kept["suspended"]
        used = observer.get("/health")["budget"]["used"]
        assert used["*"]["tool_calls"]["used"] == made(observer, events)
        of_each = [used[tenant]["tool_calls"]["used"] for tenant in ("acme", "globex")]
        assert sum(of_each) == used["*"]["tool_calls"]["used"]


def test_warnings_wait_for_the_next_day_a_critical_pages_and_no_other_tenant_waits(
    tmp_path: Path,
) -> None:
    """Cases 23 and 84: a tenant's own day; the clock's next day resumes it, without a restart."""
    env = {"OBSERVER__BUDGET__TENANTS": '{"acme": {"max_tool_calls_per_day": 2}}'}
    observer = ObserverProcess(tmp_path / "var", env=env, program=CLOCK)
    # A minute's test must not see a midnight of its own.
    noon = 12 * HOUR - time.time() % DAY
    set_clock(observer, noon)
    with observer:
        spender, waiter = warnings(2, "acme")
        observer.send(spender)
        found = observer.wait_for(spender["session_id"], tenant="acme")
        assert found["outcome"] == "escalated"
        observer.send(waiter)
        waiting = observer.session(waiter["session_id"], tenant="acme")
        assert waiting["status"] == "suspended"
        (hold,) = observer.get("/health")["held"]
        assert (hold["tenant_id"], hold["cause"]) == ("acme", "budget")
        assert hold["reason"] == "today's budget of 2 tool calls for tenant 'acme' is spent"

        observer.send({**CRITICAL, "tenant_id": "acme", "session_id": "urgent"})
        urgent = observer.wait_for("urgent", tenant="acme")
        said = {row["tool_name"]: row["result_status"] for row in urgent["transitions"]}
        assert said.pop("page_oncall") == "success"
        assert {said[tool] for tool in said if tool not in TELLS} == {"refused"}
        other = warnings(1, "globex")[0]
        observer.send(other)
        assert observer.wait_for(other["session_id"], tenant="globex")["outcome"] == "resolved"
        assert observer.get("/health")["state"] == "RUNNING"
        # A person's word is for a person's pause: this one ends with its day.
        observer.order("unpause", tenant_id="acme")
        assert observer.session(waiter["session_id"], tenant="acme")["status"] == "suspended"

        set_clock(observer, noon + DAY)

        # Two calls a day are too few to heal it; that it was taken up is the point.
        taken_up = observer.wait_for(waiter["session_id"], tenant="acme", limit_s=30)
        assert taken_up["outcome"] == "escalated"
        assert made(observer, [waiter]) == 2
        observer.terminate()
        today = datetime.fromtimestamp(time.time() + noon, UTC).date().toordinal()
        assert [datetime.fromisoformat(day).toordinal() for day in begun_days(observer)] == [
            today,
            today + 1,
        ]


def test_a_clock_that_goes_back_gives_nobody_the_day_again_over_a_restart(tmp_path: Path) -> None:
    """Case 21: over midnight and back by an hour, with and without a restart."""
    observer = ObserverProcess(tmp_path / "var", env={CALLS: "2"}, program=CLOCK)
    after_midnight = DAY - time.time() % DAY + 60
    set_clock(observer, after_midnight)
    with observer:
        spender, waiter = warnings(2)
        observer.send(spender)
        observer.wait_for(spender["session_id"])
        observer.send(waiter)
        day = observer.get("/health")["budget"]["day"]
        for number, (back, restart) in enumerate([(HOUR, False), (HOUR, True), (0.0, False)]):
            set_clock(observer, after_midnight - back)
            if restart:
                observer.kill()
                observer.start()
            # Each of its calls looks at the clock.
            urgent = observer.send({**CRITICAL, "session_id": f"urgent-{number}"})
            assert made(observer, [observer.wait_for(urgent)]) == 0
            assert observer.get("/health")["budget"]["day"] == day
            assert observer.session(waiter["session_id"])["status"] == "suspended"
        observer.terminate()
        assert begun_days(observer) == [day]
        latencies = [
            json.loads(line)["latency_ms"]
            for file in (observer.data_dir / "spans").glob("*.jsonl")
            for line in file.read_text().splitlines()
        ]
        assert latencies
        assert min(latencies) >= 0
