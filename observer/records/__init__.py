"""The only SQL and file writes of the observer."""
