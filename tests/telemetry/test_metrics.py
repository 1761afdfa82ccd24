"""query_metrics and the promql check, on a real Prometheus and on bad ones (cases 28, 61, 75)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from observer.domain.conditions import Truth, parse_condition
from observer.domain.evidence import numbers
from observer.domain.queries import in_query
from tests.doubles.http_server import HttpDouble, Reply
from tests.stack.part import free_port, wait_until
from tests.stack.prometheus import Prometheus
from tests.telemetry.scenes import STRANGE, telemetry

pytestmark = [pytest.mark.slow, pytest.mark.asyncio]


def vector(*samples: tuple[dict[str, str], str], **more: Any) -> bytes:
    rows = [{"metric": labels, "value": [1700000000.5, value]} for labels, value in samples]
    data = {"resultType": "vector", "result": rows}
    return json.dumps({"status": "success", "data": data, **more}).encode()


BAD = {
    "500": Reply(500, b"out of memory"),
    "html": Reply(200, b"<html><body>Sign in</body></html>"),
    "html_502": Reply(502, b"<html>Bad Gateway</html>"),
    "ten_megabytes": Reply(200, vector(({"said": "x" * (10 << 20)}, "1"))),
    "error": Reply(503, b'{"status": "error", "errorType": "timeout", "error": "query timed out"}'),
    "not_its_shape": Reply(200, b'{"status": "success", "data": {"resultType": "vector"}}'),
    "a_list": Reply(200, b"[]"),
    "too_deep": Reply(200, b"[" * 200_000),
    "no_number": Reply(200, vector(({}, "many"))),
    "a_time_that_is_none": Reply(200, vector(({}, "1")).replace(b"1700000000.5", b"1e300")),
    "compressed": Reply(200, b"\x1f\x8b", {"content-encoding": "gzip"}),
    "a_redirect": Reply(302, b"", {"location": "http://127.0.0.1:1/"}),
}


async def test_an_instant_answer_has_labels_value_and_time(prometheus: Prometheus) -> None:
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        answer = await ask("query_metrics", query="redis_connected_clients")

    assert (answer["found"], answer["total"], answer["omitted"]) == ("series", 1, 0)
    [series] = answer["series"]
    assert series["value"] == 298.0
    assert series["labels"]["job"] == "pipeline"
    assert series["timestamp"].endswith("+00:00")
    assert series["points"] is None
    assert answer["values"] == {"redis_connected_clients": 298.0, "value": 298.0}


async def test_a_range_has_points_and_their_number_is_bounded(prometheus: Prometheus) -> None:
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        week = await ask("query_metrics", query="vector(1)", minutes=7 * 24 * 60)
        minute = await ask("query_metrics", query="redis_connected_clients", minutes=1)

    assert 50 <= len(week["series"][0]["points"]) <= 60
    points = minute["series"][0]["points"]
    assert 1 <= len(points) <= 5
    assert points[-1]["value"] == 298.0
    assert minute["values"]["redis_connected_clients"] == 298.0


async def test_a_series_that_has_ended_is_no_figure_of_now(prometheus: Prometheus) -> None:
    """Case 28: a range shows what was; only what is still there is a figure."""
    gone = f"vector(1) and (vector(time()) < {time.time() - 1800})"
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        answer = await ask("query_metrics", query=gone, minutes=60)

    assert answer["found"] == "series" and answer["series"][0]["points"]
    assert answer["values"] == {}


async def test_a_gap_is_bridged_by_the_newest_value_of_the_lookback_and_no_longer(
    prometheus: Prometheus,
) -> None:
    """Case 28: an exporter that missed a scrape; what has been gone for longer is not known."""
    now = time.time()
    missed = f"vector(7) and (vector(time()) < {now - 1})"
    gone = f"vector(1) and (vector(time()) < {now - 600})"
    async with telemetry(prometheus={"url": prometheus.url, "lookback": 300}) as ask:
        bridged = await ask("query_metrics", query=missed)
        unknown = await ask("query_metrics", query=gone)
        check = await ask(
            "check_health",
            method="promql",
            parameters={"query": missed, "condition": "> 9"},
        )
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        without = await ask("query_metrics", query=missed)

    assert (bridged["found"], bridged["values"]["value"]) == ("series", 7.0)
    assert check["status"] == "unhealthy"
    assert unknown["found"] == without["found"] == "none"


async def test_absent_is_not_0_and_nan_and_inf_are_themselves(prometheus: Prometheus) -> None:
    """Case 28: nothing, NaN, Inf and 0 are four answers; only 0 is a figure."""
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        absent = await ask("query_metrics", query="no_such_metric")
        nan = await ask("query_metrics", query="fragmentation_ratio")
        infinite = await ask("query_metrics", query="limit_bytes")
        zero = await ask("query_metrics", query="redis_connected_clients * 0")

    assert (absent["found"], absent["series"], absent["values"]) == ("none", [], {})
    assert (nan["series"][0]["value"], nan["values"]) == ("NaN", {})
    assert (infinite["series"][0]["value"], infinite["values"]) == ("+Inf", {})
    assert (zero["found"], zero["values"]["value"]) == ("series", 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "redis_connected_clients > 280",
        'queue_depth{stage="indexing"} > 1000',
        "redis_connected_clients rate < 1",
        "redis_connected_clients increase < 1 in 1m",
        "value > 280",
    ],
)
async def test_a_condition_finds_its_figure_by_its_own_query(
    prometheus: Prometheus, text: str
) -> None:
    condition = parse_condition(text)
    query = "redis_connected_clients" if condition.metric == "value" else condition.query
    wait_until(lambda: prometheus.ask(query), "two scrapes")
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        answer = await ask("query_metrics", query=query)

    assert condition.judge(numbers([answer]))[0] is Truth.TRUE


async def test_what_is_cut_is_counted(prometheus: Prometheus) -> None:
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        wide = await ask("query_metrics", query="wide")

    assert (len(wide["series"]), wide["total"], wide["omitted"]) == (100, 150, 50)
    assert wide["values"] == {}, "a name that many series have is no figure"


async def test_a_query_it_refuses_is_an_error_with_its_words(prometheus: Prometheus) -> None:
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        words = await ask.complaint("query_metrics", query="sum(")
        judged = await ask.health("promql", query="sum(", condition="> 0")

    assert "parse error" in words
    assert judged["status"] == "unknown" and "parse error" in judged["reason"]


@pytest.mark.parametrize("name", STRANGE)
async def test_a_stages_name_stays_inside_its_label(prometheus: Prometheus, name: str) -> None:
    """Case 75: filled into a query, a name finds its own series and nothing else."""
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        for quote in ('"', "'"):
            query = f"strange{{stage={quote}{in_query(name)}{quote}}}"
            [series] = (await ask("query_metrics", query=query))["series"]
            assert series["labels"]["stage"] == name
            assert series["value"] == STRANGE.index(name)
        if in_query(name) != name:
            assert "parse error" in await ask.complaint("query_metrics", query=in_query(name))


@pytest.mark.parametrize("bad", BAD)
async def test_a_bad_answer_is_an_error_and_unknown(bad: str) -> None:
    """Case 28: whatever comes back instead of an answer, it is no result, and never 0."""
    with HttpDouble(lambda asked: BAD[bad]) as server:
        async with telemetry(prometheus={"url": server.url}) as ask:
            words = await ask.complaint("query_metrics", query="up")
            judged = await ask.health("promql", query="up", condition=">= 0")

    assert judged["status"] == "unknown", judged
    assert judged["values"] == {}
    assert judged["reason"] in words and len(words) < 600
    assert len(server.asked) == 2, "no redirect is followed, nothing is asked twice"


async def test_prometheus_down_is_unknown_never_unhealthy() -> None:
    """Case 28."""
    url = f"http://127.0.0.1:{free_port()}"
    async with telemetry(prometheus={"url": url}) as ask:
        words = await ask.complaint("query_metrics", query="up")
        judged = await ask.health("promql", query="up", condition="> 0")

    assert "refuses the connection" in words
    assert judged["status"] == "unknown" and "Prometheus" in judged["reason"]


async def test_a_slow_prometheus_is_unknown_in_time() -> None:
    """Case 28."""
    with HttpDouble(lambda asked: Reply(silent=True)) as server:
        async with telemetry(prometheus={"url": server.url}) as ask:
            judged = await ask.health("promql", query="up", condition="> 0", timeout="300ms")

    assert (judged["status"], judged["reason"]) == ("unknown", "no answer within 0.3 s")


@pytest.mark.parametrize(
    ("query", "condition", "status"),
    [
        ("redis_connected_clients", "< 300", "healthy"),
        ("redis_connected_clients", "< 280", "unhealthy"),
        ("queue_depth", "< 10000", "healthy"),
        ("queue_depth", "< 1000", "unhealthy"),
        ("no_such_metric", "< 1", "unknown"),
        ("no_such_metric", ">= 0", "unknown"),
        ("fragmentation_ratio", "< 1", "unknown"),
        ("limit_bytes", "> 1", "unknown"),
        ('{__name__=~"fragmentation_ratio|queue_depth"}', "< 1000", "unhealthy"),
        ('{__name__=~"fragmentation_ratio|queue_depth"}', "< 10000", "unknown"),
        ("wide", "== 1", "unknown"),
        ("scalar(redis_connected_clients)", "> 1e2", "healthy"),
    ],
)
async def test_the_promql_check_is_three_valued(
    prometheus: Prometheus, query: str, condition: str, status: str
) -> None:
    """Case 28: no sample and NaN are unknown, unless another sample breaks the condition."""
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        judged = await ask.health("promql", query=query, condition=condition)

    assert judged["status"] == status, judged


async def test_the_promql_check_says_which_of_several_series_is_ill(prometheus: Prometheus) -> None:
    query = '{__name__=~"fragmentation_ratio|queue_depth"}'
    async with telemetry(prometheus={"url": prometheus.url}) as ask:
        judged = await ask.health("promql", query=query, condition="< 1000")

    assert "(instance=" in judged["reason"] and "stage=" in judged["reason"]


async def test_a_partial_answer_is_said_to_be_partial_and_judges_nothing() -> None:
    """Case 28: Thanos warns when a store did not answer."""
    body = vector(({"__name__": "up"}, "1"), warnings=["store 10.0.0.7 did not answer"])
    with HttpDouble(lambda asked: Reply(200, body)) as server:
        async with telemetry(prometheus={"url": server.url}) as ask:
            answer = await ask("query_metrics", query="up")
            well = await ask.health("promql", query="up", condition="== 1")
            ill = await ask.health("promql", query="up", condition="== 0")

    assert answer["partial"] and answer["values"] == {}
    assert answer["warnings"] == ["store 10.0.0.7 did not answer"]
    assert (well["status"], ill["status"]) == ("unknown", "unknown")
    assert "store 10.0.0.7" in well["reason"]


async def test_endless_labels_are_cut_and_the_answer_stays_readable() -> None:
    samples = [
        ({f"label_{i}": "x" * 5000 for i in range(30)} | {"n": str(n)}, "1") for n in range(20)
    ]
    with HttpDouble(lambda asked: Reply(200, vector(*samples))) as server:
        async with telemetry(prometheus={"url": server.url}) as ask:
            answer = await ask("query_metrics", query="up")

    assert answer["total"] == 20 and answer["omitted"] > 0
    assert len(json.dumps(answer)) < 200_000


async def test_credentials_are_sent_and_a_rotated_token_is_used_at_once(tmp_path: Path) -> None:
    token, basic = tmp_path / "token", tmp_path / "basic"
    token.write_text("first-token\n")
    basic.write_text("observer:pass:word\n")
    with HttpDouble(lambda asked: Reply(200, vector(({}, "1")))) as server:
        async with telemetry(
            prometheus={"url": server.url + "/prometheus", "bearer_token_file": str(token)}
        ) as ask:
            await ask("query_metrics", query="up")
            token.write_text("second-token\n")
            await ask("query_metrics", query="up")
        async with telemetry(prometheus={"url": server.url, "basic_auth_file": str(basic)}) as ask:
            await ask("query_metrics", query="up")

    sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == ["Bearer first-token", "Bearer second-token", "Basic b2JzZXJ2ZXI6cGFzczp3b3Jk"]
    assert server.asked[0].path == "/prometheus/api/v1/query"
