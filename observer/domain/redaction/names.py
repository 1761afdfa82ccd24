"""Names of people, where something says that they are one's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from observer.domain.redaction.matching import MASK_BEGINS, Found, Judge, Rule
from observer.domain.redaction.words import ALSO_WORDS, FIRST_NAMES, MACHINES, is_thing

LOGIN = (
    r"user(?:[._ -]?name)?|user[_ -]?login|log[io]n(?:[_ -]?name)?|benutzer(?:name)?|usuario"
    r"|utilisateur|nickname"
)
"""Labels of which any plain word is a person's, if it is no machine's."""

PERSON = (
    r"(?:cust|consignee|traveller|tenant|landlord|attendee|candidate|requester|requestor|approver"
    r"|submitter|customer|patient|employee|recipient|contact|member|subscriber|student|buyer"
    r"|shopper|payee"
    r"|passenger|guest|driver|doctor|nurse|person|applicant|beneficiary|reporter|assignee|caller"
    r"|sender|card[_ -]?holder|account[_ -]?holder|holder|client|signatory|author)"
    r"(?:[_ -]?name)?|full[_ -]?name|first[_ -]?name|last[_ -]?name|given[_ -]?name"
    r"|middle[_ -]?name|family[_ -]?name|maiden[_ -]?name|display[_ -]?name|real[_ -]?name|surname"
    r"|fname|lname|attn|vorname|nachname|kunde|kundin|kundenname"
    r"|ansprechpartner|empfänger|inhaber|titular|titulaire|destinatario|destinataire"
    r"|name[_ ]o[fn][_ ]\w+|ship[_ -]?to|bill[_ -]?to|sold[_ -]?to|deliver[_ -]?to|payer|debtor"
    r"|creditor|addressee|policy[_ -]?holder|claimant|kontoinhaber|absender|mitarbeiter(?:in)?"
    r"|bearbeiter(?:in)?|responsable|utente|usuária"
    r"|nombre|apellidos?|nom|prénom|nome|cognome|cliente|имя|фамилия|клиент|пациент"
    r"|顧客名|顧客|氏名|名前|患者|姓名|客户|고객명?|이름|לקוח|שם|العميل|الاسم|πελάτης|όνομα|klient|pacjent"
    r"|müşteri|asiakas|zákazník|ügyfél|ügyfel|kund|klant|naam|imię|isim|pelanggan|khách hàng"
)
"""Labels of which a capitalised word is a person's."""

PERHAPS = (
    r"name|account|owner|operator|from|to|cc|by|\w{2,12}(?:ed|en|t)[_ -]?(?:by|to|for)|backup"
    r"|primary"
    r"|secondary|on-?call|lead|actor|agent|initiator|responder|resolver|committer|maintainer"
    r"|reviewer|manager|supervisor|engineer|representative|organi[sz]er|participant"
    r"|contact[_ ]person"
    r"|hand-?(?:over|off)"
    r"|mother|father|spouse|next of kin|resp|deputy|handler|auditor|principal|subject"
)
"""Labels of which only what looks like a whole name is one."""

_PERHAPS_HINT = PERHAPS.replace(r"\w{2,12}(?:", "(?:")
"""A count of letters that may begin anywhere costs a hint a state for each that it has seen."""

WORD = r"\p{Lu}[\p{L}\p{M}'\x{2019}.]*(?:-\p{Lu}[\p{L}\p{M}'\x{2019}]*)*"
PARTICLE = r"(?:de|del|della|da|das|di|do|dos|du|van|von|der|den|la|le|bin|ibn|al|el|af|zu|ter|y|e)"
NAME = rf"{WORD}(?:[ +]+(?:{PARTICLE}[ +]+){{0,2}}{WORD}){{1,3}}"
_LETTER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Thai}]"
OTHER = rf"{_LETTER}{{2,}}(?:[ ・]{_LETTER}+)*"
EITHER = rf"{NAME}|{OTHER}|{WORD}"
_SAYS = r"[\"'\\]*\s*(?:=>|[:=\x{ff1a}]|\t)\s*"
_CELL = r"[\"'\\]*\s*(?:=>|[:=|\x{ff1a}]|\t)\s*"
VALUE = (
    r"(?:\\*\"([^\"\\\n]{1,80})\\*\"|'((?:[^'\\\n]|'\p{L}){1,80})'"
    rf"|({NAME}|{OTHER}|{WORD}, {WORD}|\p{{L}}[\p{{L}}\p{{M}}\p{{N}}._'\x{{2019}}-]*))"
)
_LABELS = re.compile(rf"(?i:{LOGIN}|{PERSON}|{PERHAPS}|tel|phone|e?-?mail|id|ref|order)")
_SURE_FIRST = FIRST_NAMES - ALSO_WORDS
FIRST = "|".join(sorted(name.capitalize() for name in _SURE_FIRST))
_PARTICLES = frozenset(PARTICLE.strip("(?:)").split("|"))
_TITLES = frozenset(
    (
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "prof",
        "herr",
        "frau",
        "mme",
        "madame",
        "señor",
        "señora",
        "sr",
        "sra",
        "sig",
        "signora",
        "monsieur",
    )
)


HOST = re.compile(
    r"^(?:com|org|net|io|java|javax|scala|www|api)\.|\.(?:io|com|net|org|dev|ai|app|local|cloud|internal"
    r"|eu|de|fr|uk|sh|py|js|go|sql|yaml|yml|json|csv|log|txt|conf|toml|ini|md|sock)$"
)
"""What stands beside a dot in hosts, packages and files."""


@lru_cache(1024)
def person(value: str, label: str) -> int:
    """How many characters of a labelled value are a person's name."""
    if value.startswith(MASK_BEGINS):
        return 0
    words = list(re.finditer(r"[^\s+,]+", value))
    if any(word.group().lower().rstrip(".") in _COMPANIES for word in words):
        return 0
    kept: list[re.Match[str]] = []
    known = False
    for word in words:
        pieces = re.split(r"[._'\u2019-]+", word.group().lower())
        if any(piece in MACHINES for piece in pieces) or not _lettered(word.group(), label):
            break
        if not known and any(map(is_thing, pieces)):
            break
        known = known or pieces[0] in _SURE_FIRST
        kept.append(word)
    texts = [word.group() for word in kept]
    while texts and texts[-1] in _PARTICLES:
        texts.pop()
    titles = sum(text.lower().rstrip(".") in _TITLES for text in texts)
    if titles == len(texts):
        return 0
    texts = texts[titles:]
    whole = len(texts) > 1 or texts[0][0] > "\u0370"
    known = re.split(r"[._-]", texts[0].lower())[0] in FIRST_NAMES
    cut = len(texts) < len(words)
    if len(texts) > 1 and not all(_named(text) for text in texts):
        whole = known and label != "perhaps"
    if (
        whole
        or (known and (label != "perhaps" or not cut))
        or (len(texts) == 1 and _alone(texts[0], label) and not _calls_a_thing(words, kept, label))
    ):
        return kept[titles + len(texts) - 1].end()
    return 0


def _calls_a_thing(
    words: Sequence[re.Match[str]], kept: Sequence[re.Match[str]], label: str
) -> bool:
    """Whether a capitalised word of things goes on with a name that no first name begins."""
    following = "".join(word.group() for word in words[len(kept) :][:1])
    return label != "login" and following[:1].isupper() and is_thing(following.lower())


_COMPANIES = frozenset(
    ("gmbh", "ltd", "limited", "inc", "llc", "llp", "plc", "corp", "ag", "sa", "bv", "nv", "oy")
)


def _lettered(word: str, label: str) -> bool:
    bare = re.sub(r"[.'\u2019-]", "", word)
    if label == "login" and re.fullmatch(r"[a-z]{2,}(?:_[a-z]{2,})+", bare):
        return True
    if label == "login" and re.fullmatch(r"[a-z]{4,}\d{1,4}|[a-z]{2,}\d{1,2}[a-z]{2,}", bare):
        return not re.fullmatch(r"[0-9a-f]+", bare)
    return bool(bare) and bare.isalpha()


def _named(word: str) -> bool:
    return word[0].isupper() or word[0] > "\u0370" or word in _PARTICLES


def _alone(word: str, label: str) -> bool:
    """Whether one word alone is somebody: the label has to say so."""
    if re.fullmatch(r"[a-z]+\.[a-z]{2,}", word) and label != "login":
        return HOST.search(word) is None
    if label == "perhaps" or len(word) < 2:
        return False
    inner = re.sub(r"^(?:Mc|Mac|O['\u2019]|D['\u2019])", "", word)[1:]
    camel = any(c.isupper() for c in re.sub(r"[-.][^\W\d_]", "", inner)) and not word.isupper()
    if camel:
        return False
    return word[0].isupper() or (label == "login" and len(word) > 2 and "-" not in word)


_OF_THINGS = re.compile(
    r"(?:service|app|application|component|system|team|product|project|dashboard|datasource|panel"
    r"|job|check|rule|alert|alertname|queue|topic|table|stage|node|host|cluster|namespace|pipeline"
    r"|dag|task|environment|region|database|tool|module|package|plugin|exporter|collector|vendor"
    r"|provider|platform|squad|group|channel|schedule|policy|integration|monitor)"
    r"(?:[ _.-]?(?:name|title))?\\*[\"']?\s*[=:]+\s*\\*[\"']?$"
)
"""Labels of what is no person, whatever it is called."""


def _of_somebody(found: Found, length: int) -> int:
    return 0 if length and _OF_THINGS.search(found.before(48)) else length


def judged(label: str) -> Judge:
    return lambda found: _people(found, label)


def _people(found: Found, label: str) -> int:
    """Without the next label, where one stands right behind a name: `first=Jo last=Ek`."""
    value, behind = found.value, found.after(3).lstrip(" ")
    if behind[:1] in ("/", ":") and re.match(r"([/:])[^\s/:]+\1", found.after(80)):
        return 0  # the first part of a path, or of an id
    before, _, last = value.rpartition(" ")
    if before and re.match(r"[-_/]?\d", behind):
        value = before  # what stands behind it is an id: `by Jo Ek INC-7`
    if behind[:1] == "=" or (
        behind[:1] == ":" and (behind[1:2].strip() or _LABELS.fullmatch(last.rstrip(".")))
    ):
        value = before or value
    return _of_somebody(found, len(value[: person(value, label)].encode()))


def after_word(found: Found) -> int:
    value = found.value
    if re.match(r"[-_/\d]", found.after(1)):
        value = value.rpartition(" ")[0]  # the last word is the beginning of an id
    if not value:
        return 0
    return _of_somebody(found, len(value[: person(value, "person")].encode()))


RULES = [
    Rule(
        "name",
        rf"(?i:(?:^"
        rf"|[^\p{{L}}\p{{N}}/])(?:[\w.-]*[_.-])?(?:{LOGIN})){_CELL}(?:[A-Z][A-Z0-9-]+\\+)?{VALUE}",
        judged("login"),
        hint=rf"(?i)(?:{LOGIN})[\"'\\]*\s*(?:=>|[:=|\t\x{{ff1a}}])",
    ),
    Rule(
        "name",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{PERSON})){_CELL}{VALUE}",
        judged("person"),
        hint=rf"(?i)(?:{PERSON})[\"'\\]*\s*(?:=>|[:=|\t\x{{ff1a}}])",
    ),
    Rule(
        "name",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{PERHAPS})){_SAYS}{VALUE}",
        judged("perhaps"),
        hint=rf"(?i)(?:{_PERHAPS_HINT})[\"'\\]*\s*(?:=>|[:=\t\x{{ff1a}}])",
    ),
    Rule(
        "name",
        rf"(?i:{PERSON}|{PERHAPS})\s+\\*[\"']({NAME}|{OTHER})\\*[\"']",
        after_word,
        hint=rf"(?i)(?:{PERSON}|{_PERHAPS_HINT})\s+\\*[\"']",
    ),
    Rule(
        "name",
        rf"(?i:<(?:\w+:)?(?:\w+[_.-])?(?:{LOGIN}|{PERSON}|{PERHAPS})(?:\s[^<>]*)?>)"
        r"\s*([^<>]{2,80})</",
        judged("person"),
        hint="</",
    ),
]
