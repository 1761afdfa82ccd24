"""Addresses in the values of options and variables: hosts and ports only, never who logs in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from observer.domain.draft.supervisor_ini import PLACEHOLDER
from observer.domain.draft.words import PORTS, SCHEMES

_URL = re.compile(
    r"(?:jdbc:)?(?P<scheme>[A-Za-z][A-Za-z0-9]*)(?:\+[A-Za-z0-9]+)?://(?P<rest>.*)", re.S
)
_NEXT_URL = re.compile(r"[,\s]+(?=[A-Za-z][A-Za-z0-9+]*://)")
_NAME = r"(?:[A-Za-z0-9._-]|\$\{\w+\}){1,253}|\[[0-9A-Fa-f:.]{2,45}\]"
_HOST = re.compile(rf"(?P<host>{_NAME})(?::(?P<port>[0-9]{{1,5}}|\$\{{\w+\}}))?")
_EVERYWHERE = {"0.0.0.0", "[::]"}  # noqa: S104  addresses that a program listens at, left out
_LOCAL = {"localhost", "127.0.0.1", "[::1]"}


class Unclear(ValueError):
    """This is meant for an address and cannot be read as one."""


@dataclass(frozen=True, order=True)
class Server:
    """Something that listens at an address, and that programs need."""

    kind: str
    host: str
    port: str
    supervisor: int = 0
    """The supervisord by whose eyes the address is meant; 0: the same for all."""

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it is, whatever it is."""
        return self.host, self.port, self.supervisor

    @property
    def known(self) -> bool:
        """Whether host and port are there in full."""
        return not PLACEHOLDER.search(self.host + self.port) and bool(self.port)

    @property
    def local(self) -> bool:
        """Whether it is the machine or container of the program itself."""
        return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def is_url(text: str) -> bool:
    """Whether it starts like a URL of a known scheme."""
    found = _URL.match(text)
    return found is not None and found["scheme"].lower() in SCHEMES


def passwords(text: str) -> list[str]:
    """The password of every URL in it; on the web, who logs in without one is a token."""
    found: list[str] = []
    for url in _NEXT_URL.split(text):
        scheme, _, rest = url.partition("://")
        user, colon, password = rest.rpartition("@")[0].partition(":")
        if colon or scheme.lower() in ("http", "https", "ws", "wss"):
            found.append(password if colon else user)
    return [secret for secret in found if secret]


def servers_of_urls(text: str, supervisor: int) -> list[Server]:
    """The servers of one or several URLs; those of an unknown scheme are none.

    Raises:
        Unclear: a URL has no host that can be told from its password.
    """
    servers: list[Server] = []
    for url in _NEXT_URL.split(text.strip()):
        found = _URL.fullmatch(url)
        scheme = SCHEMES.get(found["scheme"].lower()) if found else None
        if found is None or scheme is None:
            continue
        authority, rest = _split(found["rest"])
        if "@" in rest:
            raise Unclear(
                "it has an @ after its host; in a password write / ? # @ as %2F %3F %23 %40"
            )
        hosts = authority.rpartition("@")[2]
        servers += _servers(hosts, scheme.kind, str(scheme.port), supervisor)
    return servers


def servers_of_hosts(text: str, kind: str, port: str, supervisor: int) -> list[Server]:
    """The servers of `host`, `host:port` or a list of them.

    Raises:
        Unclear: it is no such list.
    """
    return _servers(text.strip(), kind, port or str(PORTS.get(kind, "")), supervisor)


def _split(rest: str) -> tuple[str, str]:
    end = re.search(r"[/?#]", rest)
    return (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])


def _servers(hosts: str, kind: str, port: str, supervisor: int) -> list[Server]:
    servers: list[Server] = []
    for item in re.split(r"[,\s]+", hosts):
        found = _HOST.fullmatch(item)
        if found is None:
            raise Unclear("it is no host, host:port, or list of them")
        host = found["host"]
        if (given := found["port"] or port or "1").isdigit() and not 1 <= int(given) <= 65535:
            raise Unclear("its port is none")
        if host in _EVERYWHERE:
            continue
        host = "localhost" if host.lower() in _LOCAL else host
        seen_by = supervisor if host == "localhost" or "$" in item else 0
        servers.append(Server(kind, host, found["port"] or port, seen_by))
    return servers
