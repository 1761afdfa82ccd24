"""Credentials known by how they begin, and addresses that are credentials themselves."""

from __future__ import annotations

import re

from observer.domain.redaction.matching import Found, Rule, where

_BEGINNINGS = (
    r"(?:AKIA|ASIA|AGPA|AROA|AIDA|ANPA|ANVA|AIPA|ABIA|ACCA)[A-Z0-9]{12,}",
    r"gh[pousr]_[A-Za-z0-9]{16,}",
    r"github_pat_\w{20,}",
    r"gl(?:pat|ptt|dt|rt|cbt|ft|agent|oas|soat|imt|ffct)-[\w-]{12,}",
    r"xox[abceoprs](?:\.xox[bp])?-[\w-]{8,}",
    r"xapp-\d-[\w-]{8,}",
    r"(?:sk|rk|pk)_(?:live|test|prod)_\w{8,}",
    r"whsec_[A-Za-z0-9+/=]{12,}",
    r"sk-[\w-]{12,}",
    r"AIza[\w-]{20,}",
    r"ya29\.[\w-]{12,}",
    r"GOCSPX-[\w-]{12,}",
    r"1//0[\w-]{20,}",
    r"npm_[A-Za-z0-9]{24,}",
    r"pypi-[\w-]{24,}",
    r"rubygems_[0-9a-f]{24,}",
    r"do[opr]_v1_[0-9a-f]{24,}",
    r"hf_[A-Za-z0-9]{20,}",
    r"SG\.[\w-]{12,}\.[\w-]{12,}",
    r"SK[0-9a-f]{32}",
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}",
    r"sq0(?:atp|csp|idp)-[\w-]{16,}",
    r"EAAA[\w-]{40,}",
    r"dapi[0-9a-f]{24,}",
    r"dckr_(?:pat|oat)_[\w-]{16,}",
    r"hv[sbr]\.[\w-]{12,}",
    r"AT(?:ATT|CTT|BB)[\w=-]{16,}",
    r"(?:lin_api|lin_oauth|lsv2_pt|lsv2_sk|glsa|glc|sntrys|sntryu|sbp|secret|ntn|figd|gsk|r8|rpa"
    r"|tvly"
    r"|fo1|bkua|phx|phc|vcp|pscale_tkn|pscale_pw|nfp|shippo_live|rdme|xkeysib|fly|ops"
    r"|dt0c01)_[\w=-]{20,}",
    r"(?:PMAK|NRAK|NRAA|NRJS|nvapi|xai|pplx|tskey-[a-z]+|pul|dp\.(?:pt|st|ct|sa)|AGE-SECRET-KEY"
    r"|LTAI|FlyV1|mfa|key-live)"
    r"[-.][\w.-]{16,}",
    r"EZ[AT]K[a-z0-9]{40,}",
    r"A3-[A-Z0-9]{6}-[A-Z0-9-]{20,}",
    r"v1\.[0-9a-f]{40}",
    r"key-[0-9a-z]{32}",
    r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{12,}",
    r"FwoGZXIvYXdz[\w+/=]+",
)


def _random(found: Found) -> bool:
    """A name of several words with such a beginning is a name."""
    value = found.value
    if re.fullmatch(r"A[KS]IA[A-Z2-7]{16}", value):
        return True
    return any(c.isdigit() for c in value) or (
        value != value.lower() and not re.fullmatch(r"[A-Z_]+", value)
    )


RULES = [
    Rule("token", r"\b(?:" + "|".join(_BEGINNINGS) + ")", where(_random)),
    Rule("token", r"\b\d{8,10}:[A-Za-z0-9_-]{30,}\b", where(_random)),
    Rule(
        "token",
        r"A[KS]IA[A-Z0-9]{12,16}[^A-Za-z0-9\n]{1,12}([A-Za-z0-9/+]{40})\b",
        where(lambda f: re.search("[A-Z]", f.value) is not None),
        hint="A[KS]IA",
    ),
    Rule("token", r"bot(\d{6,10}:[A-Za-z0-9_-]{20,})", hint=r"bot\d+:"),
    Rule("token", r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/]+)"),
    Rule("token", r"discord(?:app)?\.com/api/webhooks/\d+/([\w-]+)"),
    Rule("token", r"(?:webhook\.office\.com|outlook\.office\.com)/webhook\w*/([\w@/-]+)"),
]
