"""Credentials in addresses, in commands and in what is said to a database."""

from __future__ import annotations

import re

from observer.domain.redaction.credentials import STRONG, prose, says_nothing, told
from observer.domain.redaction.matching import Found, Rule, where


def _of_address(found: Found) -> bool:
    """A port and a path with an @ behind them are no password."""
    value = found.value
    return not says_nothing(value) and not re.match(r"\d{1,5}/", value)


def _userinfo(found: Found) -> bool:
    """An image's tag stands in the same way before its digest."""
    return not says_nothing(found.value) and not found.after(8).startswith(("@sha256", "@sha512"))


_PHRASES = re.compile(r"\b(?:ssh-keygen|snmp[a-z]+)\s[^|;\n]*$")
"""Commands that take a passphrase with a letter of their own."""


def _of_request(found: Found) -> bool:
    """What other commands take with -b is a base, a branch, a block's size."""
    return told(found) and not re.match(r"(?i)(?:ou|dc|cn|o|uid)=", found.value)


def _no_reply(found: Found) -> bool:
    """A mail server's answer, as some clients show it, begins with three digits."""
    return told(found) and not re.fullmatch(r"\d{3}(?:-.*)?", found.value)


RULES = [
    Rule(
        "cookie",
        r"\s(?:-b|--cookie)[= ]+[\"']?([\w.-]+=[^\s\"']+)",
        where(_of_request),
        hint=r"\s(?:-b|--cookie)[= ]",
    ),
    Rule(
        "password",
        r"\bmc\s+(?:alias set|config host add)\s+\S+\s+\S+\s+(\S+\s+\S+)",
        where(told),
        hint=r"\bmc\s+(?:alias|config) ",
    ),
    Rule(
        "password",
        r"rabbitmqctl\s+(?:-\S+\s+)*(?:add_user|change_password)\s+\S+\s+[\"']?([^\s\"']+)",
        where(told),
    ),
    Rule(
        "password",
        r"echo\s+(?:-n\s+)?[\"']?([^\s\"'|]+)[\"']?\s*\|[^\n]*?(?:password-stdin|passwd"
        r"|sudo -S|kinit|cryptsetup|passphrase-fd|docker login)",
        where(told),
        hint="echo ",
    ),
    Rule(
        "password",
        r"(?i)\b\w*(?:(?:secret|access|api|private|auth)[._-](?:access[._-])?(?:key|token)"
        r"|account\.key\.[\w.-]+)\s+[\"']?([^\s\"']+)",
        where(prose),
    ),
    Rule(
        "url-password",
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>\[]*:([^\s/?#\"'<>]+)@",
        where(told),
        hint="://[^\\s/@]*@",
    ),
    Rule(
        "url-password",
        r"(?:postgres|postgresql|redis|rediss|mysql|mongodb|amqps?|mongodb\+srv|snowflake"
        r"|clickhouse"
        r"|nats|ldaps?|mssql|oracle|sftp|ftp|mqtts?|smtps?"
        r"|imaps?)://[^\s/:@\"'<>\[]*:([^\s\"'<>@]+)@",
        where(_of_address),
        hint="://[^\\s@]*@",
    ),
    Rule(
        "url-password",
        r"://([A-Za-z0-9_.~-]{16,})(?::[^\s/@]*)?@",
        where(lambda f: "." not in f.value),
        hint="://[^\\s/@]*@",
    ),
    Rule(
        "url-password",
        r"(?:^|[\s\"'=(])[A-Za-z_][\w.-]*:([^\s@/:\[\]\"']{3,})@(?:(?:tcp|unix)\("
        r"|[A-Za-z0-9-]+[.:][\w]|localhost)",
        where(_userinfo),
        hint=r":[^\s@/:]+@[a-z0-9]",
    ),
    Rule(
        "url-password",
        r"\b\w+/([^\s@/\"']+)@(?://)?[\w.-]+(?::\d+)?[/:]\w+",
        where(told),
        hint=r"(?i)sqlplus|jdbc:oracle|impdp|expdp",
    ),
    Rule(
        "password",
        r"(?i)(?:^|\s|\[|\"|')(?:--[\w-]*pass(?:phrase)?|-(?-i:[a-z]{0,9})pass|--?[\w-]*(?:password|passwd|pwd|token|secret|api-?key"
        r"|(?:access|account|storage"
        r"|shared|master|signing|encryption|license|secret|private|auth)-?key|credentials?))(?:="
        r"|\s+|[\"'],\s*[\"'])[\"']?([^\s\"',]+)",
        where(told),
        hint=r"(?i)\s-\w*pass|-(?:-[\w-]*)?(?:pass|pwd|token|secret|[a-z]*key|cred)",
    ),
    Rule(
        "password",
        r"(?i)(?:identified\s+(?:with\s+\w+\s+)?by(?:\s+password)?"
        r"|\b(?:password|passphrase|passcode|passwort|kennwort|(?:security|secret) answer)"
        r"(?:\s|\s*\())\s*\\*[\"']([^\"'\\\n]+)\\*[\"']",
        where(told),
        hint=r"(?i)identified|(?:passw|passp|passc|kennw|answer)\w*\s*[( ]",
    ),
    Rule(
        "password",
        r"(?i)(?:requirepass|masterauth|primaryauth)[\"']?\s+\\*[\"']?([^\s\"'\\]+)",
        where(told),
        hint="(?i)requirepass|masterauth|primaryauth",
    ),
    Rule(
        "password",
        r"\bAUTH[\"']?\s+[\"']?(?:[\w-]+[\"']?\s+[\"']?)?([^\s\"']{6,})",
        where(prose),
        hint="AUTH[\"']? ",
    ),
    Rule("password", r"\blogin\s+\S+\s+password\s+(\S+)", where(told), hint="login "),
    Rule(
        "password",
        r"(?:mysql|mariadb|beeline|sqlcmd|\bbcp|sshpass|az login|openssl|docker login"
        r"|podman login|helm registry login|\bldap[a-z]+|\b7za?|\b(?:un)?zip|\brar"
        r"|ipmitool|smbclient|mongo|cqlsh|curl ftp)[^\n|;]*?\s-[kpPw]\s?[\"']?([^\s\"'-][^\s\"']*)",
        where(lambda f: not f.value.isdigit() and not says_nothing(f.value)),
        hint=r"\s-[kpPw]",
    ),
    Rule(
        # Whatever asks for a user and takes -p asks for a password.
        "password",
        r"\s(?:-u|-U|-l|--?user(?:name)?|--login)[= ]?[\"']?[\w.@-]+[\"']?\s[^\n|;]*?\s?-p\s?[\"']?"
        r"([^\s\"'-][^\s\"']*)",
        where(lambda f: not f.value.isdigit() and prose(f)),
        hint=r"\s-p",
    ),
    Rule(
        "password",
        r"redis-(?:cli|benchmark)[^\n|;]*?\s(?:-a|--pass)\s+[\"']?([^\s\"']+)",
        where(told),
        hint="redis-(?:cli|bench)",
    ),
    Rule(
        "password",
        r"\s(?:-u|--user|--proxy-user|--auth|--creds)[= ]+[\"']?[^\s:\"']+:([^\s\"']+)",
        where(lambda f: told(f) and not re.match(r"\w+://", f.value)),
        hint=r"\s(?:-u|--user|--proxy-user|--auth|--creds)[= ]",
    ),
    Rule(
        "password",
        r"\b[\w.*-]+:(?:5432|5433|6432|3306|\*):[\w*-]+:[\w*-]+:(\S+)",
        where(told),
        hint=r":(?:5432|5433|6432|3306|\*):",
    ),
    Rule(
        "password",
        r"(?:hadoop\s+credential\s+create\s+\S+\s+-value|\bnet use\s[^\n]*?/user:\S+"
        r"|\baddauth\s+digest\s+[^\s:]+:|\bHELLO\s+[23]\s+AUTH\s+\S+"
        r"|\bSETUSER\s+\S+[^\n]*?\s>|\blftp\s[^\n]*?-u\s+[^\s,]+,"
        rf"|\b(?:ENV|ARG|setenv)\s+\w*(?i:{STRONG}))\s*[\"']?([^\s/\"']+)"
        r"|\bnet use\s+(?:\w:\s+)?\\\\\S+\s+([^\s/\"']+)\s+/user:",
        where(told),
        hint=r"-value |net use |addauth |HELLO [23]|SETUSER |lftp |\b(?:ENV|ARG|setenv) ",
    ),
    Rule(
        "password",
        r"\s-[PNAX]\s+[\"']?([^\s\"'-][^\s\"']*)",
        where(lambda f: told(f) and _PHRASES.search(f.before(200)) is not None),
        hint=r"ssh-keygen\s|snmp\w+\s",
    ),
    Rule(
        # A here-string, to what reads a password from its input.
        "password",
        r"(?i)\b(?:passw|pass-?phrase|sudo -S|kinit|login|stdin|cryptsetup|secret|token|auth)"
        r"[^\n]*<<<\s*(?:\$?[\"']([^\"'\n]+)[\"']|([^\s\"';|&]+))",
        where(_no_reply),
        hint="<<<",
    ),
]
