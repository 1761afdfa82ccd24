"""What a new token is to be: checked alike whether it comes over HTTP or from the command line."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from observer.domain.access import Role
from observer.domain.event import NAME_LIMIT, NAME_PATTERN
from observer.domain.runbook import Seconds

_Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=NAME_LIMIT)]


class TokenOrder(BaseModel):
    """Whose a new token is, and what it is for."""

    model_config = ConfigDict(extra="forbid")

    name: _Name
    role: Role
    tenant_id: _Name | None = None
    """None: all tenants."""
    expires: Seconds | None = None
    """From now: `90d`, `12h`; None: never."""
