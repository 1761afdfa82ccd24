"""What watches the pipeline: a Prometheus with rules, redis_exporter and Alertmanager."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.plain_http import NO_TLS
from tests.stack.part import Part, program

SOON = {"group_wait": "100ms", "group_interval": "300ms"}
"""What Alertmanager waits for."""


class WatchingPrometheus(Part):
    """Scrapes targets, judges rules, and tells an Alertmanager."""

    name = "prometheus"

    def __init__(
        self, folder: Path, targets: Mapping[str, int], rules: Path, alertmanager: int
    ) -> None:
        super().__init__(folder)
        self._targets = targets
        self._rules = rules
        self._alertmanager = alertmanager

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        config = {
            "global": {
                "scrape_interval": "250ms",
                "scrape_timeout": "250ms",
                "evaluation_interval": "250ms",
            },
            "rule_files": [str(self._rules)],
            "alerting": {
                "alertmanagers": [_static(self._alertmanager)],
            },
            "scrape_configs": [
                {"job_name": name, **_static(port)} for name, port in self._targets.items()
            ],
        }
        path = self.folder / "prometheus.yml"
        path.write_text(json.dumps(config))
        return [
            program("prometheus"),
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--rules.alert.resend-delay=1s",
        ]

    def value(self, query: str) -> float | None:
        """The one sample of a query; None where there is none."""
        result = self._get("query", query=query).get("result", [])
        return float(result[0]["value"][1]) if result else None

    def firing(self) -> set[str]:
        """The alerts that fire now, and those about to."""
        return {alert["labels"]["alertname"] for alert in self._get("alerts").get("alerts", [])}

    def _get(self, what: str, **params: str) -> dict[str, Any]:
        try:
            answer = httpx.get(f"{self.url}/api/v1/{what}", params=params, verify=NO_TLS)
            return answer.json()["data"]
        except (httpx.HTTPError, ValueError, KeyError):
            return {}


def _static(port: int) -> dict[str, Any]:
    return {"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}


class RedisExporter(Part):
    """Shows a Redis to Prometheus."""

    name = "redis_exporter"

    def __init__(self, folder: Path, redis_port: int, password: str) -> None:
        super().__init__(folder)
        self._redis = f"redis://127.0.0.1:{redis_port}"
        self._password = password

    def command(self) -> list[str]:
        return [
            program("prometheus-redis-exporter"),
            *("-redis.addr", self._redis, "-redis.password", self._password),
            *("-web.listen-address", f"127.0.0.1:{self.port}"),
        ]


class Alertmanager(Part):
    """Sends what fires where its configuration says."""

    name = "alertmanager"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.config: dict[str, Any] = {}

    def tell(self, webhook: str) -> None:
        """Configure it to tell one webhook, soon."""
        self.config = {
            "route": {
                "receiver": "observer",
                "group_by": ["alertname"],
                "repeat_interval": "1h",
                **SOON,
            },
            "receivers": [
                {
                    "name": "observer",
                    "webhook_configs": [{"url": webhook, "send_resolved": True}],
                }
            ],
        }

    def command(self) -> list[str]:
        path = self.folder / "alertmanager.yml"
        path.write_text(json.dumps(self.config))
        return [
            program("prometheus-alertmanager"),
            f"--config.file={path}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    def post(self, *alerts: dict[str, Any]) -> None:
        """Tell it alerts as Prometheus would."""
        url = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        httpx.post(url, json=list(alerts)).raise_for_status()
