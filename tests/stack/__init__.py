"""Real parts for tests: each on a free port, in a folder of its own, ended with its test."""
