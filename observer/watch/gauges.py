"""The gauges of `/metrics` about work that waits, and about what the observer may still use."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from observer.domain.breaker import BreakerState
from observer.domain.budget import NANO, Meter
from observer.domain.hold import EVERYBODY
from observer.services import Services
from observer.watch.findings import Findings


def gauges_of(findings: Findings, services: Services) -> Iterator[Metric]:
    """All of them; those of the records only where the records answer."""
    yield from _of_records(findings, services)
    yield from _of_budget(services)
    yield _breakers(services)
    broken = float(findings.facts.journal_trouble is not None)
    yield GaugeMetricFamily(
        "observer_drain_broken",
        "1 while journal or spans cannot be written to their files.",
        broken,
    )


def _of_records(findings: Findings, services: Services) -> Iterator[Metric]:
    if findings.records is None:
        return
    gauges = findings.records.gauges
    yield GaugeMetricFamily(
        "observer_approvals_waiting", "Questions that wait for a person.", gauges.approvals_waiting
    )
    yield GaugeMetricFamily(
        "observer_oldest_approval_age_seconds",
        "How long the oldest question waits for a person.",
        gauges.oldest_approval_age_s,
    )
    yield GaugeMetricFamily(
        "observer_notifications_undelivered",
        "Notifications of events that have not ended, tried and got by nobody.",
        gauges.undelivered,
    )
    lag = GaugeMetricFamily(
        "observer_drain_lag_rows", "Rows that no JSONL file has yet, by stream.", labels=["stream"]
    )
    lag.add_metric(["journal"], gauges.journal_rows)
    if (drained := services.drain.drained_spans) is not None:
        lag.add_metric(["spans"], max(0, gauges.last_span - drained))
    yield lag


def _of_budget(services: Services) -> Iterator[Metric]:
    ratio = GaugeMetricFamily(
        "observer_budget_left_ratio",
        "What share of today's budget is left; tenant `*` is all of them together.",
        labels=["tenant", "meter"],
    )
    cost = GaugeMetricFamily(
        "observer_budget_cost_left_usd",
        "What models may still cost today, in US dollars.",
        labels=["tenant"],
    )
    # Only those that the configuration names: whoever sends events can make up tenants.
    for tenant in (EVERYBODY, *services.configuration.observer.budget.tenants):
        for meter, (left, limit) in services.today.left(tenant).items():
            if limit:
                ratio.add_metric([tenant, meter], left / limit)
            if meter is Meter.COST:
                cost.add_metric([tenant], left / NANO)
    yield ratio
    yield cost


def _breakers(services: Services) -> Metric:
    gauge = GaugeMetricFamily(
        "observer_model_provider_breaker",
        "1 for the state of each provider's breaker.",
        labels=["provider", "state"],
    )
    for name, provider in services.models.health()["providers"].items():
        for state in BreakerState:
            gauge.add_metric([name, state], float(provider["state"] == state))
    return gauge
