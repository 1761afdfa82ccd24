"""Credentials, wherever they stand: after a telling word, in an address, or by their own shape."""

from __future__ import annotations

import math
import re
from collections import Counter

from observer.domain.redaction.matching import MASK_BEGINS, Found, Rule, where
from observer.domain.redaction.words import SAID_OF_SECRETS

STRONG = (
    r"passw(?:or)?d|passwort|kennwort|contraseña|mot[ _]de[ _]passe|senha|пароль|密码|パスワード"
    r"|pwd|pass[_-]?(?:phrase|code)|(?:[a-z0-9]+[_.-])?pass|client[._ -]?secret"
    r"|secret(?:[._ -]?(?:access[._ -]?)?key(?:[_-]base)?)?"
    r"|(?:api|access|private|encryption|signing|license|shared[_ -]?access|account)[._ -]?key"
    r"(?:[_ -]?id)?|(?:app|storage|master|auth|integration|subscription|service|consumer"
    r"|deploy|admin|ssh|hmac)[_-]?key|apikey|sharedaccesssignature|token|jwt|credentials?"
    r"|_auth|auth[_ -]?pass|requirepass|masterauth|sasl[_ -]?password|(?:session|auth)[._ -]?cookie"
    r"|x-api-key|x-auth|recovery[_ -]?code|account\.key\.[\w.-]+|user\.info|redis[._-]auth"
    r"|phpsessid"
    r"|jsessionid|(?:security|secret)[_ -]?answer|backup[_ -]?code"
)
"""What, at the end of a name, says that its value opens something."""

_NUMBERS = (
    r"otp|totp|one[_ -]?time[_ -]?(?:code|password)|pin(?:[_ -]?code)?|cvv2?|cvc2?"
    r"|(?:verification|security|login|2fa|mfa|sms|your)[_ -]?code"
)
_OPAQUE = r"sig|signature|auth|hmac|salt|seed|license|webhook|nonce|cookie|sid|sessid|code"

_SAYS = r"[\"'\\]*\]?\s*(?:=>|:=|==?|[:\x{ff1a}])\s*(?:\[\s*[\"'])?"
_QUOTED = r"\\+\"([^\"\n]+?)\\+\"|\"((?:[^\"\\\n]|\\.)+)\"|\\*'([^'\n]+)'|`([^`\n]+)`"
_BARE = r"((?:[^\s\"'`<>,;&|)\]}=(]'\p{L}|[^\s\"'`<>,;&|)\]}])+)"
_VALUE = rf"(?:[bru]?(?:{_QUOTED})|{_BARE})"
_PLACEHOLDER = re.compile(
    r"[*xX•.#_-]+|<[^<>]*>|[$%]?\{+[^{}]*\}*|\$\(?\w+\)?|%\w|%\(\w+\)s|\(?(?:hidden|redacted"
    r"|masked)\)?"
    r"|(?:os\.|process\.|env|getenv|System\.|vault:|secrets?\.|file:|ref\+|arn:).*|\[\w*\]?|\(.*"
)


def entropy(text: str) -> float:
    """Bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def says_nothing(value: str) -> bool:
    """Whether what stands behind a telling word is a mask, a placeholder or plain prose."""
    bare = value.strip("\"'`.,:;!?()[]{}*").lower()
    if MASK_BEGINS in value:
        return not re.sub(r"\[redacted:[\w-]+\]?", "", value).strip("\"'\\ ")
    return not bare or bare in SAID_OF_SECRETS or _PLACEHOLDER.fullmatch(value) is not None


def looks_secret(value: str) -> bool:
    """Whether a word in prose is more likely a credential than a word."""
    bare = value.strip(".,:;!?")
    if (
        says_nothing(value)
        or says_nothing(re.split(r"[\[/({]", value)[0])
        or len(bare) < 6
        or re.match(r"\w+=\S|.*:.*@", bare)
    ):
        return False
    if re.fullmatch(r"[a-z]+[\[/(#:][\w.-]*[\])]?", bare):
        return False  # a thing and its number
    if re.fullmatch(r"[A-Z]{2,6}-[\d-]+|[a-z]{1,4}[-_]?\d{1,6}|[\d.,:%-]+(?:[a-z]{1,3})?", bare):
        return False
    digits, letters = any(c.isdigit() for c in bare), any(c.isalpha() for c in bare)
    odd = any(c in "!@#$%^&*+=?~" for c in bare)
    return (digits and letters) or (odd and letters)


def _in_assignment(found: Found) -> bool:
    value = found.value
    if says_nothing(value):
        return False
    before = found.before(24)
    if re.search(r"pass[\"'\\]*\s*[:=]\s*$", before):
        return not re.fullmatch(r"\d{1,4}%?", value)
    if re.search(r"token[\"'\\]*\s*:\s$", before):
        return looks_secret(value) or len(value) >= 12
    if re.search(r"(?:secret|credentials?|key)\s*:\s$", before):
        return looks_secret(value) or len(value) >= 16
    return len(value) >= 3


_ID = re.compile(r"(?i:evt|event|sess|run|ord|inc|req|txn|job|trace|span|ke|ap|rs|cq|rf)[-_]")
_WORDS = re.compile(r"\d+|[A-Za-z][a-z]*|[A-Z]+|[0-9a-f]+|\w{1,4}")


def _says_which(value: str) -> bool:
    """Whether it is an id: it begins as one, or is words and numbers between separators."""
    parts = re.split(r"[/:._-]+", value.rstrip("="))
    return bool(_ID.match(value)) or (
        len(parts) > 1 and all(_WORDS.fullmatch(part) for part in parts if part)
    )


def _opaque(found: Found) -> bool:
    """A value that no person wrote: long, of several kinds of characters, no hash and no id."""
    value = found.value
    plain = value.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")
    if (
        len(plain) < 16
        or MASK_BEGINS in value
        or re.fullmatch(r"(?:[A-Z]{2})?[0-9a-fA-F-]+|[\d.:-]+", plain)
        or _says_which(plain)
    ):
        return False
    kinds = sum(bool(re.search(kind, plain)) for kind in ("[a-z]", "[A-Z]", r"\d", "[+/=]"))
    return kinds >= 3 and entropy(plain) >= 3.3 and plain.count("/") < 4


def _mixed(found: Found) -> bool:
    value = found.value
    if says_nothing(value) or re.match(r"[a-z_]+=\w", value):
        return False
    return any(c.isdigit() for c in value) or "=" in value or bool(re.search("[a-z][A-Z]", value))


def prose(found: Found) -> bool:
    return looks_secret(found.value)


def _key_material(found: Found) -> bool:
    return MASK_BEGINS not in found.value and bool(found.value.strip("\\nr \n"))


def told(found: Found) -> bool:
    return not says_nothing(found.value)


def _attribute(found: Found) -> bool:
    """Of a whole connection string only the password goes, by its own name."""
    return told(found) and not re.search(r"=[^;]*;", found.value)


RULES = [
    Rule(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"((?:[A-Za-z0-9+/=\s:,.-]|\\+[rn]|\\$)*?)-----END",
        where(_key_material),
        hint="PRIVATE KEY",
    ),
    Rule(
        # Cut off before its end: what goes on in long lines of base64 is still the key.
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
        r"((?:\s|\\+[rn])*[A-Za-z0-9+/=]{8,}(?:(?:\n|\r|\\+[rn])+[A-Za-z0-9+/=]{16,})*)",
        where(_key_material),
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
        where(_mixed),
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
        where(told),
        hint="(?i)cookie",
    ),
    Rule(
        "password",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.$-]*(?:[_.-]|[a-z]))?(?:{STRONG})){_SAYS}{_VALUE}",
        where(_in_assignment),
        hint=rf"(?i)(?:{STRONG})[\"'\\]*\]?\s*(?:=|:|\x{{ff1a}})",
    ),
    Rule(
        # As Kubernetes writes the environment of a container.
        "password",
        rf"(?i)\b(?:name|key"
        rf"|property)[\"'\\]*\s*[:=]\s*[\"'\\]*[\w.-]*(?:{STRONG})[\"']?(?:[\s,]|\\+[rn])+[\"']?"
        rf"value[\"']?\s*[:=]\s*{_VALUE}",
        where(_attribute),
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
        r"|api[ -]?key|access key|secret key|credentials?)"
        r"(?: for (?:(?:user|account) )?\S+)?"
        r"(?:\s+(?:is|was|are|of|set to|changed to|reset to|now|rejected|used|given|tried))?[\s:]+"
        r"(?:\\*[\"'`]([^\"'`\s\\]+)\\*[\"'`]|([^\s\"'`,;)\]}]+))",
        where(prose),
        hint=r"(?i)passw|\b(?:passp|passc|pwd|pw|secret|token|api[ -]?key|access key|credential)",
    ),
    Rule(
        "one-time-code",
        rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b[\"'\\]*(?: for \S+)?\s*(?:=|:|is|was)?"
        r"\s*[\"']?(\d{3}[ -]\d{3}|\d{3,8})\b",
        hint=rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b",
    ),
    Rule(
        "one-time-code",
        r"\b(\d{3}[ -]\d{3}|\d{4,8}) (?i:(?:is|as) your\b|to (?:verify|sign in|log in))",
    ),
    Rule(
        "opaque",
        rf"(?i:(?:routing|integration|ingest|write"
        rf"|service)[_ -]?key){_SAYS}[\"']?([A-Za-z0-9]{{32}})\b",
    ),
    Rule(
        "opaque",
        rf"(?i)(?:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{_OPAQUE})|(?:^"
        rf"|[^\w.-])key){_SAYS}{_VALUE}",
        where(_opaque),
        hint=rf"(?i)(?:{_OPAQUE}|key)[\"'\\]*\]?\s*[=:]",
    ),
    Rule(
        "password-hash",
        r"(\$(?:1|2[abxy]|5|6|y|7|apr1|argon2\w*|pbkdf2[\w-]*|scrypt"
        r"|bcrypt)\$[./A-Za-z0-9$=,+-]{16,}|SCRAM-SHA-\d+\$\d+:\S+)",
        hint=r"\$\w+\$|SCRAM",
    ),
]
