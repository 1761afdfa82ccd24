"""What systemd is told, where it started us: a datagram to its socket, and nothing elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class SdNotify:
    """The notify protocol of `sd_notify(3)`."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the null byte of an abstract socket.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._said: str | None = None
        self.watchdog_s = _watchdog_s(environment)
        """systemd ends us when it hears nothing for so long; None: it does not watch us."""

    def ready(self) -> None:
        """Events are taken."""
        self._send("READY=1")

    def alive(self) -> None:
        """Do not end us."""
        if self.watchdog_s is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it has changed."""
        if text != self._said:
            self._said = text
            self._send("STATUS=" + text.replace("\n", " "))

    def stopping(self) -> None:
        """What runs is being ended."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address.startswith(("/", "\0")):
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
                door.setblocking(False)
                door.sendto(message.encode(), self._address)
        except OSError:
            # Nobody there to hear it, or no descriptor left: never a reason to stand still.
            return


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or (meant and meant != str(os.getpid())):
        return None
    return int(microseconds) / 1e6 or None
