"""Accepted, retired, imported, exported: what becomes of known errors beside the file's."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from observer.domain.event import Incident, Severity
from observer.domain.matching import look_up
from observer.domain.redaction import Redactor
from observer.errors import (
    ConfigurationError,
    KnownErrorConflict,
    PayloadRejected,
    UnknownKnownError,
)
from observer.records.database import Database
from observer.records.journal import Journal
from observer.records.learned import Learned
from observer.records.memory import Memory
from observer.settings import Configuration, load_configuration
from observer.settings.known_error_rows import as_file
from tests.observer_process import ROOT

FILED = "ke-legacy-id"
LINE = "ERROR unexpected field 'legacy_id' in record 77"
ENTRY: dict[str, Any] = {
    "id": "ke-lease",
    "signature": {"log_pattern": "lost its lease on shard", "node": "transformation"},
    "root_cause": "a shard lost its lease",
    "fix": {
        "type": "automated",
        "steps": [{"action": "restart_stage", "args": {"stage": "transformation", "reason": "x"}}],
    },
    "severity": "medium",
}


def incident(number: int = 1) -> Incident:
    return Incident(
        tenant_id="default",
        session_id=f"s-{number}",
        event_id=f"e-{number}",
        event_key=f"{number:032x}",
        stage="transformation",
        message="errors",
        severity=Severity.WARNING,
        severity_reason="",
        feature="",
    )


def poisoned(**changes: Any) -> str:
    """A file with one entry that is not to be trusted."""
    signature = {**ENTRY["signature"], **changes.pop("signature", {})}
    return as_file([{**ENTRY, **changes, "signature": signature}])


@dataclasses.dataclass
class Desk:
    """One data directory, and what works on it between two starts."""

    database: Database
    configuration: Configuration
    memory: Memory
    learned: Learned

    async def restarted(self) -> Desk:
        return await desk_on(self.database, self.configuration)

    def found(self, line: str) -> str | None:
        match = self.look(line).found
        return None if match is None else match.known_error.id

    def look(self, line: str):
        metrics = {"error_rate_pct": 3.2}
        return look_up(self.memory.index, node="transformation", lines=[line], metrics=metrics)

    async def journal(self) -> list[dict[str, Any]]:
        rows = await self.database.read(
            lambda c: c.execute("SELECT body FROM journal WHERE kind = 'known_error'").fetchall()
        )
        return [json.loads(row["body"]) for row in rows]


async def desk_on(database: Database, configuration: Configuration) -> Desk:
    journal = Journal(Redactor(["hunter-secret"]))
    memory = Memory(database, journal, configuration.known_errors, retire_after=2)
    learned = Learned(database, journal, memory, configuration.known_error_rows)
    await learned.open()
    return Desk(database, configuration, memory, learned)


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(tmp_path / "observer.db")
    await database.open()
    yield await desk_on(database, load_configuration(ROOT / "config", tmp_path))
    await database.close()


pytestmark = pytest.mark.asyncio


async def test_a_proposed_one_is_inert_until_a_person_accepts_it_and_stays_accepted(
    desk: Desk,
) -> None:
    line = "Worker 7 lost its lease on shard 12"
    assert await desk.learned.propose(ENTRY, incident()) == "ke-lease is proposed"
    assert desk.found(line) is None
    assert (await desk.restarted()).found(line) is None

    shown = await desk.learned.accept("ke-lease", "ada", "seen it twice")

    assert shown["status"] == "accepted"
    assert desk.found(line) == "ke-lease"
    assert (await desk.restarted()).found(line) == "ke-lease"
    assert (await desk.journal())[-1] == {
        "known_error": "ke-lease",
        "status": "accepted",
        "who": "ada",
        "reason": "seen it twice",
    }


async def test_a_retired_one_of_the_file_is_never_matched_and_says_why(desk: Desk) -> None:
    assert desk.found(LINE) == FILED
    await desk.learned.retire(FILED, "ada", "the column is gone")
    for after in (desk, await desk.restarted()):
        assert after.found(LINE) is None
        wanted = f"{FILED} is retired from automatic use: the column is gone"
        assert after.look(LINE).near_misses == [wanted]

    await desk.learned.accept(FILED, "ada")
    assert desk.found(LINE) == FILED
    assert (await desk.restarted()).found(LINE) == FILED


async def test_a_proposed_one_that_is_turned_down_only_explains(desk: Desk) -> None:
    await desk.learned.propose(ENTRY, incident())
    await desk.learned.retire("ke-lease", "ada")
    for after in (desk, await desk.restarted()):
        look = after.look("shard 3: lost its lease on shard 3")
        assert look.found is None
        assert look.near_misses[0].startswith("ke-lease is retired from automatic use")
    assert await desk.learned.propose(ENTRY, incident(2)) == "ke-lease is retired"


async def test_what_is_unknown_or_in_that_state_already_is_refused(desk: Desk) -> None:
    with pytest.raises(UnknownKnownError):
        await desk.learned.accept("ke-none", "ada")
    with pytest.raises(UnknownKnownError):
        await desk.learned.retire("ke-none", "ada")
    with pytest.raises(KnownErrorConflict, match="accepted already"):
        await desk.learned.accept(FILED, "ada")
    await desk.learned.retire(FILED, "ada")
    with pytest.raises(KnownErrorConflict, match="retired already"):
        await desk.learned.retire(FILED, "ada")


async def test_a_fix_that_fails_too_often_in_a_row_retires_its_known_error(desk: Desk) -> None:
    """Case 31: and a fix that did not hold is counted as no occurrence."""
    outcomes = [False, True, False, False]
    whys = [await desk.memory.met(FILED, incident(i), held=held) for i, held in enumerate(outcomes)]
    assert whys == [None, None, None, "its fix failed 2 times"]
    shown = await desk.learned.show(FILED)
    assert (shown["status"], shown["ruled_by"]) == ("retired", "observer")
    assert shown["entry"]["occurrence_count"] == 1
    assert (shown["failures"], shown["failures_in_a_row"]) == (3, 2)
    assert desk.look(LINE).near_misses == [
        f"{FILED} is retired from automatic use: its fix failed 2 times"
    ]
    assert (await desk.restarted()).found(LINE) is None

    await desk.learned.accept(FILED, "ada")
    assert await desk.memory.met(FILED, incident(9), held=False) is None


async def test_an_outcome_is_counted_once_for_each_event(desk: Desk) -> None:
    for _ in range(3):
        assert await desk.memory.met(FILED, incident(), held=False) is None
    assert (await desk.learned.show(FILED))["failures"] == 1


async def test_people_hear_of_a_retirement_before_it_is_counted_and_afterwards(desk: Desk) -> None:
    told = f"{FILED} is retired from automatic use: its fix failed 2 times"
    assert await desk.memory.retirement(FILED, incident(1)) is None
    await desk.memory.met(FILED, incident(1), held=False)
    assert await desk.memory.retirement(FILED, incident(1)) is None
    assert await desk.memory.retirement(FILED, incident(2)) == told
    await desk.memory.met(FILED, incident(2), held=False)
    assert await desk.memory.retirement(FILED, incident(2)) == told


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (poisoned(signature={"log_pattern": ".*"}), "matches every line"),
        (poisoned(signature={"log_pattern": "(a|.*)x+"}), "too broad"),
        (poisoned(signature={"log_pattern": "lease(?=d)"}), "RE2"),
        (poisoned(signature={"node": "payroll"}), "'payroll' is no node"),
        (
            poisoned(fix={"type": "automated", "steps": [{"action": "delete_everything"}]}),
            "has no row in autonomy.yaml",
        ),
        (poisoned(status="accepted"), "unknown key"),
        ("errors: [*x]", "aliases"),
    ],
    ids=["all", "too broad", "look-around", "node", "no autonomy row", "unknown key", "yaml"],
)
async def test_poison_is_refused_with_its_line_and_nothing_of_the_file_is_taken(
    desk: Desk, text: str, wrong: str
) -> None:
    """Case 69."""
    whole = text if text.startswith("errors: [") else as_file([{**ENTRY, "id": "good"}]) + text[8:]
    with pytest.raises(PayloadRejected, match=wrong) as refused:
        await desk.learned.import_text(whole, "theirs.yaml", "eve")
    assert "theirs.yaml:" in str(refused.value)
    assert [one["id"] for one in await desk.learned.list()] == [FILED]
    if not text.startswith("errors: ["):
        (entry,) = yaml.safe_load(text)["errors"]
        with pytest.raises(ConfigurationError):
            await desk.learned.propose(entry, incident())


async def test_an_import_is_only_proposed_whatever_figures_it_claims(desk: Desk) -> None:
    """Case 69."""
    text = as_file([{**ENTRY, "occurrence_count": 1_000_000}])
    taken = await desk.learned.import_text(text, "theirs.yaml", "ada")
    assert taken == {"proposed": ["ke-lease"], "known": []}
    assert desk.found("lost its lease on shard 1") is None
    shown = await desk.learned.show("ke-lease")
    assert (shown["status"], shown["origin"], shown["ruled_by"]) == ("proposed", "imported", "ada")
    again = await desk.learned.import_text(text, "theirs.yaml", "ada")
    assert again == {"proposed": [], "known": ["ke-lease"]}


async def test_an_export_is_a_valid_file_that_another_installation_can_import(
    desk: Desk, tmp_path: Path
) -> None:
    odd = {
        **ENTRY,
        "id": "ke-odd",
        "root_cause": "1e5: \u00e9\u202e \"'\\ # - no",
        "severity": "low",
    }
    for entry in (ENTRY, odd):
        await desk.learned.propose(entry, incident())
        await desk.learned.accept(entry["id"], "ada")
    for _ in range(2):
        await desk.memory.met("ke-lease", incident(5), held=True)
    await desk.memory.met(FILED, incident(6), held=True)
    rows = [one["entry"] for one in await desk.learned.list("accepted")]
    text = as_file(rows)

    assert yaml.safe_load(text) == {"errors": rows}
    read = desk.configuration.known_error_rows.read(text)
    assert [row for row, _ in read] == rows
    counts = {row["id"]: row["occurrence_count"] for row in rows}
    assert counts == {FILED: 1, "ke-lease": 1, "ke-odd": 0}

    database = Database(tmp_path / "other.db")
    await database.open()
    other = await desk_on(database, desk.configuration)
    taken = await other.learned.import_text(text, "theirs.yaml", "ada")
    assert taken == {"proposed": ["ke-lease", "ke-odd"], "known": [FILED]}
    assert [o["entry"] for o in await other.learned.list("proposed")] == rows[1:]
    await database.close()


async def test_no_secret_is_kept_in_what_is_learned(desk: Desk) -> None:
    await desk.learned.propose({**ENTRY, "root_cause": "login hunter-secret expired"}, incident())
    entry = (await desk.learned.show("ke-lease"))["entry"]
    assert entry["root_cause"] == "login [redacted:held] expired"


async def test_an_accepted_one_that_fits_no_more_is_left_out_and_says_so(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.learned.propose(ENTRY, incident())
    await desk.learned.accept("ke-lease", "ada")
    strange = {**ENTRY, "fix": {"type": "automated", "steps": [{"action": "gone_tool"}]}}
    await desk.database.write(
        lambda c: c.execute("UPDATE known_error_rows SET entry = ?", (json.dumps(strange),))
    )
    after = await desk.restarted()
    assert after.found("lost its lease on shard 1") is None
    assert "gone_tool" in (await after.learned.show("ke-lease"))["reason"]
