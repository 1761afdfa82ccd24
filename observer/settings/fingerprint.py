"""Which state of the configuration a record was made under."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(directory: Path) -> str:
    """A short name for the contents of a configuration directory: 16 hexadecimal digits."""
    whole = hashlib.sha256()
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        whole.update(f"{path.relative_to(directory)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]
