"""The first pass over an orchestrator: what it runs, what feeds what, as a dependency tree."""
