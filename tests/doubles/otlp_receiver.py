"""A receiver of OTLP over HTTP: takes protobuf as a collector does, and says what it got."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests.doubles.http_server import Asked, HttpDouble, Reply


@dataclass(frozen=True)
class Received:
    """One span as it came over the wire."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    status: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


class OtlpReceiver(HttpDouble):
    """Keeps the spans of every request that it answers with 200; `rule` may answer otherwise."""

    def __init__(self, rule: Callable[[Asked], Reply | None] = lambda _: None, port: int = 0):
        self.rule = rule
        self.spans: list[Received] = []
        super().__init__(self._take, port)

    def _take(self, asked: Asked) -> Reply:
        assert (asked.path, asked.headers["content-type"]) == (
            "/v1/traces",
            "application/x-protobuf",
        )
        if (said := self.rule(asked)) is not None and (said.silent or said.status != 200):
            return said
        self.spans += spans_of(asked.body)
        return said or Reply(body=ExportTraceServiceResponse().SerializeToString())

    def counted(self) -> Counter[str]:
        """How often each span came, by its id."""
        return Counter(span.span_id for span in list(self.spans))

    @property
    def endpoint(self) -> str:
        return f"{self.url}/v1/traces"


def spans_of(body: bytes) -> list[Received]:
    """The spans of a request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Received(
            trace_id=span.trace_id.hex(),
            span_id=span.span_id.hex(),
            parent_id=span.parent_span_id.hex(),
            name=span.name,
            start_ns=span.start_time_unix_nano,
            end_ns=span.end_time_unix_nano,
            status=span.status.code,
            attributes=_values(span.attributes),
            resource=_values(resource.resource.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _values(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}
