"""What each attribute of each stored form must be. Pure: items in, what is wrong with them out.

| form | attribute | checked against |
|---|---|---|
| snapshot | Counters | the file, as text; parts of a split day against their share |
| | Sequencer | normalised, not later than any event (`core.sequencer`); the ledger |
| | ContentSequencer, Change | the Sequencer, and one another; earlier versions wrote neither |
| | ETag, UploadedAt | the file as the bucket lists it |
| | Key | prefix, day and instance |
| | ExpiresAt | the bounds below |
| the day's record | Lanes, CounterShards | the layout in which the day is stored |
| | SnapshotsExpireAt, TotalsExpireAt | what is stored of the day, where no retention gives them |
| ledger | Document | the snapshots; the text that the functions write |
| | Version | whole, from 1; what is published is of no newer one |
| | UpdatedAt | the published object of the same version; no time before the day or yet to come |
| | ExpiresAt | the bounds below |
| item of the counters table | Value | the ledger |
| | Version | whole, from 1, no newer than the ledger |
| | ExpiresAt | the bounds below |
| published object | content | the ledger; the lines that the publisher writes |
| | countagg-stack | missing, as earlier versions wrote it; another makes the object foreign |
| | countagg-version | the version at the end of the content, and the ledger's |
| | countagg-updated-at | the ledger of the same version; no time before the day or yet to come |
| | content type | that of the publisher |

Bounds of `ExpiresAt`: whole, not before the day closes, and no later than the longest retention that setup takes.

Of no effect, and not looked at: another number within these bounds (a sequencer or a version that is lower, an
`ExpiresAt` of another retention, an `UpdatedAt` of an earlier moment of the day when the object is of another
version), and attributes that no function writes. Limits and alerts belong to no day's totals: `limits list` shows
them, and a limit that cannot be read is left out with a warning and a metric.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from countagg.core.counter_file import read_canonical, render_counters
from countagg.core.days import DAYS_AHEAD, Expiry, closes_at
from countagg.core.errors import CorruptDocument, InvalidObjectKey
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.core.partitions import Layout
from countagg.core.published import UPDATED_AT_KEY, PublishedTotals
from countagg.core.sequencer import is_normalised, sequencer_problem
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import SnapshotChange, unpack_canonical
from countagg.data.attributes import EXPIRES_AT, VERSION, Attribute, Item
from countagg.data.counters import VALUE, CounterItem
from countagg.data.day_records import SNAPSHOTS_EXPIRE, TOTALS_EXPIRE, StoredRecord, layout_of, may_expire
from countagg.data.ledgers import DOCUMENT, UPDATED_AT, StoredDay
from countagg.data.snapshots import (
    CHANGE,
    CONTENT_SEQUENCER,
    COUNTERS,
    ETAG,
    INSTANCE,
    KEY,
    SEQUENCER,
    UPLOADED_AT,
    StoredSnapshot,
    moment_of,
)

if TYPE_CHECKING:
    from countagg.operate.integrity.evidence import CounterFile

_CLOCKS_DIFFER_BY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a look at a day goes by.

    Attributes:
        settings: of the stack.
        day: YYYY-MM-DD.
        today: the current date, UTC.
        expiry: of the day.
    """

    settings: FunctionSettings
    day: str
    today: date
    expiry: Expiry

    @property
    def begin(self) -> datetime:
        """Before that, nothing of the day was written."""
        return _midnight(date.fromisoformat(self.day) - timedelta(days=DAYS_AHEAD)) - _CLOCKS_DIFFER_BY

    @property
    def end(self) -> datetime:
        """After that, nothing of the day was written yet."""
        return _midnight(self.today) + timedelta(days=1) + _CLOCKS_DIFFER_BY

    def sequencer_problem(self, text: str) -> str | None:
        """Tell why a stored sequencer cannot be that of an event; None if it can."""
        return sequencer_problem(text, int(self.end.timestamp()))

    def key_of(self, instance: str) -> str:
        """Return the key of an instance's file."""
        return build_object_key(self.settings.prefix, self.day, instance)

    def moment_problem(self, text: str) -> str | None:
        """Tell why something of the day cannot have happened then; None if it can."""
        moment = moment_of(text)
        if moment is None:
            return "is no time"
        return None if self.begin <= moment <= self.end else "is no time at which the day was written"

    def expiry_problem(self, seconds: int) -> str | None:
        """Tell why something of the day must not expire then; None if it may."""
        if seconds < closes_at(self.day, self.settings.snapshot_retention_days, self.expiry):
            return "is before the day closes"
        return None if may_expire(self.day, seconds) else "is later than any retention"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


Check = Callable[[Item, Terms], str | None]
"""Tells why a value, in DynamoDB's attribute form, is wrong; None if it is not."""


def _text(problem: Callable[[str, Terms], str | None] = lambda _text, _terms: None) -> Check:
    def check(value: Item, terms: Terms) -> str | None:
        return problem(value["S"], terms) if "S" in value else "is not text"

    return check


def _of_type(kind: str, name: str) -> Check:
    return lambda value, _terms: None if kind in value else f"is not {name}"


def _expires(value: Item, terms: Terms) -> str | None:
    seconds = EXPIRES_AT.parse(value)
    return "is not a whole number" if seconds is None else terms.expiry_problem(seconds)


def _version(value: Item, _terms: Terms) -> str | None:
    return "is not the number of a version" if VERSION.parse(value) is None else None


_SNAPSHOT: Final[Mapping[Attribute, Check]] = {
    SEQUENCER: _text(lambda text, terms: terms.sequencer_problem(text)),
    COUNTERS: _of_type("B", "binary"),
    ETAG: _text(),
    KEY: _text(),
    UPLOADED_AT: _text(lambda text, _terms: "is no time" if moment_of(text) is None else None),
    EXPIRES_AT: _expires,
}
_LEDGER: Final[Mapping[Attribute, Check]] = {
    VERSION: _version,
    DOCUMENT: _of_type("B", "binary"),
    UPDATED_AT: _text(lambda text, terms: terms.moment_problem(text)),
    EXPIRES_AT: _expires,
}
_COUNTER: Final[Mapping[Attribute, Check]] = {
    VALUE: _of_type("N", "a number"),
    VERSION: _version,
    EXPIRES_AT: _expires,
}
_OLDER_RECORD: Final[Mapping[Attribute, Check]] = {EXPIRES_AT: _expires}
_RECORD: Final[Mapping[Attribute, Check]] = {
    SNAPSHOTS_EXPIRE: lambda value, terms: _is(value, terms.expiry.snapshots),
    TOTALS_EXPIRE: lambda value, terms: _is(value, terms.expiry.totals),
}


def _is(value: Item, expected: int) -> str | None:
    return None if EXPIRES_AT.parse(value) == expected else "is not when the day expires"


Problem = tuple[str, str]
"""An attribute, and what is wrong with it."""


def _wrong(item: Item, checks: Mapping[Attribute, Check], terms: Terms) -> Iterator[Problem]:
    """Yield the attributes of an item that are wrong, each with the reason."""
    for attribute, check in checks.items():
        name = attribute.name
        problem = check(item[name], terms) if name in item else "is missing"
        if problem is not None:
            yield name, problem


def item_problems(item: Item, terms: Terms) -> Iterator[Problem]:
    """Yield what is wrong with an item of a snapshot by itself."""
    yield from _wrong(item, _SNAPSHOT, terms)
    if "S" in item.get(KEY.name, {}) and KEY.find(item) != terms.key_of(INSTANCE.find(item)):
        yield KEY.name, "is not that of the instance's file"
    if CONTENT_SEQUENCER.name in item or CHANGE.name in item:
        yield from _content_problems(CONTENT_SEQUENCER.find(item), SEQUENCER.find(item), CHANGE.find(item))


def _content_problems(content: str, sequencer: str, change: str) -> Iterator[Problem]:
    if not is_normalised(content):
        yield CONTENT_SEQUENCER.name, "is no normalised sequencer"
    elif content > sequencer:
        yield CONTENT_SEQUENCER.name, "is later than the upload"
    elif change != (SnapshotChange.ORDER if content < sequencer else SnapshotChange.COUNTERS):
        yield CHANGE.name, "is not what the upload changed"


def snapshot_problems(snapshot: StoredSnapshot, layout: Layout, terms: Terms) -> list[Problem]:
    """Return what is wrong with a snapshot by itself."""
    problems = [problem for item in snapshot.items for problem in item_problems(item, terms)]
    problems += [
        (each.name, "differs between the shards")
        for each in (CONTENT_SEQUENCER, CHANGE, ETAG, KEY, UPLOADED_AT, EXPIRES_AT)
        if len({str(item.get(each.name)) for item in snapshot.items}) > 1
    ]
    if len(snapshot.items) > 1 and not all(
        _is_share(item, layout, shard) for shard, item in enumerate(snapshot.items)
    ):
        problems.append((COUNTERS.name, "are not as the processor spreads them"))
    return list(dict.fromkeys(problems))


def _is_share(item: Item, layout: Layout, shard: int) -> bool:
    """Tell whether the counters of an item are written as they should be, and belong to its shard."""
    content = canonical(COUNTERS.find(item))
    if content is None:
        return False
    counters = read_canonical(content)
    return layout.split(counters)[shard] == counters


def canonical(packed: bytes) -> bytes | None:
    """Return the lines of a snapshot if they are written as the processor writes them; None if they are not."""
    try:
        content = unpack_canonical(packed)
        return content if render_counters(read_canonical(content)) == content else None
    except (CorruptDocument, ValueError):
        return None


def is_allowed(instance: str, terms: Terms) -> bool:
    """Tell whether an instance may have that id."""
    try:
        return parse_object_key(terms.key_of(instance), terms.settings.prefix) is not None
    except InvalidObjectKey:
        return False


def upload_problem(snapshot: StoredSnapshot, file: CounterFile | None, terms: Terms) -> str | None:
    """Tell why a file cannot have been written, or removed, when its snapshot says; None if it can."""
    moment = moment_of(snapshot.uploaded_at)
    if moment is None or not snapshot.items:
        # Told already.
        return None
    if file is None or file.refused:
        return terms.moment_problem(snapshot.uploaded_at)
    if file.etag != snapshot.etag or file.modified_at is None:
        return None
    # S3 gives seconds.
    same = moment == file.modified_at.replace(microsecond=0)
    return None if same else "is not when the file was written"


def ledger_problems(stored: StoredDay, terms: Terms) -> Iterator[tuple[str, Problem]]:
    """Yield what is wrong with the ledgers' items, each with its partition."""
    for partition, part in zip(stored.layout.partitions(terms.day), stored.parts, strict=True):
        if part.item is not None:
            for problem in _wrong(part.item, _LEDGER, terms):
                yield partition, problem


def counter_problems(item: CounterItem, terms: Terms) -> list[Problem]:
    """Return what is wrong with an item of the counters table by itself."""
    return list(_wrong(item.item, _COUNTER, terms)) if item.item is not None else []


def record_problems(record: StoredRecord, terms: Terms) -> Iterator[str]:
    """Yield what is wrong with what is written down of a day."""
    if record.item is None:
        if record.actual is not None:
            yield "the day's layout is missing"
        return
    if layout_of(record.item) is None:
        yield "the day's layout cannot be read"
    elif record.actual is not None:
        yield "the day is stored in another layout"
    older = EXPIRES_AT.name in record.item and not any(each.name in record.item for each in _RECORD)
    for name, problem in _wrong(record.item, _OLDER_RECORD if older else _RECORD, terms):
        yield f"{name} {problem}"


def object_problems(published: PublishedTotals, stored: StoredDay, terms: Terms) -> Iterator[str]:
    """Yield what is wrong with a published object beside its totals."""
    if not published.etag:
        return
    yield from published.flaws
    problem = terms.moment_problem(published.updated_at)
    if problem is not None:
        yield f"{UPDATED_AT_KEY} {problem}"
    elif published.version == stored.version and published.updated_at != stored.updated_at:
        yield f"{UPDATED_AT_KEY} is not the ledger's"
