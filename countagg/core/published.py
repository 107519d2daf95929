"""The published object: a day's totals as lines of `COUNTER VALUE`, with their version in the metadata.

It is for the outside world, and also the publisher's own memory: the counters table holds at least what the
object says, because the object is written last.

An object at its key that is somebody else's, or another stack's, is left alone: see `_foreign`. So is one that S3
refuses to read out, as nobody knows whose it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from io import BytesIO
from typing import Final

from countagg.core.counter_file import render_counters
from countagg.core.errors import shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.unreadable import is_denial_of_key, unreadable_reason
from countagg.core.values import parse_sum
from countagg.core.versions import MAX_VERSION

_OURS: Final = "countagg-"
VERSION_KEY: Final = f"{_OURS}version"
UPDATED_AT_KEY: Final = f"{_OURS}updated-at"
STACK_KEY: Final = f"{_OURS}stack"
MOVE_AWAY: Final = "move it away, or set up with another --output-prefix"
"""What to do about a foreign object."""
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
        foreign: why the object is left alone: it is not this stack's, or cannot be read; None if it is written, or
            if there is none. Of a foreign one, nothing else is known but its ETag, if that.
    """

    version: int = 0
    etag: str = ""
    totals: Mapping[str, int] = field(default_factory=dict)
    readable: bool = True
    updated_at: str = field(default="", compare=False)
    flaws: tuple[str, ...] = ()
    foreign: str | None = None


def published_key(output_prefix: str, day: str) -> str:
    """Return the key of a day's published object."""
    return f"{output_prefix}{day}"


def render_published(totals: Mapping[str, int], version: int) -> bytes:
    """Write totals in the canonical form of counter files; the last line ends with the version as white space.

    S3's ETag is a hash of the content alone. With the version in it, two versions of the same totals have
    different ETags, so that a write on the condition of an ETag never takes a newer object for an older one.
    """
    mark = f"{version:b}".translate({ord("0"): " ", ord("1"): "\t"})
    content = bytearray(render_counters(totals))
    content[-1:] = f" {mark}\n".encode()
    return bytes(content)


def published_metadata(stack: str, version: int, updated_at: str) -> dict[str, str]:
    """Return the metadata that goes with the totals of a version."""
    return {STACK_KEY: stack, VERSION_KEY: str(version), UPDATED_AT_KEY: updated_at}


def parse_published(content: bytes, metadata: Mapping[str, str], etag: str, stack: str) -> PublishedTotals:
    """Read a published object. One that somebody damaged is no error, but unreadable; another's is foreign."""
    foreign = _foreign(content, metadata, stack)
    if foreign is not None:
        return PublishedTotals(etag=etag, foreign=foreign)
    version = metadata.get(VERSION_KEY, "")
    number = int(version) if _VERSION.fullmatch(version) else 0
    try:
        # Sums may have more digits than the values of a file.
        totals = _totals_in(content)
    except ValueError:
        return PublishedTotals(number, etag, readable=False, updated_at=metadata.get(UPDATED_AT_KEY, ""))
    return PublishedTotals(number, etag, totals, updated_at=metadata.get(UPDATED_AT_KEY, ""))


def unread_published(code: str, text: str, *, by_publisher: bool = False) -> PublishedTotals | None:
    """Return what is known of an object that S3 refuses to read out; None if that may pass.

    Args:
        code: of S3's answer to GetObject.
        text: of that answer; may be empty.
        by_publisher: who asked. A key that others may not use tells nothing of the object.
    """
    reason = unreadable_reason(code, text) if by_publisher or not is_denial_of_key(code, text) else None
    return None if reason is None else PublishedTotals(foreign=reason)


def read_strictly(
    content: bytes, metadata: Mapping[str, str], content_type: str, etag: str, stack: str
) -> PublishedTotals:
    """Read a published object, and find out what the publisher would have written otherwise.

    The version stands in the metadata and at the end of the content. Where the two differ, the content has it:
    metadata are changed more easily.
    """
    published = parse_published(content, metadata, etag, stack)
    if published.foreign is not None:
        return published
    version = _version_in(content) or published.version
    if version > MAX_VERSION:
        version = 0
    flaws = []
    if metadata.get(VERSION_KEY) != str(version) or not version:
        flaws.append(f"{VERSION_KEY} is not the version of the content")
    if published.readable and content != render_published(published.totals, version):
        flaws.append("the lines are not as the publisher writes them")
    if content_type != CONTENT_TYPE:
        flaws.append(f"the content type is not {CONTENT_TYPE}")
    return replace(published, version=version, flaws=tuple(flaws))


def _foreign(content: bytes, metadata: Mapping[str, str], stack: str) -> str | None:
    """Tell why an object is not a stack's own; None if it is.

    It is, however damaged, if any of its metadata is countagg's and names no other stack; or if it has lost them,
    and its content still has the form of totals with their version at the end.
    """
    owner = metadata.get(STACK_KEY)
    if owner and owner != stack:
        return f"its metadata name the stack {shorten(owner)}"
    if any(key.startswith(_OURS) for key in metadata) or _has_our_form(content):
        return None
    return "its metadata do not name countagg"


def _has_our_form(content: bytes) -> bool:
    try:
        return _version_in(content) is not None and bool(_totals_in(content))
    except ValueError:
        return False


def _totals_in(content: bytes) -> dict[str, int]:
    """Read the lines of an object, one at a time; raises ValueError if they are no totals."""
    return dict(_split(text) for line in BytesIO(content) if (text := line.decode()).strip())


def _version_in(content: bytes) -> int | None:
    """Return the version that `render_published` wrote at the end; None if there is none."""
    mark = _MARK.search(content)
    return int(mark[1].translate(_DIGITS), 2) if mark else None


def _split(line: str) -> tuple[str, int]:
    name, text = line.split()
    return name, parse_sum(text)
