"""Cases 1, 3, 5, 9 and 78 in one: a short crash proof; `make crash-proof N=500` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.proof.run import prove

pytestmark = pytest.mark.slow

KILLS = 8
SEED = 29


def test_nothing_is_lost_doubled_out_of_order_or_otherwise_than_without_the_kills(
    tmp_path: Path,
) -> None:
    """Cases 1, 3, 5, 9 and 78: seeded events and kills, compared with a calm run."""
    report = prove(tmp_path, seed=SEED, kills=KILLS)

    assert [(finding.fault, finding.text) for finding in report.findings] == []
    assert report.faults == []
    assert len(report.kills) == KILLS
    assert report.missed == []
    assert report.actions > 20
    assert report.answered
