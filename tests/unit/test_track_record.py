"""How far a fix is trusted: figures of the entry and of the records together."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.domain.track_record import Counted, TrackRecord, duration_text, track_record, trust

SEED = {"first_seen": "2026-01-15", "occurrence_count": 7, "resolution_time_avg": "45s"}
JANUARY, JUNE = 1_768_521_600.0, 1_780_963_200.0


@pytest.mark.parametrize(
    ("successes", "wanted"), [(4, 0.55), (7, 0.69), (8, 0.717), (13, 0.807), (28, 0.902)]
)
def test_trust_grows_with_verified_runs_as_the_quantile_of_beta_says(
    successes: int, wanted: float
) -> None:
    assert trust(successes, 0) == pytest.approx(wanted, abs=0.005)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_trust_is_the_value_below_which_a_twentieth_of_the_distribution_lies(
    successes: int, failures: int
) -> None:
    found = trust(successes, failures)
    assert 0 < found < 1
    mean, after = (1 + successes) / (2 + successes + failures), 3 + successes + failures
    spread = math.sqrt(mean * (1 - mean) / after)
    # However skewed, the quantile lies below the mean and within Cantelli's bound of it.
    assert mean - math.sqrt(19) * spread <= found < mean


@given(st.integers(0, 500), st.integers(0, 500))
def test_a_failure_costs_trust_and_a_success_earns_some(successes: int, failures: int) -> None:
    now = trust(successes, failures)
    assert trust(successes + 1, failures) > now > trust(successes, failures + 1)


def test_without_anything_counted_the_entry_speaks_for_itself() -> None:
    record = track_record(SEED, Counted())
    assert record == TrackRecord(7, 0, 0, "2026-01-15", None, 45.0)
    assert record.columns() == SEED


def test_what_was_counted_is_added_and_the_time_is_the_mean_of_all() -> None:
    counted = Counted(1, 1, 1, JUNE, JUNE, 1, 125.0, 7, 45.0)
    assert track_record(SEED, counted).columns() == {
        "first_seen": "2026-01-15",
        "last_seen": "2026-06-09",
        "occurrence_count": 8,
        "resolution_time_avg": "55s",
    }


def test_an_entry_exported_from_these_records_is_not_counted_twice() -> None:
    counted = Counted(3, 0, 0, JANUARY, JUNE, 3, 30.0, 0, None)
    learned: dict[str, object] = {}
    exported = track_record(learned, counted).columns()
    assert exported["occurrence_count"] == 3
    assert track_record(exported, counted).columns() == exported


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "1ms"), (0.25, "250ms"), (9.9994, "9999ms"), (44.6, "45s")]
)
def test_a_time_is_written_as_configuration_reads_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
