"""What one process reads, writes and talks to, as far as its configuration shows it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from observer.domain.draft.addresses import (
    Server,
    Unclear,
    is_url,
    passwords,
    servers_of_hosts,
    servers_of_urls,
)
from observer.domain.draft.command_line import Said, read_command
from observer.domain.draft.supervisor import Process
from observer.domain.draft.supervisor_ini import PLACEHOLDER
from observer.domain.draft.words import (
    ADDRESSES,
    ASIDE,
    CONSUMER_GROUPS,
    KINDS,
    OWN,
    READ,
    THINGS,
    WRITE,
    ends_with,
    is_secret,
    words_of,
)
from observer.domain.redaction import MASK, Redactor

_CHANNEL_NAME = re.compile(r"(?:[\w.:-]|\$\{\w+\}){1,249}")
_NO_NAMES = {"true", "false", "yes", "no", "none", "null", "on", "off"}


@dataclass(frozen=True, order=True)
class Channel:
    """Something that one program writes and another reads: a topic, a stream, a table."""

    kind: str
    name: str
    supervisor: int = 0
    """The supervisord whose environment completes the name; 0: it is complete."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass
class Wiring:
    """One process with its inputs and outputs."""

    process: Process
    program: str = ""
    reads: set[Channel] = field(default_factory=set[Channel])
    writes: set[Channel] = field(default_factory=set[Channel])
    aside: set[Channel] = field(default_factory=set[Channel])
    unclear: set[Channel] = field(default_factory=set[Channel])
    groups: set[str] = field(default_factory=set[str])
    servers: set[Server] = field(default_factory=set[Server])
    todos: list[str] = field(default_factory=list[str])

    def of_kind(self, *kinds: str) -> set[Server]:
        """Its servers of these kinds."""
        return {server for server in self.servers if server.kind in kinds}


class _Hidden:
    """Takes secrets out of every text. One that is a mere word only where it is the whole text:
    a partition key `entity` must not hide the topic `entity_filtered`."""

    def __init__(self, secrets: set[str]) -> None:
        self._words = {s for s in secrets if len(s) < 16 and re.fullmatch(r"[a-z._-]+", s)}
        self._redactor = Redactor(sorted(secrets - self._words))

    def text(self, value: str) -> str:
        return MASK if value in self._words else self._redactor.text(value)


def wire(process: Process) -> Wiring:
    """Read a process's command and own environment."""
    wiring = Wiring(process, todos=list(process.todos))
    command = read_command(process.argv, process.environment)
    shared = [Said(name, value, name) for name, value in process.shared.items()]
    hidden = _Hidden(_secrets([*command.said, *shared]))
    name, logfile = hidden.text(process.name), process.logfile and hidden.text(process.logfile)
    wiring.process = replace(process, name=name, logfile=logfile)
    wiring.program = hidden.text(command.program)
    for one in command.said:
        _take(wiring, one, command.said, hidden)
    if wiring.groups:  # a consumer group is for reading: a topic without a direction is read
        topics = {channel for channel in wiring.unclear if channel.kind == "topic"}
        wiring.reads |= topics
        wiring.unclear -= topics
    channels = wiring.reads | wiring.writes | wiring.unclear
    if any(one.kind == "topic" for one in channels) and not wiring.of_kind("kafka"):
        wiring.servers |= _shared_brokers(process)
    wiring.todos = [hidden.text(todo) for todo in wiring.todos]
    return wiring


def shared_addresses(environment: dict[str, str], supervisor: int) -> list[tuple[str, Server]]:
    """The addresses that every process of a supervisord is given, with their variables."""
    found: list[tuple[str, Server]] = []
    said = [Said(name, environment[name], name) for name in sorted(environment)]
    for one in said:
        try:
            found += [(one.name, server) for server in _servers(one, said, supervisor)]
        except Unclear:
            continue
    return found


def _shared_brokers(process: Process) -> set[Server]:
    shared = shared_addresses(process.shared, process.supervisor)
    return {server for _, server in shared if server.kind == "kafka"}


def _secrets(said: Iterable[Said]) -> set[str]:
    """Values that must not be met anywhere. Those that are everyday words cannot be hidden."""
    found: set[str] = set()
    for one in said:
        found.update(passwords(one.value))
        if is_secret(one.name):
            found.add(one.value)
    return {secret for secret in found if secret.lower() not in KINDS and "${" not in secret}


def _take(wiring: Wiring, one: Said, said: Sequence[Said], hidden: _Hidden) -> None:
    words = words_of(one.name)
    if is_secret(one.name) and is_url(one.value):
        wiring.todos.append(f"{one.written} is named like a secret and was not read: an address?")
    if not one.value.strip() or is_secret(one.name):
        return
    if is_url(one.value.strip()):
        _take_servers(wiring, one, said, hidden)
        return
    if ends_with(words, CONSUMER_GROUPS):
        _take_names(wiring, one, wiring.groups, hidden)
        return
    for kind, ends in THINGS.items():
        plain = tuple(word for word in words if word not in READ | WRITE | ASIDE)
        if ends_with(words, ends) or ends_with(plain, ends):
            names: set[str] = set()
            _take_names(wiring, one, names, hidden)
            _place(wiring, kind, names, set(words))
            return
    _take_servers(wiring, one, said, hidden)


def _take_servers(wiring: Wiring, one: Said, said: Sequence[Said], hidden: _Hidden) -> None:
    try:
        servers = _servers(one, said, wiring.process.supervisor)
        if any(hidden.text(server.host) != server.host for server in servers):
            raise Unclear("a secret of this program stands in it")
    except Unclear as reason:
        wiring.todos.append(f"which address does {one.written} give? It cannot be read: {reason}")
        return
    wiring.servers.update(servers)
    if not (is_url(one.value.strip()) or ":" in one.value or _port_beside(one, said)):
        wiring.todos += [
            f"has {server.host} the usual port, {server.port}? {one.written} gives none"
            for server in servers
            if server.port
        ]


def _take_names(wiring: Wiring, one: Said, into: set[str], hidden: _Hidden) -> None:
    for name in re.split(r"[,\s]+", hidden.text(one.value).strip()):
        if name.lower() in _NO_NAMES or name.isdigit() or not name:
            continue
        if _CHANNEL_NAME.fullmatch(hidden.text(name)):
            into.add(name)
        else:
            wiring.todos.append(f"what does {one.written} name? Its value is no plain name")


def _place(wiring: Wiring, kind: str, names: set[str], words: set[str]) -> None:
    reads, writes = bool(words & READ), bool(words & WRITE)
    if words & ASIDE:
        into = wiring.aside
    elif reads != writes:
        into = wiring.reads if reads else wiring.writes
    else:
        into = wiring.unclear
    for name in names:
        supervisor = wiring.process.supervisor if PLACEHOLDER.search(name) else 0
        into.add(Channel(kind, name, supervisor))


def _servers(one: Said, said: Sequence[Said], supervisor: int) -> list[Server]:
    words = words_of(one.name)
    value = one.value.strip()
    own = bool(OWN & set(words))
    if is_secret(one.name):
        return []
    if is_url(value):
        servers = servers_of_urls(value, supervisor)
        return [server for server in servers if not (own and server.kind == "external")]
    if not words or words[-1] not in ADDRESSES or value.startswith("/"):
        return []
    if "://" in value and not own:
        raise Unclear("its scheme is none that is known here")
    kind = next((KINDS[word] for word in words if word in KINDS), None)
    port = _port_beside(one, said)
    told = kind is not None or bool(words[:-1]) or words[-1] == "upstream"
    if not (told or ":" in value) or (own and kind is None):
        return []
    if kind is None and not port and ":" not in value and not PLACEHOLDER.fullmatch(value):
        raise Unclear("it has no port")
    return servers_of_hosts(value, kind or "external", port, supervisor)


def _port_beside(one: Said, said: Sequence[Said]) -> str:
    """The value of X_PORT beside X_HOST."""
    words = words_of(one.name)
    for other in said:
        if words_of(other.name) == (*words[:-1], "port"):
            value = other.value.strip()
            if re.fullmatch(r"[0-9]{1,5}|\$\{\w+\}", value):
                return value
    return ""
