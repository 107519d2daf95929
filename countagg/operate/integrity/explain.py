"""Explain: where a total comes from, and where a file goes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from countagg.core.errors import CountaggError, UsageError
from countagg.core.object_keys import has_file_shape
from countagg.core.polling import Polling
from countagg.core.settings import FunctionSettings
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.lineage import CounterLineage, Tracer, unreadable_ledger

_PAUSE: Final = 2.0
"""Seconds between two looks; a version that one look saw in a snapshot is in the ledger at the next."""
SEARCH: Final = Polling(2 * _PAUSE)
_SCHEME: Final = "s3://"


def file_key(what: str, settings: FunctionSettings) -> str | None:
    """Return the key that an operator means; None if it is a counter that is meant.

    Args:
        what: `s3://BUCKET/KEY`, a key below the stack's prefix, with the prefix or without, or a counter.
        settings: of the stack.

    Raises:
        UsageError: the address is of another bucket, or outside of the prefix.
    """
    key = what
    if what.startswith(_SCHEME):
        bucket, _, key = what.removeprefix(_SCHEME).partition("/")
        if bucket != settings.bucket:
            hint = f"the stack reads s3://{settings.bucket}/{settings.prefix}"
            raise UsageError(f"the bucket {bucket!r} is not that of the stack", where=what, hint=hint)
        if not key.startswith(settings.prefix):
            hint = f"its counter files are s3://{settings.bucket}/{settings.prefix}YYYY-MM-DD/values_INSTANCE-ID"
            raise UsageError("the stack reads no such file", where=what, hint=hint)
    if key.startswith(settings.prefix):
        return key
    return settings.prefix + key if has_file_shape(key) else None


def explain_counter(observer: Observer, counter: str, polling: Polling = SEARCH) -> CounterLineage:
    """Trace a total back to the versions of the files that it is the sum of.

    A ledger may include a version that its instance has replaced since; looking again finds out what it said.

    Raises:
        CountaggError: nothing of that day names the counter.
        CorruptDocument: the day's ledger cannot be read.
    """
    tracer = Tracer(counter)
    observer.trust_snapshots()
    for _ in polling.looks(_PAUSE):
        look = observer.look()
        lineage = tracer.trace(look)
        if not lineage.unknown:
            break
    if look.ledger is None and look.stored.version:
        raise unreadable_ledger(observer.day, "the ledger cannot be read")
    if not lineage.is_known:
        known = look.ledger.sums if look.ledger else {}
        raise _nowhere(observer.day, counter, list(known))
    return lineage


def _nowhere(day: str, counter: str, known: list[str]) -> CountaggError:
    if not known:
        return CountaggError(f"there are no totals for {day} (UTC)", hint="check --date, or upload something")
    close = get_close_matches(counter, known, n=3)
    similar = f"did you mean {' or '.join(close)}? " if close else ""
    hint = f"{similar}`countagg query --date {day}` shows all counters"
    return CountaggError(f"no file of {day} names the counter {counter!r}", hint=hint)
