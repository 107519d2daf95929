"""Inputs that somebody hostile could send: near to what is right, with something wrong in them."""

from __future__ import annotations

import copy
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from hypothesis import strategies as st

from countagg.core.counter_file import MAX_NAME_BYTES
from tests.events.loading import load_event

TRICKS: Final = (
    "",
    "\x00",
    "\x1b[2J\x1b]0;owned\x07",  # clears a terminal, and names its window
    "\x9b31m",  # the same kind of sequence in one character
    "\u202eetadpu\u202c",  # shown from right to left
    "a\u200db",
    "\ufeff",
    "\ud800",  # half a pair, which no encoding has
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "../../etc/passwd",
    "..",
    "a/b",
    "%2e%2e%2f",
    "%ff",
    "%",
    "+",
    "$(id)",
    "${jndi:x}",
    "1e999",
    "NaN",
    "9" * 5_000,
    "A" * (MAX_NAME_BYTES + 1),
    "2026-11-20",
    "2026-11-20#0/2#0/1",
    "2026-11-20#2/2#0/1",
    "layout",
    "2026-02-30",
    "\uff10\uff11",  # digits of another width
    "s3:TestEvent",
    "REMOVE",
)

SNAPSHOT_RECORDS: Final = ("stream-snapshot-insert", "stream-snapshot-modify", "stream-snapshot-ttl-remove")

texts = st.one_of(
    st.sampled_from(TRICKS),
    st.text(max_size=12),
    st.text(st.characters(max_codepoint=0x9F), max_size=12),
    st.builds("".join, st.lists(st.sampled_from(TRICKS), min_size=2, max_size=3)),
)
"""Texts, most of them with a trick."""

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**63, 10**30, float("inf"), float("-inf"), float("nan"), 1e308, 0.1]),
    texts,
)


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


junk = st.one_of(
    _scalars,
    st.recursive(
        _scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from([_nested(50), {"S": "x"}, {"N": "1"}, {"B": "AAAA"}, {"B": "?"}, {"N": "1E400000"}]),
)
"""Values of any shape that JSON has, and some that only Python's JSON has."""


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container with a key of it."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield value, key
        yield from _places(member)


@st.composite
def spoilt(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> Any:
    """Draw a document with up to three of its values replaced, removed or repeated."""
    document = copy.deepcopy(draw(documents))
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(document))
        if not places:
            break
        container, key = draw(st.sampled_from(places))
        what = draw(st.sampled_from(("replace", "remove", "add")))
        value = copy.deepcopy(draw(junk))
        if what == "replace":
            container[key] = value
        elif what == "remove":
            del container[key]
        elif isinstance(container, dict):
            container[draw(texts)] = value
        else:
            container.append(value)
    return document


@st.composite
def spoilt_text(draw: st.DrawFn, documents: st.SearchStrategy[Any]) -> str:
    """Draw a document as JSON, whole, cut short, or not JSON at all."""
    text = json.dumps(draw(spoilt(documents)))
    end = draw(st.one_of(st.none(), st.integers(0, len(text))))
    return draw(st.one_of(st.just(text[:end]), texts, st.just("[" * 100_000)))


def packed(contents: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Draw bytes compressed as in a snapshot, or nearly so."""
    return compressed(contents, zlib.compress)


@st.composite
def compressed(draw: st.DrawFn, contents: st.SearchStrategy[bytes], compress: Callable[[bytes], bytes]) -> bytes:
    """Draw bytes compressed, then perhaps cut or with a byte changed, or bytes that never were."""
    whole = bytearray(compress(draw(contents)))
    if draw(st.integers(0, 3)) == 0:
        whole[draw(st.integers(0, len(whole) - 1))] = draw(st.integers(0, 255))
    end = draw(st.one_of(st.none(), st.none(), st.integers(0, len(whole))))
    return draw(st.one_of(st.just(bytes(whole[:end])), st.binary(max_size=20)))


names = st.one_of(st.sampled_from("ABC"), texts)
numbers = st.one_of(
    st.integers(-(10**25), 10**25).map(str),
    st.sampled_from(["0", "-0", "007", "1.5", "1.", ".5", "1_000", "0x1", "1e5", "٣", "1,5", "9" * 5_000]),
    texts,
)
_spaces = st.sampled_from([" ", " ", " ", "\t", "  ", "\x0b", "\u3000", ""])
_ends = st.sampled_from(["\n", "\n", "\n", "\r\n", "\r", "", "\u2028"])
_lines = st.builds(lambda *parts: "".join(parts), names, _spaces, numbers, _ends)


def _encode(lines: list[str]) -> bytes:
    return "".join(lines).encode(errors="surrogatepass")


_plain_files = st.one_of(
    st.lists(_lines, max_size=8).map(_encode),
    st.lists(_lines, max_size=3).map(lambda lines: b"\xef\xbb\xbf" + _encode(lines)),
    st.binary(max_size=60),
)
counter_files = st.one_of(_plain_files, _plain_files, compressed(_plain_files, gzip.compress))
"""Counter files, most of them nearly right, some of them gzip'd."""

s3_messages = st.sampled_from(
    [
        load_event(name)
        for name in (
            "s3-object-created-put",
            "s3-object-removed-delete",
            "s3-encoded-key",
            "s3-test-event",
            "s3-unknown-minor-version",
        )
    ]
)
snapshot_records = st.sampled_from([load_event(name) for name in SNAPSHOT_RECORDS])
totals_records = st.sampled_from(
    [load_event(name) for name in ("stream-totals-insert", "stream-totals-modify", "stream-totals-ttl-remove")]
)
ledger_documents = st.sampled_from(
    [
        {"schema": 1, "counters": {}, "seen": {}},
        {"schema": 1, "counters": {"A": ["5", 2], "B": ["-0.5", 1]}, "seen": {"i-1": "0" * 32, "i-2": "F" * 32}},
    ]
)
failed_batches = st.just(load_event("stream-batch-failed"))
refusals = st.just(
    {
        "schema": 1,
        "kind": "refused-file",
        "hop": "processor",
        "bucket": "fleet-counters",
        "key": "counters/2026-11-20/values_i-1",
        "sequencer": "0" * 32,
        "reason": "'B' is not COUNTER VALUE",
        "line": 2,
        "etag": "e",
        "request_id": "r",
        "refused_at": "2026-11-20T12:00:00+00:00",
    }
)
limit_items = st.just({"Counter": {"S": "A"}, "Date": {"S": "limit"}, "Value": {"N": "100"}})
alert_items = st.just(
    {
        "Counter": {"S": "alerts 2026-11-20"},
        "Date": {"S": "A 100"},
        "Total": {"N": "191122"},
        "LedgerVersion": {"N": "5"},
        "State": {"S": "sending"},
        "SentAt": {"S": "2026-11-20T12:00:00+00:00"},
    }
)
log_messages = st.sampled_from(
    [
        {"level": "INFO", "message": "batch done", "service": "countagg-processor", "FilesApplied": 1},
        {"level": "ERROR", "message": "m", "exception": "Traceback\n  x", "stackTrace": ["a", "b"]},
        {"errorType": "E", "errorMessage": "m", "requestId": "r"},
        {"time": "t", "type": "platform.report", "record": {"requestId": "r", "metrics": {"durationMs": 1.5}}},
        {"_aws": {"Timestamp": 1}, "FilesApplied": [1.0]},
    ]
)
