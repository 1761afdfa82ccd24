"""Credentials, wherever they stand: after a telling word, in an address, or by their own shape."""

from __future__ import annotations

import re

from observer.domain.redaction import protocols, said, spoken
from observer.domain.redaction.credentials import (
    SAYS,
    STRONG,
    VALUE,
    attribute,
    cookies,
    in_assignment,
    key_material,
    mixed,
    opaque,
    prose,
    told,
)
from observer.domain.redaction.matching import MASK_BEGINS, Rule, where

_NUMBERS = (
    r"otp|totp|one[_ -]?time[_ -]?(?:code|password)|pin(?:[_ -]?code)?|cvv2?|cvc2?"
    r"|(?:verification|security|login|2fa|mfa|sms|your)[_ -]?code"
)
_OPAQUE = r"sig|signature|auth|hmac|salt|seed|license|webhook|nonce|cookie|sid|sessid|code"

RULES = [
    Rule(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"((?:[A-Za-z0-9+/=\s:,.-]|\\+[rn]|\\$)*?)-----END",
        where(key_material),
        hint="PRIVATE KEY",
    ),
    Rule(
        # Cut off before its end: what goes on in long lines of base64 is still the key.
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"((?:\s|\\+[rn])*[A-Za-z0-9+/=]{8,}(?:(?:\n|\r|\\+[rn])+[A-Za-z0-9+/=]{16,})*)",
        where(key_material),
        hint="PRIVATE KEY",
    ),
    Rule("jwt", r"\beyJ[\w-]{8,}(?:(?:\.|%2[eE])[\w-]*){1,4}", where(lambda f: len(f.value) > 24)),
    Rule(
        "authorization",
        r"(?i:authorization|proxy-authorization)(?:[\"'\\\]]*\s*[:=]\s*[\"'\\]*|[\"']?,\s*[\"'])"
        r"(?:(?i:bearer|basic|token|apikey|api-key|negotiate|ntlm|ssws|key|splunk|digest"
        r"|genie[Kk]ey|bot|hawk|oauth)\s+)?"
        r"([^\s\"'\\,;&<>)}\]]+)",
        where(told),
        hint="(?i)authorization",
    ),
    Rule(
        "authorization",
        r"(?i)\b(?:bearer|basic|ssws|geniekey|apikey)[ +:=]+([A-Za-z0-9._~+/=-]{6,})",
        where(mixed),
        hint=r"(?i)\b(?:bearer|basic|ssws|geniekey|apikey)[ +:=]",
    ),
    Rule(
        "authorization",
        r"(?:Signature|Credential|\bresponse)=\"?([A-Za-z0-9/+=]{16,})",
        where(lambda f: MASK_BEGINS not in f.value),
    ),
    Rule(
        "cookie",
        r"(?i)set-cookie[\"'\\]*\s*[:=]\s*[\"'\\]*[^\s=;,\"'\\]+=([^\s;,\"'\\]*)",
        where(told),
        hint="(?i)set-cookie",
    ),
    Rule(
        "cookie",
        r"(?i)(?:^|[^-\w])cookie[\"'\\]*\s*[:=]\s*[\"'\\]*((?:[^\s=;,\"'\\]+=[^\s;,\"'\\]*)"
        r"(?:;\s*[^\s=;,\"'\\]+(?:=[^\s;,\"'\\]*)?)*)",
        cookies,
        hint="(?i)cookie",
    ),
    Rule(
        "password",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.$-]*(?:[_.-]|[a-z]))?(?:{STRONG})){SAYS}{VALUE}",
        where(in_assignment),
        cost=4,
        hint=rf"(?i)(?:{STRONG})[\"'\\]*\]?\s*(?:=|:|\x{{ff1a}})",
    ),
    Rule(
        # As Kubernetes writes the environment of a container.
        "password",
        rf"(?i)\b(?:name|key"
        rf"|property)[\"'\\]*\s*[:=]\s*[\"'\\]*[\w.-]*(?:{STRONG})[\"']?(?:[\s,]|\\+[rn])+[\"']?"
        rf"value[\"']?\s*[:=]\s*{VALUE}",
        where(attribute),
        hint=r"(?i)value[\"']?\s*[:=]",
    ),
    Rule(
        "password",
        rf"(?i)<(?:\w+:)?[\w.-]*(?:{STRONG})(?:\s[^<>]*)?>\s*([^<>\s][^<>]*)</",
        where(told),
        hint=rf"(?i)(?:{STRONG})[^<>]*>",
    ),
    Rule(
        "password",
        r"(?i)\b(?:[\w.]*passwords?|passphrase|passwd|passcode|pwd|pw|secret|token"
        r"|community string|(?:session|auth) cookie"
        r"|user\w*[ :=]+\S+[\s,/]+(?:and )?pass"
        r"|api[ -]?key|access key|secret key|credentials?)"
        r"(?: for (?:(?:the|user|account|role|key|login|service|host|database) ){0,2}"
        r"[\"'\w][^\s:]*)?"
        r"(?:\s+(?:is|was|are|of|set to|changed to|reset to|now|rejected|used|given|tried))?[\s:]+"
        r"(?:\\*[\"'`]([^\"'`\s\\]+)\\*[\"'`]|([^\s\"'`,;)\]}]+))",
        where(prose),
        cost=4,
        hint=r"(?i)passw|\b(?:passp|passc|pwd|pw|secret|token|community|api[ -]?key|access key"
        r"|credential|(?:session|auth) cookie|user[^\n]{0,40}pass\b)",
    ),
    Rule(
        "one-time-code",
        rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b[\"'\\]*(?: for \S+)?\s*(?:=|:|is|was)?"
        r"\s*[\"']?(\d{3}[ -]\d{3}|\d{3,8})\b",
        where(lambda found: not re.match(r"-\d\d-\d\d", found.after(6))),  # a date pins a version
        hint=rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b",
    ),
    Rule(
        "one-time-code",
        r"\b(\d{3}[ -]\d{3}|\d{4,8}) (?i:(?:is|as) your\b|to (?:verify|sign in|log in))",
    ),
    Rule(
        "opaque",
        rf"(?i:(?:routing|integration|ingest|write"
        rf"|service)[_ -]?key){SAYS}[\"']?([A-Za-z0-9]{{32}})\b",
    ),
    Rule(
        "opaque",
        rf"(?i)(?:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{_OPAQUE})|(?:^"
        rf"|[^\w.-])key){SAYS}{VALUE}",
        where(opaque),
        hint=rf"(?i)(?:{_OPAQUE}|key)[\"'\\]*\]?\s*[=:]",
    ),
    Rule(
        "password-hash",
        r"(\$(?:1|2[abxy]|5|6|y|7|apr1|argon2\w*|pbkdf2[\w-]*|scrypt"
        r"|bcrypt)\$[./A-Za-z0-9$=,+-]{16,}|SCRAM-SHA-\d+\$\d+:\S+)",
        hint=r"\$\w+\$|SCRAM",
    ),
    *spoken.RULES,
    *said.RULES,
    *protocols.RULES,
]
