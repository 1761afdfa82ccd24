"""Property tests have no deadline per example: a busy machine is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("pipeline-observer", deadline=None, print_blob=True)
settings.load_profile("pipeline-observer")
