"""Webhook signatures: HMAC-SHA256 of the raw body, compared as bytes in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Mapping, Sequence

_HEX = re.compile(r"^(?:sha256=)?([0-9a-fA-F]{64})$")
_TIMESTAMP_TOLERANCE_S = 300


def sign(body: bytes, secret: str) -> str:
    """The value of `X-Webhook-Signature` for what we send ourselves."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, now: float | None = None
) -> bool:
    """Whether any of the secrets signed this body; with no secret configured, everything is.

    `X-Webhook-Timestamp`, where present, is part of what is signed and must be recent.
    """
    if not secrets:
        return True
    found = _HEX.match(headers.get("x-webhook-signature", "").strip())
    if found is None:
        return False
    signed = body
    if (stamp := headers.get("x-webhook-timestamp")) is not None:
        if not re.fullmatch(r"[0-9]{1,12}", stamp):
            return False
        now = time.time() if now is None else now
        if abs(now - int(stamp)) > _TIMESTAMP_TOLERANCE_S:
            return False
        signed = stamp.encode() + b"." + body
    given = bytes.fromhex(found[1])
    # Every secret is tried, so that the time taken does not tell which one fits.
    fits = [
        hmac.compare_digest(hmac.new(s.encode(), signed, hashlib.sha256).digest(), given)
        for s in secrets
    ]
    return any(fits)
