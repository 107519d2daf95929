"""The publisher: which publications a batch of records asks for, and what the outputs then hold."""

from __future__ import annotations

import base64
import io
import itertools
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.errors import CorruptDocument, InvalidEvent
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.values import SCALE, format_value
from countagg.functions import publisher
from countagg.functions.counters_table import CountersTable, StatementFailed
from countagg.functions.publisher import Publication, Publisher, counters_output, publications
from tests.events.loading import load_event
from tests.functions.partiql import FakeTable
from tests.functions.world import DAY, Context, World, emitted_metrics

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Record = dict[str, Any]
NAME = "countagg-counters"
TOMORROW = "2026-11-21"
_SERVICES = itertools.count(1)


def ledger(sums: dict[str, int], moved: int = 0) -> Ledger:
    return Ledger(sums, dict.fromkeys(sums, 1), {"i-1": f"{moved:032X}"})


def record(version: int, old: Ledger | None, new: Ledger, day: str = DAY) -> Record:
    found = load_event("stream-totals-insert" if old is None else "stream-totals-modify")
    change = found["dynamodb"]
    change["Keys"]["Date"]["S"] = day
    change["NewImage"] |= {"Date": {"S": day}, "Version": {"N": str(version)}, "Document": document(new)}
    if old is not None:
        change["OldImage"] |= {"Date": {"S": day}, "Version": {"N": str(version - 1)}, "Document": document(old)}
    return found


def document(content: Ledger) -> dict[str, str]:
    return {"B": base64.b64encode(encode_ledger(content)).decode()}


def stream(versions: Sequence[dict[str, int]], day: str = DAY) -> list[Record]:
    """Return the records of a day whose ledger had these sums, one after the other."""
    ledgers = [ledger(sums, number) for number, sums in enumerate(versions)]
    return [
        record(number, old, new, day)
        for number, (old, new) in enumerate(zip([None, *ledgers[:-1]], ledgers, strict=True), start=1)
    ]


class Outside:
    """A publisher with the counters table as its output, and what it leaves behind."""

    def __init__(self) -> None:
        self.fake = FakeTable(NAME)
        self.log = io.StringIO()
        service = f"test-publisher-{next(_SERVICES)}"
        self.logger = Logger(service=service, stream=self.log)
        table = CountersTable(NAME, 400, cast("DynamoDBClient", self.fake))
        self.publisher = Publisher(
            [counters_output(table)], self.logger, EphemeralMetrics(namespace="countagg", service=service)
        )

    def publish(self, *records: Record) -> None:
        self.publisher.handle({"Records": list(records)}, Context(60_000))

    def values(self, day: str = DAY) -> dict[str, str]:
        return {counter: item["Value"]["N"] for (counter, date), item in self.fake.items.items() if date == day}


def test_a_batch_is_one_publication_a_day_of_its_newest_version() -> None:
    today = stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 1}])
    tomorrow = stream([{"c": 9}], TOMORROW)
    assert list(publications([today[1], tomorrow[0], today[2]])) == [
        Publication(DAY, 3, {"a": 3, "b": 1}, frozenset({"a"})),
        Publication(TOMORROW, 1, {"c": 9}, frozenset({"c"})),
    ]


def test_everything_in_a_days_first_version_is_changed() -> None:
    (publication,) = publications(stream([{"a": 1, "b": 0}]))
    assert publication.changed == {"a", "b"}


def test_the_newest_version_is_found_in_any_order_also_past_version_9() -> None:
    records = stream([{"a": number} for number in range(12)])
    (publication,) = publications([records[10], records[11], records[8], records[9]])
    assert (publication.version, publication.totals) == (12, {"a": 11})


def test_a_counter_that_changed_and_came_back_is_published() -> None:
    (publication,) = publications(stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1}])[1:])
    assert (publication.totals, publication.changed) == ({"a": 1, "b": 1}, frozenset({"a"}))


def test_a_counter_without_instances_is_changed_and_not_in_the_totals() -> None:
    (publication,) = publications(stream([{"a": 1, "b": 1}, {"a": 1}])[1:])
    assert (publication.totals, publication.changed) == ({"a": 1}, frozenset({"b"}))


def test_a_version_that_only_moves_what_is_seen_changes_nothing() -> None:
    (publication,) = publications([record(2, ledger({"a": 1}, 1), ledger({"a": 1}, 2))])
    assert (publication.version, publication.changed) == (2, frozenset())


def test_a_ledger_past_its_time_to_live_is_no_publication() -> None:
    assert list(publications([load_event("stream-totals-ttl-remove")])) == []
    assert list(publications([])) == []


def test_a_record_of_another_table_is_refused() -> None:
    with pytest.raises(InvalidEvent):
        list(publications([load_event("stream-snapshot-insert")]))


def test_a_corrupt_ledger_is_refused() -> None:
    damaged = stream([{"a": 1}])[0]
    damaged["dynamodb"]["NewImage"]["Document"]["B"] = "AAAA"
    with pytest.raises(CorruptDocument):
        list(publications([damaged]))


def test_the_totals_are_written_and_then_only_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"a": SCALE, "b": 2 * SCALE, "c": SCALE // 4}])
    outside.publish(first)
    assert outside.values() == {"a": "1", "b": "1"}
    capsys.readouterr()
    outside.publish(second)
    assert outside.values() == {"a": "1", "b": "2", "c": "0.25"}
    assert outside.fake.items["a", DAY]["Version"] == {"N": "1"}
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 2}


def test_unchanged_content_makes_no_call_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    outside.publish(record(2, ledger({"a": SCALE}, 1), ledger({"a": SCALE}, 2)))
    assert outside.fake.calls == []
    assert emitted_metrics(capsys) == {"VersionsSeen": 1}


def test_a_counter_that_no_instance_names_any_more_gets_0() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"b": SCALE}])
    outside.publish(first)
    outside.publish(second)
    assert outside.values() == {"a": "0", "b": "1"}
    outside.publish(first)
    assert outside.values() == {"a": "0", "b": "1"}


def test_a_counter_that_came_and_went_within_a_batch_gets_0() -> None:
    outside = Outside()
    outside.publish(*stream([{"b": SCALE}, {"a": SCALE, "b": SCALE}, {"b": SCALE}]))
    assert outside.values() == {"a": "0", "b": "1"}


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE}, {"a": 2 * SCALE}])
    outside.publish(second)
    outside.publish(first)
    assert outside.values() == {"a": "2"}


def test_each_day_is_written_to_its_own_items() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}]), *stream([{"a": 5 * SCALE}], TOMORROW))
    assert (outside.values(), outside.values(TOMORROW)) == ({"a": "1"}, {"a": "5"})


def test_a_batch_that_fails_half_way_is_finished_when_it_comes_again() -> None:
    outside = Outside()
    names = [f"c{number:02d}" for number in range(30)]
    records = stream([dict.fromkeys(names, SCALE)])
    outside.fake.failing["c27"] = "ThrottlingError"
    with pytest.raises(StatementFailed):
        outside.publish(*records)
    outside.fake.failing.clear()
    outside.publish(*records)
    assert outside.values() == dict.fromkeys(names, "1")


def test_every_output_gets_the_publication_and_what_they_wrote_is_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    got: list[tuple[str, Publication]] = []

    def output(name: str, written: int) -> publisher.Output:
        def take(publication: Publication) -> int:
            got.append((name, publication))
            return written

        return take

    outside = Outside()
    both = [output("one", 3), output("other", 4)]
    Publisher(both, outside.logger, EphemeralMetrics(namespace="countagg", service="test-outputs")).handle(
        {"Records": stream([{"a": 1}])}, Context(60_000)
    )
    expected = Publication(DAY, 1, {"a": 1}, frozenset({"a"}))
    assert got == [("one", expected), ("other", expected)]
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 7}


def test_outputs_are_not_asked_when_nothing_changed() -> None:
    asked: list[Publication] = []

    def output(publication: Publication) -> int:
        asked.append(publication)
        return 0

    handler = Publisher([output], Outside().logger, EphemeralMetrics(namespace="countagg", service="test-unasked"))
    unchanged = record(2, ledger({"a": SCALE}, 1), ledger({"a": SCALE}, 2))
    handler.handle({"Records": [unchanged]}, Context(60_000))
    assert asked == []


def test_a_batch_leaves_one_log_line() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}, {"a": 2 * SCALE}]))
    (line,) = [json.loads(text) for text in outside.log.getvalue().splitlines()]
    assert (line["level"], line["message"]) == ("INFO", "batch done")
    assert (line["VersionsSeen"], line["CountersPublished"]) == (1, 1)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[dict[str, int]], list[list[int]]]:
    """A day's versions, and batches of their positions: every one at least once, in any order."""
    sums = st.dictionaries(st.sampled_from("abc"), st.integers(-2, 2).map(lambda whole: whole * SCALE))
    versions = draw(st.lists(sums, min_size=1, max_size=6))
    positions = draw(st.permutations(range(len(versions))))
    again = draw(st.lists(st.sampled_from(positions), max_size=5))
    mixed = draw(st.permutations([*positions, *again]))
    size = draw(st.integers(1, 4))
    return versions, [list(mixed[start : start + size]) for start in range(0, len(mixed), size)]


@given(deliveries())
@settings(deadline=None)
def test_whatever_the_order_the_table_ends_with_the_newest_totals(
    delivered: tuple[list[dict[str, int]], list[list[int]]],
) -> None:
    versions, batches = delivered
    records = stream(versions)
    outside = Outside()
    for batch in batches:
        outside.publish(*[records[position] for position in batch])
    ever = {name for sums in versions for name in sums}
    assert outside.values() == {name: format_value(versions[-1].get(name, 0)) for name in ever}


def test_the_entry_point_takes_its_settings_from_the_environment(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed.settings.stack == "countagg"
    unchanged = record(2, ledger({"a": SCALE}, 1), ledger({"a": SCALE}, 2))
    publisher.handler({"Records": [unchanged]}, Context(60_000))
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(found["service"], found["VersionsSeen"]) for found in metrics] == [("countagg-publisher", [1.0])]
