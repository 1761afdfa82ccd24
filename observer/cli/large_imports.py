"""How a command imports much: the collector need not go through all of it again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_for_good() -> Iterator[None]:
    """What is made inside stays to the end, so it is not looked at: neither now nor at the end.

    It saves nearly half of the CPU time in which `observer serve` starts and ends.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
