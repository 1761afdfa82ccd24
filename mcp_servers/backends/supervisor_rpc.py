"""supervisord's XML-RPC over TCP or a unix socket, bounded and cancellable as every HTTP here."""

import xmlrpc.client
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

from pydantic import BaseModel, ValidationError

from mcp_servers.backends.bounded_http import Address, exchange
from mcp_servers.backends.trouble import SourceTrouble
from mcp_servers.masking import credentials

_BAD_NAME = 10
_ALREADY_STARTED = 60
_NOT_RUNNING = 70
_MOST_BYTES = 1 << 20


class ProcessInfo(BaseModel):
    """What supervisord says of one process; times are of its own clock."""

    state: int
    statename: str
    pid: int = 0
    start: int = 0
    now: int = 0
    spawnerr: str = ""


class Rejected(SourceTrouble):
    """supervisord answered, and said no."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


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
        try:
            return ProcessInfo.model_validate(await self._call("getProcessInfo", process))
        except ValidationError as error:
            raise SourceTrouble("supervisord's answer is not the one its interface has") from error

    async def stop(self, process: str) -> None:
        """Ask a process to end, and wake it first if it sleeps: it hears nothing else.

        Does not wait. One that has ended already is fine.

        Raises:
            Rejected: supervisord says no.
            SourceTrouble: it gives no answer.
        """
        for method, args in (("stopProcess", (False,)), ("signalProcess", ("CONT",))):
            try:
                await self._call(method, process, *args)
            except Rejected as error:
                if error.code != _NOT_RUNNING:
                    raise

    async def start(self, process: str) -> None:
        """Start a process, and do not wait. One that has been started already is fine.

        Raises:
            Rejected: supervisord can't.
            SourceTrouble: it gives no answer.
        """
        try:
            await self._call("startProcess", process, False)
        except Rejected as error:
            if error.code != _ALREADY_STARTED:
                raise

    async def _call(self, method: str, process: str, *args: Any) -> Any:
        content = xmlrpc.client.dumps((process, *args), f"supervisor.{method}").encode()
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
            return said
        except xmlrpc.client.Fault as fault:
            words = f"supervisord answers: {fault.faultString[:200]}"
            if fault.faultCode == _BAD_NAME:
                words = f"supervisord knows no process {process!r}"
            raise Rejected(words, fault.faultCode) from fault
        except (ExpatError, xmlrpc.client.Error, ValueError, TypeError) as error:
            words = f"supervisord answered {answer.status} and no XML-RPC"
            raise SourceTrouble(words) from error
