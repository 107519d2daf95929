"""Files that are compressed by gzip, the same bytes at any time: they stand in the ids of tests."""

from __future__ import annotations

import gzip


def gzipped(content: bytes, level: int = 9) -> bytes:
    """Return the content compressed, without the time at which that was done."""
    return gzip.compress(content, level, mtime=0)
