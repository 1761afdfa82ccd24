"""The `observer` command: one module per theme, and nothing heavy imported until it is needed."""
