"""Verifies a large day, made up as it is read, and prints how much memory the process took at its peak."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from countagg.aws.day_reader import DayReader
from countagg.core.counter_file import parse_counter_file
from countagg.core.days import Expiry
from countagg.core.ledger import Image, encode_ledger, rebuild
from countagg.core.object_keys import FILE_NAME_PREFIX, build_object_key
from countagg.core.partitions import Layout
from countagg.core.polling import Polling
from countagg.core.published import PublishedTotals
from countagg.core.snapshot import pack_counters
from countagg.data.attributes import Attribute
from countagg.data.counters import CounterItem
from countagg.data.day_records import StoredRecord
from countagg.data.files import ListedObject
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.sums import exact
from countagg.operate.integrity.verify import verify
from tests.fakes.day import DAY, NOW, RECORD, SETTINGS, THEN


class LargeDay(DayReader):
    """A day of so many files with so many counters each; nothing of a file is kept."""

    settings = SETTINGS

    def __init__(self, files: int, counters: int) -> None:
        self._file_count = files
        self._counter_count = counters
        self._included = rebuild(
            (each.instance, Image(each.sequencer, each.packed)) for each in self.snapshots(DAY)
        )

    def _content(self, number: int) -> bytes:
        # Values without a pattern: compression finds nothing in them.
        values = ((number * 7919 + index * 104_729) ** 2 % 1_000_003 for index in range(self._counter_count))
        return "".join(f"COUNTER{index} {value}\n" for index, value in enumerate(values)).encode()

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        for number in range(self._file_count):
            yield ListedObject(build_object_key("counters/", day, f"i-{number:08x}"), f"{number:032x}", 1_000, NOW)

    def read_object(self, key: str) -> tuple[bytes, str]:
        number = int(key.rpartition(f"{FILE_NAME_PREFIX}i-")[2], 16)
        return self._content(number), f"{number:032x}"

    def snapshots(self, day: str, *_shown: Attribute) -> Iterator[StoredSnapshot]:
        for number in range(self._file_count):
            packed = pack_counters(parse_counter_file(self._content(number)))
            key = build_object_key("counters/", day, f"i-{number:08x}")
            yield StoredSnapshot(day, f"i-{number:08x}", f"{number:032X}", packed, f"{number:032x}", key, THEN)

    def ledger(self, day: str, *_shown: Attribute, **_how: bool) -> StoredDay:
        assert day == DAY
        return StoredDay((StoredLedger(5, THEN, encode_ledger(self._included)),))

    def record(self, _day: str, *, searched: bool = False) -> StoredRecord:
        assert not searched
        return StoredRecord(RECORD, Layout())

    def expiry(self, day: str) -> Expiry:
        return SETTINGS.expiry_of(day)

    def layout_of_files(self, _day: str) -> Layout:
        return Layout()

    def published(self, _day: str) -> PublishedTotals:
        return PublishedTotals(5, "etag", self._included.sums, updated_at=THEN)

    def counters(self, _day: str) -> Iterator[CounterItem]:
        return (CounterItem(name, exact(value), 5) for name, value in self._included.sums.items())


def main() -> None:
    """Verify a day of the size that the arguments say."""
    files, counters = map(int, sys.argv[1:])
    day = LargeDay(files, counters)
    found, _ = verify(Observer(day, DAY, NOW.date()), Polling(0.0))
    sys.stdout.write(json.dumps({"ok": found.ok, "files": found.files, "megabytes": peak_megabytes()}) + "\n")


def peak_megabytes() -> int:
    """Return the peak of this program's resident memory.

    `getrusage` would count that of the process before it became this program, too.
    """
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
