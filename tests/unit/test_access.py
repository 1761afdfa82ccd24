"""Who may do what: roles, tenants, and which token may be added."""

from __future__ import annotations

import pytest

from observer.domain.access import POWERS, Caller, Power, Role, Token, why_not_added
from observer.errors import NotAllowed

NOW = 1_800_000_000.0


def token(
    role: Role = Role.ADMIN, tenant: str | None = None, name: str = "ann", ends: float | None = None
) -> Token:
    return Token(f"tk-{name}", name, role, tenant, NOW, ends)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("power", list(Power))
def test_a_role_does_what_it_has_the_power_for_and_nothing_else(role: Role, power: Power) -> None:
    """Case 58."""
    if power in POWERS[role]:
        Caller(role).need(power)
    else:
        with pytest.raises(NotAllowed, match=str(role)):
            Caller(role).need(power)


def test_who_holds_and_lets_go_does_not_also_consent_and_only_an_admin_does_all() -> None:
    assert POWERS[Role.VIEWER] == {Power.READ}
    assert Power.APPROVE not in POWERS[Role.OPERATOR]
    assert Power.OPERATE not in POWERS[Role.APPROVER]
    assert [role for role in Role if Power.ADMINISTER in POWERS[role]] == [Role.ADMIN]
    assert all(Power.READ in powers for powers in POWERS.values())


def test_one_of_several_powers_is_enough() -> None:
    for role in (Role.OPERATOR, Role.APPROVER, Role.ADMIN):
        Caller(role).need(Power.APPROVE, Power.OPERATE)
    with pytest.raises(NotAllowed, match="operator or approver or admin"):
        Caller(Role.VIEWER).need(Power.APPROVE, Power.OPERATE)


def test_what_concerns_all_is_refused_to_who_is_of_one_tenant() -> None:
    Caller(Role.ADMIN).need(Power.READ, whole=True)
    with pytest.raises(NotAllowed, match="all tenants"):
        Caller(Role.ADMIN, "acme").need(Power.READ, whole=True)


@pytest.mark.parametrize(
    ("own", "asked", "shown"),
    [
        (None, None, None),
        (None, "acme", "acme"),
        ("acme", None, "acme"),
        ("acme", "acme", "acme"),
        ("acme", "globex", NotAllowed),
        ("acme", "ACME", NotAllowed),
        ("acme", "", NotAllowed),
        ("acme", "*", NotAllowed),
    ],
)
def test_reads_are_of_the_tokens_tenant(
    own: str | None, asked: str | None, shown: str | type[NotAllowed] | None
) -> None:
    """Case 46."""
    caller = Caller(Role.ADMIN, own)
    if shown is NotAllowed:
        with pytest.raises(NotAllowed, match="tenant 'acme' only"):
            caller.tenant(asked)
    else:
        assert caller.tenant(asked) == shown


@pytest.mark.parametrize(
    ("own", "named", "may"),
    [
        (None, None, True),
        (None, "acme", True),
        ("acme", "acme", True),
        ("acme", None, False),
        ("acme", "globex", False),
    ],
)
def test_an_order_for_everybody_is_not_read_as_one_for_the_own_tenant(
    own: str | None, named: str | None, may: bool
) -> None:
    caller = Caller(Role.OPERATOR, own)
    assert caller.sees(named) is may
    if may:
        assert caller.over(named) == named
    else:
        with pytest.raises(NotAllowed):
            caller.over(named)


def test_a_token_counts_until_the_moment_it_expires() -> None:
    ending = token(ends=NOW + 10)
    assert ending.counts(NOW + 9.99)
    assert not ending.counts(NOW + 10)
    assert token().counts(NOW * 10)


def test_the_first_token_is_an_admins_for_all_tenants() -> None:
    assert why_not_added(token(), [], NOW) is None
    for first in (token(Role.VIEWER), token(Role.ADMIN, "acme"), token(Role.OPERATOR)):
        assert "first token" in str(why_not_added(first, [], NOW))
    assert why_not_added(token(Role.VIEWER, name="bob"), [token()], NOW) is None
    expired = token(ends=NOW - 1)
    assert why_not_added(token(Role.VIEWER, name="bob"), [expired], NOW) is not None


def test_a_name_is_free_again_once_its_token_counts_no_more() -> None:
    assert "already" in str(why_not_added(token(), [token()], NOW))
    assert why_not_added(token(), [token(ends=NOW - 1)], NOW) is None
