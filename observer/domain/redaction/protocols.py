"""Credentials in forms of their own: of Redis, of directories, of Hadoop, of Terraform."""

from __future__ import annotations

from observer.domain.redaction.credentials import STRONG, in_assignment, told
from observer.domain.redaction.matching import Rule, where

_QUOTED = r"\\*\"((?:[^\"\\\n]|\\[^\"])+)\\*\""

RULES = [
    Rule(
        # As MONITOR and clients' traces show a command.
        "password",
        r"(?i)\\*\"(?:auth\\*\"(?:\s+\\*\"[^\"\\\s]*\\*\")?|(?:requirepass|masterauth)\\*\")\s+"
        rf"{_QUOTED}",
        where(told),
        hint=r"(?i)\"(?:auth|requirepass|masterauth)\\*\"\s",
    ),
    Rule(
        "password-hash",
        r"(?i)\{(?:s?sha\d*|s?md5|s?crypt|blf-crypt|sha\d+-crypt|pbkdf2[\w-]*|argon2\w*|bcrypt)\}"
        r"([./A-Za-z0-9+$=,-]{12,})",
        where(told),
        hint=r"(?i)\{(?:s?sha|s?md5|s?crypt|blf|pbkdf2|argon2|bcrypt)",
    ),
    Rule(
        # Properties of Hadoop and Hive, and maps of Spring.
        "password",
        rf"(?i)<(?:name|key)>\s*[\w.:-]*(?:{STRONG})\s*</(?:name|key)>\s*(?:\\n\s*)?"
        r"<(?:value|string)>\s*([^<>\s][^<>]*)</",
        where(in_assignment),
        hint=r"(?i)</(?:name|key)>\s*(?:\\n\s*)?<(?:value|string)>",
    ),
    Rule(
        # What Terraform made up, and what it was told to keep to itself.
        "password",
        rf"random_password[^}}]{{0,200}}?\bresult[\"'\\]*\s*[=:]\s*{_QUOTED}"
        rf"|\"sensitive\\*\":\s*true,\s*(?:\\*\"type\\*\":\s*[^,]*,\s*)?\\*\"value\\*\":\s*{_QUOTED}"
        rf"|\bvalue\s*=\s*{_QUOTED}(?:\s|\\n)*sensitive\s*=\s*true",
        where(told),
        hint=r"random_password|sensitive\W{1,6}true",
    ),
]
