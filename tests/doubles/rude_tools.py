"""A tool server over stdio whose tools misbehave on the wire, one way each."""

import json
import os
import sys
import time
from typing import Any

WAYS = ("honest", "silent", "dies", "wrong_id", "floods", "not_utf8", "not_json", "wrong_shape")
FLOOD_BYTES = 50 << 20


def say(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
    sys.stdout.buffer.flush()


def answer(number: Any, text: str = "done") -> None:
    say({"id": number, "result": {"content": [{"type": "text", "text": text}], "isError": False}})


def call(number: Any, way: str) -> None:
    """Answer a call the tool's own way."""
    match way:
        case "honest":
            answer(number)
        case "silent":
            time.sleep(3600)
        case "dies":
            os._exit(1)
        case "wrong_id":
            answer("somebody else's")
        case "floods":
            answer(number, "x" * FLOOD_BYTES)
        case "not_utf8":
            sys.stdout.buffer.write(b'{"jsonrpc": "2.0", "id": \xff\xfe\xfa}\n')
            sys.stdout.buffer.flush()
        case "not_json":
            sys.stdout.buffer.write(b"Traceback (most recent call last):\n")
            sys.stdout.buffer.flush()
        case "wrong_shape":
            say({"id": number, "result": {"content": "no list"}})


def tool(name: str) -> dict[str, Any]:
    properties = {"idempotency_key": {"type": "string"}}
    return {"name": name, "inputSchema": {"type": "object", "properties": properties}}


def main() -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        asked = json.loads(line)
        match asked.get("method"):
            case "initialize":
                server = {"name": "rude-tools", "version": "1"}
                version = asked["params"]["protocolVersion"]
                capable = {"protocolVersion": version, "capabilities": {"tools": {}}}
                say({"id": asked["id"], "result": {**capable, "serverInfo": server}})
            case "tools/list":
                say({"id": asked["id"], "result": {"tools": [tool(way) for way in WAYS]}})
            case "tools/call":
                call(asked["id"], asked["params"]["name"])
            case "ping":
                say({"id": asked["id"], "result": {}})
            case _:
                pass


if __name__ == "__main__":
    main()
