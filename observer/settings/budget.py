"""The section `budget` of observer.yaml: what an event and a day may use."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from observer.domain.budget import NANO, Amounts, Limits, Meter
from observer.domain.event import NAME_LIMIT, NAME_PATTERN
from observer.domain.runbook import Data

_Tenant = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LIMIT)]


class TenantBudget(Data):
    """A tenant's day; what is left out is as for the next wider circle."""

    max_tool_calls_per_day: int | None = Field(default=None, ge=1)
    max_cost_per_day: float | None = Field(default=None, ge=0)
    max_irreversible_per_day: int | None = Field(default=None, ge=0)

    def over(self, wider: Amounts) -> Amounts:
        """These limits, and the wider circle's where there is none."""
        cost = self.max_cost_per_day
        own = {
            Meter.TOOL_CALLS: self.max_tool_calls_per_day,
            Meter.COST: None if cost is None else round(cost * NANO),
            Meter.IRREVERSIBLE: self.max_irreversible_per_day,
        }
        return {**wider, **{meter: limit for meter, limit in own.items() if limit is not None}}


class Budget(Data):
    """What the handling of one event, and of everybody's day, may use."""

    max_tool_calls_per_run: int = Field(default=20, ge=1)
    max_tool_calls_per_day: int = Field(default=2000, ge=1)
    max_cost_per_day: float = Field(default=5.0, ge=0)
    """US dollars."""
    max_irreversible_per_day: int = Field(default=10, ge=0)
    per_tenant: TenantBudget = TenantBudget()
    tenants: dict[_Tenant, TenantBudget] = Field(default_factory=dict)
    on_exceeded: Literal["pause", "escalate"] = "pause"
    time_zone: ZoneInfo = ZoneInfo("UTC")

    @property
    def limits(self) -> Limits:
        """The limits of a day, for all and for each tenant."""
        everybody = {
            Meter.TOOL_CALLS: self.max_tool_calls_per_day,
            Meter.COST: round(self.max_cost_per_day * NANO),
            Meter.IRREVERSIBLE: self.max_irreversible_per_day,
        }
        each = self.per_tenant.over(everybody)
        return Limits(everybody, each, {name: own.over(each) for name, own in self.tenants.items()})
