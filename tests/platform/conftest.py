"""The real parts that are acted on, each started once, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.platform.scenes import Restartable
from tests.stack.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Redis with few places."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as part:
        yield part


@pytest.fixture(scope="session")
def supervisord(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restartable]:
    """supervisord with processes that end easily and hard."""
    with Restartable(tmp_path_factory.mktemp("supervisord")) as part:
        yield part
