"""Builds a chat model from `provider:name`, with bounded answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import httpx
from langchain_core.language_models import BaseChatModel

from observer.gateway.runbook_model import RunbookChatModel
from observer.settings import Configuration

RUNBOOK = "runbook:"
"""The end of every chain: it is free, and has no provider that could fail."""


class Unbuildable(Exception):
    """The model's library is missing, or refuses the configuration."""


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
    """Refuses an answer that says it is too large, and cuts one off where it becomes so."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["accept-encoding"] = "identity"
        response = await super().handle_async_request(request)
        if (why := self._refusal(response.headers)) is not None:
            await response.aclose()
            raise AnswerTooLarge(why)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        response.stream = _BoundedStream(response.stream, self._limit)
        return response

    def _refusal(self, headers: httpx.Headers) -> str | None:
        if int(headers.get("content-length", "0")) > self._limit:
            return f"an answer of more than {self._limit} bytes was not read"
        # A megabyte on the wire may be a gigabyte when it is unpacked.
        if (packed := headers.get("content-encoding", "identity")) != "identity":
            return f"an answer packed as {packed[:20]!r} was not read: it has no known size"
        return None


class ChatModels:
    """The chat models of the chains, each built once."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._built: dict[str, BaseChatModel] = {}

    async def load(self) -> None:
        """Build those of the profile before a run waits; what cannot be made says so when asked."""
        chains = self._configuration.models.profiles[self._configuration.profile].values()
        for name in dict.fromkeys(name for chain in chains for name in chain):
            with suppress(Unbuildable):
                await self.of(name)

    async def of(self, name: str) -> BaseChatModel:
        """The chat model of one entry of a chain.

        Raises:
            Unbuildable: it cannot be made.
        """
        model = self._built.get(name)
        if model is None:
            try:
                # The first of a provider imports its library, which takes seconds.
                model = await asyncio.to_thread(_build, name, self._configuration)
            except Exception as error:
                raise Unbuildable(f"{name} cannot be used: {error}") from error
            self._built[name] = model
        return model


def _build(name: str, configuration: Configuration) -> BaseChatModel:
    if name == RUNBOOK:
        return RunbookChatModel(runbook=configuration.runbook)
    from langchain.chat_models import init_chat_model

    call = configuration.models.call
    options: dict[str, Any] = {
        "temperature": call.temperature,
        "timeout": call.timeout,
        "max_tokens": call.max_output_tokens,
    }
    if name.startswith("openai:"):
        options["max_retries"] = 0
        # JSON escapes may multiply the characters, so the wire limit is looser.
        transport = BoundedTransport(call.max_answer_bytes * 4)
        options["http_async_client"] = httpx.AsyncClient(transport=transport, timeout=call.timeout)
        options["use_responses_api"] = False
    return init_chat_model(name, **options)
