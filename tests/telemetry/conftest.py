"""The real parts, each started once, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stack.kafka import Kafka
from tests.stack.prometheus import Prometheus
from tests.stack.redis_server import RedisServer
from tests.stack.supervisord import Supervisord
from tests.telemetry.scenes import METRICS


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus with the scenes' metrics."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), METRICS) as part:
        yield part


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis with few places."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as part:
        yield part


@pytest.fixture(scope="session")
def supervisord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisord]:
    """supervisord with its processes."""
    with Supervisord(tmp_path_factory.mktemp("supervisord")) as part:
        yield part


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """A broker without topics."""
    with Kafka(tmp_path_factory.mktemp("kafka")) as part:
        yield part
