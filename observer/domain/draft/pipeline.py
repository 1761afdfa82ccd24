"""Which process feeds which, from what each of them reads and writes: a tree with named nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from observer.domain.draft.addresses import Server
from observer.domain.draft.supervisor import Process
from observer.domain.draft.wiring import Channel, Wiring

Thing = Process | Channel | Server
"""What becomes a node; of channels only topics do, the seed's tree knows no other."""


@dataclass
class Pipeline:
    """Everything that becomes a node, and what each depends on, without circles."""

    wirings: dict[Process, Wiring] = field(default_factory=dict[Process, Wiring])
    below: dict[Thing, list[Thing]] = field(default_factory=dict[Thing, list[Thing]])
    through: dict[tuple[Thing, Thing], list[Channel]] = field(
        default_factory=dict[tuple["Thing", "Thing"], list[Channel]]
    )
    """By which streams and tables one process feeds another."""
    finals: list[tuple[Channel | None, list[Thing]]] = field(
        default_factory=list[tuple["Channel | None", "list[Thing]"]]
    )
    """What comes out at the end (None: nothing that can be seen), and who makes it."""
    cut: dict[Thing, list[tuple[Thing, ...]]] = field(
        default_factory=dict[Thing, "list[tuple[Thing, ...]]"]
    )
    """Circles, each under the thing whose dependency on the first was left out."""
    brokers: dict[Channel, set[frozenset[Server]]] = field(
        default_factory=dict[Channel, "set[frozenset[Server]]"]
    )
    """By which brokers a topic is reached; more than one set may be more than one cluster."""


def pipeline(wirings: Iterable[Wiring]) -> Pipeline:
    """Link every process to what feeds it."""
    made = Pipeline({wiring.process: wiring for wiring in sorted(wirings, key=_place)})
    _agree(made.wirings.values())
    for wiring in made.wirings.values():
        _needs(made, wiring)
    fed = _link(made)
    made.finals = _finals(made, fed)
    for thing in made.below:
        made.below[thing] = sorted(set(made.below[thing]), key=rank)
    tops = [top for _, makers in made.finals for top in makers]
    for thing in _uncircled(made, tops):
        made.finals.append((None, [thing]))
    return made


def rank(thing: Thing) -> tuple[int, str, str, int]:
    """The order of dependencies: what brings data first, then what is talked to."""
    match thing:
        case Channel():
            return 0, thing.name, thing.kind, thing.supervisor
        case Process():
            return 1, thing.name, thing.group, thing.supervisor
        case Server():
            return 2, str(thing), thing.kind, thing.supervisor


def _place(wiring: Wiring) -> tuple[int, str, str, int]:
    return rank(wiring.process)


def _agree(wirings: Iterable[Wiring]) -> None:
    """One address is one server: who says most exactly what listens there speaks for all."""
    told: dict[tuple[str, str, int], Server] = {}
    for wiring in wirings:
        for server in wiring.servers:
            told[server.place] = min(told.get(server.place, server), server, key=_vague)
    for wiring in wirings:
        wiring.servers = {told[server.place] for server in wiring.servers}


def _vague(server: Server) -> tuple[int, str]:
    return {"database": 1, "external": 2}.get(server.kind, 0), server.kind


def _topics(channels: Iterable[Channel]) -> list[Channel]:
    return [channel for channel in channels if channel.kind == "topic"]


def _needs(made: Pipeline, wiring: Wiring) -> None:
    """A process needs its topics and servers; a topic needs its writers and brokers."""
    process, below = wiring.process, made.below.setdefault(wiring.process, [])
    brokers = wiring.of_kind("kafka")
    topics = _topics(wiring.reads | wiring.writes)
    below += _topics(wiring.reads)
    below += wiring.servers - brokers if topics else wiring.servers
    for server in wiring.servers:
        made.below.setdefault(server, [])
    for topic in topics:
        made.below.setdefault(topic, []).extend(brokers)
        if brokers:
            made.brokers.setdefault(topic, set()).add(frozenset(brokers))
    for topic in _topics(wiring.writes):
        made.below[topic].append(process)


def _link(made: Pipeline) -> set[tuple[Process, Channel]]:
    """Streams and tables link their reader to their writer; returns which outputs are read."""
    readers: dict[Channel, list[Wiring]] = {}
    for wiring in made.wirings.values():
        for channel in wiring.reads:
            readers.setdefault(channel, []).append(wiring)
    fed: set[tuple[Process, Channel]] = set()
    for writer in made.wirings.values():
        for channel in sorted(writer.writes):
            if channel.kind == "topic" and channel in readers:
                fed.add((writer.process, channel))
                continue
            for reader in readers.get(channel, []):
                if _same_store(channel, writer, reader):
                    fed.add((writer.process, channel))
                    made.below[reader.process].append(writer.process)
                    way = made.through.setdefault((reader.process, writer.process), [])
                    way.append(channel)
    return fed


def _same_store(channel: Channel, one: Wiring, other: Wiring) -> bool:
    """Tables of one name in two databases are two; who names no database may mean any."""
    stores = [
        {server for server in wiring.servers if server.kind not in ("external", "kafka")}
        for wiring in (one, other)
    ]
    if channel.kind == "stream":
        redis = [{server for server in found if server.kind == "redis"} for found in stores]
        stores = redis if all(redis) else stores
    return not all(stores) or bool(stores[0] & stores[1])


def _finals(
    made: Pipeline, fed: set[tuple[Process, Channel]]
) -> list[tuple[Channel | None, list[Thing]]]:
    ends: dict[Channel, list[Thing]] = {}
    silent: dict[tuple[int, str, str], list[Thing]] = {}
    for process, wiring in made.wirings.items():
        unread = sorted(c for c in wiring.writes if (process, c) not in fed)
        for channel in unread:
            maker: Thing = channel if channel.kind == "topic" else process
            makers = ends.setdefault(channel, [])
            if maker not in makers:
                makers.append(maker)
        if not wiring.writes:
            program = (process.supervisor, process.group, process.program)
            silent.setdefault(program, []).append(process)
    finals: list[tuple[Channel | None, list[Thing]]] = [(c, ends[c]) for c in sorted(ends)]
    return finals + [(None, silent[program]) for program in sorted(silent)]


def _uncircled(made: Pipeline, tops: Sequence[Thing]) -> list[Thing]:
    """Leave out each dependency that closes a circle; returns tops for what hangs from none."""
    done: set[Thing] = set()
    for top in tops:
        _descend(made, top, done)
    more: list[Thing] = []
    for thing in _from_the_end(made, done):
        if isinstance(thing, Process) and thing not in done:
            more.append(thing)
            _descend(made, thing, done)
    return more


def _from_the_end(made: Pipeline, done: set[Thing]) -> list[Thing]:
    """What is left, each before all that it reaches: a circle before what feeds it."""
    seen, finished = set(done), list[Thing]()
    for process in made.wirings:
        way: dict[Thing, Iterator[Thing]] = {}
        if process not in seen:
            way[process] = iter(made.below[process])
        while way:
            thing = next(reversed(way))
            seen.add(thing)
            for lower in way[thing]:
                if lower not in seen:
                    way[lower] = iter(made.below[lower])
                    break
            else:
                del way[thing]
                finished.append(thing)
    return finished[::-1]


def _descend(made: Pipeline, top: Thing, done: set[Thing]) -> None:
    """Depth first, by a list instead of recursion: a chain may be long."""
    if top in done:
        return
    way: dict[Thing, Iterator[Thing]] = {top: iter(list(made.below[top]))}
    while way:
        thing = next(reversed(way))
        for lower in way[thing]:
            if lower in way:
                on_way = list(way)
                made.cut.setdefault(thing, []).append(tuple(on_way[on_way.index(lower) :]))
                made.below[thing].remove(lower)
            elif lower not in done:
                way[lower] = iter(list(made.below[lower]))
                break
        else:
            del way[thing]
            done.add(thing)


def names(made: Pipeline, metrics: Sequence[str]) -> tuple[dict[Thing, str], list[str]]:
    """A name for every thing and every metric, none of them twice."""
    taken: set[str] = set()
    given: dict[Thing, str] = {}
    for thing in sorted(made.below, key=rank):
        tries = [_word(text) for text in _suggestions(thing)]
        given[thing] = _free(tries, taken.__contains__)
        taken.add(given[thing])
    named: list[str] = []
    for metric in metrics:
        named.append(_free([_word(metric)], taken.__contains__))
        taken.add(named[-1])
    return given, named


def _suggestions(thing: Thing) -> list[str]:
    match thing:
        case Process():
            return [thing.name, f"{thing.group}_{thing.name}"]
        case Channel():
            return [f"topic_{thing.name.removeprefix('topic_')}"]
        case Server():
            told = thing.kind == "external" or thing.kind in thing.host.lower()
            return [f"{thing}" if told else f"{thing.kind}_{thing}"]


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_") or "unnamed"


def _free(tries: Sequence[str], taken: Callable[[str], bool]) -> str:
    for word in tries:
        if not taken(word):
            return word
    number = 2
    while taken(f"{tries[0]}_{number}"):
        number += 1
    return f"{tries[0]}_{number}"
