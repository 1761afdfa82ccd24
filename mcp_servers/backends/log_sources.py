"""What a source of logs is, and what a container's name may be."""

import re
from typing import Protocol

from mcp_servers.backends.trouble import WrongParameters
from mcp_servers.telemetry_results import LogLines

_CONTAINER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,199}")


class LogSource(Protocol):
    """Reads the log of one container, or of a query."""

    async def read(
        self, *, container: str, query: str, contains: str, minutes: float, limit: int
    ) -> LogLines:
        """The newest lines of the last minutes that contain a text.

        Raises:
            SourceTrouble: they can't be read.
            WrongParameters: the name or the query can't be asked for.
        """
        ...


def checked(container: str) -> str:
    """A container's name that is nothing but a name.

    Raises:
        WrongParameters: it could lead elsewhere: a path, a pattern, an option.
    """
    if not _CONTAINER.fullmatch(container) or ".." in container:
        raise WrongParameters(
            f"container: {container[:50]!r} is no container's name; letters, digits and _ . @ : -"
        )
    return container
