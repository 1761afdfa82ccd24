"""Which names of options and variables say what a program reads, writes and talks to.

A name is taken apart into words: `KAFKA_INPUT_TOPIC`, `--kafka-input-topic` and `kafkaInputTopic`
are all kafka, input, topic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

THINGS = {
    "topic": ("topic", "topics", "topic_name"),
    "stream": ("stream", "streams", "stream_name"),
    "table": ("table", "tables", "table_name", "hypertable"),
}
"""What the value of a name with this end is: something that one program writes, another reads."""

CONSUMER_GROUPS = ("consumer_group", "consumer_group_id", "group_id", "kafka_group")
"""Ends of a name whose value is a Kafka consumer group: its program reads its topics."""

READ = frozenset(
    {"input", "in", "source", "src", "from", "read", "consume", "consumer", "subscribe", "upstream"}
)
WRITE = frozenset(
    {"output", "out", "sink", "target", "dest", "destination", "to", "write", "produce", "publish"}
)
ASIDE = frozenset({"dlq", "dead", "letter", "error", "errors", "failed", "rejected", "retry"})
"""Words beside such an end. What is put aside is no output that anybody waits for."""

ADDRESSES = frozenset(
    {
        "host",
        "hosts",
        "hostname",
        "addr",
        "address",
        "url",
        "uri",
        "endpoint",
        "server",
        "servers",
        "broker",
        "brokers",
        "dsn",
        "upstream",
        "feed",
    }
)
"""Last words of a name whose value is an address."""

KINDS = {
    "redis": "redis",
    "valkey": "redis",
    "postgres": "postgres",
    "postgresql": "postgres",
    "pg": "postgres",
    "timescale": "postgres",
    "timescaledb": "postgres",
    "kafka": "kafka",
    "bootstrap": "kafka",
    "broker": "kafka",
    "brokers": "kafka",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mongo": "mongodb",
    "mongodb": "mongodb",
    "nats": "nats",
    "rabbitmq": "rabbitmq",
    "amqp": "rabbitmq",
    "mqtt": "mqtt",
    "clickhouse": "clickhouse",
    "db": "database",
    "database": "database",
    "tsdb": "database",
}
"""Words of an address's name that tell what listens there; without one it is external."""

OWN = frozenset(
    {
        "bind",
        "listen",
        "listener",
        "metrics",
        "prometheus",
        "exporter",
        "statsd",
        "otel",
        "otlp",
        "jaeger",
        "sentry",
        "proxy",
        "webhook",
        "callback",
        "advertised",
        "log",
        "logging",
    }
)
"""Words of a name that is about the program itself, not about its data."""

SPELLINGS = {"pghost": "pg_host", "pgport": "pg_port", "groupid": "group_id"}


@dataclass(frozen=True)
class Scheme:
    """What listens at a URL of this scheme, and where if it does not say."""

    kind: str
    port: int


SCHEMES = {
    "redis": Scheme("redis", 6379),
    "rediss": Scheme("redis", 6379),
    "valkey": Scheme("redis", 6379),
    "postgres": Scheme("postgres", 5432),
    "postgresql": Scheme("postgres", 5432),
    "timescaledb": Scheme("postgres", 5432),
    "kafka": Scheme("kafka", 9092),
    "mysql": Scheme("mysql", 3306),
    "mongodb": Scheme("mongodb", 27017),
    "nats": Scheme("nats", 4222),
    "amqp": Scheme("rabbitmq", 5672),
    "amqps": Scheme("rabbitmq", 5671),
    "ws": Scheme("external", 80),
    "wss": Scheme("external", 443),
    "http": Scheme("external", 80),
    "https": Scheme("external", 443),
}

PORTS = {"redis": 6379, "postgres": 5432, "kafka": 9092, "mysql": 3306, "mongodb": 27017}
"""Where such a server listens if nothing says otherwise."""

_SECRET_WORDS = frozenset(
    {
        "key",
        "keys",
        "pass",
        "pwd",
        "auth",
        "authorization",
        "login",
        "cookie",
        "private",
        "signature",
        "pin",
        "otp",
        "salt",
    }
)
_SECRET_PARTS = re.compile(
    r"passw|passphrase|secret|token|credential|apikey|api_key|accesskey|key$|bearer"
)
_NO_SECRETS = ("key_prefix",)
_SEAMS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case."""
    parts = tuple(word.lower() for word in _SEAMS.split(name) if word)
    spelled = SPELLINGS.get("_".join(parts))
    return tuple(spelled.split("_")) if spelled else parts


def ends_with(words: tuple[str, ...], ends: tuple[str, ...]) -> bool:
    """Whether the words are one of these ends, or have it at their end."""
    joined = "_".join(words)
    return any(joined == end or joined.endswith(f"_{end}") for end in ends)


def is_secret(name: str) -> bool:
    """Whether a value under this name must not be shown."""
    words = words_of(name)
    joined = "_".join(words)
    if ends_with(words, _NO_SECRETS):
        return False
    return bool(_SECRET_WORDS & set(words)) or _SECRET_PARTS.search(joined) is not None
