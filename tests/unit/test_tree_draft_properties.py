"""`observer tree draft` on any input: a tree that loads, or a refusal with its line; no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from observer.domain.draft.supervisor import supervised
from observer.domain.draft.supervisor_ini import parse
from observer.domain.draft.tree import draft_tree, scalar
from observer.errors import ConfigurationError
from observer.settings.strict_yaml import load
from tests.drafts import accepted, drafted


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drafts")


SECRET = "Zq7Xw2Kd9Lm4"
NAMES = st.sampled_from(
    ["command", "environment", "numprocs", "process_name", "programs", "KEY_PREFIX"]
)
PERCENTS = "%(ENV_A)s %(here)s %(process_num)02d %(program_name)s %(x)s % %% $A ${A} , ; # = '"
OPTIONS = "--input-topic --output-topic=t1 --topic t1 t2 --consumer-group g -c sh env a b,c"
ADDRESSES = "wss://u:p@h/x redis://h redis://:p/x@h INPUT_TOPIC=t1 OUT_TABLE=t2 --host h:1"
PIECES = st.sampled_from(
    [
        *PERCENTS.split(),
        *OPTIONS.split(),
        *ADDRESSES.split(),
        "KEY=\"v\",B='w'",
        " ",
        "\n  ",
        "\u2028\x85\ufeff\x1b[2J",
        "é𝄞",
    ]
)
VALUES = st.lists(PIECES | st.text(max_size=6), max_size=8).map(" ".join)
SECTIONS = st.sampled_from(
    ["program:a", "program:b", "fcgi-program:a", "group:g", "eventlistener:e", "supervisord", "x"]
)
SETTINGS = st.lists(st.tuples(NAMES, VALUES).map(" = ".join), max_size=4).map("\n".join)
FILES = st.lists(
    st.tuples(SECTIONS, VALUES, SETTINGS).map(
        lambda part: f"[{part[0]}]\ncommand = run {part[1]}\n{part[2]}\n"
    ),
    max_size=5,
).map("".join)


@settings(max_examples=120)
@given(FILES | st.text(max_size=200))
@example("[group:g]\nprograms = a\n  b\n")
def test_any_text_is_drafted_as_a_tree_that_loads_or_refused_with_its_line(
    folder: Path, text: str
) -> None:
    try:
        draft = draft_tree([supervised(parse("any.conf", "/here", text))])
    except ConfigurationError as error:
        file, line, message = str(error).split(":", 2)
        assert file == "any.conf"
        assert 1 <= int(line) <= text.count("\n") + 1
        assert "\n" not in message
        return
    if not draft.nodes:
        assert draft.metrics == ()
        return
    assert set(accepted(draft, folder).nodes) == set(draft.nodes)


@given(st.text())
def test_any_text_as_a_scalar_is_read_back_as_it_was(folder: Path, text: str) -> None:
    path = folder / "scalar.yaml"
    path.write_text(f"key: {scalar(text)}\n", encoding="utf-8")
    assert load(path).value == {"key": text}


SECRET_NAMES = ["REDIS_PASSWORD", "API_TOKEN", "CLIENT_SECRET", "ACCESS_KEY", "PGPASSWD", "auth"]
HOLDERS = st.sampled_from(
    [
        *[f'environment = {name}="{SECRET}"' for name in SECRET_NAMES],
        *[f"command = p --{name.lower().replace('_', '-')} {SECRET}" for name in SECRET_NAMES],
        *[f"command = p --{name}={SECRET} --topic {SECRET}" for name in SECRET_NAMES],
        *[f"command = env {name}={SECRET} {SECRET} --host {SECRET}:80" for name in SECRET_NAMES],
        f"command = sh -c 'TOKEN={SECRET} exec p --input-topic $TOKEN'",
        f"command = p --url wss://u:{SECRET}@feed:1/{SECRET}?token={SECRET}#{SECRET}",
        f"command = p https://{SECRET}@feed redis://:{SECRET}/@r redis://:a@{SECRET}@r",
        f"command = p redis://:{SECRET}@a:1,redis://:{SECRET}@b:2",
        f"command = p --dsn 'host=db password={SECRET}' --password '{SECRET}",
        f"command = p --topic %(ENV_TOKEN)s\nenvironment = TOKEN={SECRET}",
        f"command = p %(oops)s {SECRET}",
        f"command = p {SECRET} 100%",
        f"environment = PASSWORD={SECRET} and more",
        f"stdout_logfile = /log/%(ENV_TOKEN)s\nenvironment = TOKEN={SECRET}",
        f"numprocs = {SECRET}",
    ]
)


@given(st.lists(HOLDERS, min_size=1, max_size=3))
def test_a_secret_is_neither_in_a_draft_nor_in_a_refusal(holders: list[str]) -> None:
    text = "\n".join(["[supervisord]", f"environment = SHARED_TOKEN={SECRET}"])
    text += "\n[program:p]\ncommand = p --input-topic t\n" + "\n".join(holders) + "\n"
    try:
        assert SECRET not in drafted(text).text
    except ConfigurationError as error:
        assert SECRET not in str(error)
