"""Builds a chat model from `provider:name`, with bounded answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel

from observer.gateway.runbook_model import RunbookChatModel
from observer.settings import Configuration


class AnswerTooLarge(httpx.TransportError):
    """The provider sent more than `call.max_answer_bytes`."""


class _BoundedStream(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for chunk in self._stream:
            seen += len(chunk)
            if seen > self._limit:
                raise AnswerTooLarge(f"an answer of more than {self._limit} bytes was cut off")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class BoundedTransport(httpx.AsyncHTTPTransport):
    """Cuts an answer off where it becomes too large, before it fills the memory."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        response.stream = _BoundedStream(response.stream, self._limit)
        return response


def build(name: str, configuration: Configuration) -> BaseChatModel:
    """The chat model of one entry of a chain."""
    if name == "runbook:":
        return RunbookChatModel(runbook=configuration.runbook)
    from langchain.chat_models import init_chat_model

    call = configuration.models.call
    options: dict[str, Any] = {"temperature": call.temperature, "timeout": call.timeout}
    if name.startswith("openai:"):
        options["max_retries"] = 0
        # JSON escapes may multiply the characters, so the wire limit is looser.
        transport = BoundedTransport(call.max_answer_bytes * 4)
        options["http_async_client"] = httpx.AsyncClient(transport=transport, timeout=call.timeout)
        options["use_responses_api"] = False
    return init_chat_model(name, **options)
