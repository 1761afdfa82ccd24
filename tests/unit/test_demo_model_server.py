"""The demo's model server speaks OpenAI's protocol and does what it is told at any moment."""

from __future__ import annotations

import json

import httpx
import pytest

from observer.cli.demo_model_server import RateLimited, ScriptedModel, Silent, scripted_model

QUESTION = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why is it slow?"}]}


def ask(model: ScriptedModel, *, timeout: float = 5.0) -> httpx.Response:
    url = model.environment["OPENAI_BASE_URL"] + "/chat/completions"
    return httpx.post(url, json=QUESTION, timeout=timeout, trust_env=False)


def said(answer: httpx.Response) -> str:
    return answer.json()["choices"][0]["message"]["content"]


def test_an_object_is_said_as_json_and_counted_with_its_tokens():
    with scripted_model({"severity": "INFO"}) as model:
        answer = ask(model)

    assert json.loads(said(answer)) == {"severity": "INFO"}
    assert answer.json()["usage"]["prompt_tokens"] > 0
    assert (model.count, model.asked[0].body["model"]) == (1, "gpt-4o-mini")


def test_what_it_answers_can_be_changed_and_may_depend_on_the_question():
    with scripted_model("") as model:
        assert said(ask(model)) == ""
        model.answers = RateLimited(retry_after=1.5)
        refused = ask(model)
        model.answers = lambda body: f"asked of {body['model']}"
        assert said(ask(model)) == "asked of gpt-4o-mini"

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1.5")


def test_a_silent_model_keeps_its_client_waiting_and_does_not_keep_the_demo_from_ending():
    with scripted_model(Silent()) as model, pytest.raises(httpx.ReadTimeout):
        ask(model, timeout=0.2)
