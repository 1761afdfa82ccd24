"""Rules are compiled when they are first wanted, so their author learns here what is malformed."""

from __future__ import annotations

import pytest

from observer.domain.redaction.matching import Rule, matcher
from observer.domain.redaction.text import PARTS

RULES = [rule for part in PARTS for rule in part.RULES]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_pattern_can_be_compiled(rule: Rule) -> None:
    assert matcher(rule.pattern)
