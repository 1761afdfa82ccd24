"""Works the inbox off: a gate for whose turn it is, and the handling of one item."""

from observer.worker.worker import Worker

__all__ = ["Worker"]
