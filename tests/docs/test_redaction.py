"""docs/redaction.md names every rule, and its proof holds."""

from __future__ import annotations

import re

from observer.domain.redaction import (
    commands,
    emails,
    names,
    numbers,
    people,
    phones,
    secrets,
    tokens,
)
from tests.docs.test_extending import FENCE, ROOT
from tests.security.redaction_lines import lines

PAGE = (ROOT / "docs" / "redaction.md").read_text()
ELSEWHERE = {"ip-address", "encoded", "flood"}
"""Rules that are no row of a table of rules."""


def test_the_page_has_a_row_for_each_rule_and_no_other() -> None:
    rows = set(re.findall(r"^\| `([a-z-]+)` \| ", PAGE.partition("## 3.")[2], re.M))
    parts = (secrets, commands, tokens, numbers, phones, emails, names, people)
    assert rows == {rule.name for part in parts for rule in part.RULES} | ELSEWHERE


def test_what_the_page_shows_is_what_happens() -> None:
    (proof,) = [found["text"] for found in FENCE.finditer(PAGE) if "proof" in found["head"]]
    exec(compile(proof, "docs/redaction.md", "exec"), {})


def test_the_lines_are_as_many_as_the_page_says() -> None:
    said = re.search(r"has over (\d+) lines", PAGE)
    assert said is not None
    assert len(lines("held_out")) + len(lines("tuned")) > int(said[1])
