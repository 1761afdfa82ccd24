"""What requests carry and what answers look like; the contract of the routes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from observer.daemon import Observer
from observer.errors import PayloadRejected
from observer.gateway.signatures import verify
from observer.sources.native import Name
from observer.sources.strict_json import decode

M = TypeVar("M", bound=BaseModel)


class AcceptedEvent(BaseModel):
    """One event that is safely written down."""

    event_id: str
    session_id: str
    duplicate: bool


class AcceptedEvents(BaseModel):
    """The answer to a delivery."""

    events: list[AcceptedEvent]


class Problem(BaseModel):
    """What is wrong with a request, and in which field."""

    detail: str
    field: str | None = None


class Order(BaseModel):
    """Whom an order is for: a tenant, or all of them."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: Name | None = None


class SwitchOrder(Order):
    """Set the kill switch, or lift it."""

    on: bool = True


async def current_observer(request: Request) -> Observer:
    """The running observer."""
    return request.app.state.observer


Current = Annotated[Observer, Depends(current_observer)]


async def json_body(request: Request) -> bytes:
    """The raw body of a request that says it is JSON."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise PayloadRejected(
            "send Content-Type: application/json", field="content-type", status=415
        )
    return await request.body()


async def signed_body(request: Request, observer: Current) -> bytes:
    """The raw body, once its signature is known to be right."""
    body = await request.body()
    secrets = observer.services.configuration.webhook_secrets
    if not verify(body, request.headers, secrets):
        raise PayloadRejected(
            "the signature is missing or wrong", field="x-webhook-signature", status=401
        )
    return await json_body(request)


SignedBody = Annotated[bytes, Depends(signed_body)]
JsonBody = Annotated[bytes, Depends(json_body)]


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI entry of a body that a route reads by itself."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def read_body(model: type[M], body: bytes) -> M:
    """A body as its model; nothing at all stands for the defaults."""
    try:
        return model.model_validate(decode(body) if body.strip() else {})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "(body)"
        raise PayloadRejected(f"{field}: {first['msg']}", field=field) from error
