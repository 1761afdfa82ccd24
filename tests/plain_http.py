"""Plain HTTP on the loopback, without what only TLS needs."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx's `verify`. Else each request loads this machine's certificates, which costs more than
all else of it together, and a test that waits asks thirty times a second."""
