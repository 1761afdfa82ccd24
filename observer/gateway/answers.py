"""What can be read from a model's answer, or from its failure to give one."""

from __future__ import annotations

import email.utils
import time
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import BaseModel


class Unusable(Exception):
    """The model answered, but not with what was asked."""


def closed_schema(schema: type[BaseModel]) -> dict[str, Any]:
    described = schema.model_json_schema()
    described.setdefault("title", schema.__name__)
    described["additionalProperties"] = False
    return described


def why_failed(error: BaseException) -> str:
    """What happened and at the root of it: "Connection error." alone explains nothing."""
    root = error
    while root.__cause__ is not None:
        root = root.__cause__
    text = f"{type(error).__name__}: {error}"
    return text if root is error else f"{text} <- {type(root).__name__}: {root}"


def content_of(raw: AIMessage) -> str:
    return raw.content if isinstance(raw.content, str) else ""


def version_of(raw: AIMessage | None, name: str) -> str:
    metadata = raw.response_metadata if raw is not None else {}
    return str(metadata.get("model_name") or name.partition(":")[2] or name.removesuffix(":"))


def hopeless(error: Exception) -> bool:
    """A refused key or an unknown model is not mended by asking again."""
    return getattr(error, "status_code", None) in (400, 401, 403, 404)


def retry_after(error: Exception) -> float | None:
    response = getattr(error, "response", None)
    header = response.headers.get("retry-after") if response is not None else None
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
