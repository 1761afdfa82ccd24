"""A scripted OpenAI-compatible server: real HTTP on loopback, every bad day a provider can have.

Run it alone with `python -m tests.doubles.openai_server --port 0 --latency-ms 0`.
"""

import argparse
import contextlib
import json
import re
import signal
import socket
import socketserver
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """Answer with this object as JSON; a callable is given the recorded request."""

    body: dict | Callable[[dict], dict]
    model: str | None = None


@dataclass(frozen=True)
class Text:
    """Answer with this raw content: empty, cut short, or of the wrong schema."""

    content: str
    finish_reason: str = "stop"
    model: str | None = None
    prompt_tokens: Any = "counted"
    """What the usage says of the prompt, if not the truth."""


@dataclass(frozen=True)
class Huge:
    """Answer with content of this many megabytes."""

    megabytes: float


@dataclass(frozen=True)
class Status:
    """Answer with an HTTP error in OpenAI's shape."""

    code: int
    retry_after: float | str | None = None


@dataclass(frozen=True)
class Hang:
    """Take the request and say nothing, then close; without seconds, until the server closes."""

    seconds: float | None = None


@dataclass(frozen=True)
class Drip:
    """Send the headers, then one byte every interval for ever: no read timeout ever fires."""

    interval: float = 0.05


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer."""


_PIECE = 1 << 16

Behaviour = Reply | Text | Huge | Status | Hang | Drip | Drop


class OpenAIServer:
    """Plays each model's queue, then the queue of any model (None), then what is `always` so.

    With nothing scripted it answers the smallest instance of the schema it was asked for.
    """

    def __init__(self, *, port: int = 0, latency_ms: float = 0) -> None:
        self.latency_ms = latency_ms
        self.requests: list[dict] = []
        self.failures: list[Exception] = []
        self.closing = threading.Event()
        self._queues: dict[str | None, deque[Behaviour]] = defaultdict(deque)
        self._standing: dict[str | None, Behaviour] = {}
        self._lock = threading.Lock()
        self._listener = _Listener(port, self)
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), name="openai-double", daemon=True
        )
        self.base_url = f"http://127.0.0.1:{self._listener.server_address[1]}/v1"

    def script(self, model: str | None, *behaviours: Behaviour) -> None:
        """Queue behaviours, one a request."""
        with self._lock:
            self._queues[model].extend(behaviours)

    def always(self, model: str | None, behaviour: Behaviour) -> None:
        """Behave so whenever the queues have nothing for the model."""
        with self._lock:
            self._standing[model] = behaviour

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop at once: hanging requests are let go and open connections are cut."""
        self.closing.set()
        if self._thread.is_alive():
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()
        self._listener.cut_connections()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        self.close()
        # A script that raised was answered with a 500, which the code under
        # test may well survive; the test must not.
        if self.failures and exc_type is None:
            raise self.failures[0]

    def take(self, request: dict) -> Behaviour:
        """Record a request and say how it is to be answered."""
        model = request["model"]
        with self._lock:
            self.requests.append(request)
            for key in (model, None):
                if self._queues[key]:
                    return self._queues[key].popleft()
            for key in (model, None):
                if key in self._standing:
                    return self._standing[key]
        return smallest_answer(request)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, double: OpenAIServer) -> None:
        self.double = double
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look up its own host name, which is slow without a resolver.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: socket.socket, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves mid-answer is a normal day here; stay silent."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Listener
    serial = count(1)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.partition("?")[0] != "/v1/chat/completions":
            return self.send_failure(404, f"no such path: {self.path}")
        try:
            request = recorded(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return self.send_failure(400, f"not a chat completion request: {error!r}")
        double = self.server.double
        behaviour = double.take(request)
        double.closing.wait(double.latency_ms / 1000)
        try:
            if isinstance(behaviour, Reply):
                behaviour = written_out(behaviour, request)
        except Exception as error:
            double.failures.append(error)
            return self.send_failure(500, f"the test's own script raised {error!r}")
        self.behave(behaviour, request)

    def do_GET(self) -> None:
        # Read what was sent, or it would be taken for the next request's first line.
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_failure(404, f"no such path: {self.command} {self.path}")

    do_PUT = do_PATCH = do_DELETE = do_GET

    def behave(self, behaviour: Behaviour, request: dict) -> None:
        match behaviour:
            case Text(content, finish_reason, model, prompt_tokens):
                if prompt_tokens != "counted":
                    request = {**request, "prompt_tokens": prompt_tokens}
                self.send_completion(content, finish_reason, model, request)
            case Huge(megabytes):
                self.send_huge(int(megabytes * 1_000_000), request)
            case Status(code, retry_after):
                self.send_failure(code, f"scripted {code}", retry_after)
            case Hang(seconds):
                self.server.double.closing.wait(seconds)
                self.close_connection = True
            case Drip(interval):
                self.drip(interval, stream=request["stream"])
            case Drop():
                self.close_connection = True

    def send_completion(
        self, content: str, finish_reason: str, model: str | None, request: dict
    ) -> None:
        completion = self.begun(model, request)
        usage = used(request, len(content))
        if request["stream"]:
            return self.send_stream(completion, content, finish_reason, usage)
        self.send_json(200, completion | answered(content, finish_reason, usage))

    def send_huge(self, length: int, request: dict) -> None:
        """Write it as it is read: a client that refuses it costs nothing of its making."""
        if request["stream"]:
            return self.send_completion("x" * length, "stop", None, request)
        body = self.begun(None, request) | answered("<content>", "stop", used(request, length))
        before, after = json.dumps(body).encode().split(b"<content>")
        self.start_json(200, len(before) + length + len(after))
        self.wfile.write(before)
        for at in range(0, length, _PIECE):
            self.wfile.write(b"x" * min(_PIECE, length - at))
        self.wfile.write(after)

    def begun(self, model: str | None, request: dict) -> dict:
        return {
            "id": f"chatcmpl-double-{next(self.serial)}",
            "created": int(time.time()),
            "model": model or request["model"],
        }

    def send_stream(self, completion: dict, content: str, finish_reason: str, usage: dict) -> None:
        completion |= {"object": "chat.completion.chunk"}
        size = max(16, len(content) // 200)
        deltas: list[dict] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": content[at : at + size]} for at in range(0, len(content), size)]
        choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": finish_reason})
        self.start_chunks("text/event-stream")
        for choice in choices:
            self.send_event(json.dumps(completion | {"choices": [choice]}))
        # Sent unasked: callers that set no stream_options are spared a special case.
        self.send_event(json.dumps(completion | {"choices": [], "usage": usage}))
        self.send_event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def send_event(self, data: str) -> None:
        self.send_chunk(f"data: {data}\n\n".encode())

    def drip(self, interval: float, *, stream: bool) -> None:
        # Either byte is harmless where it stands: a comment in SSE, white space in JSON.
        self.start_chunks("text/event-stream" if stream else "application/json")
        self.close_connection = True
        while not self.server.double.closing.wait(interval):
            self.send_chunk(b":" if stream else b" ")

    def start_chunks(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def send_failure(self, code: int, message: str, retry_after: float | str | None = None) -> None:
        error = {"message": message, "type": "double_error", "param": None, "code": str(code)}
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        self.send_json(code, {"error": error}, headers)

    def send_json(self, code: int, body: dict, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.start_json(code, len(data), headers)
        self.wfile.write(data)

    def start_json(self, code: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The record is `OpenAIServer.requests`; stderr stays clean."""


def answered(content: str, finish_reason: str, usage: dict) -> dict:
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}


def used(request: dict, length: int) -> dict:
    prompt, answer = request["prompt_tokens"], length // 4
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": (prompt or 0) + answer,
    }


def recorded(body: dict) -> dict:
    """Keep of a request what a test or a scripted reply asks about; `at` is monotonic seconds."""
    return {
        "model": body["model"],
        "messages": body["messages"],
        "response_format": body.get("response_format"),
        "stream": bool(body.get("stream")),
        "max_output_tokens": body.get("max_completion_tokens"),
        "at": time.monotonic(),
        "prompt_tokens": sum(len(text_of(message)) for message in body["messages"]) // 4,
    }


def text_of(message: dict) -> str:
    """All the text of one message, whether it is one string or a list of parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def written_out(reply: Reply, request: dict) -> Text:
    body = reply.body(request) if callable(reply.body) else reply.body
    return Text(json.dumps(body, ensure_ascii=False), model=reply.model)


def smallest_answer(request: dict) -> Behaviour:
    """Answer an unscripted request: the smallest instance of its schema, else a plain word."""
    match request["response_format"]:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return Reply(lambda _: minimal_instance(schema))
        case {"type": "json_object"}:
            return Reply({})
        case _:
            return Text("ok")


def minimal_instance(schema: dict) -> dict:
    """Build the smallest object a JSON schema accepts; what it cannot build, it refuses."""
    return _instance(schema, schema, frozenset())


FORMATS = {
    "date-time": "1970-01-01T00:00:00Z",
    "date": "1970-01-01",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "http://localhost/",
    "email": "nobody@example.com",
    "ipv4": "127.0.0.1",
}


def _instance(schema: dict, root: dict, open_refs: frozenset[str]) -> Any:
    if "$ref" in schema:
        ref = schema["$ref"]
        if ref in open_refs:
            raise ValueError(f"{ref} contains itself without end")
        target = root
        for part in ref.removeprefix("#").strip("/").split("/"):
            target = target[part] if part else target
        return _instance(target, root, open_refs | {ref})
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return _first_possible(options, root, open_refs)
    if parts := schema.get("allOf"):
        built = [_instance(part, root, open_refs) for part in parts]
        if len(built) == 1:
            return built[0]
        return {name: value for part in built for name, value in part.items()}
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    match kind:
        case "object":
            properties = schema.get("properties", {})
            return {
                name: _instance(properties.get(name, {}), root, open_refs)
                for name in schema.get("required", [])
            }
        case "array":
            items = [*schema.get("prefixItems", [])]
            items += [schema.get("items", {})] * (schema.get("minItems", 0) - len(items))
            return [_instance(item, root, open_refs) for item in items]
        case "integer" | "number":
            return _number(schema, whole=kind == "integer")
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return _string(schema)


def _first_possible(options: list[dict], root: dict, open_refs: frozenset[str]) -> Any:
    """Take the first option that is not null; null ends a schema that contains itself."""
    refusal = ValueError("no option can be built")
    for option in sorted(options, key=lambda each: each.get("type") == "null"):
        try:
            return _instance(option, root, open_refs)
        except ValueError as error:
            refusal = error
    raise refusal


def _number(schema: dict, *, whole: bool) -> int | float:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    candidates = [0, least, most]
    candidates += [above + 1] if above is not None else []
    candidates += [below - 1] if below is not None else []
    low, high = (above if least is None else least), (below if most is None else most)
    if not whole and low is not None and high is not None:
        candidates.append((low + high) / 2)
    for number in candidates:
        if (
            number is not None
            and (least is None or number >= least)
            and (above is None or number > above)
            and (most is None or number <= most)
            and (below is None or number < below)
            and number % schema.get("multipleOf", 1 if whole else number or 1) == 0
        ):
            return int(number) if whole else number
    raise ValueError(f"no number found for {schema}: script a Reply")


def _string(schema: dict) -> str:
    text = FORMATS.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
    if (pattern := schema.get("pattern")) and not re.search(pattern, text):
        raise ValueError(f"no string found for pattern {pattern}: script a Reply")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the OpenAI double until told to stop.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float, default=0)
    options = parser.parse_args()
    # Blocked before any thread starts, so that the signal waits for sigwait.
    stops = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    with OpenAIServer(port=options.port, latency_ms=options.latency_ms) as server:
        print(server.base_url, flush=True)
        signal.sigwait(stops)


if __name__ == "__main__":
    main()
