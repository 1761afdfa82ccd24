"""Works the inbox off, one session at a time each; clears away and deletes; ends the day."""

from observer.worker.deletions import Deletions
from observer.worker.midnight import Midnight
from observer.worker.requeue import Requeue
from observer.worker.retention import Retention
from observer.worker.worker import Worker

__all__ = ["Deletions", "Midnight", "Requeue", "Retention", "Worker"]
