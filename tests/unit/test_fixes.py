"""known_errors.yaml: the seed's fixes mean what they say, and what makes no sense is refused."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observer.domain.calls import Call
from observer.domain.command_text import NoPlainCommand, split_command
from observer.domain.conditions import Condition, parse_condition
from observer.domain.known_error import KnownError, Signature
from observer.domain.matching import KnownErrorIndex, look_up
from observer.domain.remedy import Check, Remedy, Wait
from observer.errors import ConfigurationError
from observer.settings import load_configuration
from observer.settings.fix_check import problems_of
from observer.settings.known_errors import to_known_error
from observer.settings.known_errors_file import STEPS, KnownErrorRow

ROOT = Path(__file__).parents[2]
SEED = Path(__file__).with_name("seed_known_errors.yaml").read_text()
RUNBOOK = load_configuration(ROOT / "config").runbook
Load = Callable[[str], tuple[KnownError, ...]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Reads known errors beside the seed's tree; `container_exec` and the lab's tools are known."""
    for name in [name for name in os.environ if name.startswith("OBSERVER")]:
        monkeypatch.delenv(name)
    config = shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copy(ROOT / "docs" / "examples" / "dependency_tree.yaml", config)
    with (config / "autonomy.yaml").open("a") as rows:
        rows.write("  container_exec: {level: known_pattern, blast_radius: 3}\n")

    def loaded(text: str) -> tuple[KnownError, ...]:
        (config / "known_errors.yaml").write_text(text)
        return load_configuration(config).known_errors

    return loaded


def test_the_seeds_known_errors_load_as_they_are_written(load: Load) -> None:
    """Case 76."""
    ke_001, ke_002 = load(SEED)
    assert ke_001 == KnownError(
        "ke-001",
        Signature(
            "Redis connection pool exhausted",
            "kafka_to_redis_consumer",
            Condition("redis_connected_clients", None, ">", 280.0, None),
        ),
        "Too many concurrent consumers holding Redis connections",
        "automated",
        Remedy(
            "ke-001",
            "known error",
            (
                Call(
                    "container_exec",
                    {"container": "redis", "argv": ["redis-cli", "CLIENT", "KILL", "AGE", "300"]},
                ),
            ),
            Check("get_stage_metrics", "redis_connected_clients < 200", 60.0, 0.5),
        ),
        "high",
        occurrence_count=7,
        first_seen=datetime(2026, 1, 15, tzinfo=UTC).timestamp(),
        resolution_time_avg_s=45.0,
    )
    assert ke_002 == KnownError(
        "ke-002",
        Signature(
            "WebSocket disconnected.*reconnecting",
            "websocket_ingestion",
            Condition("ws_reconnection_count", "increase", ">", 3.0, "5m"),
        ),
        "Upstream feed intermittent disconnections during high-volume periods",
        "wait_and_verify",
        Remedy(
            "ke-002",
            "known error",
            (Wait(60.0),),
            Check("get_stage_metrics", "ws_messages_received rate > 0", 120.0, 0.5),
            escalate_message="WebSocket not recovering — manual intervention needed",
        ),
        "medium",
        occurrence_count=23,
    )
    for known, condition in (
        (ke_001, Condition("redis_connected_clients", None, "<", 200.0, None)),
        (ke_002, Condition("ws_messages_received", "rate", ">", 0.0, None)),
    ):
        assert known.remedy is not None
        assert parse_condition(known.remedy.check.condition) == condition


@pytest.mark.parametrize(
    ("id", "line", "metrics"),
    [
        (
            "ke-001",
            "ERROR Redis connection pool exhausted, retrying in 5s",
            {"redis_connected_clients": 298},
        ),
        (
            "ke-002",
            "WARN WebSocket disconnected (1006), reconnecting in 2s",
            {"increase(ws_reconnection_count[5m])": [4.0]},
        ),
    ],
)
def test_the_seeds_known_errors_are_found_by_their_lines_and_figures(
    load: Load, id: str, line: str, metrics: dict[str, Any]
) -> None:
    """Case 76."""
    index = KnownErrorIndex(load(SEED))
    node = next(known.signature.node for known in index.known_errors if known.id == id)
    found = look_up(index, node=node, lines=[line], metrics=metrics).found
    assert found is not None
    assert found.known_error.id == id


CALL = "{action: restart_stage, args: {reason: x}}"
EXEC = "{action: docker_exec, container: redis, command: redis-cli PING}"
WAIT = "{action: wait, duration: 60s}"
VERIFY = '{action: verify, check: "a < 1", timeout: 60s}'
MESSAGE = "{action: escalate_if_failed, message: look}"

REFUSED: dict[str, tuple[str, str, str]] = {
    # name: (fix, key of the complaint under `fix`, words of it)
    "two verifies": (f"automated [{CALL}, {VERIFY}, {VERIFY}]", "steps.2.action", "second verify"),
    "a call after verify": (
        f"automated [{VERIFY}, {CALL}]",
        "steps.1.action",
        "restart_stage comes after verify; only escalate_if_failed",
    ),
    "a wait after verify": (
        f"automated [{CALL}, {VERIFY}, {WAIT}]",
        "steps.2.action",
        "wait comes",
    ),
    "a step after escalate_if_failed": (
        f"automated [{CALL}, {MESSAGE}, {VERIFY}]",
        "steps.2.action",
        "verify comes after escalate_if_failed, which ends a fix",
    ),
    "two messages": (f"automated [{CALL}, {MESSAGE}, {MESSAGE}]", "steps.2.action", "ends a fix"),
    "automated without a call": (
        f"automated [{WAIT}, {VERIFY}]",
        "steps",
        "needs a step that does something; or write type: wait_and_verify",
    ),
    "wait_and_verify with a call": (
        f"wait_and_verify [{WAIT}, {CALL}, {VERIFY}]",
        "steps.1.action",
        "calls nothing, so no restart_stage; or write type: automated",
    ),
    "wait_and_verify with a command": (
        f"wait_and_verify [{EXEC}, {VERIFY}]",
        "steps.0.action",
        "calls nothing, so no docker_exec",
    ),
    "wait_and_verify without verify": (f"wait_and_verify [{WAIT}]", "steps", "needs a verify step"),
    "wait_and_verify with a rollback": (
        f"wait_and_verify [{WAIT}, {VERIFY}], rollback: [{CALL}]",
        "rollback",
        "nothing can be undone",
    ),
    "escalate with steps": (f"escalate [{WAIT}]", "steps", "a person decides, so no steps"),
    "escalate with a rollback": (f"escalate [], rollback: [{CALL}]", "rollback", "so no rollback"),
    "a wait in a rollback": (
        f"automated [{CALL}], rollback: [{WAIT}]",
        "rollback.0.action",
        "a rollback calls tools; it takes no wait",
    ),
    "an unknown type": ("manual []", "type", "'automated', 'wait_and_verify' or 'escalate'"),
    "a tool that is nearly right": (
        "automated [{action: restart_stge}]",
        "steps.0.action",
        "'restart_stge' has no row in autonomy.yaml; add one, or name another action; "
        "did you mean restart_stage?",
    ),
    "a step that is nearly right": (
        "automated [{action: wiat}]",
        "steps.0.action",
        "did you mean wait?",
    ),
    "a tool unlike any": (
        "automated [{action: zzz}]",
        "steps.0.action",
        "known: check_pipeline_health, clear_queue,",
    ),
    "an unknown tool in a rollback": (
        f"automated [{CALL}], rollback: [{{action: undo_it}}]",
        "rollback.0.action",
        "'undo_it' has no row",
    ),
    "a wait without end": (
        "wait_and_verify [{action: wait}]",
        "steps.0.action",
        "needs `duration`",
    ),
    "a wait of two hours": (
        "automated [{action: wait, duration: 2h}]",
        "steps.0.duration",
        "less than or equal to 3600",
    ),
    "a wait of a word": (
        "automated [{action: wait, duration: soon}]",
        "steps.0.duration",
        "'soon' is not a duration",
    ),
    "a wait with arguments": (
        f"automated [{CALL}, {{action: wait, duration: 1s, args: {{stage: x}}}}]",
        "steps.1.args",
        "wait takes no `args`; it takes duration, purpose",
    ),
    "a verify without a check": (
        f"automated [{CALL}, {{action: verify, timeout: 1s}}]",
        "steps.1.action",
        "verify needs `check`",
    ),
    "a tool with a check": (
        'automated [{action: restart_stage, check: "a < 1"}]',
        "steps.0.check",
        "restart_stage takes no `check`; it takes args, purpose",
    ),
    "a command without a container": (
        "automated [{action: docker_exec, command: ls}]",
        "steps.0.action",
        "docker_exec needs `container`",
    ),
    "a container without a command": (
        "automated [{action: docker_exec, container: redis}]",
        "steps.0.action",
        "docker_exec needs `command`",
    ),
    "a message of nothing": (
        'automated [{action: escalate_if_failed, message: ""}]',
        "steps.0.message",
        "at least 1 character",
    ),
    "a node that is not there": (
        "automated [{action: restart_stage, args: {node: redis_instnce}}]",
        "steps.0.args.node",
        "'redis_instnce' is no node of dependency_tree.yaml",
    ),
    "a shell's command": (
        'automated [{action: docker_exec, container: redis, command: "redis-cli INFO | grep x"}]',
        "steps.0.command",
        "'|' needs a shell",
    ),
    "an unknown key": ("automated [], rolback: []", "rolback", "did you mean 'rollback'?"),
}


def written(fix: str) -> str:
    kind, _, steps = fix.partition(" ")
    return f"""\
errors:
  - id: ke-1
    signature: {{log_pattern: pool exhausted, node: redis_instance}}
    root_cause: x
    severity: low
    fix: {{type: {kind}, steps: {steps}}}
"""


@pytest.mark.parametrize(("fix", "key", "words"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_with_its_place(
    load: Load, fix: str, key: str, words: str
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(written(fix))
    found = [line for line in str(refusal.value).splitlines() if f": errors.0.fix.{key}: " in line]
    assert len(found) == 1, str(refusal.value)
    assert "/known_errors.yaml:6: " in found[0]
    assert words in found[0]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("first_seen", "last winter", "not a day; write for example 2026-01-15"),
        ("first_seen", "20260115.5", "not a day"),
        ("last_seen", '"2026-01-14"', "lies before first_seen"),
        ("resolution_time_avg", "fast", "'fast' is not a duration"),
        ("occurrence_count", "-1", "greater than or equal to 0"),
    ],
)
def test_figures_that_cannot_be_are_refused(load: Load, key: str, value: str, words: str) -> None:
    figures = {"first_seen": '"2026-01-15"', key: value}
    rows = "".join(f"    {name}: {figure}\n" for name, figure in figures.items())
    with pytest.raises(ConfigurationError) as refusal:
        load(written(f"automated [{CALL}]") + rows)
    (complaint,) = str(refusal.value).splitlines()
    assert f": errors.0.{key}: " in complaint
    assert words in complaint


@pytest.mark.parametrize(
    ("args", "given"),
    [
        ("{reason: x}", {"stage": "redis_instance", "reason": "x"}),
        ("{stage: loading}", {"stage": "loading"}),
        ("{node: kafka_entity_topic}", {"node": "kafka_entity_topic"}),
        ("{container: redis, argv: [ls]}", {"container": "redis", "argv": ["ls"]}),
        ("{stage: null, region: eu}", {"region": "eu"}),
    ],
)
def test_a_call_is_about_the_signatures_node_unless_it_says_about_what(
    load: Load, args: str, given: dict[str, Any]
) -> None:
    (known,) = load(written(f"automated [{{action: restart_stage, args: {args}}}]"))
    assert known.remedy is not None
    assert known.remedy.steps == (Call("restart_stage", given),)


def test_a_rollback_is_part_of_the_remedy_and_of_what_is_asked(load: Load) -> None:
    (known,) = load(written(f"automated [{EXEC}, {WAIT}, {MESSAGE}], rollback: [{CALL}]"))
    remedy = known.remedy
    assert remedy is not None
    assert remedy.rollback == (Call("restart_stage", {"stage": "redis_instance", "reason": "x"}),)
    assert [call.tool for call in remedy.calls] == ["container_exec", "restart_stage"]
    assert remedy.steps[1] == Wait(60.0)
    assert remedy.check.condition == "error_rate_pct < 1"


@pytest.mark.parametrize(
    "command",
    [
        "redis-cli INFO | grep x",
        "redis-cli INFO > /tmp/x",
        "cat < /etc/passwd",
        "echo $(id)",
        "echo `id`",
        'echo "`id`"',
        'echo "$(id)"',
        "echo $HOME",
        'echo "a ${HOME}"',
        "a; b",
        "a && b",
        "a & b",
        "a || b",
        "(a)",
        "a\nb",
        "echo 'it'; rm 'x'",
        "echo \\\\; id",
        "",
        "   ",
        "''  '",
        'echo "open',
        "echo \\",
    ],
)
def test_a_command_that_needs_a_shell_or_is_none_is_refused(command: str) -> None:
    with pytest.raises(NoPlainCommand, match=r"needs a shell|no command"):
        split_command(command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("redis-cli CLIENT KILL ID 7\n", ["redis-cli", "CLIENT", "KILL", "ID", "7"]),
        ("redis-cli KEYS *", ["redis-cli", "KEYS", "*"]),
        ("redis-cli EVAL 'return 1; -- $x'  0", ["redis-cli", "EVAL", "return 1; -- $x", "0"]),
        ('redis-cli SET a "b | c > d"', ["redis-cli", "SET", "a", "b | c > d"]),
        (r"echo \; \| \$HOME \`", ["echo", ";", "|", "$HOME", "`"]),
        ('echo "it\'s" \'a "b"\'', ["echo", "it's", 'a "b"']),
        ("echo costs 5$ each", ["echo", "costs", "5$", "each"]),
    ],
)
def test_a_plain_command_is_split_as_a_shell_would(command: str, words: list[str]) -> None:
    assert split_command(command) == words


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_any_words_that_are_quoted_for_a_shell_come_back_as_they_were(words: list[str]) -> None:
    assert split_command(shlex.join(words)) == words


@settings(max_examples=60)
@given(st.text(st.sampled_from("ab '\"\\|;&$(`<>\n"), max_size=12))
def test_what_is_taken_for_a_plain_command_means_the_same_to_a_real_shell(text: str) -> None:
    try:
        words = split_command(text)
    except NoPlainCommand:
        return
    script = f"printf '%s\\0' {text.strip()}"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=10)
    assert (done.returncode, done.stdout.split("\0")[:-1]) == (0, words)


STEP = st.fixed_dictionaries(
    {"action": st.sampled_from(["restart_stage", "zzz", *STEPS])},
    optional={
        "args": st.dictionaries(
            st.sampled_from(["stage", "node", "container", "x"]), st.none() | st.text()
        ),
        "container": st.just("redis"),
        "command": st.sampled_from(["ls", "ls | wc", ""]),
        "duration": st.just("5s"),
        "check": st.just("a < 1"),
        "timeout": st.just("5s"),
        "message": st.just("look"),
    },
)
FIX = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["automated", "wait_and_verify", "escalate"]),
        "steps": st.lists(STEP, max_size=4),
        "rollback": st.lists(STEP, max_size=2),
    }
)


@given(FIX)
def test_every_fix_is_either_refused_with_a_reason_or_a_whole_remedy(fix: dict[str, Any]) -> None:
    signature = {"log_pattern": "pool exhausted", "node": "redis_instance"}
    row = KnownErrorRow.model_validate(
        {"id": "k", "signature": signature, "root_cause": "x", "severity": "low", "fix": fix}
    )
    problems = list(problems_of(row, tools=["restart_stage", "container_exec"], nodes=["n"]))
    assert all(at[0] == "fix" and why for at, why in problems)
    if problems:
        return
    remedy = to_known_error(row, RUNBOOK).remedy
    calls = [s for s in fix["steps"] if s["action"] in ("restart_stage", "docker_exec")]
    waits = [s for s in fix["steps"] if s["action"] == "wait"]
    if fix["type"] == "escalate":
        assert remedy is None
        return
    assert remedy is not None
    assert bool(calls) is (fix["type"] == "automated")
    assert len(remedy.steps) == len(calls) + len(waits)
    assert len(remedy.calls) == len(calls) + len(fix["rollback"])
    assert len(remedy.fingerprint) == 64
