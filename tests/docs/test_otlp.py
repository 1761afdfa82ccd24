"""The page on the mirror names every key and every attribute that is sent."""

from __future__ import annotations

import re

import pytest

from observer.settings.otlp import Otlp
from tests.observer_process import ROOT

PAGE = (ROOT / "docs" / "otlp.md").read_text()
ADAPTER = (ROOT / "observer" / "gateway" / "otlp.py").read_text()


def test_every_attribute_is_on_the_page_and_no_other() -> None:
    pattern = r"(?:gen_ai|llm|tool|input|output|session|openinference|error)\.[a-z_.]+[a-z]"
    sent = set(re.findall(rf'"({pattern})"', ADAPTER))
    assert sent and sent == set(re.findall(rf"`({pattern})`", PAGE))


@pytest.mark.parametrize(
    "file", ["config/observer.yaml", "observer/examples/stack/observer.yaml", "docs/otlp.md"]
)
def test_every_key_is_explained(file: str) -> None:
    text = (ROOT / file).read_text().partition("otlp:")[2]
    assert [key for key in Otlp.model_fields if not re.search(rf"\b{key}: ", text)] == []
