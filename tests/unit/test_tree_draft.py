"""`observer tree draft`: what supervisord's configuration shows becomes the tree, and nothing else.

Issue 4: "reads supervisord configuration and drafts the YAML with inputs and outputs it can see;
a person verifies. Unknowns are marked, not guessed."
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from mcp_servers.healthchecks import METHODS
from observer.domain.draft.tree import Draft
from observer.errors import ConfigurationError
from observer.settings.tree import load_tree
from tests.drafts import SETUP, accepted, drafted

GOLDEN = SETUP / "draft.yaml"
MAIN = "supervisord.conf"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drafts")


def todos(draft: Draft, word: str) -> list[str]:
    return [line.strip() for line in draft.text.splitlines() if "# TODO" in line and word in line]


def test_a_whole_setup_is_drafted_always_the_same() -> None:
    """Websocket -> topic -> Redis consumer, time-series writer, derived metrics; twice the same."""
    texts = set()
    for seed in "12":
        done = subprocess.run(
            [sys.executable, "-m", "observer.cli.app", "tree", "draft", "--supervisor", MAIN],
            cwd=SETUP,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SETUP.parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        texts.add(done.stdout.replace(str(SETUP), "/etc/supervisor"))
    assert texts == {GOLDEN.read_text()}


def test_the_draft_is_a_whole_tree_once_the_promises_are_filled_in(folder: Path) -> None:
    (folder / "dependency_tree.yaml").write_text(GOLDEN.read_text())
    with pytest.raises(ConfigurationError, match=r"sla\.threshold"):
        load_tree(folder)

    tree = accepted(Draft(GOLDEN.read_text(), (), (), 0, ()), folder)

    assert tree.path("kafka_to_redis_entity_freshness", "feed_example_com_443") == [
        "kafka_to_redis_entity_freshness",
        "kafka_to_redis_entity_00",
        "topic_entity_filtered_v1",
        "websocket_ingestion",
        "feed_example_com_443",
    ]
    assert [metric.name for metric in tree.suffering("postgres_tsdb_5433")] == [
        "DERIVED_STREAM_freshness"
    ]
    lag = tree.nodes["tsdb_writer"].healthcheck
    assert lag is not None
    assert (lag.method, lag.parameters) == ("consumer_lag", {"consumer_group": "tsdb-writer"})


def test_a_check_is_one_that_the_tools_take_and_what_it_lacks_is_asked_for(folder: Path) -> None:
    text = GOLDEN.read_text()
    for node in accepted(Draft(text, (), (), 0, ()), folder).nodes.values():
        assert node.healthcheck is not None
        taken = METHODS[node.healthcheck.method].parameters
        try:
            taken.model_validate(node.healthcheck.parameters)
        except ValidationError as lacking:
            own = text.split(f"- node: {node.name}\n")[1].split("- node: ")[0]
            for problem in lacking.errors():
                assert problem["type"] == "missing"
                assert f"# TODO: healthcheck.{problem['loc'][0]}: " in own


def test_no_secret_of_the_setup_is_in_its_draft() -> None:
    sources = "".join(path.read_text() for path in SETUP.rglob("*.conf"))
    assert sources.count("hunter2") == 7
    assert "hunter2" not in GOLDEN.read_text()


def test_a_topic_without_a_direction_is_asked_about_and_not_linked(folder: Path) -> None:
    draft = drafted(
        """
        [program:maybe]
        command = maybe --topic orders
        [program:reader]
        command = reader --topic orders --consumer-group g
        """
    )
    tree = accepted(draft, folder)
    assert tree.nodes["maybe"].depends_on == ()
    assert tree.nodes["topic_orders"].depends_on == ()
    assert todos(draft, "does it read or write topic orders?")
    assert todos(draft, "who writes this topic?")


@pytest.mark.parametrize(
    ("writes", "reads"),
    [
        ("--output-topic t", "--input-topic t"),
        ("--sink.topic=t", "--source.topic=t"),
        ("-Dapp.topic.out=t", "-Dapp.topic.in=t"),
        ("-producer-topic-output t", "INPUT_TOPICS=a,t"),
        ("--to-stream t", "--from-stream t"),
        ("--targetTable t", "--sourceTable t"),
        (
            "--output-table t --dsn postgres://a@db/m",
            "--read-table t --db-host db --db-port 5432",
        ),
        ("sh -c 'exec w --output-topic t'", "env INPUT_TOPIC=t r"),
    ],
)
def test_who_writes_and_who_reads_are_linked(writes: str, reads: str, folder: Path) -> None:
    draft = drafted(
        f"""
        [program:w]
        command = {writes if writes.startswith("sh ") else f"w {writes}"}
        [program:r]
        command = {reads if reads.startswith("env ") else f"r {reads}"}
        """
    )
    assert "w" in accepted(draft, folder).path("r_freshness", "w")
    assert draft.metrics == ("r_freshness",)


def test_tables_of_one_name_in_two_databases_are_two() -> None:
    draft = drafted(
        """
        [program:w]
        command = w --output-table t --dsn postgres://a@one/m
        [program:r]
        command = r --input-table t --dsn postgres://a@two/m
        """
    )
    assert draft.metrics == ("t_freshness", "r_freshness")


def test_a_circle_is_named_and_cut(folder: Path) -> None:
    draft = drafted(
        """
        [program:c]
        command = c --input-topic back --output-topic forth
        [program:b]
        command = b --input-topic forth --output-topic back
        [program:a_feeder]
        command = feeder --output-topic forth
        """
    )
    assert len(todos(draft, "circle cut here: ")) == 1
    assert todos(draft, "b -> topic_forth -> c -> topic_back -> b;")
    tree = accepted(draft, folder)
    assert set(tree.nodes) == {"a_feeder", "b", "c", "topic_forth", "topic_back"}
    assert draft.metrics == ("b_freshness",)


def test_what_two_supervisords_call_localhost_or_by_a_variable_is_not_one(folder: Path) -> None:
    text = """
        [program:p]
        command = p --redis-url redis://localhost:6379 --input-topic %(ENV_TOPIC)s
        environment = PG_HOST="db",PG_PORT="5432"
        """
    tree = accepted(drafted(text, text), folder)
    names = sorted(tree.nodes)
    assert [name for name in names if "localhost" in name] == [
        "redis_localhost_6379",
        "redis_localhost_6379_2",
    ]
    assert [name for name in names if "TOPIC" in name] == ["topic_TOPIC", "topic_TOPIC_2"]
    assert [name for name in names if "postgres" in name] == ["postgres_db_5432"]


@pytest.mark.parametrize(
    ("command", "method", "parameters"),
    [
        ("p --url wss://feed.example.com/x", "tcp_connect", ("feed.example.com", 443)),
        ("p http://[::ffff:1]:8080/", "tcp_connect", ("::ffff:1", 8080)),
        ("p --upstream feed:7000", "tcp_connect", ("feed", 7000)),
        ("p --db-url jdbc:postgresql://db/m", "tcp_connect", ("db", 5432)),
        ("p --bootstrap-servers k:9093", "tcp_connect", ("k", 9093)),
        ("p --cache-redis-host r --cache-redis-port 6400", "redis_ping", ("redis_r_6400",)),
    ],
)
def test_an_address_becomes_a_node_with_its_check(
    command: str, method: str, parameters: tuple[str | int, ...], folder: Path
) -> None:
    tree = accepted(drafted(f"[program:p]\ncommand = {command}\n"), folder)
    (server,) = tree.nodes["p"].depends_on
    check = tree.nodes[server].healthcheck
    assert check is not None
    assert check.method == method
    assert tuple(check.parameters.values()) == parameters


@pytest.mark.parametrize(
    "command",
    [
        "p --bind 0.0.0.0:8000",
        "p --host 0.0.0.0 --port 8000",
        "p --metrics-addr metrics:9100",
        "p --webhook-url https://chat.example.com/x",
        "p --group-id 1000",
        "p --auto-create-topics true",
        "gunicorn --group www-data app:app",
    ],
)
def test_what_is_about_the_program_itself_is_no_dependency(command: str, folder: Path) -> None:
    tree = accepted(drafted(f"[program:p]\ncommand = {command}\n"), folder)
    assert set(tree.nodes) == {"p"}


def test_a_key_that_is_a_mere_word_hides_no_topic_that_holds_it() -> None:
    draft = drafted(
        """
        [program:p]
        command = p --input-topic entity_filtered --output-topic entity --partition-key entity
        """
    )
    assert "topic_entity_filtered" in draft.nodes
    assert "topic_entity" not in draft.nodes
    assert todos(draft, "what does --output-topic name?")


def test_what_cannot_be_read_is_asked_about(folder: Path) -> None:
    draft = drafted(
        """
        [supervisord]
        environment = SHARED_REDIS_URL="redis://shared"
        [program:p]
        command = p --redis-url redis://:pass/with#signs@r:6379 --input-topic "two words/"
            --db-host d
        environment = AUTH_URL="https://login.example.com",S3_URL="s3://bucket",MYSQL_HOST="my"
        numprocs = %(ENV_WORKERS)s
        autostart = false
        """
    )
    for question in (
        "which address does --redis-url give?",
        "what does --input-topic name?",
        "what is its whole address? Only d is written there",
        "AUTH_URL is named like a secret",
        "which address does S3_URL give?",
        "has my the usual port, 3306?",
        "how many processes are there? ${WORKERS}",
        "autostart is off",
        "SHARED_REDIS_URL of [supervisord] gives every process shared:6379",
    ):
        assert todos(draft, question), question
    assert "signs" not in draft.text
    assert set(accepted(draft, folder).nodes) >= {"p", "database_d", "mysql_my_3306"}


def test_part_of_a_password_is_never_taken_for_a_host() -> None:
    draft = drafted("[program:p]\ncommand = p --redis-url redis://user:6379/rest@redis-1\n")
    assert draft.nodes == ("p",)
    assert "user" not in draft.text
    assert todos(draft, "which address does --redis-url give?")


def test_a_chain_of_any_length_stays_a_tree_that_loads(folder: Path) -> None:
    text = "".join(
        f"[program:p{n:04}]\ncommand = p --input-topic t{n} --output-topic t{n + 1}\n"
        for n in range(500)
    )
    tree = accepted(drafted(text), folder)
    assert len(tree.path("p0499", "topic_t0")) == 1000
