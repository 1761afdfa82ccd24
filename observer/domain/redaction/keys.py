"""What the name of a key says of its value, in any JSON."""

from __future__ import annotations

import re

PLACE = (
    r"(?:progress|next|page|continuation|sync|cursor|resume|cancel\w*|fencing|idempotency|client"
    r"|client[_-]?request|dedup\w*|change|consistency|snapshot|lock|lease|correlation|start"
    r"|position|partition|ack|watermark)[_-]?token"
)
"""Tokens that open nothing: they say how far somebody came, or which call it was."""

_SECRET = re.compile(
    r"(?:^|_)(?:pass(?:w(?:or)?d|phrase|code|wort)?|pwd|secret|token|credentials?|authorization"
    r"|jwt|cookie|otp|cvv2?|cvc2?|pin|connection_string|private_key|secret(?:_access)?_key"
    r"|access_key(?:_id)?|account_key|api_?key|app_?key|auth_?key|encryption_key|signing_key"
    r"|master_key|requirepass|masterauth)$|(?:password|passwd|secret|apikey|token)$"
)
_PERSONAL = re.compile(
    r"(?:^|_)(?:e_?mail(?:_address)?|phone(?:_number)?|mobile(?:_number)?|msisdn|fax"
    r"|first_?name|last_?name|full_?name|given_name|family_name|surname|customer_name|patient_name"
    r"|card_?holder(?:_name)?|account_holder|iban|card_?number|pan|ssn|social_security_number"
    r"|date_of_birth|birth_?date|dob|passport(?:_number)?|tax_id|national_id|street(?:_address)?"
    r"|(?:home|postal|billing|shipping)_address)$"
)


_PLACE = re.compile(rf"(?:^|_){PLACE}$")


def about(key: str) -> str | None:
    """The rule that a key's name calls for: `key-name` of a secret, `personal` of a person's."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    plain = re.sub(r"[^a-z0-9]+", "_", plain)
    if _SECRET.search(plain) and not _PLACE.search(plain):
        return "key-name"
    return "personal" if _PERSONAL.search(plain) else None
