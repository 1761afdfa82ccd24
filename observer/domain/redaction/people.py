"""Names of people in prose and in logs: who is greeted, who signs, who logs in, who does it."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where
from observer.domain.redaction.names import (
    EITHER,
    FIRST,
    HOST,
    LOGIN,
    NAME,
    OTHER,
    PARTICLE,
    PERSON,
    WORD,
    after_word,
    judged,
)

_SPEAKS = (
    rf"{PERSON}|user|member|mr\.?|mrs\.?|ms\.?|miss|dr\.?|prof\.?|herr|frau|mme\.?|monsieur|madame"
    r"|señora?|sra?\.|sig\.|called|on behalf of|c/o|engineer|operator|manager|owner"
    r"|primary|secondary|on-?call|backup|shift lead"
    r"|שלום|مرحبا|здравствуйте|привет|你好|こんにちは|merhaba|cześć|ahoj|hej|hei"
)
_INTRODUCES = (
    r"paged|notified|pinged|emailed|texted|contacted|informed|messaged|phoned|spoke (?:to|with)"
    r"|my name is|name's|i am|i'm|this is|je m'appelle|ich heiße|mein name ist|me llamo"
    r"|meu nome é|mi chiamo|меня зовут|(?:reported|requested|assigned|approved|signed|created"
    r"|submitted|escalated|raised|opened|acknowledged|sent|ordered|booked|paid|filed|owned|handed"
    r"|confirmed|cancell?ed|closed|handled) (?:by|to|from|for|off to|over to)"
)

_ACTED = (
    r"(?:ack|acked|triggered|run|started|restarted|stopped|executed|updated|changed|merged|deployed"
    r"|reviewed|resolved|silenced|muted|snoozed|taken|claimed|released|rolled back|initiated"
    r"|modified|edited|deleted|paused|unpaused|cleared|launched|overridden|performed|committed"
    r"|queried|invoked|issued|rotated|revoked|granted)"
)
"""What a machine does as well: only a login with a dot is somebody's."""

_NO_LOGIN = re.compile(r"(?:tion|ment|ing|ity|ness|ance|ence|ship|able|ible|ed|ers|ies|ics|data)$")


def _who(found: Found) -> int:
    """In prose `user` stands before things, too: `user enrichment was restarted`."""
    return (
        0 if _NO_LOGIN.search(found.value) or HOST.search(found.value) else judged("login")(found)
    )


RULES = [
    Rule(
        "name",
        r"(?i:\b(?:user|username|login|account|for|role"
        r"|principal))\s+\\*[\"'](?:[A-Z][A-Z0-9-]+\\+)?"
        r"([\p{L}][\p{L}\p{M}\p{N}._'-]*)\\*[\"']",
        judged("login"),
    ),
    Rule(
        "name",
        r"\b(?i:user|login|account)\s+(\p{Ll}+\.\p{Ll}{2,})\b",
        _who,
    ),
    Rule(
        "name",
        r"\b(?i:password|publickey|keyboard-interactive\S*|invalid user|session opened"
        r"|session closed) for (?i:invalid user |user )?([\p{L}][\p{L}\p{N}._-]*)",
        judged("login"),
    ),
    Rule(
        "name",
        r"\b(?i:log-?[io]ns?|sign-?ins?|authentications?|auth) (?:\w+ ){0,2}(?i:for|by|from) "
        r"(?i:user )?(\p{L}[\p{L}\p{N}._-]*)",
        judged("login"),
    ),
    Rule(
        # The common log format's third column.
        "name",
        r"^\S+ \S+ (\p{L}[\p{L}\p{N}._-]*) \[\d\d/\p{L}{3}/\d{4}",
        judged("login"),
        hint=r" \[\d\d/\p{L}{3}/\d{4}",
    ),
    Rule(
        "name",
        rf"(?:(?i:{_INTRODUCES}|{_ACTED} by)\s+|:user/|(?:^|[\s(])@)"
        r"(\p{Ll}+\.\p{Ll}{2,})(?:[,;)\"']|[.:!]?\s|[.:!]?$)",
        judged("login"),
    ),
    Rule(
        "name",
        r"\bsudo(?:\[\d+\])?:\s+([\p{L}][\p{L}\p{N}._-]*) : |\buid=\d+\(([\p{L}][\w.-]*)\)"
        r"|\b(?:as|for|by) user (\p{L}[\p{L}\p{N}._-]*)|\bcredentials for (\p{L}[\w.-]*)@[A-Z]",
        _who,
        hint=r"\bsudo(?:\[\d+\])?: |\buid=\d+\(|(?:as|for|by) user |credentials for ",
    ),
    Rule(
        "name",
        r"\"(?:first|last|given|family|middle)\"\s*:\s*\""
        rf"({EITHER})\"",
        judged("person"),
        hint=r"\"(?:first|last|given|family|middle)\"\s*:\s*\"",
    ),
    Rule(
        "name",
        rf"\b({NAME})\s+(?:wrote|said|commented|acknowledged|acked|approved|confirmed|signed off"
        r"|asked|requested|replied|took over|is on[- ]call|resolved|escalated|noted|is paged)\b",
        judged("perhaps"),
    ),
    Rule(
        "name",
        r"\b(?i:user|username|login|logon|principal)\s+(\p{L}[\p{L}\p{N}._-]*)\s+"
        r"(?:\(|(?:(?i:from|at|with|via|on)\s+)?\[?\d{1,3}\.\d|(?i:from|port|uid|passw|token"
        r"|not found|was"
        r"|is|unknown))",
        _who,
    ),
    Rule(
        # The prefix that PostgreSQL's lines have.
        "name",
        r"\b(\p{L}[\p{L}\p{N}._-]*)@[\w-]+ (?:LOG|ERROR|FATAL|DETAIL|STATEMENT|HINT|WARNING|PANIC"
        r"|CONTEXT|NOTICE):",
        judged("login"),
        hint=r"@[\w-]+ [A-Z]+:",
    ),
    Rule(
        "name",
        r"\b(?i:user|login)\s+(\p{L}[\p{L}\p{N}._-]*)\s+"
        r"(?i:logged|signed|has|could|cannot|failed|tried|denied|attempted|requested|connected"
        r"|disconnected|authenticated|reported|complained|submitted|exceeded|entered|uploaded"
        r"|locked"
        r"|lacks|does)\b",
        _who,
    ),
    Rule(
        "name",
        rf"(?:\b(?i:by|to|from|for|with|call|ring|phone|ask|ping|page|tell|cc)|->)\s+({NAME}|{OTHER})",
        judged("perhaps"),
        cost=3,
    ),
    Rule(
        "name", rf"(?:^|[^\p{{L}}\p{{N}}])(?i:{_SPEAKS}),?\s+({NAME}|{OTHER})", after_word, cost=3
    ),
    Rule(
        "name",
        r"(?:^|[^\p{L}\p{N}])(?:(?i:mr|mrs|ms|miss|dr|prof|herrn?|frau|mme|madame|monsieur"
        r"|señora?|sra?|sig|signora|dhr"
        r"|mevr|pan|pani)\.?"
        r"|M\.|[Cc]ustomer|[Pp]atient|[Cc]aller|[Uu]ser)"
        rf"\s+({WORD})",
        after_word,
    ),
    Rule(
        "name", r"(?i)\b(?:uid|cn|sn|givenname)=([^,=]{2,60}),\s*(?:ou|dc|o|cn)=", judged("login")
    ),
    Rule(
        # As a directory's export has it: a line to an attribute.
        "name",
        rf"(?:^|\n|\\n)(?:sn|gn|initials|gecos)::? +({EITHER})",
        judged("person"),
        hint=r"(?:sn|gn|initials|gecos)::? ",
    ),
    Rule("name", rf"\b((?:{FIRST})[ +]+(?:{PARTICLE}[ +]+)?{WORD})", after_word),
    Rule("name", rf"(?i:{_INTRODUCES})\s+({EITHER})", after_word),
    Rule(
        "name",
        r"\b(?i:dear|hi|hello|hey|hola|bonjour|hallo|liebe[rs]?|ciao|guten tag|olá|chère?"
        r"|estimad[oa]|querid[oa]|car[oa]|prezad[oa]|beste|geachte|kære|käre|hyvä|szanown[ya]"
        r"|уважаем\p{L}+"
        r"|sehr geehrte[rs]?)\s+(?:(?i:mr|mrs|ms|dr|prof|herr|frau|sra?|dhr|mevr|pani?|mme|madame"
        r"|monsieur)\.?\s+){0,2}"
        rf"({EITHER})",
        after_word,
    ),
    Rule(
        "name",
        r"(?i:regards|cheers|thanks|thank you|sincerely|best|grüßen?|cordialement|yours|saludos"
        r"|gracias|merci|danke|grazie"
        r"|obrigad[oa]|tack|takk|dank|pozdrawiam"
        rf"|atenciosamente|saluti)[,!.]?(?:\s|\\+[rnt]|--|—)+({EITHER})",
        after_word,
    ),
    Rule(
        "name",
        rf"(?:^|[^\p{{L}}\p{{N}}])({NAME}|{OTHER}|{WORD},\s*{NAME}|{WORD}, {WORD})"
        r"\"?\s*(?:<|&lt;)[^<>\s@]+@",
        where(lambda f: True),
        hint="@",
    ),
    Rule("name", rf"\"({WORD}, (?:{NAME}|{WORD}))\"\s*<", hint=r"\"\s*<"),
    Rule(
        "name",
        rf"({NAME})"
        r"(?:[\"']?\s*[,;|:]\s*[\"']?|\s+(?:(?:on|at|under|via|unter|au|al)\s+|[-\x{2013}(]\s*)?)"
        r"(?:\+\d|0|\(\d)[\d ().-]{7}",
        judged("perhaps"),
        hint=r"(?:\+\d|0|\(\d)[\d ().-]{7}",
    ),
    Rule(
        # SWIFT: who pays and who is paid, behind the account.
        "name",
        rf":5[09][A-Z]?:(?:/[^\n:]*?)?(?:\s|\\n)+({NAME})",
        judged("person"),
        hint=":5[09][A-Z]?:",
    ),
    Rule(
        # PostgreSQL's detail of a key.
        "name",
        rf"(?i)\((?:{LOGIN}|first_?name|last_?name|name)\b[\w, ]*\)=\(([^,()]+)",
        judged("login"),
        hint=r"\)=\(",
    ),
    Rule(
        "name",
        rf"[,;|\s]\"?({WORD}\"?[,;|]\"?{WORD})\"?[,;|]\"?[^\s@\"',;|]+@",
        hint="@",
    ),
    Rule(
        "name",
        rf"({NAME}|{OTHER})[\"')]?\s+[\"'(\[]?[\w.+-]+@[\w-]+\.",
        judged("perhaps"),
        hint="@",
    ),
    Rule(
        "name",
        rf"mailto:[^<>]*>\s*({NAME}|{OTHER})\s*</",
        hint="mailto:",
    ),
    Rule(
        "name",
        rf"({NAME})[\"']?\s*[,;|]\s*[\"']?[^\s@\"',;|]+@",
        hint="@",
    ),
]
