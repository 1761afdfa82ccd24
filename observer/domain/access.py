"""Who may do what: a role's powers, and whose affairs a caller sees."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from observer.errors import NotAllowed


class Power(StrEnum):
    """What a route may ask of its caller."""

    READ = "read"
    OPERATE = "operate"
    """Hold and let go, try again, rule on known errors, say how well it was done."""
    APPROVE = "approve"
    """Answer a question before a remedy."""
    ADMINISTER = "administer"
    """Tokens, and taking data away."""


class Role(StrEnum):
    """What a token is given for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"


POWERS: dict[Role, frozenset[Power]] = {
    Role.VIEWER: frozenset({Power.READ}),
    # Who runs the observer does not also consent to what it asks: two people, or an admin.
    Role.OPERATOR: frozenset({Power.READ, Power.OPERATE}),
    Role.APPROVER: frozenset({Power.READ, Power.APPROVE}),
    Role.ADMIN: frozenset(Power),
}


@dataclass(frozen=True)
class Caller:
    """Who asks: the bearer of a token, or, where none was ever made, this machine's user."""

    role: Role
    tenant_id: str | None = None
    """Whose affairs it is about; None: everybody's."""
    name: str | None = None
    """The token's name; None without a token."""

    def need(self, *powers: Power, whole: bool = False) -> None:
        """Refuse who has none of these powers or, where all tenants are concerned, one only.

        Raises:
            NotAllowed: it is so.
        """
        if not POWERS[self.role].intersection(powers):
            roles = [role for role in Role if POWERS[role].intersection(powers)]
            raise NotAllowed(
                f"this takes a token of the role {' or '.join(roles)}; this one's is {self.role}"
            )
        if whole and self.tenant_id is not None:
            raise NotAllowed("this concerns all tenants, and the token is for one of them")

    def tenant(self, asked: str | None) -> str | None:
        """Whose affairs to show: what was asked for, within what the token is for; None: all.

        Raises:
            NotAllowed: another tenant's.
        """
        return self.over(self.tenant_id if asked is None else asked)

    def over(self, named: str | None) -> str | None:
        """Whom an order is for, None: everybody; nothing is filled in.

        Raises:
            NotAllowed: not the token's tenant.
        """
        if not self.sees(named):
            raise NotAllowed(f"the token is for tenant '{self.tenant_id}' only: name that one")
        return named

    def sees(self, tenant_id: str | None) -> bool:
        """Whether something of this tenant, or (None) of everybody, is the caller's affair."""
        return self.tenant_id is None or tenant_id == self.tenant_id


HERE = Caller(Role.ADMIN)
"""A user of this machine, where no token was ever made."""


@dataclass(frozen=True)
class Token:
    """A token as it is known: never its text."""

    id: str
    name: str
    role: Role
    tenant_id: str | None
    created_at: float
    expires_at: float | None
    revoked_at: float | None = None
    last_used_on: str | None = None
    """A day, as YYYY-MM-DD in UTC."""

    def counts(self, now: float) -> bool:
        """Whether it opens anything at a moment, in Unix time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    @property
    def caller(self) -> Caller:
        """Who comes with it."""
        return Caller(self.role, self.tenant_id, self.name)


def why_not_added(new: Token, known: list[Token], now: float) -> str | None:
    """What speaks against adding a token; None: nothing."""
    valid = [token for token in known if token.counts(now)]
    if any(token.name == new.name for token in valid):
        return f"there is a token named '{new.name}' already: revoke it, or choose another name"
    if any(new.name == token.id or new.id == token.name for token in known):
        return f"'{new.name}' could be taken for the id of another token: choose another name"
    keepers = [t for t in (*valid, new) if t.role is Role.ADMIN and t.tenant_id is None]
    if not keepers:
        return (
            "the first token must be an admin's for all tenants: from then on every caller needs"
            " a token, and somebody must be able to make the next one"
        )
    return None
