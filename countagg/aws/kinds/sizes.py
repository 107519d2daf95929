"""Sizes in words, for what a deletion would lose."""

from __future__ import annotations

from rich.filesize import decimal


def describe_size(size: int) -> str:
    """Return a number of bytes as text, such as `1.2 MB`; empty for none."""
    return decimal(size) if size else ""
