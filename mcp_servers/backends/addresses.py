"""Where a name leads, looked up once: the address that was judged is the one connected to."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterator

from mcp_servers.backends.trouble import Unreachable, WrongParameters

_REFUSED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED}


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a host.

    Raises:
        Unreachable: the name leads nowhere.
        WrongParameters: it leads to a link-local address, where clouds keep their credentials.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the name {host!r} leads to no address", refused=False) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_link_local or ip.is_multicast:
            raise WrongParameters(f"{host} leads to {address}, which is never connected to")
    return addresses


async def connect(host: str, port: int) -> None:
    """Open a TCP connection and close it.

    Raises:
        Unreachable: no address of the host takes one.
        WrongParameters: as in `resolve`.
    """
    trouble: OSError | None = None
    for address in await resolve(host, port):
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError as error:
            trouble = error
            continue
        writer.transport.abort()
        return
    raise unreachable(f"{host}:{port}", trouble)


def unreachable(what: str, error: BaseException | None) -> Unreachable:
    """What a failed connection says: refused by the other end, or no way there."""
    codes = {e.errno for e in _causes(error) if isinstance(e, OSError) and e.errno}
    if codes & _REFUSED:
        word = "refuses the connection" if errno.ECONNREFUSED in codes else "closed the connection"
        return Unreachable(f"{what} {word}", refused=True)
    code = next(iter(codes), None)
    why = errno.errorcode.get(code, str(code)) if code else type(error).__name__
    return Unreachable(f"no way to {what}: {why}", refused=False)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += list(current.exceptions)
