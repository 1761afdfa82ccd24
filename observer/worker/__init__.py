"""Works the inbox off: a gate for whose turn it is, and the handling of one item."""

from observer.worker.requeue import Requeue
from observer.worker.worker import Worker

__all__ = ["Requeue", "Worker"]
