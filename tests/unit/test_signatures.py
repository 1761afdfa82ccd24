"""Webhook signatures: only the exact bytes under a configured secret pass, and only in time."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.gateway.signatures import verify

BODY = b'{"stage":"loading","message":"x"}'
NOW = 1_700_000_000.0


def sign(secret: str, signed: bytes = BODY) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def headers(signature: str, stamp: str | None = None) -> dict[str, str]:
    return {"x-webhook-signature": signature} | (
        {} if stamp is None else {"x-webhook-timestamp": stamp}
    )


@pytest.mark.parametrize("prefix", ["", "sha256="])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("secret", ["old", "new"])
def test_each_configured_secret_signs_with_or_without_the_prefix(
    prefix: str, upper: bool, secret: str
) -> None:
    """Case 52: two secrets while one is rotated out."""
    digest = sign(secret)
    assert verify(BODY, headers(prefix + (digest.upper() if upper else digest)), ["old", "new"])


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        "sha256",
        sign("other"),
        sign("new")[:-1],
        sign("new") + "0",
        sign("new")[:-2] + "zz",
        "sha1=" + sign("new"),
        "sha256=sha256=" + sign("new"),
        "é" * 64,
        "٣" * 64,
        sign("new") + "," + sign("new"),
        sign("new")[:32] + "\n" + sign("new")[32:],
        hashlib.sha256(BODY).hexdigest(),
        sign(""),
    ],
)
def test_anything_but_the_right_signature_is_refused_and_never_raises(signature: str) -> None:
    """Case 52."""
    assert not verify(BODY, headers(signature), ["old", "new"])


def test_a_missing_signature_is_refused() -> None:
    assert not verify(BODY, {}, ["new"])


@given(st.text())
def test_no_text_passes_for_a_signature(signature: str) -> None:
    assert not verify(BODY, headers(signature), ["a secret that nobody guessed"])


@given(st.binary(min_size=1, max_size=60), st.data())
def test_one_changed_byte_breaks_the_signature(body: bytes, data: st.DataObject) -> None:
    """Case 53."""
    at = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[at] ^= data.draw(st.integers(1, 255))
    signature = headers(sign("new", body))
    assert verify(body, signature, ["new"])
    assert not verify(bytes(changed), signature, ["new"])
    assert not verify(body + b" ", signature, ["new"])


@pytest.mark.parametrize(
    ("age", "passes"), [(0, True), (299, True), (300, True), (301, False), (-300, True)]
)
def test_a_stamped_delivery_is_good_for_five_minutes_around_now(age: int, passes: bool) -> None:
    """Case 54."""
    stamp = str(int(NOW) - age)
    signature = sign("new", stamp.encode() + b"." + BODY)
    assert verify(BODY, headers(signature, stamp), ["new"], now=NOW) is passes


def test_a_stamp_from_beyond_the_window_ahead_is_refused() -> None:
    stamp = str(int(NOW) + 301)
    signature = sign("new", stamp.encode() + b"." + BODY)
    assert not verify(BODY, headers(signature, stamp), ["new"], now=NOW)


def test_the_stamp_is_part_of_what_is_signed() -> None:
    """Case 54: an old delivery does not become fresh by a new stamp, or by an added one."""
    old, fresh = str(int(NOW) - 999), str(int(NOW))
    signature = sign("new", old.encode() + b"." + BODY)
    assert not verify(BODY, headers(signature, fresh), ["new"], now=NOW)
    assert not verify(BODY, headers(signature), ["new"], now=NOW)
    assert not verify(BODY, headers(sign("new"), fresh), ["new"], now=NOW)


@pytest.mark.parametrize("stamp", ["", " ", "x", "-1", "1e9", "٣٣٣", "9" * 5000, "17.5", "1\n2"])
def test_a_stamp_that_is_no_number_is_refused_and_never_raises(stamp: str) -> None:
    signature = sign("new", stamp.encode() + b"." + BODY)
    assert not verify(BODY, headers(signature, stamp), ["new"], now=NOW)


def test_without_a_configured_secret_there_is_nothing_to_check() -> None:
    """The daemon then binds to loopback only."""
    assert verify(BODY, {}, [])
