"""What a model's answer says, and whether it is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ValidationError

T = TypeVar("T", bound=BaseModel)


class Unusable(Exception):
    """The model answered, but not with what was asked."""


class Empty(Unusable):
    """The answer is empty."""


class Tokens(NamedTuple):
    """What a call used."""

    input: int
    output: int


def closed_schema(schema: type[BaseModel]) -> dict[str, Any]:
    described = schema.model_json_schema()
    described.setdefault("title", schema.__name__)
    described["additionalProperties"] = False
    return described


def checked(
    raw: AIMessage, schema: type[T], *, name: str, versions: Mapping[str, str], most_bytes: int
) -> T:
    """The answer as an object of the asked shape.

    Raises:
        Unusable: it is too long, empty, of another shape, or of another version than the pinned.
    """
    content = content_of(raw)
    if (size := len(content.encode(errors="replace"))) > most_bytes:
        raise Unusable(f"the answer has {size} bytes")
    if not content.strip():
        raise Empty("the answer is empty")
    pinned = versions.get(name.partition(":")[2])
    answered = version_of(raw, name)
    if pinned is not None and answered != pinned:
        raise Unusable(f"the answer is from version {answered}, pinned is {pinned}")
    try:
        # Not LangChain's own parsing: it repairs truncated JSON without saying so.
        return schema.model_validate_json(content)
    except ValidationError as error:
        raise Unusable(f"not of the asked shape: {error.errors()[0]['msg']}") from error


def content_of(raw: AIMessage) -> str:
    return raw.content if isinstance(raw.content, str) else ""


def version_of(raw: AIMessage | None, name: str) -> str:
    metadata = raw.response_metadata if raw is not None else {}
    return str(metadata.get("model_name") or name.partition(":")[2] or name.removesuffix(":"))


def tokens_of(raw: AIMessage | None) -> Tokens | None:
    """What the provider says that it used; None where it says nothing that can be true."""
    usage = raw.usage_metadata if raw is not None else None
    return tokens(usage["input_tokens"], usage["output_tokens"]) if usage else None


def tokens(used_in: Any, used_out: Any) -> Tokens | None:
    """Numbers that a provider gave as tokens; None where they cannot be."""
    # No question is empty: LangChain makes a 0 of a null.
    if type(used_in) is int and type(used_out) is int and used_in > 0 and used_out >= 0:
        return Tokens(used_in, used_out)
    return None
