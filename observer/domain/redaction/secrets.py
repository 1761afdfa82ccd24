"""Credentials, wherever they stand: after a telling word, in an address, or by their own shape."""

from __future__ import annotations

import math
import re
from collections import Counter

from observer.domain.redaction.matching import MASK_BEGINS, Found, Rule, where
from observer.domain.redaction.words import SAID_OF_SECRETS

STRONG = (
    r"passw(?:or)?d|passwort|kennwort|contraseña|mot[ _]de[ _]passe|senha|пароль|密码|パスワード|pwd"
    r"|pass[_-]?(?:phrase|code)|(?:[a-z0-9]+[_.-])?pass|secret(?:[_ -]?(?:access[_ -]?)?key(?:[_-]base)?)?|client[_ -]?secret"
    r"|(?:api|app|access|private|account|shared[_ -]?access|storage|license|encryption|signing"
    r"|master|auth|integration|subscription|service|consumer|deploy|admin|ssh|hmac)[_ -]?key"
    r"(?:[_ -]?id)?|apikey|sharedaccesssignature|token|jwt|credentials?|connection[_ -]?string"
    r"|_auth|auth[_ -]?pass|requirepass|masterauth|sasl[_ -]?password|session[_ -]?cookie"
    r"|x-api-key|recovery[_ -]?code|backup[_ -]?code"
)
"""What, at the end of a name, says that its value opens something."""

_NUMBERS = r"otp|one[_ -]?time[_ -]?(?:code|password)|(?:verification|security|login|2fa|mfa|sms)[_ -]?code|pin(?:[_ -]?code)?|cvv2?|cvc2?|totp"
_OPAQUE = r"sig|signature|key|auth|hmac|salt|seed|license|webhook|nonce|cookie|sid|sessid|phpsessid|jsessionid"

_SAYS = r"[\"'\\]*\]?\s*(?:=>|:=|==?|[:：])\s*"
_QUOTED = r"\\+\"([^\"\n]+?)\\+\"|\"((?:[^\"\\\n]|\\.)+)\"|\\*'([^'\n]+)'|`([^`\n]+)`"
_BARE = r"([^\s\"'`<>,;&|)\]}]+)"
_VALUE = rf"[bru]?(?:{_QUOTED}|{_BARE})"
_PLACEHOLDER = re.compile(
    r"[*xX•.#_-]+|<[^<>]*>|[$%]?\{+[^{}]*\}*|\$\(?\w+\)?|%\w|%\(\w+\)s|\(?(?:hidden|redacted|masked)\)?"
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
    if says_nothing(value) or len(bare) < 6 or re.match(r"\w+=\S|.*:.*@", bare):
        return False
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


def _opaque(found: Found) -> bool:
    """A value that no person wrote: long, of several kinds of characters, no hash and no id."""
    value = found.value
    plain = value.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")
    if len(plain) < 16 or MASK_BEGINS in value or re.fullmatch(r"[0-9a-fA-F-]+|[\d.:-]+", plain):
        return False
    kinds = sum(bool(re.search(kind, plain)) for kind in ("[a-z]", "[A-Z]", r"\d", "[+/=]"))
    return kinds >= 3 and entropy(plain) >= 3.3 and plain.count("/") < 4


def _mixed(found: Found) -> bool:
    value = found.value
    if says_nothing(value) or re.match(r"[a-z_]+=\w", value):
        return False
    return any(c.isdigit() for c in value) or "=" in value or bool(re.search("[a-z][A-Z]", value))


def _of_address(found: Found) -> bool:
    """A port and a path with an @ behind them are no password."""
    value = found.value
    return not says_nothing(value) and not re.match(r"\d{1,5}/", value)


def _userinfo(found: Found) -> bool:
    """An image's tag stands in the same way before its digest."""
    return not says_nothing(found.value) and not found.after(8).startswith(("@sha256", "@sha512"))


def _prose(found: Found) -> bool:
    return looks_secret(found.value)


def _told(found: Found) -> bool:
    return not says_nothing(found.value)


RULES = [
    Rule(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----((?:[A-Za-z0-9+/=\s:,.-]|\\+[rn]|\\$)*?)"
        r"(?:-----END|$|[^A-Za-z0-9+/=\s:,.\\-])",
        where(lambda f: MASK_BEGINS not in f.value and bool(f.value.strip("\\nr \n"))),
        hint="PRIVATE KEY",
    ),
    Rule("jwt", r"\beyJ[\w-]{8,}(?:(?:\.|%2[eE])[\w-]*){1,4}", where(lambda f: len(f.value) > 24)),
    Rule(
        "url-password",
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>\[]*:([^\s/?#\"'<>]+)@",
        where(_told),
        hint="://[^\\s/@]*@",
    ),
    Rule(
        "url-password",
        r"(?:postgres|postgresql|redis|rediss|mysql|mongodb|amqps?|mongodb\+srv)://[^\s/:@\"'<>\[]*:([^\s\"'<>@]+)@",
        where(_of_address),
        hint="://[^\\s@]*@",
    ),
    Rule(
        "url-password",
        r"://([A-Za-z0-9_.~-]{16,})(?::x-oauth-basic)?@",
        where(lambda f: "." not in f.value),
        hint="://[^\\s/@]*@",
    ),
    Rule("url-password", r"(?:^|[\s\"'=(])[A-Za-z_][\w.-]*:([^\s@/:\[\]\"']{3,})@(?:(?:tcp|unix)\(|[A-Za-z0-9-]+[.:][\w]|localhost)", where(_userinfo), hint=r":[^\s@/:]+@[a-z0-9]"),
    Rule("url-password", r"\b\w+/([^\s@/\"']+)@(?://)?[\w.-]+(?::\d+)?[/:]\w+", where(_told), hint=r"(?i)sqlplus|jdbc:oracle|impdp|expdp"),
    Rule(
        "authorization",
        r"(?i:authorization|proxy-authorization)(?:[\"'\\\]]*\s*[:=]\s*[\"'\\]*|[\"']?,\s*[\"'])"
        r"(?:(?i:bearer|basic|token|apikey|api-key|negotiate|ntlm|ssws|key|splunk|digest|genie[Kk]ey|bot|hawk|oauth)\s+)?"
        r"([^\s\"'\\,;&<>)}\]]+)",
        where(_told),
        hint="(?i)authorization",
    ),
    Rule(
        "authorization",
        r"(?i)\b(?:bearer|basic|ssws|geniekey)[ +:=]+([A-Za-z0-9._~+/=-]{6,})",
        where(_mixed),
        hint=r"(?i)\b(?:bearer|basic|ssws|geniekey)[ +:=]",
    ),
    Rule("authorization", r"(?:Signature|Credential)=([A-Za-z0-9/+=]{16,})", where(lambda f: MASK_BEGINS not in f.value)),
    Rule(
        "cookie",
        r"(?i)\bcookie[\"'\\]*\s*[:=]\s*[\"'\\]*((?:[^\s=;,\"'\\]+=[^\s;,\"'\\]*)(?:;\s*[^\s=;,\"'\\]+(?:=[^\s;,\"'\\]*)?)*)",
        where(_told),
        hint="(?i)cookie",
    ),
    Rule(
        "password",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.$-]*(?:[_.-]|[a-z]))?(?:{STRONG})){_SAYS}{_VALUE}",
        where(_in_assignment),
        hint=rf"(?i)(?:{STRONG})[\"'\\]*\]?\s*(?:=|:|：)",
    ),
    Rule(
        "password",
        rf"(?i)<(?:\w+:)?[\w.-]*(?:{STRONG})(?:\s[^<>]*)?>\s*([^<>\s][^<>]*)</",
        where(_told),
        hint=rf"(?i)(?:{STRONG})[^<>]*>",
    ),
    Rule(
        "password",
        r"(?i)(?:^|\s|\[|\"|')--?[\w-]*(?:password|passwd|pass|pwd|token|secret|api-?key|access-?key|secret-?key"
        r"|private-?key|auth-?key|credentials?)(?:=|\s+|[\"'],\s*[\"'])[\"']?([^\s\"',]+)",
        where(_told),
        hint=r"(?i)-(?:-[\w-]*)?(?:pass|pwd|token|secret|[a-z]*key|cred)",
    ),
    Rule(
        "password",
        r"(?i)\b(?:passwords?|passphrase|passwd|passcode|pwd|pw|secret|token|api[ -]?key|access key|secret key|credentials?)"
        r"(?:\s+(?:is|was|are|of|set to|changed to|reset to|now|rejected|used|given|tried))?[\s:]+"
        r"(?:\\*[\"'`]([^\"'`\s\\]+)\\*[\"'`]|([^\s\"'`,;)\]}]+))",
        where(_prose),
        hint=r"(?i)\b(?:passw|passp|passc|pwd|pw|secret|token|api[ -]?key|access key|credential)",
    ),
    Rule(
        "password",
        r"(?i)(?:identified\s+(?:with\s+\w+\s+)?by(?:\s+password)?|\bpassword\s*\(?)\s*\\*[\"']([^\"'\\\n]+)\\*[\"']",
        where(_told),
        hint=r"(?i)identified|password\s*[( ]",
    ),
    Rule("password", r"(?i)(?:requirepass|masterauth|primaryauth)[\"']?\s+\\*[\"']?([^\s\"'\\]+)", where(_told), hint="(?i)requirepass|masterauth|primaryauth"),
    Rule("password", r"\bAUTH[\"']?\s+[\"']?(?:[\w-]+[\"']?\s+[\"']?)?([^\s\"']{6,})", where(_prose), hint="AUTH[\"']? "),
    Rule("password", r"\blogin\s+\S+\s+password\s+(\S+)", where(_told), hint="login "),
    Rule("password", r"(?:mysql|mariadb|sshpass|docker login|podman login|helm registry login|ldapsearch|ipmitool|smbclient|mongo|mongosh|mongodump|cqlsh|curl ftp)[^\n|;]*?\s-[pPw]\s?[\"']?([^\s\"'-][^\s\"']*)", where(lambda f: not f.value.isdigit() and not says_nothing(f.value)), hint=r"\s-[pPw]"),
    Rule("password", r"redis-(?:cli|benchmark)[^\n|;]*?\s(?:-a|--pass)\s+[\"']?([^\s\"']+)", where(_told), hint="redis-(?:cli|bench)"),
    Rule("password", r"\s(?:-u|--user|--proxy-user)[= ]+[\"']?[^\s:\"']+:([^\s\"']+)", where(_told), hint=r"\s(?:-u|--user|--proxy-user)[= ]"),
    Rule("password", r"\b[\w.*-]+:(?:5432|5433|6432|3306|\*):[\w*-]+:[\w*-]+:(\S+)", where(_told), hint=r":(?:5432|5433|6432|3306|\*):"),
    Rule("one-time-code", rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b[\"'\\]*\s*(?:=|:|is|was)?\s*[\"']?(\d{{3,8}})\b", hint=rf"(?i)\b(?:[\w-]+_)?(?:{_NUMBERS})\b"),
    Rule("opaque", rf"(?i)(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{_OPAQUE}){_SAYS}{_VALUE}", where(_opaque), hint=rf"(?i)(?:{_OPAQUE})[\"'\\]*\]?\s*[=:]"),
    Rule("password-hash", r"(\$(?:1|2[abxy]|5|6|y|7|apr1|argon2\w*|pbkdf2[\w-]*|scrypt|bcrypt)\$[./A-Za-z0-9$=,+-]{16,}|SCRAM-SHA-\d+\$\d+:\S+)", hint=r"\$\w+\$|SCRAM"),
]
