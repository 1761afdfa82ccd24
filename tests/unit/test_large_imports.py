"""Large imports are kept from the garbage collector, and nothing else is."""

from __future__ import annotations

import gc
import weakref

import pytest

from observer.cli.large_imports import kept_for_good


class Node:
    """Can be in a cycle."""

    def __init__(self) -> None:
        self.itself = self


def test_the_collector_rests_inside_and_works_again_after() -> None:
    with kept_for_good():
        assert not gc.isenabled()

    assert gc.isenabled()


def test_the_collector_works_again_after_an_import_that_failed() -> None:
    with pytest.raises(ImportError), kept_for_good():
        raise ImportError("no such module")

    assert gc.isenabled()


def test_what_was_made_inside_is_not_looked_at_and_what_comes_after_is() -> None:
    with kept_for_good():
        kept = weakref.ref(Node())
    passing = weakref.ref(Node())

    gc.collect()

    assert kept() is not None
    assert passing() is None
