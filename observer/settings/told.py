"""What tool servers are told of the configuration, and which secrets stand in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from observer.domain.dependency_tree import DependencyTree
from observer.settings.schema import ObserverSettings

_POINTERS = (
    "container",
    "supervisor_group",
    "supervisor_process",
    "systemd_unit",
    "deployment",
    "limits",
)


def told_sections(settings: ObserverSettings, tree: DependencyTree) -> dict[str, Any]:
    """Each section of which a tool server may be told, as JSON."""
    return {**settings.sections, "nodes": _nodes(tree, set(settings.platform.redis))}


def _nodes(tree: DependencyTree, redis: set[str]) -> dict[str, dict[str, Any]]:
    """Where each node is that something can be done about, and which ones are not ours."""
    told: dict[str, dict[str, Any]] = {}
    for node in tree.nodes.values():
        pointers = {name: node.pointers[name] for name in _POINTERS if name in node.pointers}
        if pointers or node.name in redis or node.type == "external":
            told[node.name] = {"type": node.type, **pointers}
    return told


def passwords(section: Any) -> Iterator[str]:
    """The password of every address in a section, in each form in which it travels."""
    if isinstance(section, dict):
        section = list(section.values())
    if isinstance(section, list):
        for part in section:
            yield from passwords(part)
    elif isinstance(section, str) and "://" in section:
        yield from _of_address(section)


def credential_files(section: Any) -> Iterator[str]:
    """What the files hold that a section names for its credentials, as it is at start."""
    if not isinstance(section, dict):
        return
    for key, value in section.items():
        if key in ("bearer_token_file", "basic_auth_file") and isinstance(value, str):
            yield from _of_file(value)
        else:
            yield from credential_files(value)


def _of_file(name: str) -> Iterator[str]:
    try:
        text = Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return  # the tool server that needs it says so
    yield text
    if password := text.partition(":")[2]:
        yield password
        yield base64.b64encode(text.encode()).decode()


def _of_address(text: str) -> Iterator[str]:
    try:
        before, _, _ = urlsplit(text).netloc.rpartition("@")
    except ValueError:
        return
    user, _, written = before.partition(":")
    if password := unquote(written):
        yield written
        yield password
        yield base64.b64encode(password.encode()).decode()
        yield base64.b64encode(f"{unquote(user)}:{password}".encode()).decode()
