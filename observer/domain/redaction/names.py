"""Names of people, where something says that they are one's."""

from __future__ import annotations

import re
from functools import lru_cache

from observer.domain.redaction.matching import MASK_BEGINS, Found, Judge, Rule, where
from observer.domain.redaction.words import ALSO_WORDS, FIRST_NAMES, MACHINES

LOGIN = (
    r"user(?:[_ -]?name)?|login(?:[_ -]?name)?|benutzer(?:name)?|usuario"
    r"|utilisateur|nickname"
)
"""Labels of which any plain word is a person's, if it is no machine's."""

PERSON = (
    r"(?:customer|patient|employee|recipient|contact|member|subscriber|student|buyer|shopper|payee"
    r"|passenger|guest|driver|doctor|nurse|person|applicant|beneficiary|reporter|assignee|caller"
    r"|sender|card[_ -]?holder|account[_ -]?holder|holder|client|signatory|author)"
    r"(?:[_ -]?name)?|full[_ -]?name|first[_ -]?name|last[_ -]?name|given[_ -]?name"
    r"|middle[_ -]?name|family[_ -]?name|maiden[_ -]?name|display[_ -]?name|real[_ -]?name|surname"
    r"|fname|lname|attn|vorname|nachname|kunde|name[_ ]of[_ ]\w+"
    r"|nombre|apellidos?|nom|prénom|nome|cognome|cliente|имя|фамилия|клиент|пациент"
    r"|顧客名|顧客|氏名|名前|患者|姓名|客户|고객명?|이름|לקוח|שם|العميل|الاسم|πελάτης|όνομα|klient|pacjent"
    r"|müşteri|asiakas|zákazník|ügyfél|ügyfel|kund|klant|naam|imię|isim|pelanggan|khách hàng"
)
"""Labels of which a capitalised word is a person's."""

PERHAPS = (
    r"name|account|owner|operator|from|to|cc|by|(?:requested|created|approved|updated|signed|reported"
    r"|assigned|acknowledged|modified|owned)[_ -]?(?:by|to)"
)
"""Labels of which only what looks like a whole name is one."""

_WORD = r"\p{Lu}[\p{L}\p{M}'\x{2019}.]*(?:-\p{Lu}[\p{L}\p{M}'\x{2019}]*)*"
_PARTICLE = (
    r"(?:de|del|della|da|das|di|do|dos|du|van|von|der|den|la|le|bin|ibn|al|el|af|zu|ter|y|e)"
)
_NAME = rf"{_WORD}(?:[ +]+(?:{_PARTICLE}[ +]+){{0,2}}{_WORD}){{1,3}}"
_LETTER = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Arabic}\p{Hebrew}\p{Devanagari}\p{Thai}]"
_OTHER = rf"{_LETTER}{{2,}}(?:[ ・]{_LETTER}+)*"
_EITHER = rf"{_NAME}|{_OTHER}|{_WORD}"
_SAYS = r"[\"'\\]*\s*(?:=>|[:=\x{ff1a}])\s*"
_VALUE = (
    r"(?:\\*\"([^\"\\\n]{1,80})\\*\"|'((?:[^'\\\n]|'\p{L}){1,80})'"
    rf"|({_NAME}|{_OTHER}|\p{{L}}[\p{{L}}\p{{M}}\p{{N}}._'\x{{2019}}-]*))"
)
_FIRST = "|".join(sorted(name.capitalize() for name in FIRST_NAMES - ALSO_WORDS))
_PARTICLES = frozenset(_PARTICLE.strip("(?:)").split("|"))
_TITLES = frozenset(
    ("mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "mme", "madame", "señor", "señora")
)


@lru_cache(1024)
def person(value: str, label: str) -> int:
    """How many characters of a labelled value are a person's name."""
    if value.startswith(MASK_BEGINS):
        return 0
    words = list(re.finditer(r"[^\s+,]+", value))
    kept: list[re.Match[str]] = []
    for word in words:
        pieces = re.split(r"[._'\u2019-]+", word.group().lower())
        if any(piece in MACHINES for piece in pieces) or not _lettered(word.group(), label):
            break
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
        or (len(texts) == 1 and _alone(texts[0], label))
    ):
        return kept[titles + len(texts) - 1].end()
    return 0


def _lettered(word: str, label: str) -> bool:
    bare = re.sub(r"[.'\u2019-]", "", word)
    if label == "login" and re.fullmatch(r"[a-z]{4,}\d{1,4}", bare):
        return True
    return bool(bare) and bare.isalpha()


def _named(word: str) -> bool:
    return word[0].isupper() or word[0] > "\u0370" or word in _PARTICLES


def _alone(word: str, label: str) -> bool:
    """Whether one word alone is somebody: the label has to say so."""
    if label == "perhaps" or len(word) < 2:
        return False
    inner = re.sub(r"^(?:Mc|Mac|O['\u2019]|D['\u2019])", "", word)[1:]
    camel = any(c.isupper() for c in re.sub(r"[-.][^\W\d_]", "", inner)) and not word.isupper()
    if camel:
        return False
    return word[0].isupper() or (label == "login" and len(word) > 2 and "-" not in word)


def _judge(label: str) -> Judge:
    return lambda found: len(found.value[: person(found.value, label)].encode())


def _after_word(found: Found) -> int:
    if re.match(r"[-_/\d]", found.after(1)):
        return 0  # the beginning of an id
    value = found.value
    return len(value[: person(value, "person")].encode())


_SPEAKS = (
    rf"{PERSON}|user|member|mr\.?|mrs\.?|ms\.?|miss|dr\.?|prof\.?|herr|frau|mme\.?|monsieur|madame"
    r"|señora?|sra?\.|sig\.|called|on behalf of|c/o|engineer|operator|manager|owner"
    r"|שלום|مرحبا|здравствуйте|привет|你好|こんにちは|merhaba|cześć|ahoj|hej|hei"
)
_INTRODUCES = (
    r"my name is|name's|i am|i'm|this is|je m'appelle|ich heiße|mein name ist|me llamo"
    r"|meu nome é|mi chiamo|меня зовут|(?:reported|requested|assigned|approved|signed|created"
    r"|submitted|escalated|raised|opened|acknowledged|sent|ordered|booked|paid|filed|owned|handed"
    r"|confirmed|cancell?ed|closed|handled) (?:by|to|from|for|off to|over to)"
)

RULES = [
    Rule(
        "name",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{LOGIN})){_SAYS}{_VALUE}",
        _judge("login"),
        hint=rf"(?i)(?:{LOGIN})[\"'\\]*\s*(?:=>|[:=\x{{ff1a}}])",
    ),
    Rule(
        "name",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{PERSON})){_SAYS}{_VALUE}",
        _judge("person"),
        hint=rf"(?i)(?:{PERSON})[\"'\\]*\s*(?:=>|[:=\x{{ff1a}}])",
    ),
    Rule(
        "name",
        rf"(?i:(?:^|[^\p{{L}}\p{{N}}])(?:[\w.-]*[_.-])?(?:{PERHAPS})){_SAYS}{_VALUE}",
        _judge("perhaps"),
        hint=rf"(?i)(?:{PERHAPS})[\"'\\]*\s*(?:=>|[:=\x{{ff1a}}])",
    ),
    Rule(
        "name",
        r"(?i:\b(?:user|username|login|account|for|role))\s+\\*[\"']"
        r"([\p{L}][\p{L}\p{M}\p{N}._'-]*)\\*[\"']",
        _judge("login"),
    ),
    Rule(
        "name",
        r"\b(?i:user|login|account)\s+(\p{Ll}+\.\p{Ll}{2,})\b",
        _judge("login"),
    ),
    Rule(
        "name",
        r"\b(?i:password|publickey|keyboard-interactive\S*|invalid user|session opened"
        r"|session closed) for (?i:invalid user |user )?([\p{L}][\p{L}\p{N}._-]*)",
        _judge("login"),
    ),
    Rule("name", r"\bsudo(?:\[\d+\])?:\s+([\p{L}][\p{L}\p{N}._-]*) : ", _judge("login")),
    Rule(
        "name",
        r"\b(?i:user|login)\s+(\p{L}[\p{L}\p{N}._-]*)\s+"
        r"(?i:logged|signed|has|could|cannot|failed to|tried)",
        _judge("login"),
    ),
    Rule("name", rf"\b(?i:by|to|from|for|with)\s+({_NAME}|{_OTHER})", _judge("perhaps")),
    Rule("name", rf"(?:^|[^\p{{L}}\p{{N}}])(?i:{_SPEAKS})\s+({_NAME}|{_OTHER})", _after_word),
    Rule(
        "name",
        r"(?:^|[^\p{L}\p{N}])(?:(?i:mr|mrs|ms|miss|dr|prof|herr|frau|mme|madame|monsieur|señora?)\.?"
        r"|M\.|[Cc]ustomer|[Pp]atient|[Cc]aller|[Uu]ser)"
        rf"\s+({_WORD})",
        _after_word,
    ),
    Rule(
        "name",
        rf"(?i:{PERSON}|{PERHAPS})\s+\\*[\"']({_NAME}|{_OTHER})\\*[\"']",
        _after_word,
        hint=rf"(?i)(?:{PERSON}|{PERHAPS})\s+\\*[\"']",
    ),
    Rule(
        "name",
        rf"(?i:<(?:\w+:)?(?:\w+[_.-])?(?:{LOGIN}|{PERSON}|{PERHAPS})(?:\s[^<>]*)?>)"
        r"\s*([^<>]{2,80})</",
        _judge("person"),
        hint="</",
    ),
    Rule(
        "name", r"(?i)\b(?:uid|cn|sn|givenname)=([^,=]{2,60}),\s*(?:ou|dc|o|cn)=", _judge("login")
    ),
    Rule("name", rf"\b((?:{_FIRST})[ +]+(?:{_PARTICLE}[ +]+)?{_WORD})", _after_word),
    Rule("name", rf"(?i:{_INTRODUCES})\s+({_EITHER})", _after_word),
    Rule(
        "name",
        r"\b(?i:dear|hi|hello|hey|hola|bonjour|hallo|liebe[rs]?|ciao|guten tag|olá|cher|chère"
        r"|sehr geehrte[rs]?)\s+(?:(?i:mr|mrs|ms|dr|prof|herr|frau)\.?\s+)?"
        rf"({_EITHER})",
        _after_word,
    ),
    Rule(
        "name",
        r"(?i:regards|cheers|thanks|thank you|sincerely|best|grüßen?|cordialement|yours|saludos"
        r"|gracias|merci|danke|grazie"
        r"|obrigad[oa]|tack|takk|dank|pozdrawiam"
        rf"|atenciosamente|saluti)[,!.]?(?:\s|\\+[rnt]|--|—)+({_EITHER})",
        _after_word,
    ),
    Rule(
        "name",
        rf"(?:^|[^\p{{L}}\p{{N}}])({_NAME}|{_OTHER}|{_WORD},\s*{_NAME}|{_WORD}, {_WORD})"
        r"\"?\s*(?:<|&lt;)[^<>\s@]+@",
        where(lambda f: True),
        hint="@",
    ),
    Rule("name", rf"\"({_WORD}, (?:{_NAME}|{_WORD}))\"\s*<", hint=r"\"\s*<"),
    Rule(
        "name",
        rf"({_NAME})[\"']?\s*[,;|]\s*[\"']?[^\s@\"',;|]+@",
        hint="@",
    ),
]
