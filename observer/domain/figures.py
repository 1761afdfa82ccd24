"""Durations and costs as a person reads them."""

from __future__ import annotations


def took(latency_ms: float) -> str:
    """`812 ms`, `4.2 s`, `3 min 12 s` or `2 h 5 min`; under 10 ms with a digit after the point."""
    if latency_ms < 9.95:
        return f"{latency_ms:.1f} ms"
    if latency_ms < 999.5:
        return f"{latency_ms:.0f} ms"
    if latency_ms < 59_950:
        return f"{latency_ms / 1000:.1f} s"
    seconds = round(latency_ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def dollars(nano: int) -> str:
    """`$0.0042`: nano-USD in dollars, exactly, with two digits after the point at least."""
    whole, rest = divmod(abs(nano), 1_000_000_000)
    digits = f"{rest:09}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}${whole}.{digits}"


def percent(part: float, whole: float) -> str:
    """`61 %`; of nothing it is none."""
    return f"{part / whole * 100:.0f} %" if whole > 0 else "0 %"
