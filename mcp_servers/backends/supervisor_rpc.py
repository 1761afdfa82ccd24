"""supervisord's XML-RPC over TCP or a unix socket, bounded and cancellable as every HTTP here."""

import xmlrpc.client
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from pydantic import BaseModel, ValidationError

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.masking import credentials

_BAD_NAME = 10
_MOST_BYTES = 1 << 20


class ProcessInfo(BaseModel):
    """What supervisord says of one process; times are of its own clock."""

    state: int
    statename: str
    pid: int = 0
    start: int = 0
    now: int = 0
    spawnerr: str = ""


class SupervisorRpc:
    """One supervisord: `http://user:secret@host:9001/RPC2` or `unix:///run/supervisor.sock`."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme == "unix":
            self._address = Address(
                "http://localhost/RPC2", credentials(url), urlsplit(url).path, "supervisord"
            )
        else:
            self._address = Address.parse(url, "supervisord")

    async def process_info(self, process: str) -> ProcessInfo:
        """One process, as `group:name`.

        Raises:
            SourceTrouble: supervisord gives no answer, or knows no such process.
        """
        content = xmlrpc.client.dumps((process,), "supervisor.getProcessInfo").encode()
        answer = await exchange(
            self._address,
            headers={"content-type": "text/xml"},
            content=content,
            most_bytes=_MOST_BYTES,
        )
        if answer.status == 401:
            raise SourceTrouble("supervisord does not accept our credentials")
        try:
            (said,), _ = xmlrpc.client.loads(answer.body)
            return ProcessInfo.model_validate(said)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _BAD_NAME:
                raise SourceTrouble(f"supervisord knows no process {process!r}") from fault
            raise SourceTrouble(f"supervisord answers: {fault.faultString[:200]}") from fault
        except (ExpatError, xmlrpc.client.Error, ValidationError, ValueError, TypeError) as error:
            words = f"supervisord answered {answer.status} and no XML-RPC"
            raise SourceTrouble(words) from error
