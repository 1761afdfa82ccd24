"""Random RE2 patterns, each with a text that it is likely to match."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import strategies as st

from observer.domain.patterns import compile_pattern

Sample = tuple[str, str]
"""A pattern and a text."""

CHARACTERS = "abk\u212asSxZ 0_-é߯Σς\u017f\u212aİ\u0131ẞ"
WORDS = [
    "pool exhausted",
    "\u212aosten",
    "disconnected",
    "ßtraße",
    "ΣΑΣ",
    "kiss",
    "aaaa",
    "a" * 120,
]


def _character(c: str) -> st.SearchStrategy[Sample]:
    escaped = "\\" + c if c.isascii() and not c.isalnum() else c
    written = [escaped, f"\\x{{{ord(c):x}}}", f"[{escaped}]", f"\\Q{c}\\E"]
    if ord(c) < 0o1000:
        written.append(f"\\{ord(c):03o}" if ord(c) < 0o100 else f"\\x{{{ord(c):04X}}}")
    return st.tuples(st.sampled_from(written), st.just(c))


CLASSES: list[Sample] = [
    (r"\d", "7"),
    (r"\w", "k"),
    (r"\W", " "),
    (r"\s", " "),
    (r"\pL", "\u017f"),
    (r"\p{Greek}", "Σ"),
    (r"\PL", "0"),
    (r"[[:alpha:]]", "s"),
    (r"[^[:alpha:]]", "-"),
    (r"[a-c]", "b"),
    (r"[a-z]", "q"),
    (r"[]a]", "]"),
    (r"[^]a]", "k"),
    (r"[\]a-]", "-"),
    (r"[\x41-\x43\d]", "4"),
    (r"[k-s]", "k"),
    ("[\u212a\u017f]", "\u017f"),
    (".", "é"),
    (r"\C", "a"),
    (r"\b", ""),
    ("^", ""),
    ("$", ""),
    (r"\z", ""),
    (r"\Q\E", ""),
    (r"\Qa.b+\E", "a.b+"),
    ("{", "{"),
    ("x{,3}", "x{,3}"),
    ("x{01}", "x{01}"),
    ("}]", "}]"),
    (r"\101\x42", "AB"),
    (r"\n\t\v", "\n\t\v"),
]

ATOMS = st.one_of(
    st.sampled_from(CHARACTERS).flatmap(_character),
    st.sampled_from(WORDS).map(lambda word: (word, word)),
    st.sampled_from(CLASSES),
)


def _concatenation(parts: list[Sample]) -> Sample:
    return "".join(p for p, _ in parts), "".join(t for _, t in parts)


@st.composite
def _alternation(draw, inner: st.SearchStrategy[Sample]) -> Sample:
    parts = draw(st.lists(inner, min_size=2, max_size=4))
    return "(?:" + "|".join(p for p, _ in parts) + ")", draw(st.sampled_from(parts))[1]


SIGNS = [
    *[("*", 0), ("*", 2), ("+", 1), ("+", 3), ("?", 0), ("?", 1), ("*?", 1), ("+?", 2), ("??", 0)],
    *[("{2}", 2), ("{1,3}", 2), ("{0}", 0), ("{0,2}", 1), ("{2,}", 4), ("{9}", 9)],
]


@st.composite
def _repetition(draw, inner: st.SearchStrategy[Sample]) -> Sample:
    pattern, text = draw(inner)
    sign, times = draw(st.sampled_from(SIGNS))
    group = draw(st.sampled_from(["({})", "(?:{})", "(?P<n>{})", "(?<n>{})", "{}"]))
    return group.format(pattern) + sign, text * times


@st.composite
def _flagged(draw, inner: st.SearchStrategy[Sample]) -> Sample:
    pattern, text = draw(inner)
    how = draw(
        st.sampled_from(["(?i){}", "(?i:{})", "(?-i:{})", "((?i){})", "(?sU){}", "(?im-s:{})"])
    )
    changed = draw(st.sampled_from([str.upper, str.lower, str.swapcase, str]))
    odd = str.maketrans({"k": "\u212a", "s": "\u017f"}) if draw(st.booleans()) else {}
    return how.format(pattern), changed(text).translate(odd)


SAMPLES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=5).map(_concatenation),
        _alternation(inner),
        _repetition(inner),
        _flagged(inner),
    ),
    max_leaves=12,
)

CRUMBS = st.lists(
    st.sampled_from([*"()|*+?[]-^$.{}ksé\\", "abcd", "\u212aiss", "a-c"])
    | st.sampled_from(["(?i)", "(?i:", "(?-i)", "(?P<a>", "{2}", "{,2}", "{2,}", "[^", "[:alpha:]"])
    | st.sampled_from(
        ["\\Q", "\\E", "\\d", "\\pL", "\\x{6b}", "\\x6B", "\\07", "\\153", "\\b", "\\C"]
    ),
    max_size=14,
).map("".join)


def accepted(pattern: str) -> bool:
    """Whether RE2 takes it."""
    try:
        compile_pattern(pattern)
    except ValueError:
        return False
    return True


def least_cpu_s(work: Callable[[], object]) -> float:
    """The time of the quickest of three tries: the others may have met the garbage collector."""
    times: list[float] = []
    for _ in range(3):
        started = time.thread_time()
        work()
        times.append(time.thread_time() - started)
    return min(times)
