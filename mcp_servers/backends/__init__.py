"""What stands behind the tools: one module a kind of pipeline."""
