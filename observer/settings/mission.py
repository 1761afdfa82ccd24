"""What the observer is for, and by which figures that is judged: the section `mission`."""

from __future__ import annotations

from pydantic import Field

from observer.domain.mission import Terms
from observer.domain.runbook import Data, Seconds


class Mission(Data):
    """The objective, and what says whether it is met."""

    objective: str = Field(
        default="Keep the pipeline above 99.9% uptime by detecting and fixing issues.",
        min_length=1,
        max_length=500,
    )
    success_criteria: str = Field(
        default="No unresolved P1 incidents for >15 minutes.", min_length=1, max_length=500
    )
    eval_every: int = Field(default=10, ge=1)
    uptime_target: float = Field(default=99.9, ge=0, le=100)
    unresolved_for: Seconds = 900.0
    window: Seconds = 7 * 86400.0

    @property
    def terms(self) -> Terms:
        """What a snapshot is judged by."""
        return Terms(
            objective=self.objective,
            success_criteria=self.success_criteria,
            uptime_target=self.uptime_target,
            unresolved_for_s=self.unresolved_for,
            window_s=self.window,
        )
