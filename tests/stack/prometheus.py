"""A real Prometheus that scrapes a text of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.doubles.http_server import HttpDouble, Reply
from tests.plain_http import NO_TLS
from tests.stack.part import Part, program, wait_until

CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: pipeline
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus(Part):
    name = "prometheus"

    def __init__(self, folder: Path, metrics: str) -> None:
        super().__init__(folder)
        self.metrics = metrics
        self._exporter = HttpDouble(
            lambda asked: Reply(200, self.metrics.encode(), {"content-type": "text/plain"})
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        config = self.folder / "prometheus.yml"
        config.write_text(CONFIG.format(target=self._exporter.place))
        return [
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def start(self) -> Prometheus:
        """Start it, and wait until it has scraped."""
        super().start()
        wait_until(lambda: self.ask("up == 1"), "the first scrape")
        return self

    def ask(self, query: str) -> list[Any]:
        """What it says itself."""
        try:
            answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}, verify=NO_TLS)
            return answer.json()["data"]["result"]
        except (httpx.HTTPError, ValueError, KeyError):
            return []

    def stop(self) -> None:
        super().stop()
        self._exporter.close()
