"""Works the inbox off, one session at a time each, and clears away what is old."""

from observer.worker.requeue import Requeue
from observer.worker.retention import Retention
from observer.worker.worker import Worker

__all__ = ["Requeue", "Retention", "Worker"]
