"""Talk to a running observer: one client, and an error in prose for every way it can fail."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from observer.errors import ConfigurationError, ObserverError


class Unreachable(ObserverError):
    """No observer listens there. Nothing was sent."""


class Unanswered(ObserverError):
    """The observer was reached and gave no usable answer; it may have acted all the same."""


class Refused(ObserverError):
    """The observer said no."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    def refusal(self) -> str:
        """Why not, as the observer put it."""
        why = explain(self.body) or "no reason was given"
        return f"{why} (try again in {self.retry_after} s)" if self.retry_after else why

    def or_refuse(self) -> dict[str, Any]:
        """The body of a yes; a no is an error that carries its reason."""
        if not self.accepted:
            raise Refused(f"[{self.status}] {self.refusal()}")
        if not isinstance(self.body, dict):
            raise Unanswered("The answer is not a JSON object: is this really an observer?")
        return self.body


class ObserverClient:
    """One connection. `token=None` and `secret=None` mean none, whatever the environment says."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 15.0) -> None:
        import httpx

        self.url = url.rstrip("/")
        if not is_address(url):
            raise ConfigurationError(f"{url!r} is not an address like http://127.0.0.1:9090.")
        # A proxy from the environment cannot reach this machine's own loopback.
        self._http = httpx.Client(
            timeout=timeout,
            trust_env=not is_local(url),
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Answer:
        known = {name: value for name, value in params.items() if value is not None}
        return self._ask("GET", path, params=known)

    def post(self, path: str, content: Any = None, *, tenant_id: str | None = None) -> Answer:
        request: dict[str, Any] = {} if content is None else {"json": content}
        params = {} if tenant_id is None else {"tenant_id": tenant_id}
        return self._ask("POST", path, params=params, **request)

    def post_bytes(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        return self._ask("POST", path, content=content, headers=dict(headers))

    def _ask(self, method: str, path: str, **request: Any) -> Answer:
        import httpx

        try:
            response = self._http.request(method, self.url + path, **request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Unreachable(
                f"No observer answers at {self.url}. Is it running? Start it with `observer serve`."
            ) from None
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"{self.url!r} is not an address: {error}.") from None
        except httpx.HTTPError as error:
            raise Unanswered(
                f"The observer at {self.url} gave no answer to {method} {path} "
                f"({error or type(error).__name__}); it may have acted all the same."
            ) from None
        try:
            body = response.json() if response.content else {}
        except ValueError:
            body = response.text[:500]
        return Answer(response.status_code, body, response.headers.get("Retry-After"))


def connect(url: str) -> ObserverClient:
    """A client with this environment's token."""
    return ObserverClient(url, token=os.environ.get("OBSERVER_TOKEN") or None)


def path_to(*parts: str) -> str:
    """A path whose parts are data: an id with a slash in it stays one part."""
    return "".join(f"/{quote(part, safe='')}" for part in parts)


def is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def explain(body: Any) -> str:
    """The reason in an error body: ours, FastAPI's list of fields, or plain text."""
    match body:
        case {"detail": str(detail), "field": str(field)}:
            return detail if detail.startswith(f"{field}:") else f"{field}: {detail}"
        case {"detail": detail}:
            return explain(detail)
        case {"loc": [*where], "msg": message}:
            return f"{'.'.join(str(part) for part in where)}: {message}"
        case {"field": str(field), "message": message}:
            return f"{field}: {explain(message)}"
        case {"error": reason} | {"message": reason}:
            return explain(reason)
        case list():
            return "; ".join(explain(item) for item in body)
        case None | {}:
            return "" if not body else str(body)
        case _:
            return str(body)
