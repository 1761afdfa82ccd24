"""What systemd is told, over a real socket."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from observer.watch.sd_notify import SdNotify


@pytest.fixture(params=["a path", "an abstract name"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What stands in NOTIFY_SOCKET, and the socket behind it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        if request.param == "a path":
            listener.bind(name := str(tmp_path / "notify"))
        else:
            name = f"@pipeline-observer-test-{os.getpid()}"
            listener.bind("\0" + name[1:])
        listener.settimeout(5)
        yield name, listener


def test_each_word_arrives_as_one_datagram(door: tuple[str, socket.socket]) -> None:
    name, listener = door
    systemd = SdNotify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})

    systemd.ready()
    systemd.alive()
    systemd.status("RUNNING\nREADY=1")
    systemd.status("RUNNING\nREADY=1")
    systemd.stopping()

    said = [listener.recv(4096).decode() for _ in range(4)]
    assert said == ["READY=1", "WATCHDOG=1", "STATUS=RUNNING READY=1", "STOPPING=1"]
    assert systemd.watchdog_s == 30.0


def test_no_descriptor_left_is_no_trouble_and_the_next_word_arrives(
    door: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, listener = door
    systemd = SdNotify({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1"})

    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "socket", none_left)
        systemd.alive()
    systemd.alive()

    listener.setblocking(False)
    assert listener.recv(4096) == b"WATCHDOG=1"


WATCHDOGS: dict[str, tuple[dict[str, str], float | None]] = {
    "none": ({}, None),
    "no number": ({"WATCHDOG_USEC": "soon"}, None),
    "nothing": ({"WATCHDOG_USEC": "0"}, None),
    "ours": ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}, 2.0),
    "another process's": ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, None),
}


@pytest.mark.parametrize("name", WATCHDOGS)
def test_the_watchdog_is_ours_only_when_it_is_meant_for_us(name: str) -> None:
    environment, seconds = WATCHDOGS[name]
    assert SdNotify(environment).watchdog_s == seconds


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all", "@nobody-listens-here"])
def test_nobody_to_tell_is_no_trouble(address: str) -> None:
    SdNotify({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1"}).alive()
    SdNotify({"NOTIFY_SOCKET": address}).ready()
