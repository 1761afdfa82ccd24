"""Slack, PagerDuty, Telegram and GitHub as their documentation has them, as far as we speak to
them: they record what arrives, and refuse what is not as it must be.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.doubles.http_server import Asked, HttpDouble, Reply

WEBHOOK_PATH = "/services/T0001/B0001/canary-webhook-path"
SLACK_TOKEN = "xoxb-canary-slack-token"
ROUTING_KEY = "canary0pagerduty0routing0key0000"
BOT_TOKEN = "110201543:canary-telegram-token"
GITHUB_TOKEN = "ghp_canaryGitHubToken"


def said(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(value).encode(), {"content-type": "application/json"} | headers)


class Channel(HttpDouble):
    """A server that can be told to answer badly a few times first."""

    def __init__(self, port: int = 0) -> None:
        self.before: list[Callable[[Asked], Reply | None]] = []
        """Asked first, each once: a bad answer, or None where only something was to happen."""
        self.after: list[Callable[[], None]] = []
        """Happens after the effect and before the answer, each once."""
        super().__init__(self._answer, port)

    def _answer(self, asked: Asked) -> Reply:
        if self.before and (bad := self.before.pop(0)(asked)) is not None:
            return bad
        reply = self.respond(asked)
        if self.after and asked.method == "POST" and reply.status < 300:
            self.after.pop(0)()
        return reply

    def respond(self, asked: Asked) -> Reply:
        """The honest answer."""
        raise NotImplementedError

    def fails(self, *replies: Reply) -> None:
        """The next answers."""
        self.before += [lambda _, reply=reply: reply for reply in replies]


class SlackDouble(Channel):
    """One webhook, and chat.postMessage and conversations.history for one channel."""

    def __init__(self, port: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        super().__init__(port)

    @property
    def texts(self) -> list[str]:
        """What was posted, in order."""
        return [message["text"] for message in self.messages]

    def respond(self, asked: Asked) -> Reply:
        if asked.path == WEBHOOK_PATH:
            if not asked.json.get("text"):
                return Reply(400, b"no_text")
            self.messages.append(asked.json)
            return Reply(200, b"ok")
        if asked.headers.get("authorization") != f"Bearer {SLACK_TOKEN}":
            return said({"ok": False, "error": "invalid_auth"})
        if asked.path == "/api/chat.postMessage":
            message = asked.json
            if message.get("channel") not in ("#data-pipeline", "C0123456789"):
                return said({"ok": False, "error": "channel_not_found"})
            ts = f"{time.time():.6f}"
            self.messages.append({**message, "ts": ts})
            return said({"ok": True, "channel": "C0123456789", "ts": ts, "message": {}})
        if asked.path == "/api/conversations.history":
            if asked.query.get("channel") != "C0123456789":
                return said({"ok": False, "error": "channel_not_found"})
            since = float(asked.query.get("oldest", "0"))
            found = [m for m in reversed(self.messages) if float(m["ts"]) > since]
            return said({"ok": True, "messages": found, "has_more": False})
        return Reply(404)


class PagerDutyDouble(Channel):
    """The Events API v2: events of one dedup_key are one incident."""

    def __init__(self, port: int = 0) -> None:
        self.incidents: dict[str, list[dict[str, Any]]] = {}
        super().__init__(port)

    def respond(self, asked: Asked) -> Reply:
        if asked.path != "/v2/enqueue":
            return Reply(404)
        event = asked.json
        payload = event.get("payload", {})
        wrong = [
            what
            for what, well in {
                "routing_key": event.get("routing_key") == ROUTING_KEY,
                "event_action": event.get("event_action") == "trigger",
                "dedup_key": 0 < len(event.get("dedup_key", "")) <= 255,
                "summary": 0 < len(payload.get("summary", "")) <= 1024,
                "source": bool(payload.get("source")),
                "severity": payload.get("severity") in ("critical", "error", "warning", "info"),
            }.items()
            if not well
        ]
        if wrong:
            problem = {"status": "invalid event", "message": "Event object is invalid"}
            return said({**problem, "errors": wrong}, 400)
        key = event["dedup_key"]
        self.incidents.setdefault(key, []).append(event)
        return said({"status": "success", "message": "Event processed", "dedup_key": key}, 202)


class TelegramDouble(Channel):
    """One bot: messages to any chat, and presses of buttons by long polling."""

    def __init__(self, port: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self._news = threading.Condition()
        super().__init__(port)

    def press(self, data: str, *, user: int = 7, chat: int | str = -1001) -> int:
        """Somebody presses a button; returns the update's number."""
        with self._news:
            number = 100 + len(self.updates)
            query = {
                "id": f"q-{number}",
                "from": {"id": user, "is_bot": False, "first_name": "A"},
                "chat_instance": "1",
                "message": {"message_id": 1, "date": 0, "chat": {"id": chat, "type": "group"}},
                "data": data,
            }
            self.updates.append({"update_id": number, "callback_query": query})
            self._news.notify_all()
        return number

    def told(self, update: int, limit_s: float = 20.0) -> str:
        """What the presser was told."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            for answer in list(self.answers):
                if answer["callback_query_id"] == f"q-{update}":
                    return answer["text"]
            time.sleep(0.02)
        raise AssertionError(f"nobody answered press {update}: {self.answers}")

    def respond(self, asked: Asked) -> Reply:
        bot, _, method = asked.path.removeprefix("/bot").partition("/")
        if bot != BOT_TOKEN:
            return said({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        body = asked.json
        match method:
            case "sendMessage":
                return self._send(body)
            case "getUpdates":
                return said({"ok": True, "result": self._updates(body)})
            case "answerCallbackQuery":
                if len(body.get("text", "")) > 200:
                    return _wrong("MESSAGE_TOO_LONG")
                self.answers.append(body)
                return said({"ok": True, "result": True})
        return said({"ok": False, "error_code": 404, "description": "Not Found"}, 404)

    def _send(self, body: dict[str, Any]) -> Reply:
        if not body.get("text"):
            return _wrong("message text is empty")
        if len(body["text"].encode("utf-16-le")) > 2 * 4096:
            return _wrong("message is too long")
        for row in body.get("reply_markup", {}).get("inline_keyboard", []):
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    return _wrong("BUTTON_DATA_INVALID")
        self.messages.append(body)
        return said({"ok": True, "result": {"message_id": len(self.messages)}})

    def _updates(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        offset, patience = body.get("offset", 0), body.get("timeout", 0)
        with self._news:

            def waiting() -> list[dict[str, Any]]:
                return [u for u in self.updates if u["update_id"] >= offset]

            self._news.wait_for(lambda: self._closed.is_set() or waiting(), patience)
            return waiting()[:100]

    def close(self) -> None:
        self._closed.set()
        with self._news:
            self._news.notify_all()
        super().close()


def _wrong(why: str) -> Reply:
    return said({"ok": False, "error_code": 400, "description": f"Bad Request: {why}"}, 400)


class GitHubDouble(Channel):
    """The issues of `acme/pipeline`."""

    def __init__(self, port: int = 0) -> None:
        self.issues: list[dict[str, Any]] = []
        self.comments: list[tuple[int, dict[str, Any]]] = []
        super().__init__(port)

    def respond(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {GITHUB_TOKEN}":
            return said({"message": "Bad credentials"}, 401)
        if not asked.headers.get("user-agent"):
            return Reply(403, b"Request forbidden by administrative rules.")
        place = re.fullmatch(r"/repos/acme/pipeline/issues(?:/(\d+)(/comments)?)?", asked.path)
        if place is None or (place[1] and int(place[1]) > len(self.issues)):
            return said({"message": "Not Found"}, 404)
        if asked.method == "POST":
            return self._write(place[1], asked.json)
        if place[2]:
            rows = [c for number, c in self.comments if number == int(place[1])]
        elif place[1]:
            return said(self.issues[int(place[1]) - 1])
        else:
            rows = self._listed(asked.query)
        page, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 30))
        return said(rows[(page - 1) * size : page * size])

    def _listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        wanted = set(filter(None, query.get("labels", "").split(",")))
        state = query.get("state", "open")
        return [
            issue
            for issue in reversed(self.issues)
            if wanted <= {label["name"] for label in issue["labels"]}
            and state in ("all", issue["state"])
        ]

    def _write(self, number: str | None, body: dict[str, Any]) -> Reply:
        if len(body.get("body", "")) > 65536 or len(body.get("title", "")) > 256:
            return said({"message": "Validation Failed"}, 422)
        url = f"https://github.com/acme/pipeline/issues/{number or len(self.issues) + 1}"
        if number is not None:
            comment = {"id": len(self.comments) + 1, "body": body["body"], "html_url": url}
            self.comments.append((int(number), comment))
            return said(comment, 201)
        issue = {
            "number": len(self.issues) + 1,
            "title": body["title"],
            "body": body["body"],
            "labels": [{"name": name} for name in body.get("labels", [])],
            "state": "open",
            "html_url": url,
        }
        self.issues.append(issue)
        return said(issue, 201)
