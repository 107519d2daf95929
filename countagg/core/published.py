"""The published object: a day's totals as lines of `COUNTER VALUE`, with their version in the metadata.

It is for the outside world, and also the publisher's own memory: the counters table holds at least what the
object says, because the object is written last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from countagg.core.counter_file import render_counters
from countagg.core.values import parse_sum

VERSION_KEY: Final = "countagg-version"
UPDATED_AT_KEY: Final = "countagg-updated-at"
CONTENT_TYPE: Final = "text/plain; charset=utf-8"

_VERSION = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class PublishedTotals:
    """A published object as it is.

    Attributes:
        version: of the ledger that it was made of; 0 if there is no object, or one of somebody else's making.
        etag: as S3 gave it; empty if there is no object.
        totals: counter -> sum in units of 10^-9.
        readable: whether the content has the form of totals.
    """

    version: int = 0
    etag: str = ""
    totals: Mapping[str, int] = field(default_factory=dict)
    readable: bool = True


def published_key(output_prefix: str, day: str) -> str:
    """Return the key of a day's published object."""
    return f"{output_prefix}{day}"


def render_published(totals: Mapping[str, int], version: int) -> bytes:
    """Write totals in the canonical form of counter files; the last line ends with the version as white space.

    S3's ETag is a hash of the content alone. With the version in it, two versions of the same totals have
    different ETags, so that a write on the condition of an ETag never takes a newer object for an older one.
    """
    mark = f"{version:b}".translate({ord("0"): " ", ord("1"): "\t"})
    return render_counters(totals).removesuffix(b"\n") + f" {mark}\n".encode()


def published_metadata(version: int, updated_at: str) -> dict[str, str]:
    """Return the metadata that goes with the totals of a version."""
    return {VERSION_KEY: str(version), UPDATED_AT_KEY: updated_at}


def parse_published(content: bytes, metadata: Mapping[str, str], etag: str) -> PublishedTotals:
    """Read a published object. One that somebody damaged or put there by hand is no error, but unreadable."""
    version = metadata.get(VERSION_KEY, "")
    number = int(version) if _VERSION.fullmatch(version) else 0
    try:
        # Sums may have more digits than the values of a file.
        totals = dict(_split(line) for line in content.decode().split("\n") if line.strip())
    except ValueError:
        return PublishedTotals(number, etag, readable=False)
    return PublishedTotals(number, etag, totals)


def _split(line: str) -> tuple[str, int]:
    name, text = line.split()
    return name, parse_sum(text)
