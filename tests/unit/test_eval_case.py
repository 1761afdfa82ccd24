"""What a row says and what its label demands, without a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from observer.cli.app import app
from observer.domain.approval import Approval
from observer.domain.eval_case import Case, label_of, reviewed, same_args
from observer.domain.redaction import FieldPolicy, Treatment
from observer.errors import ConfigurationError
from observer.evals.cases import read_cases, read_rows
from observer.evals.same_calls import SameCalls

ACTIONS = {"action_requests": [{"name": "clear", "args": {"stage": "a"}, "description": "why"}]}
ROW: dict[str, Any] = {
    "event_key": "k1",
    "session_id": "s",
    "input": {"event_id": "e", "session_id": "s", "stage": "a", "message": "m"},
    "context": {"severity": "WARNING", "accepted_at": "2026-05-01T00:00:00+00:00"},
    "remedy": "r",
    "tool_calls": [
        {"tool": tool, "args": args, "purpose": purpose, "status": status, "at": "2026-05-01"}
        for tool, args, purpose, status in (
            ("look", {"stage": "a"}, "read", "success"),
            ("look", {"stage": "a"}, "read", "error"),
            ("wipe", {"stage": "a"}, "remedy", "refused"),
            ("heal", {"stage": "a", "reason": "words"}, "remedy", "unknown"),
            ("tell", {"channel": "#a", "message": "words"}, "notify", "success"),
        )
    ],
    "hitl_override": {"fired": False, "decision": None, "questions": []},
    "outcome": "resolved",
}


def approval(status: str, *decisions: dict[str, Any], by: str | None = None) -> Approval:
    said = {"decisions": list(decisions), **({"by": by} if by else {})} if decisions else None
    return Approval("i", "t", "s", "k", "f", ACTIONS, [], status, said, 0, 0, "a")


def test_a_label_demands_what_was_let_through_and_no_words_for_people() -> None:
    label = label_of(ROW, because="b", must_not=["wipe"])
    assert [(c.tool, c.args) for c in label.does] == [("heal", {"stage": "a"})]
    assert [(c.tool, c.args) for c in label.reads] == [("look", {"stage": "a"})]
    assert [(c.tool, c.args) for c in label.told] == [("tell", {"channel": "#a"})]
    assert (label.outcome, label.severity, label.remedy) == ("resolved", "WARNING", "r")


@pytest.mark.parametrize(
    ("asked", "fired", "decision"),
    [
        ([], False, None),
        ([approval("answered", {"type": "approve"})], True, "approved"),
        ([approval("answered", {"type": "approve"}, {"type": "edit"})], True, "edited"),
        ([approval("answered", {"type": "reject", "message": "no"})], True, "rejected"),
        ([approval("expired", {"type": "reject"})], True, "expired"),
        ([approval("withdrawn", {"type": "reject"})], True, "withdrawn"),
        ([approval("pending")], True, "pending"),
        ([approval("elapsed", {"type": "elapsed"})], False, None),
    ],
)
def test_what_the_reviewer_did(asked: list[Approval], fired: bool, decision: str | None) -> None:
    found = reviewed(asked)
    assert (found["fired"], found["decision"]) == (fired, decision)
    assert [q["asked"] for q in found["questions"]] == [
        [{"tool": "clear", "args": {"stage": "a"}}] for _ in asked
    ]


def test_a_reviewers_words_and_name_are_kept() -> None:
    (question,) = reviewed([approval("answered", {"type": "reject", "message": "no"}, by="ann")])[
        "questions"
    ]
    assert (question["by"], question["decisions"][0]["message"]) == ("ann", "no")


@pytest.mark.parametrize(
    ("known", "asked", "same"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": ["x", {"b": "y"}]}, {"a": ["x", {"b": "y"}]}, True),
        ({"a": "[redacted]"}, {"a": "whatever"}, True),
        ({"a": "[redacted:email]"}, {"a": {"any": "thing"}}, True),
        ({"a": "user [redacted:email] at x"}, {"a": "user joe@a.example at x"}, True),
        ({"a": "user [redacted:email] at x"}, {"a": "user joe@a.example at y"}, False),
        ({"a": "(b+ [redacted]"}, {"a": "(b+ c"}, True),
        ({"a": "sha256:0123456789ab"}, {"a": "whatever"}, True),
        ({"a": "sha256:0123456789ab"}, {"a": 7}, True),
        ({"a": "sha256:0123456789ab"}, {"b": "whatever"}, False),
        ({"a": "at sha256:0123456789ab"}, {"a": "whatever"}, False),
        ({"a": "sha256:0123456789abc"}, {"a": "whatever"}, False),
    ],
)
def test_a_call_is_the_recorded_one_but_for_what_was_redacted(
    known: Any, asked: Any, same: bool
) -> None:
    assert same_args(known, asked) is same_args(asked, known) is same


@pytest.mark.parametrize(
    ("known", "asked", "same"),
    [
        ({"stage": "a", "owner": "ann"}, {"stage": "a"}, True),
        ({"stage": "a"}, {"stage": "a", "owner": "ann"}, True),
        ({"stage": "a", "new": 1}, {"stage": "a"}, True),
        ({"stage": "a", "owner": "ann"}, {"stage": "b", "owner": "ann"}, False),
        ({"stage": "a", "who": "ann"}, {"stage": "a", "who": "sha256:0123456789ab"}, True),
        ({"stage": "a", "who": "ann"}, {"stage": "a", "who": "joe"}, False),
        ({"stage": "a", "who": "ann"}, {"stage": "a"}, False),
        ({"many": [{"id": 1, "x": 1}, {"id": 2}]}, {"many": [{"id": 1}, {"id": 2, "x": 3}]}, True),
        ({"many": [{"id": 1}]}, {"many": [{"id": 2}]}, False),
    ],
)
def test_what_the_policy_does_not_write_down_does_not_count(
    known: dict[str, Any], asked: dict[str, Any], same: bool
) -> None:
    declared = {
        "stage": Treatment.KEEP,
        "owner": Treatment.DROP,
        "who": Treatment.HASH,
        "many.id": Treatment.KEEP,
        "many.x": Treatment.DROP,
    }
    assert SameCalls(FieldPolicy({"heal": declared}, {}, b"")).same("heal", known, asked) is same


def test_the_last_line_of_an_event_counts(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    later = {**ROW, "user_feedback": {"feedback": "down"}}
    other = {**ROW, "event_key": "k2"}
    file.write_text("".join(json.dumps(row) + "\n" for row in (ROW, other, later)))
    rows = read_rows(file)
    assert list(rows) == ["k1", "k2"]
    assert rows["k1"]["user_feedback"] == {"feedback": "down"}


def test_a_session_of_two_tenants_is_labelled_only_with_its_tenant(tmp_path: Path) -> None:
    file = tmp_path / "evals" / "candidates.jsonl"
    file.parent.mkdir()
    rows = [
        {**ROW, "event_key": tenant, "tenant_id": tenant, "ended_at": f"2026-05-0{day}"}
        for day, tenant in enumerate(("acme", "initech"), start=1)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ["evals", "label", "s", "--because", "b", "--data-dir", str(tmp_path)]
    refused = CliRunner().invoke(app, command)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Tenants acme, initech each have a session 's'" in refused.stderr
    done = CliRunner().invoke(app, [*command, "--tenant", "acme"])
    assert (done.exit_code, json.loads(done.stdout)["tenant_id"]) == (0, "acme")
    assert CliRunner().invoke(app, [*command, "--tenant", "other"]).exit_code == 1


def test_rows_without_a_label_are_counted_not_tried(tmp_path: Path) -> None:
    label = label_of(ROW, because="b").model_dump(mode="json")
    file = tmp_path / "rows.jsonl"
    lines = [ROW, {**ROW, "event_key": "k2", "label": label}]
    file.write_text("".join(json.dumps(row) + "\n" for row in lines))
    cases, unlabelled = read_cases([file])
    assert ([case.input.key for case in cases], unlabelled) == (
        [Case.model_validate(ROW).input.key],
        1,
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "rows.jsonl:1: is no row"),
        ("[]", "rows.jsonl:1: is no row"),
        (json.dumps(ROW), "no row has a label"),
        (json.dumps({**ROW, "label": {"outcome": "resolved"}}), "s: label.because: Field required"),
        (json.dumps({"event_key": "k"}), "input: Field required"),
    ],
)
def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=said):
        read_cases([file])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_cases([tmp_path / "none.jsonl"])
