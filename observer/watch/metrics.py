"""`GET /metrics`: one function a gauge, read when somebody scrapes; what is unknown is absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from observer.domain.hold import HoldCause
from observer.domain.lifecycle import Lifecycle
from observer.services import Services
from observer.watch.findings import Findings
from observer.watch.gauges import gauges_of
from observer.watch.instruments import Instruments

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Family = Callable[[Findings], Metric]


def exposition(findings: Findings, services: Services, instruments: Instruments) -> bytes:
    """Everything, in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(findings, services))
    return generate_latest(registry) + generate_latest(instruments.registry)


class _Collector(Collector):
    def __init__(self, findings: Findings, services: Services) -> None:
        self._findings = findings
        self._services = services

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            yield family(self._findings)
        yield from gauges_of(self._findings, self._services)


def heartbeat(findings: Findings) -> Metric:
    return _gauge(
        "observer_heartbeat_timestamp_seconds",
        "When the worker's loop and the records were last seen to work.",
        findings.heartbeat_at,
    )


def state(findings: Findings) -> Metric:
    gauge = GaugeMetricFamily(
        "observer_state", "1 for the state that the observer is in.", labels=["state"]
    )
    for name in Lifecycle:
        gauge.add_metric([name], float(name is findings.facts.state))
    return gauge


def oldest_event(findings: Findings) -> Metric:
    return _gauge(
        "observer_oldest_event_age_seconds",
        "How long the oldest event waits that nothing holds.",
        findings.facts.oldest_event_age_s,
    )


def inbox(findings: Findings) -> Metric:
    gauge = GaugeMetricFamily(
        "observer_inbox_events", "Events that are not worked off, by status.", labels=["status"]
    )
    if findings.records is not None:
        for status, count in findings.records.inbox.items():
            gauge.add_metric([status], count)
    return gauge


def held(findings: Findings) -> Metric:
    gauge = GaugeMetricFamily(
        "observer_held_tenants", "Tenants for whom nothing is begun, by cause.", labels=["cause"]
    )
    counts = Counter(hold.cause for hold in findings.facts.holds)
    for cause in HoldCause:
        gauge.add_metric([cause], counts[cause])
    return gauge


def dead_letters(findings: Findings) -> Metric:
    records = findings.records
    return _gauge(
        "observer_dead_letters",
        "Events that were given up.",
        None if records is None else sum(records.dead_letters.values()),
    )


def tool_servers(findings: Findings) -> Metric:
    gauge = GaugeMetricFamily(
        "observer_mcp_server_up", "Whether a tool server's session is open.", labels=["server"]
    )
    for name, why_down in (findings.facts.servers or {}).items():
        gauge.add_metric([name], float(why_down is None))
    return gauge


def alarms_waiting(findings: Findings) -> Metric:
    return _gauge(
        "observer_alarms_waiting",
        "Alarms about the observer that are not delivered yet.",
        None if findings.alarms is None else findings.alarms.waiting,
    )


def free_disk(findings: Findings) -> Metric:
    return _gauge(
        "observer_disk_free_bytes",
        "What the data directory's disk has left.",
        findings.facts.free_bytes,
    )


FAMILIES: tuple[Family, ...] = (
    heartbeat,
    state,
    oldest_event,
    inbox,
    held,
    dead_letters,
    tool_servers,
    alarms_waiting,
    free_disk,
)


def _gauge(name: str, what: str, value: float | None) -> Metric:
    return GaugeMetricFamily(name, what) if value is None else GaugeMetricFamily(name, what, value)
