"""What every health check has: parameters of its own, a time limit and a three-valued answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mcp_servers.durations import seconds
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=366 * 86400)]
Name = Annotated[str, Field(min_length=1, max_length=300)]


class Parameters(BaseModel):
    """What every check takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    timeout: Annotated[float, BeforeValidator(seconds), Field(gt=0, le=60)] = 5.0


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True)
class Method:
    """One way to judge a node.

    `silence` is what no answer in time means: `unhealthy` where the node itself was asked,
    `unknown` where somebody was asked about it.
    """

    parameters: type[Parameters]
    check: Callable[[Any, Sources], Awaitable[Health]]
    silence: Literal["unhealthy", "unknown"] = "unknown"


def healthy(reason: str, **values: float) -> Health:
    """The node does what the check asks."""
    return Health(status="healthy", reason=reason, values=values)


def unhealthy(reason: str, **values: float) -> Health:
    """The node was seen not to."""
    return Health(status="unhealthy", reason=reason, values=values)


def unknown(reason: str) -> Health:
    """Nothing was seen that tells."""
    return Health(status="unknown", reason=reason, values={})
