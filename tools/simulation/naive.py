"""Rules that look as if they would do, in place of the real ones. Each is wrong, and the simulation shows it.

The naive aggregators are given more than they would have: sums of a batch are stored at once, by compare-and-set,
so that no update is lost to another writer. What is naive about them is only which records they count.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.counter_file import read_canonical
from countagg.core.ledger import Image, Ledger, Link, decode_ledger, encode_ledger
from countagg.core.snapshot import unpack_canonical
from countagg.core.versions import version_after
from countagg.data.ledgers import StoredLedger
from countagg.data.snapshot_records import parse_snapshot_record
from countagg.data.store import Store
from countagg.functions.clients import FunctionClients
from tests.functions.world import overridden
from tools.simulation.functions import Handler, MakeHandler, Runtime
from tools.simulation.rules import Rules, real_processor

Change = tuple[int, Link]
"""A record's sequence number in its shard, and what it tells."""

Rule = Callable[[dict[str, str], Sequence[Change]], Sequence[Link]]
"""Chooses which changes of a batch count; may keep marks, which are stored with the sums."""


class NaiveAggregator:
    """Adds the difference that each counted record tells."""

    def __init__(self, runtime: Runtime, rule: Rule) -> None:
        self._store = Store(runtime.settings, runtime.clients)
        self._now = runtime.now
        self._rule = rule

    def handle(self, event: Mapping[str, Any], _context: LambdaContext) -> None:
        """Add a batch."""
        days: defaultdict[str, list[Change]] = defaultdict(list)
        for record in event["Records"]:
            link = parse_snapshot_record(record)
            if link is not None:
                days[link.partition].append((int(record["dynamodb"]["SequenceNumber"]), link))
        for day, changes in days.items():
            while not self._add(day, changes):
                pass

    def _add(self, day: str, changes: Sequence[Change]) -> bool:
        stored = self._store.ledgers.load(day)
        ledger = decode_ledger(stored.document) if stored.version else Ledger()
        for link in self._rule(ledger.seen, changes):
            _add_image(ledger, link.old, -1)
            _add_image(ledger, link.new, 1)
        now, expires_at = self._now(), self._store.settings.expiry_of(day).totals
        version = version_after(stored.version, now)
        new = StoredLedger(version, now.isoformat(), encode_ledger(ledger), expires_at)
        return new.document == stored.document or self._store.ledgers.save(day, stored, new)


def _add_image(ledger: Ledger, image: Image | None, sign: int) -> None:
    for name, value in read_canonical(b"" if image is None else unpack_canonical(image.packed)).items():
        ledger.sums[name] = ledger.sums.get(name, 0) + sign * value
        ledger.contributors[name] = ledger.contributors.get(name, 0) + sign
    for name in [name for name, count in ledger.contributors.items() if count == 0 and not ledger.sums[name]]:
        del ledger.sums[name], ledger.contributors[name]


def _unconditionally(_marks: dict[str, str], changes: Sequence[Change]) -> Sequence[Link]:
    return [link for _, link in changes]


def _fenced_by(name: Callable[[Link], str]) -> Rule:
    """Count a record if its sequence number is above all that were counted under the same name."""

    def rule(marks: dict[str, str], changes: Sequence[Change]) -> Sequence[Link]:
        counted = []
        for number, link in changes:
            if number > int(marks.get(name(link), "0")):
                marks[name(link)] = str(number)
                counted.append(link)
        return counted

    return rule


def _once_per_batch(marks: dict[str, str], changes: Sequence[Change]) -> Sequence[Link]:
    token = hashlib.sha256(repr([number for number, _ in changes]).encode()).hexdigest()
    if token in marks:
        return []
    marks[token] = ""
    return [link for _, link in changes]


def _aggregator(rule: Rule) -> MakeHandler:
    return lambda runtime: NaiveAggregator(runtime, rule)


def _without_sequencer(runtime: Runtime) -> Handler:
    """Make a processor that writes each snapshot over whatever is there."""
    dynamodb: Any = runtime.clients.dynamodb

    def put_item(**request: Any) -> Any:
        return dynamodb.put_item(TableName=request["TableName"], Item=request["Item"])

    clients = FunctionClients(runtime.clients.s3, runtime.clients.sqs, overridden(dynamodb, put_item=put_item))
    return real_processor(Runtime(runtime.settings, clients, runtime.logger, runtime.metrics, runtime.now))


NAIVE: Final[Mapping[str, Rules]] = {
    "unconditional-add": Rules(aggregator=_aggregator(_unconditionally), keeps_ledger=False),
    "fence-per-day": Rules(aggregator=_aggregator(_fenced_by(lambda _: "fence")), keeps_ledger=False),
    "fence-per-instance": Rules(
        aggregator=_aggregator(_fenced_by(lambda link: link.instance)), keeps_ledger=False
    ),
    "batch-token": Rules(aggregator=_aggregator(_once_per_batch), keeps_ledger=False),
    "no-sequencer": Rules(processor=_without_sequencer, keeps_ledger=False),
}
