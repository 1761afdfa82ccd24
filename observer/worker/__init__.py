"""Works the inbox off, one session at a time each; clears away what is old; ends the day."""

from observer.worker.midnight import Midnight
from observer.worker.requeue import Requeue
from observer.worker.retention import Retention
from observer.worker.worker import Worker

__all__ = ["Midnight", "Requeue", "Retention", "Worker"]
