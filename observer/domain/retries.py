"""When a failed event is tried again, and when it is given up."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_DELAY_S = 300.0


def next_delay(
    attempts: int, delays: Sequence[float], *, age_s: float, patience_s: float
) -> float | None:
    """Seconds until the next try after so many failed ones before; None gives the event up.

    Past the listed delays it goes on, ever more slowly, while the event is younger than the
    patience: somebody who has not been told must be told.
    """
    if attempts < len(delays):
        return delays[attempts]
    if age_s >= patience_s:
        return None
    last = delays[-1] if delays else 1.0
    doublings = min(attempts - len(delays) + 1, 16)
    return min(last * 2**doublings, _LONGEST_DELAY_S)
