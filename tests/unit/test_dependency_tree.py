"""The map: walked down for a diagnosis, up for an impact, and refused where it is none."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.dependency_tree import DependencyTree, Metric, Node
from observer.domain.windows import ALWAYS
from observer.errors import ConfigurationError
from observer.settings.tree import load_tree

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A Saturday."""


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> DependencyTree:
    """The seed's tree, as docs/examples has it."""
    folder = tmp_path_factory.mktemp("example")
    text = (ROOT / "docs" / "examples" / "dependency_tree.yaml").read_text()
    (folder / "dependency_tree.yaml").write_text(text)
    return load_tree(folder)


def test_the_seeds_tree_keeps_every_pointer(example: DependencyTree) -> None:
    consumer = example.nodes["kafka_to_redis_consumer"]
    assert consumer.healthcheck is not None
    assert consumer.healthcheck.method == "consumer_lag"
    assert consumer.healthcheck.parameters == {
        "consumer_group": "redis-writer-entity",
        "lag_threshold": 10000,
    }
    assert consumer.pointers == {
        "container": "primary_kafka_to_redis",
        "supervisor_group": "primary_processes",
        "supervisor_process": "kafka_to_redis_entity",
        "loki_query": '{container_name="primary_kafka_to_redis"}',
        "metrics": [
            'kafka_consumer_group_lag{group="redis-writer-entity"}',
            'process_cpu_seconds_total{process="kafka_to_redis_entity"}',
        ],
    }
    assert example.nodes["kafka_entity_topic"].pointers["min_isr"] == 2
    assert example.nodes["redis_instance"].pointers["limits"] == {
        "maxmemory": "30gb",
        "activedefrag": "yes",
    }
    assert example.of_alert("RedisClientsNearLimit") == "redis_instance"
    assert example.of_alert("RedisDataStale") == "entity_data_freshness"
    assert example.of_alert("Unheard") is None


def test_the_walk_down_is_level_by_level_and_meets_a_shared_node_once(
    example: DependencyTree,
) -> None:
    assert [node.name for node in example.below("derived_metrics_completeness")] == [
        "derived_metrics_job",
        "redis_instance",
        "kafka_to_redis_consumer",
        "kafka_entity_topic",
        "websocket_ingestion",
        "upstream_data_feed",
    ]


def test_the_walk_up_says_which_promises_suffer_and_whether_a_breach_counts_now(
    example: DependencyTree,
) -> None:
    assert example.impact("redis_instance", NOW) == [
        "entity_data_freshness (promise: 60s, PRIMARY_BUSINESS_HOURS, closed now)",
        "derived_metrics_completeness (promise: > 80%, PRIMARY_BUSINESS_HOURS, closed now)",
    ]
    assert example.impact("kafka_to_tsdb_consumer", datetime(2026, 11, 20, 15, tzinfo=UTC)) == [
        "tsdb_raw_freshness (promise: 30s, PRIMARY_BUSINESS_HOURS)",
        "consumer_lag (promise: < 10000 messages, ALWAYS)",
    ]
    assert example.path("derived_metrics_completeness", "upstream_data_feed") == [
        "derived_metrics_completeness",
        "derived_metrics_job",
        "kafka_to_redis_consumer",
        "kafka_entity_topic",
        "websocket_ingestion",
        "upstream_data_feed",
    ]
    assert example.path("consumer_lag", "redis_instance") == []
    assert example.impact("nowhere", NOW) == []


@st.composite
def trees(draw: st.DrawFn) -> tuple[DependencyTree, dict[str, set[str]]]:
    """A random tree with shared nodes, and what lies below each name by the plainest reckoning."""
    count = draw(st.integers(1, 12))
    names = [f"n{i}" for i in range(count)]
    depends = {
        name: tuple(draw(st.lists(st.sampled_from(names[i + 1 :]), unique=True, max_size=3)))
        if i + 1 < count
        else ()
        for i, name in enumerate(names)
    }
    tops = tuple(draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=3)))
    below: dict[str, set[str]] = {}
    for name in reversed(names):
        below[name] = set(depends[name]).union(*(below[child] for child in depends[name]))
    below["m"] = set(tops).union(*(below[top] for top in tops))
    metric = Metric("m", "", "60s", ALWAYS, depends_on=tops)
    nodes = {name: Node(name, "process", depends_on=depends[name]) for name in names}
    return DependencyTree({"m": metric}, nodes), below


@given(trees())
def test_both_walks_agree_with_the_plain_reckoning_and_every_path_is_one(
    drawn: tuple[DependencyTree, dict[str, set[str]]],
) -> None:
    tree, below = drawn
    for name in (*tree.nodes, "m"):
        walked = [node.name for node in tree.below(name)]
        assert sorted(walked) == sorted(below[name])
        for other in tree.nodes:
            assert (name in set(tree.above(other))) is (other in below[name])
    for name in tree.nodes:
        suffers = name in below["m"]
        assert [metric.name for metric in tree.suffering(name)] == (["m"] if suffers else [])
        way = tree.path("m", name)
        assert bool(way) is suffers
        for upper, lower in pairwise(way):
            deps = (tree.metrics.get(upper) or tree.nodes[upper]).depends_on
            assert lower in deps


BROKEN = """\
windows:
  HOURS: {time_zone: UTC, days: [mon], opens: "09:00", closes: "17:00"}
metrics:
  stale:
    description: stale
    sla: {threshold: 60s, window: HOUR}
    alerts: [Stale]
    depends_on:
      - node: a
        type: process
        alerts: [Stale]
        depends_on:
          - node: b
            type: process
          - ref: bb
  lag:
    description: lag
    sla: {threshold: 60s, window: ALWAYS}
    depends_on:
      - node: b
        type: process
      - node: stale
        type: process
"""
CIRCLES = """\
metrics:
  m:
    description: m
    sla: {threshold: 60s, window: ALWAYS}
    depends_on:
      - node: a
        type: process
        depends_on:
          - node: b
            type: process
            depends_on:
              - ref: a
          - node: c
            type: process
            depends_on:
              - ref: c
"""


def complaints(folder: Path, text: str) -> list[str]:
    """What is said of a file, without its own name."""
    file = folder / "dependency_tree.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_tree(folder)
    return [line.removeprefix(f"{file}:") for line in str(caught.value).splitlines()]


def test_everything_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    assert sorted(complaints(tmp_path, BROKEN)) == [
        "11: metrics.stale.depends_on.0.alerts.0: the alert 'Stale' belongs to stale already",
        "15: metrics.stale.depends_on.0.depends_on.1.ref: no such node: 'bb'; did you mean 'b'?",
        "20: metrics.lag.depends_on.0.node: 'b' is written in line 13 already; here write `ref: b`",
        "22: metrics.lag.depends_on.1.node: 'stale' is already the name of a metric",
        "6: metrics.stale.sla.window: no such window: 'HOUR'; did you mean 'HOURS'?",
    ]


def test_every_circle_is_named_at_the_reference_that_closes_it(tmp_path: Path) -> None:
    at = "metrics.m.depends_on.0.depends_on"
    assert complaints(tmp_path, CIRCLES) == [
        f"12: {at}.0.depends_on.0.ref: a circle: b -> a -> b",
        f"16: {at}.1.depends_on.0.ref: a circle: c -> c",
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("- type: process", "write either `node` and what it is, or `ref` and a node's name"),
        ("- {node: x, ref: y, type: process}", "write either `node` and what it is"),
        ("- {ref: x, type: process}", "a `ref` takes no other key"),
        ("- node: x", "'x' needs a `type`"),
        ("- {node: x, type: proces}", "Input should be 'process'"),
        ("- {node: x, type: process, contaner: y}", "unknown key; did you mean 'container'?"),
        ("- {node: x, type: process, healthcheck: {method: pray}}", "Input should be"),
    ],
)
def test_a_wrong_row_says_what_to_write(tmp_path: Path, row: str, said: str) -> None:
    text = (
        "metrics:\n  m:\n    description: m\n    sla: {threshold: 60s, window: ALWAYS}\n"
        f"    depends_on:\n      {row}\n"
    )
    (line,) = complaints(tmp_path, text)
    assert line.startswith("6: ")
    assert said in line


def test_three_thousand_nodes_in_one_chain_of_references_are_walked_both_ways(
    tmp_path: Path,
) -> None:
    def metric(i: int) -> str:
        below = f"\n        depends_on: [{{ref: n{i + 1}}}]" if i < 2_999 else ""
        return (
            f"  m{i}:\n    description: m\n    sla: {{threshold: 60s, window: ALWAYS}}\n"
            f"    depends_on:\n      - node: n{i}\n        type: process{below}\n"
        )

    file = tmp_path / "dependency_tree.yaml"
    file.write_text("metrics:\n" + "".join(metric(i) for i in range(3_000)))
    tree = load_tree(tmp_path)

    assert sum(1 for _ in tree.below("m0")) == 3_000
    assert len(tree.impact("n2999", NOW)) == 3_000
    assert len(tree.path("m0", "n2999")) == 3_001


def test_a_gatus_check_measures_one_metric_and_is_one_of_its_alerts_names(tmp_path: Path) -> None:
    sla = "{{threshold: 1s, window: ALWAYS, gatus_check: G / N}}"
    row = "  {}:\n    description: d\n    sla: " + sla + "\n"
    assert complaints(tmp_path, "metrics:\n" + row.format("a") + row.format("b")) == [
        "7: metrics.b.sla.gatus_check: the alert 'G / N' belongs to a already"
    ]
    (tmp_path / "dependency_tree.yaml").write_text("metrics:\n" + row.format("a"))
    assert load_tree(tmp_path).of_alert("G / N") == "a"
