"""A small OpenAI-compatible server for the demo, which says, or fails, as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

HOST = "127.0.0.1"
PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class RateLimited:
    """Refuse with 429 and Retry-After in seconds."""

    retry_after: float


@dataclass(frozen=True)
class Silent:
    """Take the request and never answer."""


Saying = Mapping[str, Any] | str | RateLimited | Silent
"""An object is said as JSON, a text as it is: "" is the empty answer."""

Answers = Saying | Callable[[Mapping[str, Any]], Saying]
"""A callable is given the request's body."""


@dataclass(frozen=True)
class Asked:
    """One request: when it came (`time.monotonic`), and its body."""

    at: float
    body: Mapping[str, Any]


class ScriptedModel:
    """What the models of the demo's daemon say; `answers` may be changed at any moment."""

    def __init__(self, answers: Answers, port: int) -> None:
        self.answers = answers
        self.asked: list[Asked] = []
        self.environment = {
            "OPENAI_BASE_URL": f"http://{HOST}:{port}/v1",
            "OPENAI_API_KEY": "no-key-is-needed-here",
        }
        self.closing = threading.Event()

    @property
    def count(self) -> int:
        """How often any model was asked."""
        return len(self.asked)

    def answer(self, body: Mapping[str, Any]) -> Saying:
        """Note a request and say how it is answered."""
        self.asked.append(Asked(time.monotonic(), body))
        answers = self.answers
        return answers(body) if callable(answers) else answers


@contextmanager
def scripted_model(answers: Answers) -> Iterator[ScriptedModel]:
    """Serve on a free port of loopback until the block ends."""
    listener = _Listener((HOST, 0), _Handler)
    listener.model = ScriptedModel(answers, listener.server_address[1])
    thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield listener.model
    finally:
        listener.model.closing.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    model: ScriptedModel

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up in the middle of an answer is part of the show."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        model = cast("_Listener", self.server).model
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if self.path != PATH:
            self._send(404, {"error": {"message": f"no such path: {self.path}"}})
            return
        match model.answer(body):
            case RateLimited(retry_after):
                error = {"message": "too many requests", "type": "rate_limit", "code": "429"}
                self._send(429, {"error": error}, {"Retry-After": f"{retry_after:g}"})
            case Silent():
                model.closing.wait()
                self.close_connection = True
            case said:
                text = said if isinstance(said, str) else json.dumps(said)
                self._send(200, _completion(body, text))

    def _send(
        self, status: int, answer: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """The demo tells its own story."""


def _completion(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A text in the shape of a chat completion; about four characters are a token."""
    tokens_in = sum(len(str(message.get("content"))) for message in body["messages"]) // 4
    tokens_out = len(text) // 4
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        },
    }
