"""`health:` of observer.yaml: when a run has gone wrong, and what follows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from observer.domain.health import Limits
from observer.domain.runbook import Data, Seconds


class ErrorRate(Data):
    """How many of a run's latest calls may fail."""

    above: float = Field(default=0.5, gt=0, lt=1)
    of_at_least: int = Field(default=10, ge=2)


class NoProgress(Data):
    """How often, and how soon after each other, runs of a tenant may make no progress."""

    times: int = Field(default=2, ge=1)
    within: Seconds = 300.0


class Health(Data):
    """The detectors' limits; each is about one event's handling."""

    stuck_threshold: int = Field(default=3, ge=2)
    loop_window: int = Field(default=20, ge=4)
    empty_threshold: int = Field(default=3, ge=1)
    error_rate: ErrorRate = ErrorRate()
    on_anomaly: Literal["escalate", "pause", "stop"] = "escalate"
    no_progress: NoProgress = NoProgress()

    @model_validator(mode="after")
    def _within_the_window(self) -> Health:
        least = {
            "stuck_threshold": self.stuck_threshold,
            "error_rate.of_at_least": self.error_rate.of_at_least,
        }
        for name, number in least.items():
            if number > self.loop_window:
                raise ValueError(f"`{name}` is more than the {self.loop_window} of `loop_window`")
        return self

    @property
    def limits(self) -> Limits:
        """What the detectors are given."""
        rate = self.error_rate
        return Limits(
            stuck_threshold=self.stuck_threshold,
            loop_window=self.loop_window,
            empty_threshold=self.empty_threshold,
            error_rate=rate.above,
            error_rate_of=rate.of_at_least,
        )
