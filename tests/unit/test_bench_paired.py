"""The statistics of the benchmarks: a paired difference is found where the noise is larger."""

from __future__ import annotations

import random

from bench.paired import paired_change


def noisy(rounds: int, seed: int) -> list[float]:
    """What the machine does in each round falls on both of a pair."""
    draw = random.Random(seed)
    return [100 + draw.gauss(0, 30) for _ in range(rounds)]


def test_what_falls_on_both_of_a_pair_is_no_difference() -> None:
    base = noisy(100, 1)
    own = random.Random(2)
    dearer = [ms + 5 + own.gauss(0, 3) for ms in base]
    same = [ms + own.gauss(0, 3) for ms in base]

    change, none = paired_change(base, dearer), paired_change(base, same)

    assert 3 < change.low < change.median < change.high < 7
    assert none.low < 0 < none.high


def test_one_round_that_was_disturbed_moves_nothing_and_the_figure_repeats() -> None:
    base = noisy(51, 3)
    other = [ms + 2 for ms in base]
    other[7] += 10_000

    change = paired_change(base, other)

    assert (round(change.median, 6), round(change.low, 6), round(change.high, 6)) == (2, 2, 2)
    assert change == paired_change(base, other)


def test_the_interval_narrows_with_the_rounds() -> None:
    own = random.Random(4)
    few, many = noisy(20, 5), noisy(500, 5)
    widths = [
        (change := paired_change(base, [ms + own.gauss(0, 10) for ms in base])).high - change.low
        for base in (few, many)
    ]
    assert widths[1] < widths[0] / 2
