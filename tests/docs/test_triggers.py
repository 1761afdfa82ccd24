"""docs/triggers.md does what it says: its settings are read; every key and word stands in it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from observer.domain.appended import LINE_LIMIT
from observer.domain.cron import MOST_MISSED, ON_TIME
from observer.settings import triggers
from observer.settings.triggers import Triggers
from observer.triggers import cron, files, outcomes, tail

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "triggers.md").read_text()


def test_the_settings_of_the_page_are_read() -> None:
    (text,) = re.findall(r"```yaml triggers\n(.*?)```", PAGE, re.S)
    read = Triggers.model_validate(yaml.safe_load(text)["triggers"])
    assert [len(read.cron), len(read.files), len(read.outcomes)] == [1, 2, 1]


def test_the_settings_that_ship_commented_out_are_read() -> None:
    for name in ("config/observer.yaml", "observer/examples/stack/observer.yaml"):
        lines = (ROOT / name).read_text().splitlines()
        begin = lines.index("# triggers:")
        commented = [line.removeprefix("# ") for line in lines[begin:]]
        end = next(i for i, line in enumerate(commented) if lines[begin + i][:1] != "#")
        read = Triggers.model_validate(yaml.safe_load("\n".join(commented[:end]))["triggers"])
        assert read.cron
        assert read.files


def test_every_key_word_and_source_is_on_the_page() -> None:
    models = ("CronTrigger", "FileTrigger", "OutcomeTrigger", "When", "RaisedEvent")
    keys = {key.rstrip("_") for model in models for key in getattr(triggers, model).model_fields}
    words = {
        *triggers.CRON_WORDS,
        *triggers.LINE_WORDS,
        *triggers.CHANGE_WORDS,
        *triggers.OUTCOME_WORDS,
    }
    sources = {cron.SOURCE, files.SOURCE, outcomes.SOURCE}
    for name in sorted(keys | words | sources):
        assert re.search(rf"`{name}|\b{name}:", PAGE), name


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"at most {ON_TIME.total_seconds():.0f} s late" in PAGE
    assert f"the newest {MOST_MISSED} are raised" in PAGE
    assert f"over {LINE_LIMIT // 1024} KiB" in PAGE
    assert f"over {tail.CONTENT_LIMIT >> 20} MiB" in PAGE
