"""http: an address answers with the status and the text it should. No redirect is followed."""

from typing import Annotated

from pydantic import Field

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.trouble import Unreachable, WrongParameters
from mcp_servers.healthchecks.contract import Method, Parameters, healthy, unhealthy
from mcp_servers.sources import Sources
from mcp_servers.telemetry_results import Health

_MOST_BYTES = 1 << 20


class Http(Parameters):
    url: Annotated[str, Field(max_length=2000)]
    status: Annotated[int, Field(ge=100, le=599)] = 200
    contains: Annotated[str, Field(max_length=1000)] = ""


async def check(parameters: Http, sources: Sources) -> Health:
    try:
        address = Address.parse(parameters.url)
    except ValueError as error:
        raise WrongParameters("url: no address") from error
    if address.auth is not None:
        # Parameters are written down with every call; a password has no place in them.
        raise WrongParameters("url: must hold no user name and no password")
    try:
        answer = await exchange(address, most_bytes=_MOST_BYTES, cut=True)
    except Unreachable as trouble:
        if trouble.refused:
            return unhealthy(str(trouble))
        raise
    said = f"{address.place} answers {answer.status}"
    if answer.status != parameters.status:
        note = " (redirects are not followed)" if 300 <= answer.status < 400 else ""
        return unhealthy(f"{said}, not {parameters.status}{note}", http_status=answer.status)
    if parameters.contains and parameters.contains.encode() not in answer.body:
        return unhealthy(f"{said} without {parameters.contains!r}", http_status=answer.status)
    return healthy(said, http_status=answer.status)


METHOD = Method(Http, check, silence="unhealthy")
