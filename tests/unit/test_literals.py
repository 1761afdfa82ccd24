"""The fixed text of a pattern: never more than every match contains, and enough to tell lines."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from observer.domain.literals import SHORTEST, TooBroad, mandatory_literals
from observer.domain.patterns import compile_pattern
from tests.unit.patterns_and_lines import CHARACTERS, CRUMBS, SAMPLES, Sample, accepted, least_cpu_s

AROUND = st.text(alphabet=CHARACTERS, max_size=3)


def literals_are_in(pattern: str, line: str) -> None:
    try:
        literals = mandatory_literals(pattern)
    except TooBroad:
        return
    assert literals
    assert all(len(literal) >= SHORTEST for literal in literals)
    if compile_pattern(pattern).search(line):
        assert any(literal in line.casefold() for literal in literals)


@given(SAMPLES, AROUND, AROUND)
@settings(max_examples=400)
@example(("(?i)kiss", "KI\u017fS"), "", "")
@example(("((?i)pool) exhausted|(?i)ΣΑΣ", "pool exhausted"), "", "")
@example(("a(?i)bcd|efgh", "EFGH"), "", "")
def test_every_line_that_a_pattern_matches_contains_one_of_its_literals(
    sample: Sample, before: str, after: str
) -> None:
    pattern, text = sample
    assume(accepted(pattern))
    literals_are_in(pattern, before + text + after)


@given(
    CRUMBS, st.lists(st.sampled_from(["abcd", "ABCD", "Kiss", "ki\u017f\u017f", "k", ".", "\\"]))
)
@settings(max_examples=300)
@example(r"\Qab\Ecd*efgh", ["ab", "c", "efgh"])
@example(r"abcd\Q\E*", [])
def test_no_pattern_that_re2_takes_is_misread(pattern: str, words: list[str]) -> None:
    """Either it is too broad or its literals are sound; nothing else is ever raised."""
    assume(accepted(pattern))
    literals_are_in(pattern, "".join(words))


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("Redis connection pool exhausted", {"redis connection pool exhausted"}),
        ("WebSocket disconnected.*reconnecting", {"websocket disconnected"}),
        ("short.*the longer part", {"the longer part"}),
        (
            "(unexpected field|unknown column) 'legacy_id'",
            {"unexpected field 'legacy_id'", "unknown column 'legacy_id'"},
        ),
        ("deadlock|lock wait timeout", {"deadlock", "lock wait timeout"}),
        ("(timeout|refused|reset) by .+|broken pipe", None),
        ("(?i)Out Of Memory", {"out of memory"}),
        ("(?i:OOM)-killer", {"oom-killer"}),
        (r"pid \d+ killed", {" killed"}),
        (r"error\[E\d+\]", {"error[e"}),
        (r"\Qa.b*c\E+ d.e", {"a.b*"}),
        (r"https?://", {"http://", "https://"}),
        ("(connection )?refused", {"refused"}),
        ("(?:re)+try!", {"try!"}),
        ("ab{3}c", {"abbbc"}),
        (r"^\[ERROR\] disk", {"[error] disk"}),
        ("[eE]rror", {"error"}),
        (r"\x64\x{69}\163k full", {"disk full"}),
        ("Straße gesperrt", {"strasse gesperrt"}),
        ("(?i)Straße gesperrt", {"e gesperrt"}),
        ("(?i)(Straße) gesperrt", {" gesperrt"}),
        ("((?i)oom )Straße", {"oom strasse"}),
        ("[^k]abcd", {"abcd"}),
        ("[^]k]abcd", {"abcd"}),
        ("[[:digit:]]abcd", {"abcd"}),
        ("abcde*", {"abcd"}),
        ("abcd?efgh+", {"abcefg", "abcdefg"}),
    ],
)
def test_the_longest_text_that_is_bound_to_be_there_is_found(
    pattern: str, literals: set[str] | None
) -> None:
    if literals is None:
        literals = {"timeout by ", "refused by ", "reset by ", "broken pipe"}
    assert mandatory_literals(pattern) == literals


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (".*", "there is none"),
        ("", "there is none"),
        ("OOM", "'oom' is all"),
        ("connection refused|.*", "there is none"),
        ("connection refused|OOM", "'oom' is all"),
        ("(connection refused)?", "there is none"),
        ("(connection refused)*", "there is none"),
        ("(connection refused){0,5}", "there is none"),
        (r"\w+ \w+", "' ' is all"),
        ("[a-z]{20}", "there is none"),
        ("(?i)übërläüfe", "'rl' is all"),
        (r"\p{Greek}+", "there is none"),
    ],
)
def test_a_pattern_without_a_telling_text_in_each_alternative_is_too_broad(
    pattern: str, found: str
) -> None:
    """Case 69."""
    with pytest.raises(TooBroad, match="too broad: ") as refused:
        mandatory_literals(pattern)
    assert "at least 4 characters" in str(refused.value)
    assert str(refused.value).endswith(found)


@pytest.mark.parametrize("pattern", ["(?<=a)bcde", r"(abcd)\1", "abcd(", "abcd**"])
def test_what_is_not_re2_is_refused_as_that(pattern: str) -> None:
    with pytest.raises(ValueError, match="not an RE2 pattern"):
        mandatory_literals(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "(" * 2000 + "abcd" + ")" * 2000,
        "(((((a{5}){5}){5}b)*c)+d{9}e+){2}",
        "|".join(f"error number {i}" for i in range(500)),
        "[ab][ab][ab][ab]" * 200 + "tail",
        "(ab|cd|ef|gh)" * 200,
        "x" * 20_000,
        "(a+)+$" * 200 + "tail",
        "a?" * 500 + "a" * 500,
        "[^]]" * 1000 + "tail",
    ],
    ids=["deep", "powers", "many", "classes", "products", "long", "evil", "optional", "brackets"],
)
def test_no_pattern_takes_long_to_load(pattern: str) -> None:
    """Case 72."""

    def load() -> None:
        try:
            mandatory_literals(pattern)
        except ValueError as error:
            assert "too broad" in str(error) or "not an RE2 pattern" in str(error)

    assert least_cpu_s(load) < 0.05
