"""What one way costs more than another, measured in pairs: the median and how sure it is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

RESAMPLES = 2000
SEED = 7


@dataclass(frozen=True)
class Change:
    """The median of paired differences, and where it lies with 95 % confidence."""

    median: float
    low: float
    high: float


def paired_change(base: Sequence[float], other: Sequence[float], *, seed: int = SEED) -> Change:
    """By how much `other` is more than `base`; what stands at the same place is a pair.

    The interval is a percentile bootstrap over the pairs, the same on every call.
    """
    differences = [mine - theirs for theirs, mine in zip(base, other, strict=True)]
    draw = random.Random(seed)
    medians = sorted(
        median(draw.choices(differences, k=len(differences))) for _ in range(RESAMPLES)
    )
    edge = RESAMPLES * 25 // 1000
    return Change(median(differences), medians[edge], medians[-1 - edge])
