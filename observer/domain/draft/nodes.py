"""What the draft says of each kind of node: the keys that are known, and a TODO for each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from observer.domain.draft.addresses import Server
from observer.domain.draft.pipeline import Pipeline, Thing
from observer.domain.draft.supervisor import Process
from observer.domain.draft.supervisor_ini import PLACEHOLDER
from observer.domain.draft.wiring import Channel, Wiring

Healthcheck = dict[str, str | int]


@dataclass
class Facts:
    """A node's keys in the order of the file, and what a person has to find out about it."""

    type: str
    description: str
    keys: dict[str, str | Healthcheck] = field(default_factory=dict[str, str | Healthcheck])
    todos: list[str] = field(default_factory=list[str])


def facts_of(thing: Thing, made: Pipeline, names: Mapping[Thing, str]) -> Facts:
    """Everything that is known of one node, and what is not."""
    match thing:
        case Process():
            facts = _process(made.wirings[thing])
        case Channel():
            facts = _topic(thing, made)
        case Server():
            facts = _server(thing, names[thing])
    facts.todos += [
        f"circle cut here: {' -> '.join(names[t] for t in (*way, way[0]))}; which of them really"
        " waits for which?"
        for way in made.cut.get(thing, [])
    ]
    facts.todos += [
        f"it reads {_listed(channels)}, which {names[writer]} writes: is that how it is fed?"
        for (reader, writer), channels in made.through.items()
        if reader == thing and writer in made.below[thing]
    ]
    return facts


def _listed(things: Iterable[Channel | Server | str]) -> str:
    return ", ".join(sorted(map(str, things)))


def _process(wiring: Wiring) -> Facts:
    process = wiring.process
    does = [f"reads {_listed(wiring.reads)}"] if wiring.reads else []
    does += [f"writes {_listed(wiring.writes)}"] if wiring.writes else []
    does += [f"talks to {_listed(wiring.servers)}"] if wiring.servers else []
    facts = Facts("process", f"Runs {wiring.program}" + (f": {'; '.join(does)}" if does else ""))
    facts.keys["supervisor_group"] = process.group
    if PLACEHOLDER.search(process.name):
        facts.todos.append(
            f"supervisor_process: it is {process.name}, which only supervisord can complete"
        )
    else:
        facts.keys["supervisor_process"] = process.name
        whole = f"{process.group}:{process.name}"
        facts.keys["healthcheck"] = {"method": "supervisor_state", "process": whole}
    facts.todos.append("container: which container does this supervisord run in, if any?")
    facts.todos += _consumer_lag(wiring, facts)
    written = f" (supervisord writes it to {process.logfile})" if process.logfile else ""
    facts.todos.append(f"logs.loki_query: which query finds its log{written}?")
    facts.todos.append("metrics: which Prometheus metrics tell how it does?")
    facts.todos += wiring.todos
    facts.todos += [
        f"does it read or write {c}? Its name does not say" for c in _in(wiring.unclear)
    ]
    facts.todos += [f"it puts records aside in {c}: who looks there?" for c in _in(wiring.aside)]
    if not (wiring.reads or wiring.writes or wiring.unclear or wiring.servers):
        facts.todos.append(
            "depends_on: neither its command nor its environment shows what it reads or writes"
        )
    elif not wiring.writes:
        facts.todos.append("where does its output go? Nothing names it as an output")
    return facts


def _in(channels: set[Channel]) -> list[Channel]:
    return sorted(channels)


def _consumer_lag(wiring: Wiring, facts: Facts) -> list[str]:
    if len(wiring.groups) > 1:
        return [f"healthcheck: which consumer group is to be watched: {_listed(wiring.groups)}?"]
    for group in wiring.groups:
        if PLACEHOLDER.search(group):
            return [f"healthcheck: consumer group {group} is known to supervisord only"]
        facts.keys["healthcheck"] = {"method": "consumer_lag", "consumer_group": group}
        return ["healthcheck.lag_threshold: how many messages behind are too many?"]
    if any(channel.kind == "topic" for channel in wiring.reads):
        return [
            "healthcheck: with which Kafka consumer group does it read? consumer_lag tells more"
        ]
    return []


def _topic(topic: Channel, made: Pipeline) -> Facts:
    facts = Facts("kafka_topic", f"Kafka topic {topic.name}")
    if PLACEHOLDER.search(topic.name):
        facts.todos.append(f"topic: it is {topic.name}, which only supervisord can complete")
    else:
        facts.keys["topic"] = topic.name
        facts.keys["healthcheck"] = {"method": "topic_freshness", "topic": topic.name}
    facts.todos += [
        "healthcheck.max_age: for how long may no message arrive?",
        "cluster: what is its Kafka cluster called?",
        "min_isr: how many in-sync replicas does it need?",
        "metrics: which Prometheus metrics tell how it does?",
    ]
    if not any(topic in wiring.writes for wiring in made.wirings.values()):
        facts.todos.append("depends_on: who writes this topic? No program that was read does")
    ways = sorted(_listed(set(way)) for way in made.brokers.get(topic, set()))
    if len(ways) > 1:
        facts.todos.append(f"is it one cluster? Programs reach it by {' and by '.join(ways)}")
    return facts


def _server(server: Server, name: str) -> Facts:
    outside = server.kind == "external"
    described = "Upstream" if outside else server.kind.capitalize()
    facts = Facts("external" if outside else "infrastructure", f"{described} at {server}")
    if server.kind == "redis":
        facts.keys["healthcheck"] = {"method": "redis_ping", "redis": name}
        facts.todos.append(f"is its URL in observer.yaml, as platform.redis.{name}.url?")
    elif server.known:
        host = server.host.strip("[]")
        port = int(server.port)
        facts.keys["healthcheck"] = {"method": "tcp_connect", "host": host, "port": port}
    if not server.known:
        facts.todos.append(f"what is its whole address? Only {server} is written there")
    if server.local:
        facts.todos.append(
            "localhost is meant as its programs see it: where is it for the observer?"
        )
    if outside:
        facts.todos.append("is it somebody else's? If it is ours: process or infrastructure")
    else:
        facts.todos.append("metrics: which Prometheus metrics tell how it does?")
    return facts
