"""The published object: a day's totals as lines of `COUNTER VALUE`, with their version in the metadata.

It is for the outside world, and also the publisher's own memory: the counters table holds at least what the
object says, because the object is written last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from countagg.core.counter_file import render_counters
from countagg.core.values import parse_sum
from countagg.core.versions import MAX_VERSION

VERSION_KEY: Final = "countagg-version"
UPDATED_AT_KEY: Final = "countagg-updated-at"
CONTENT_TYPE: Final = "text/plain; charset=utf-8"

_VERSION = re.compile(r"[0-9]{1,18}")
_MARK = re.compile(rb" (\t[ \t]{0,59})\n\Z")
_DIGITS = bytes.maketrans(b" \t", b"01")


@dataclass(frozen=True, slots=True)
class PublishedTotals:
    """A published object as it is.

    Attributes:
        version: of the ledger that it was made of; 0 if there is no object, or one of somebody else's making.
        etag: as S3 gave it; empty if there is no object.
        totals: counter -> sum in units of 10^-9.
        readable: whether the content has the form of totals.
        updated_at: when that version was stored, as the metadata say; empty if they do not.
        flaws: what is not as the publisher writes it, if it was read strictly (`read_strictly`).
    """

    version: int = 0
    etag: str = ""
    totals: Mapping[str, int] = field(default_factory=dict)
    readable: bool = True
    updated_at: str = field(default="", compare=False)
    flaws: tuple[str, ...] = ()


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
        return PublishedTotals(number, etag, readable=False, updated_at=metadata.get(UPDATED_AT_KEY, ""))
    return PublishedTotals(number, etag, totals, updated_at=metadata.get(UPDATED_AT_KEY, ""))


def read_strictly(content: bytes, metadata: Mapping[str, str], content_type: str, etag: str) -> PublishedTotals:
    """Read a published object, and find out what the publisher would have written otherwise.

    The version stands in the metadata and at the end of the content. Where the two differ, the content has it:
    metadata are changed more easily.
    """
    found = parse_published(content, metadata, etag)
    version = _version_in(content) or found.version
    if version > MAX_VERSION:
        version = 0
    flaws = []
    if metadata.get(VERSION_KEY) != str(version) or not version:
        flaws.append(f"{VERSION_KEY} is not the version of the content")
    if found.readable and content != render_published(found.totals, version):
        flaws.append("the lines are not as the publisher writes them")
    if content_type != CONTENT_TYPE:
        flaws.append(f"the content type is not {CONTENT_TYPE}")
    return replace(found, version=version, flaws=tuple(flaws))


def _version_in(content: bytes) -> int | None:
    """Return the version that `render_published` wrote at the end; None if there is none."""
    mark = _MARK.search(content)
    return int(mark[1].translate(_DIGITS), 2) if mark else None


def _split(line: str) -> tuple[str, int]:
    name, text = line.split()
    return name, parse_sum(text)
