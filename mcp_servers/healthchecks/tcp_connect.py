"""tcp_connect: something takes a connection there."""

from typing import Annotated

from pydantic import Field, model_validator

from mcp_servers.backends.addresses import connect
from mcp_servers.backends.trouble import Unreachable, WrongParameters
from mcp_servers.healthchecks.contract import Method, Name, Parameters, healthy, unhealthy
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health


class TcpConnect(Parameters):
    host: Name | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    address: Name | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "TcpConnect":
        apart = self.host is not None and self.port is not None
        if apart == (self.address is not None) or (self.address and (self.host or self.port)):
            raise ValueError("write host and port, or address as host:port")
        return self


async def check(parameters: TcpConnect, sources: Sources) -> Health:
    host, port = parameters.host, parameters.port
    if host is None or port is None:
        host, port = _split(parameters.address or "")
    try:
        await connect(host, port)
    except Unreachable as trouble:
        if trouble.refused:
            return unhealthy(str(trouble))
        raise
    return healthy(f"{host}:{port} takes connections")


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise WrongParameters("address: write host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


METHOD = Method(TcpConnect, check, silence="unhealthy")
