"""What says that a value opens something, and whether what stands behind that word does."""

from __future__ import annotations

import math
import re
from collections import Counter

from observer.domain.redaction.keys import opens_nothing
from observer.domain.redaction.matching import MASK_BEGINS, Found
from observer.domain.redaction.words import SAID_OF_SECRETS

STRONG = (
    r"passw(?:or)?d|passwort|kennwort|contraseña|mot[ _]de[ _]passe|senha|пароль|密码|パスワード"
    r"|pwd|pw|pass[_-]?(?:phrase|code)|(?:[a-z0-9]+[_.-])?pass|client[._ -]?secret"
    r"|secret(?:[._ -]?(?:access[._ -]?)?key(?:[_-]base)?)?"
    r"|(?:api|access|private|encryption|signing|license|shared[_ -]?access|account)[._ -]?key"
    r"|(?:access|aws)[._ -]?key[_ -]?id|(?:app|storage|master|auth|integration|subscription|service"
    r"|consumer|deploy|admin|ssh|hmac|fernet|application|functions?|aes|cipher|crypto|wrapping|root)[_-]?key"
    r"|unseal[_ -]?key(?:[_ -]?\d)?|apikey|sharedaccesssignature|token|jwt|credentials?"
    r"|_auth|auth[_ -]?pass|requirepass|masterauth|sasl[_ -]?password|(?:session|auth)[._ -]?cookie"
    r"|x-api-key|x-auth|recovery[_ -]?codes?|account\.key\.[\w.-]+|user\.info|redis[._-]auth"
    r"|phpsessid|jsessionid|(?:security|secret)[_ -]?answer|backup[_ -]?codes?"
    r"|snmp[_ -]?community|community[_ -]?string"
)
"""What, at the end of a name, says that its value opens something."""

SAYS = r"[\"'\\]*\]?\s*(?:=>|:=|==?|[:\x{ff1a}])\s*(?:\[\s*[\"'])?"
QUOTED = (
    r"''([^'\s,;)][^'\n]*)''|\\+\"([^\"\n]+?)\\+\"|\"((?:[^\"\\\n]|\\.)+)\"|\\*'([^'\n]+)'"
    r"|`([^`\n]+)`"
)
BARE = r"((?:[^\s\"'`<>,;&|)\]}=(]'\p{L}|[^\s\"'`<>,;&|)\]}])+)"
VALUE = rf"(?:[bru]?(?:{QUOTED})|{BARE})"
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
        rest = re.sub(r"\[redacted:[\w-]+\]?", "", value)
        return re.fullmatch(r"[\W_]*|[\w.@-]+[/:]|-+BEGIN [A-Z ]+-+END [A-Z ]+-+", rest) is not None
    if len(value) < 64 and re.fullmatch(r"[\d-]*[*xX•][\d*xX•-]*", value):
        return True  # a number of which most is hidden
    return not bare or bare in SAID_OF_SECRETS or _PLACEHOLDER.fullmatch(value) is not None


def looks_secret(value: str) -> bool:
    """Whether a word in prose is more likely a credential than a word."""
    bare = value.strip(".,:;!?")
    if (
        len(bare) < 6
        or says_nothing(value)
        or says_nothing(re.split(r"[\[/({]", value)[0])
        or re.match(r"\w+=[^=\s]", bare)
        or ":" in bare.rpartition("@")[0]
    ):
        return False
    if re.fullmatch(r"[a-z]+[\[/(#:][\w.-]*[\])]?", bare):
        return False  # a thing and its number
    if re.fullmatch(r"v?\d+(?:\.\d+)+(?:[-+][\w.+-]+)?|\d{4}-\d\d-\d\d(?:[T_].*)?", bare):
        return False  # a version or a moment
    if re.fullmatch(r"[\w.-]+(?:/[\w.-]+){3,}|[\w.-]+(?::[\w.-]+){3,}", bare):
        return False  # a path, or the parts of an id
    if re.fullmatch(r"[A-Z]{2,6}-[\d-]+|[a-z]{1,4}[-_]?\d{1,6}|[\d.,:%-]+(?:[a-z]{1,3})?", bare):
        return False
    characters = set(bare)
    digits, letters = any(map(str.isdigit, characters)), any(map(str.isalpha, characters))
    odd = not characters.isdisjoint("!@#$%^&*+=?~")
    return (digits and letters) or (odd and letters)


_NO_LABEL = re.compile(r"(?:by|com|encom|sur|tres|under|over)pass[a-z]*[\"'\\\]:=>]*$")
_LAST_TOLD = re.compile(
    r"(?is).*(?:token|\bkey|(pass|pwd|pw|secret|credential|api[ _-]?key|access[ _-]?key))"
)

_LABEL = re.compile(r"(?:(?<![\w.-])(?!client )[\w.-]+ ){0,2}[\w.-]+$")
"""The words, at most three, that are a label. A client's token may well open something."""


def _tells_a_place(found: Found) -> bool:
    """Whether the last telling word before it is a token's or a key's that opens nothing."""
    before = found.data[max(0, found.start - 80) : found.start].decode(errors="ignore")
    last = _LAST_TOLD.match(before)
    if last is None or last[1]:
        return False
    label = _LABEL.search(last[0])
    return label is not None and opens_nothing(label[0])


def _misleads(found: Found) -> bool:
    """Whether what looks like a telling word is a part of a name, or tells of something else."""
    before = found.before(120)
    word = (before.split() or [""])[-1]
    host = word.rpartition("://")
    if "arn:" in word or (host[1] and not re.search(r"[/?;&=@]", host[2])):
        return True
    if before.rstrip().endswith("-- pass:"):
        return True
    return "pass" in word and _NO_LABEL.search(word[-48:]) is not None


_FILE = re.compile(
    r"(?:~|\.{1,2})?/(?:etc|run|var|srv|opt|home|mnt|tmp|secrets?|vault|usr|root|app|data|dev"
    r"|proc|keys|certs?|config)(?:/[\w.@-]+)+|(?:[\w.~-]*/)+[\w-]+\.(?:pem|key|p12|pfx|jks|crt|pub)"
)

_DIRECTORY = re.compile(r"/(?:[a-z][\w.-]*(?:/[\w.-]+)*/?)?:?$")


def in_assignment(found: Found) -> bool:
    """Whether what stands behind a telling word and an equals sign or a colon is its secret."""
    return _assigned(found) and not _tells_a_place(found)


def _assigned(found: Found) -> bool:
    value = found.value
    if says_nothing(value) or _FILE.fullmatch(value) or _misleads(found):
        return False
    before = found.before(24)
    if value[0] == "/" and _DIRECTORY.match(value) and re.search(r"pwd\s*[:=]\s*$", before):
        return False  # where a shell stands
    if _NAME.fullmatch(value) and _NAMED.search(found.before(120)):
        return False  # the name of one, as a metric's label, or in a chart's values
    if re.match(r"[\w.*-]+:(?:\d{4,5}|\*):[^:]+:[^:]+:", value):
        return False  # a line of .pgpass, which has its own rule
    if re.search(r"pass[\"'\\]*\s*[:=]\s*$", before):
        return not re.fullmatch(r"\d{1,4}%?", value)
    if re.search(r"token[\"'\\]*\s*:\s$", before):
        return looks_secret(value) or len(value) >= 12
    if re.search(r"(?:secret|credentials?|(?<!x-api-)(?<!x-auth-)key)\s*:\s$", before):
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


def opaque(found: Found) -> bool:
    """A value that no person wrote: long, of several kinds of characters, no hash and no id."""
    value = found.value
    plain = value.replace("%3D", "=").replace("%2B", "+").replace("%2F", "/")
    if (
        len(plain) < 16
        or MASK_BEGINS in value
        or re.fullmatch(r"(?:[A-Z]{2})?[0-9a-fA-F-]+|[\d.:-]+", plain)
        or _says_which(plain)
        or (not re.search(r"[\w+/]{39}==?$", plain) and _tells_a_place(found))
    ):
        return False
    kinds = sum(bool(re.search(kind, plain)) for kind in ("[a-z]", "[A-Z]", r"\d", "[+/=]"))
    return kinds >= 3 and entropy(plain) >= 3.3 and plain.count("/") < 4


def mixed(found: Found) -> bool:
    value = found.value
    if says_nothing(value) or re.match(r"[a-z_]+=(?:\w|$)", value):
        return False
    return any(c.isdigit() for c in value) or "=" in value or bool(re.search("[a-z][A-Z]", value))


_NAME = re.compile(r"[a-z]{2,}(?:[-_.][a-z0-9]+)+")
_NAMED = re.compile(
    r"\w\{[^{}]*secret=\"$"
    r"|(?:existing|password|credentials?|pull|tls|fernet\w*|connection)[_-]?secrets?[\"'\\]*\s*[:=]\s*"
    r"[\"'\\]*$"
)
_LIVES = re.compile(
    r"[\"'`]?\s+(?:(?:was|is|has|had|been|does|did|will|be|already|now|successfully|\w+ly)\s+)*"
    r"(?:revoked|rotated|expired|expires|mounted|not (?:found|exist)|created|updated|deleted|synced"
    r"|missing|referenced|exists?|in (?:the )?namespace|in ns|removed|replaced|renewed|issued"
    r"|registered|disabled|enabled|applied|reconciled|unchanged|stale|version|v\d|scheduled|loaded|started|finished|completed|granted|attached"
    r"|assigned|cached|refreshed|granted)\b"
)


def prose(found: Found) -> bool:
    """Whether a word in prose is a credential, and no name of one of which something is told."""
    if not looks_secret(found.value) or _misleads(found) or _tells_a_place(found):
        return False
    return not (_NAME.fullmatch(found.value) and _LIVES.match(found.after(60)))


def key_material(found: Found) -> bool:
    return MASK_BEGINS not in found.value and bool(found.value.strip("\\nr \n"))


def told(found: Found) -> bool:
    return not says_nothing(found.value)


def attribute(found: Found) -> bool:
    """Of a whole connection string only the password goes, by its own name."""
    return told(found) and "=" not in found.value.rpartition(";")[0]


_NO_COOKIE = re.compile(r";\s*(?:cf-ray|x-[\w-]+|(?:request|trace|span|correlation)[_-]?id)=")


def cookies(found: Found) -> int:
    """All pairs, up to one that is another header's, or an id's, and is no cookie."""
    other = _NO_COOKIE.search(found.value.lower())
    length = len(found.value[: other.start()].encode()) if other else found.end - found.start
    return length if told(found) else 0
