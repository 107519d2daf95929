"""Sizes for people."""

from __future__ import annotations

_STEP = 1_000


def size_text(size: int) -> str:
    """Return a number of bytes in the largest decimal unit of which it has at least one, such as `1.2 kB`."""
    if size < _STEP:
        return "1 byte" if size == 1 else f"{size} bytes"
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if amount < _STEP:
            return f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:,.1f} PB"
