"""The OpenAI double, driven as the observer drives a model: through langchain, over real HTTP."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Literal

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field, ValidationError

from tests.doubles.openai_server import (
    Drip,
    Drop,
    Hang,
    Huge,
    OpenAIServer,
    Reply,
    Status,
    Text,
    minimal_instance,
)

ROOT = Path(__file__).parents[2]
FROZEN = {"stage": "loading", "confidence": 0.9}
ASKING = {"model": "small", "messages": [{"role": "user", "content": "why?"}]}


class Diagnosis(BaseModel):
    stage: str
    confidence: float


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def diagnose(server: OpenAIServer) -> Callable[..., dict]:
    def ask(prompt: str = "why?", *, of: str = "small", timeout: float = 5) -> dict:
        return (
            model(server, of, timeout=timeout)
            .with_structured_output(Diagnosis, method="json_schema", include_raw=True)
            .invoke(prompt)
        )

    return ask


def model(server: OpenAIServer, name: str = "small", *, timeout: float = 5) -> ChatOpenAI:
    return ChatOpenAI(
        model=name, base_url=server.base_url, api_key="unused", max_retries=0, timeout=timeout
    )


def test_a_reply_is_parsed_and_its_request_recorded(server, diagnose):
    server.script("small", Reply(FROZEN))

    answer = diagnose("x" * 400)

    assert answer["parsed"] == Diagnosis(**FROZEN)
    assert answer["raw"].usage_metadata["input_tokens"] == 100
    assert answer["raw"].usage_metadata["output_tokens"] == len(json.dumps(FROZEN)) // 4
    [request] = server.requests
    assert (request["model"], request["prompt_tokens"]) == ("small", 100)
    assert request["messages"] == [{"role": "user", "content": "x" * 400}]
    assert request["response_format"]["json_schema"]["name"] == "Diagnosis"
    assert request["at"] <= time.monotonic()


def test_a_reply_may_be_worked_out_from_the_request(server, diagnose):
    server.always(None, Reply(lambda asked: {"stage": asked["model"], "confidence": 1}))

    assert diagnose(of="large")["parsed"].stage == "large"


def test_a_model_plays_its_own_queue_then_anyones_then_what_is_always_so(server, diagnose):
    def named(stage: str) -> Reply:
        return Reply({"stage": stage, "confidence": 1})

    server.always(None, named("always any"))
    server.always("small", named("always small"))
    server.script(None, named("queued any"))
    server.script("small", named("first"), named("second"))

    stages = [diagnose()["parsed"].stage for _ in range(4)]

    assert stages == ["first", "second", "queued any", "always small"]
    assert diagnose(of="large")["parsed"].stage == "always any"


def test_another_model_version_answers_under_its_own_name(server, diagnose):
    server.script("small", Reply(FROZEN, model="small-2026-01-01"))

    assert diagnose()["raw"].response_metadata["model_name"] == "small-2026-01-01"


def test_429_carries_its_retry_after(server, diagnose):
    server.script("small", Status(429, retry_after=7))

    with pytest.raises(openai.RateLimitError) as refused:
        diagnose()

    assert refused.value.response.headers["retry-after"] == "7"
    assert len(server.requests) == 1


def test_500_is_a_server_error(server, diagnose):
    server.script("small", Status(500))

    with pytest.raises(openai.InternalServerError):
        diagnose()


def test_a_dropped_connection_is_a_connection_error_and_the_next_call_works(server, diagnose):
    server.script("small", Drop(), Reply(FROZEN))

    with pytest.raises(openai.APIConnectionError):
        diagnose()

    assert diagnose()["parsed"].stage == "loading"


def test_empty_content_is_an_answer_with_nothing_parsed(server, diagnose):
    server.script("small", Text(""))

    answer = diagnose()

    assert answer["raw"].content == ""
    assert answer["parsed"] is None
    assert answer["parsing_error"] is not None


@pytest.mark.parametrize(
    "content", ['{"stage": "load', '{"phase": "loading"}'], ids=["truncated", "wrong-schema"]
)
def test_content_that_is_no_diagnosis_raises_despite_include_raw(server, diagnose, content):
    # The openai client validates a pydantic class before langchain can keep the raw answer.
    server.script("small", Text(content))

    with pytest.raises(ValidationError):
        diagnose()


def test_content_that_is_no_diagnosis_keeps_its_raw_answer_when_asked_by_schema(server):
    server.script("small", Text('{"stage": "load'))
    by_schema = model(server).with_structured_output(
        Diagnosis.model_json_schema(), method="json_schema", include_raw=True
    )

    answer = by_schema.invoke("why?")

    assert answer["raw"].content == '{"stage": "load'
    assert answer["raw"].usage_metadata["output_tokens"] == 3


def test_content_cut_at_the_token_limit_says_so(server, diagnose):
    server.script("small", Text('{"stage": "load', finish_reason="length"))

    with pytest.raises(openai.LengthFinishReasonError):
        diagnose()


def test_huge_content_arrives_whole(server):
    server.script("small", Huge(megabytes=2))

    reply = post(server)

    assert len(reply.json()["choices"][0]["message"]["content"]) == 2_000_000


def test_a_hang_ends_in_the_callers_timeout(server, diagnose):
    server.script("small", Hang(30))

    with pytest.raises(openai.APITimeoutError):
        diagnose(timeout=0.2)


def test_a_drip_outlives_the_read_timeout(server):
    server.script("small", Drip(0.02))
    received, began = 0, time.monotonic()

    with httpx.stream(
        "POST", f"{server.base_url}/chat/completions", json=ASKING, timeout=0.2
    ) as response:
        for piece in response.iter_raw():
            received += len(piece)
            if time.monotonic() - began > 0.5:
                break

    assert received > 5


@pytest.mark.parametrize("behaviour", [Hang(60), Hang(), Drip(0.05)], ids=repr)
def test_closing_with_an_answer_pending_takes_less_than_a_second(behaviour):
    server = OpenAIServer().start()
    server.script("small", behaviour)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(model(server, timeout=30).invoke, "why?")
        while not server.requests and not pending.done():
            time.sleep(0.01)
        began = time.monotonic()
        server.close()
        took = time.monotonic() - began
        failure = pending.exception(timeout=5)

    assert took < 1
    assert isinstance(failure, openai.APIConnectionError | httpx.RemoteProtocolError)


def test_a_stream_brings_the_content_and_its_usage(server):
    server.script("small", Text("the loading stage is frozen, restart it"))

    pieces = list(model(server).stream("why?"))

    assert "".join(piece.text for piece in pieces) == "the loading stage is frozen, restart it"
    assert len(pieces) > 3
    assert sum(p.usage_metadata["output_tokens"] for p in pieces if p.usage_metadata) == 9
    assert server.requests[0]["stream"] is True


def test_one_connection_serves_many_requests(server):
    server.script("small", Status(500), Text("a"), Text("b"))
    with httpx.Client() as client:
        ports = set()
        for path in ("chat/completions", "nowhere", "chat/completions", "chat/completions"):
            with client.stream("POST", f"{server.base_url}/{path}", json=ASKING) as response:
                response.read()
                stream = response.extensions["network_stream"]
                ports.add(stream.get_extra_info("client_addr")[1])

    assert len(ports) == 1


def test_an_unknown_path_is_a_json_404(server):
    reply = httpx.get(f"{server.base_url}/models")

    assert reply.status_code == 404
    assert "no such path" in reply.json()["error"]["message"]


def test_a_body_that_is_no_request_is_a_400(server):
    for body in (b"{", b"[]", b'{"model": "small"}', b'{"model": "small", "messages": ["x"]}'):
        reply = httpx.post(f"{server.base_url}/chat/completions", content=body)
        assert reply.status_code == 400
    assert server.requests == []


def test_a_script_that_raises_fails_the_test_that_wrote_it():
    with pytest.raises(KeyError, match="typo"), OpenAIServer() as server:
        server.script("small", Reply(lambda asked: asked["typo"]))
        assert post(server).status_code == 500


def test_latency_delays_every_answer():
    with OpenAIServer(latency_ms=120) as server:
        began = time.monotonic()
        post(server)
    assert 0.12 <= time.monotonic() - began < 1


def test_unscripted_it_answers_the_smallest_valid_diagnosis(diagnose):
    assert diagnose()["parsed"] == Diagnosis(stage="", confidence=0)


class Level(StrEnum):
    LOW = "low"
    HIGH = "high"


class Cause(BaseModel):
    kind: Literal["cause"]
    level: Level
    because: "Cause | None"
    notes: list[str] = Field(min_length=2)
    others: list["Cause"]


class Report(BaseModel):
    cause: Cause
    owner: str | None
    title: str = Field(min_length=3)
    share: float = Field(gt=0, lt=1)
    tries: int = Field(ge=3)
    unsaid: str = "left out"


def test_the_minimal_instance_follows_refs_enums_unions_and_bounds():
    built = minimal_instance(Report.model_json_schema())

    Report.model_validate(built)
    assert built == {
        "cause": {
            "kind": "cause",
            "level": "low",
            "because": None,
            "notes": ["", ""],
            "others": [],
        },
        "owner": "",
        "title": "xxx",
        "share": 0.5,
        "tries": 3,
    }


def test_a_schema_without_a_finite_instance_is_refused():
    endless = {"$ref": "#/$defs/A", "$defs": {"A": {"required": ["a"], "properties": {}}}}
    endless["$defs"]["A"]["properties"]["a"] = {"$ref": "#/$defs/A"}

    with pytest.raises(ValueError, match="without end"):
        minimal_instance(endless)


@pytest.mark.slow
def test_run_alone_it_prints_its_url_serves_and_stops_on_sigterm():
    command = [sys.executable, "-m", "tests.doubles.openai_server", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        reply = httpx.post(f"{url}/chat/completions", json=ASKING)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert reply.json()["choices"][0]["message"]["content"] == "ok"


def post(server: OpenAIServer) -> httpx.Response:
    return httpx.post(f"{server.base_url}/chat/completions", json=ASKING)
