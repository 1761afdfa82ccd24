"""The crash proof: a real daemon killed again and again, and what it did compared with a calm one.

`python -m tests.crash.proof` (or `make crash-proof`) runs it; `.scene` plays the single crash
around an approved action. The schedule depends on the seed alone, so a failing seed can be
replayed; when within its step a process really dies does not.
"""
