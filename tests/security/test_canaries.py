"""Secrets and people that the real daemon meets everywhere stand afterwards nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.crash.evidence import config_with, journal_lines
from tests.observer_process import ObserverProcess

pytestmark = pytest.mark.slow

OWN = {
    "OPENAI_API_KEY": "canary+own/key=1ZqX",
    "WAREHOUSE_PASSWORD": "canary own: pass&word 2",
    "OBSERVER_ALARM_SECRET": "canary-alarm-secret-3",
}
HEADER = "canary-header-4f7Kq"
PEOPLE = {
    "email": "canary.person@example.org",
    "phone": "+49 171 5550199",
    "card": "4111 1111 1111 1111",
    "iban": "DE89 3704 0044 0532 0130 00",
    "name": "Canary Birdsong",
}
TOKENS = {"line": "canary-Tok3n-5", "error": "canary-Tok3n-6", "field": "canary-Tok3n-7"}
AUDIT = ["INC-4471", "ORD-2024-000123", "rf_77", "default/sess_88/0123456789abcdef/remedy/0/1"]


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, in addresses, in hexadecimal, and inside base64 wherever it begins."""
    raw = secret.encode()
    yield raw
    yield quote(secret, safe="").encode()
    yield json.dumps(secret)[1:-1].encode()
    yield raw.hex().encode()
    for shift in range(3):
        coded = base64.b64encode(b"x" * shift + raw)
        yield coded[4 if shift else 0 : len(coded) // 4 * 4 - 4]


def said(secret: str) -> str:
    """A line that has it in each form."""
    inside = base64.b64encode(f"k={secret};".encode()).decode()
    return f"{secret} | {quote(secret, safe='')} | {inside} | {secret.encode().hex()}"


def people() -> str:
    return (
        f"customer: {PEOPLE['name']} <{PEOPLE['email']}> {PEOPLE['phone']} card {PEOPLE['card']}"
        f" IBAN {PEOPLE['iban']} mail {quote(PEOPLE['email'])}"
    )


def leaks(places: dict[str, bytes]) -> list[str]:
    secrets = [*OWN.values(), HEADER, *PEOPLE.values(), *TOKENS.values()]
    return [
        f"{secret!r} as {form!r} in {name}"
        for secret in secrets
        for form in forms(secret)
        if len(form) >= 8
        for name, text in places.items()
        if form in text
    ]


def test_nothing_that_the_daemon_meets_is_kept_raw(
    tmp_path: Path, make_observer: Callable[..., ObserverProcess]
) -> None:
    """Cases 48, 49 and 50: raw bytes of every file, with the daemon running and after it ended."""
    folder = tmp_path / "var" / "pipeline"
    folder.mkdir(parents=True)
    canaries = {
        "line": f"login failed password={TOKENS['line']} {said(OWN['OPENAI_API_KEY'])} {people()}"
        f" for {' '.join(AUDIT)}",
        "error": f"token={TOKENS['error']} refused, {said(OWN['WAREHOUSE_PASSWORD'])}",
        "field": f"{TOKENS['field']} {people()}",
    }
    (folder / "canaries.json").write_text(json.dumps(canaries))
    config = config_with(tmp_path, tools="tests.doubles.leaky_tools")
    observer = make_observer(config=config, env=OWN).start()
    # Our own files only: what the tool server was told to say stands in its.
    (folder / "canaries.json").unlink()
    message = (
        f"Error rate elevated: 3.2% (threshold: 1%) {said(OWN['OPENAI_API_KEY'])} {people()}"
        f" for {' '.join(AUDIT)}"
    )
    session = observer.send(
        {
            "severity": "WARNING",
            "stage": "transformation",
            "message": message,
            "labels": {
                "customer": PEOPLE["name"],
                "contact": PEOPLE["email"],
                "api_key": TOKENS["line"],
                said(OWN["WAREHOUSE_PASSWORD"])[:90]: "x",
            },
        }
    )
    headers = {"authorization": f"Bearer {HEADER}", "x-api-key": HEADER, "cookie": f"s={HEADER}"}
    for body in (message.encode(), json.dumps({"message": message}).encode()):
        url = f"{observer.url}/alerts?token={HEADER}"
        answer = httpx.post(url, content=body, headers=headers, timeout=30)
        assert answer.status_code in (400, 415, 422)
    shown = observer.wait_for(session)
    assert leaks({"/sessions": json.dumps(shown, ensure_ascii=False).encode()}) == []

    assert leaks(kept(observer)) == []
    observer.terminate()
    after = kept(observer)
    assert leaks(after) == []

    journal = json.dumps(journal_lines(observer.data_dir))
    assert all(audit in journal for audit in AUDIT)
    fired = [line for line in journal_lines(observer.data_dir) if line.get("redacted")]
    assert {line["kind"] for line in fired} >= {"event", "observation"}
    rules = {rule for line in fired for rule in line["redacted"]}
    assert {"undeclared:debug", "held", "email", "card", "iban", "phone", "name"} <= rules
    assert observer.log.count("does not declare debug of get_stage_metrics") == 1


def kept(observer: ObserverProcess) -> dict[str, bytes]:
    """Every file of the data directory, and all that was printed."""
    files = [path for path in observer.data_dir.rglob("*") if path.is_file()]
    return {**{str(path): path.read_bytes() for path in files}, "log": observer.log.encode()}
