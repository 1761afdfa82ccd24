"""docs/intake.md does what it says: what Gatus makes of its body is read and placed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from observer.settings.tree import load_tree
from observer.sources import SOURCES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "intake.md").read_text()


def gatus_body(**placeholders: str) -> bytes:
    """The page's body as Gatus fills it in; it quotes quotation marks in the errors only."""
    (text,) = re.findall(r"```yaml gatus\n(.*?)```", PAGE, re.S)
    custom = yaml.safe_load(text)["alerting"]["custom"]
    assert custom["headers"]["Content-Type"] == "application/json"
    body = custom["body"]
    for name, value in placeholders.items():
        assert f"[{name}]" in body
        body = body.replace(f"[{name}]", value)
    return body.encode()


def test_what_gatus_makes_of_the_body_is_about_the_metric_that_the_tree_names() -> None:
    body = gatus_body(
        ENDPOINT_GROUP="Data Latency",
        ENDPOINT_NAME="Redis Freshness Primary",
        ALERT_TRIGGERED_OR_RESOLVED="TRIGGERED",
        ALERT_DESCRIPTION="data is stale",
        RESULT_ERRORS=r"Get \"http://127.0.0.1:1\": connection refused",
    )
    (event,) = SOURCES["gatus"](json.loads(body))
    assert event.message.endswith('data is stale: Get "http://127.0.0.1:1": connection refused')
    tree = load_tree(ROOT / "docs" / "examples")
    assert tree.of_alert(event.labels["alertname"]) == "entity_data_freshness"


def test_every_source_is_on_the_page() -> None:
    for name in SOURCES:
        route = "POST /alerts" if name == "native" else f"POST /alerts/{name}"
        assert f"| `{route}` |" in PAGE
