"""Gzip: what a compressed file holds, without ever holding more than is allowed.

A file is known by its first bytes, not by its name or the object's Content-Encoding. The bytes are never the
beginning of UTF-8, so that no text is taken for it.
"""

from __future__ import annotations

import zlib
from typing import Final

GZIP_MAGIC: Final = b"\x1f\x8b"
"""First bytes of a member (RFC 1952, section 2.3.1)."""

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
"""Tells zlib that there is a header and trailer of gzip: it checks length and CRC."""

_PIECE: Final = 4096
"""Bytes at a time: what is left of a piece is copied for the next member, of which there may be many tiny ones."""


def gunzip(content: bytes, limit: int) -> bytes:
    """Decompress one or several members, one after the other, and at most `limit` bytes of them all.

    Args:
        content: begins with `GZIP_MAGIC`. Zeros at its end are padding, as for gzip itself.
        limit: of the result, in bytes.

    Raises:
        ValueError: with the reason: it is damaged, cut short or followed by something else, or holds more.
    """
    parts: list[bytes] = []
    left = limit
    rest = memoryview(content)
    while rest:
        if bytes(rest[:2]) != GZIP_MAGIC:
            if bytes(rest).strip(b"\0"):
                raise ValueError("the gzip'd file goes on with something else after its end")
            break
        member = zlib.decompressobj(_GZIP_WINDOW)
        while not member.eof:
            if not rest:
                raise ValueError("the gzip'd file is cut short")
            piece = rest[:_PIECE]
            try:
                # One more than is left tells that there is more; 0 would mean without limit.
                part = member.decompress(piece, left + 1)
            except zlib.error as error:
                raise ValueError(f"the gzip'd file is damaged: {str(error).rpartition(': ')[2]}") from error
            left -= len(part)
            if left < 0:
                raise ValueError(f"decompressed, the file has more bytes than are read: at most {limit}")
            parts.append(part)
            rest = rest[len(piece) - len(member.unused_data) :]
    return b"".join(parts)
