"""The optional mirror of spans: `otlp` of observer.yaml. Its headers stand in the environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated

from pydantic import Field

from observer.domain.runbook import Data, Seconds
from observer.settings.channels import EnvironmentName
from observer.settings.infrastructure import HttpUrl

_ENCODER = "opentelemetry.exporter.otlp.proto.common.trace_encoder"
_SDK = "opentelemetry.sdk.trace"

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]


class Otlp(Data):
    """A receiver of OTLP over HTTP, and how it is fed."""

    endpoint: HttpUrl
    headers_env: dict[HeaderName, EnvironmentName] = Field(default_factory=dict[str, str])
    """Header by header, the environment variable that holds its value."""
    timeout: Annotated[Seconds, Field(ge=0.1, le=60)] = 10.0
    batch: int = Field(default=256, ge=1, le=2000)
    interval: Annotated[Seconds, Field(ge=0.05, le=60)] = 1.0


def why_not_mirrored() -> str | None:
    """What is not installed, and how it is."""
    try:
        here = all(find_spec(name) is not None for name in (_ENCODER, _SDK))
    except ImportError:
        here = False
    if here:
        return None
    return "the mirror needs the extra `otel`: pip install 'pipeline-observer[otel]'"


def problem_of_header(variable: str, value: str) -> str | None:
    """What is wrong with a header's value; says nothing of the value."""
    if not value:
        return f"the environment has no {variable}"
    if not value.isascii() or not value.isprintable():
        return f"{variable} holds a line break or a letter that no header has"
    return None


def secrets_of(headers: Mapping[str, str]) -> Iterator[str]:
    """What must be kept out of every record: each value, and what follows its scheme."""
    for value in headers.values():
        yield value
        yield value.split()[-1]
