"""The functions' code: a zip and its hash."""

from __future__ import annotations

from dataclasses import field

from countagg.core.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A zip: base64 of its SHA-256, as Lambda tells it, and the bytes, which AWS does not give back."""

    sha256: str
    content: bytes = field(compare=False, repr=False, default=b"")
