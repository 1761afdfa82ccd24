"""What the name of a key says of its value, in any JSON."""

from __future__ import annotations

import re

_PLACE = re.compile(
    r"(?:^|_)(?<!password_)(?<!account_)(?<!email_)(?:"
    r"(?:fenc(?:e|ing)|(?:opaque)?lock|lease|page|paging|pagination|next|prev(?:ious)?|continu(?:e|ation)"
    r"|progress|resum(?:e|ption)|sync|cursor|cancel[a-z]*|dedup[a-z]*|idempoten[a-z]+|change|water_?mark|barrier"
    r"|batch|correlation|replay|tracking|checkpoint|offset|seq(?:uence)?|heartbeat|generation|epoch"
    r"|consistency|causal|snapshot|position|partition|shard|ack|start(?:ing)?|commit|skip|retry|concurrency"
    r"|version|scroll|marker|iterator|delta|ring|client_request|eos|bos|pad|unk|stop"
    r"|nextpage)_?token"
    r"|(?:sort|partition(?:ing)?|shuffle|foreign|primary|secondary|candidate|routing|cache|object"
    r"|message|msg|row|hash|range|join|surrogate|natural|business|dedup[a-z]*|idempoten[a-z]+|shard(?:ing)?"
    r"|s3|cluster(?:ing)?|composite|unique|index|lookup|group(?:ing)?|record|bucket|election|lock"
    r"|distribution|dist|order(?:ing)?|correlation|redis|kafka|etcd|label|tag|sequence)_?key"
    r")$"
)
"""Tokens and keys that open nothing: they say how far somebody came, which call it was, or where a
row lies. That one is for a password or an account makes it one that does."""

_WRITTEN_SO = re.compile(r"(?:^|[^A-Za-z])(?:[cC]lientToken|read token)$")
"""By a `clientToken` AWS tells a call again, while Vault's `client_token` opens it; a "read token"
says how far a store was read, while a registry's `read_token` opens it."""

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


def about(key: str) -> str | None:
    """The rule that a key's name calls for: `key-name` of a secret, `personal` of a person's."""
    plain = _plain(key)
    if _SECRET.search(plain) and not opens_nothing(key):
        return "key-name"
    return "personal" if _PERSONAL.search(plain) else None


def opens_nothing(label: str) -> bool:
    """Whether what a text calls a token or a key is a place in something, or the name of a call."""
    return _PLACE.search(_plain(label)) is not None or _WRITTEN_SO.search(label) is not None


def _plain(key: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return re.sub(r"[^a-z0-9]+", "_", words)
