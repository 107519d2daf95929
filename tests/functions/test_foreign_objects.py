"""An object of somebody else's where the totals of a day belong: it stays, and all else is as ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from countagg.core.published import published_metadata, render_published
from countagg.core.values import SCALE
from countagg.functions.publisher import AlertsNotSent
from tests.fakes.bucket import Stored
from tests.functions.alerting import Alerting, Fault
from tests.functions.publishing import Outside, stream
from tests.functions.test_split_days import ONE, OTHER, Split
from tests.functions.test_unreadable import ANSWERS
from tests.functions.world import DAY, emitted_metrics

KEY: Final = f"totals/{DAY}"
REPORT: Final = Stored(b"a report of the day\n", {"author": "somebody"})
OTHER_STACKS: Final = Stored(render_published({"z": SCALE}, 9), published_metadata("other", 9, "then"))
UNREAD: Final = {
    text: Stored(b"whatever it says\n", published_metadata("stack", 9, "then"), answer)
    for text, answer in ANSWERS.items()
}
FOREIGN: Final = pytest.mark.parametrize(
    "foreign",
    [REPORT, OTHER_STACKS, Stored(b""), *UNREAD.values()],
    ids=["report", "stack", "empty", *UNREAD],
)

LEFT_ALONE: Final = {"VersionsSeen": 1, "ObjectsForeign": 1}
VERSIONS: Final = (
    {"a": SCALE, "b": SCALE},
    {"a": SCALE, "b": 2 * SCALE},
    {"a": 3 * SCALE, "b": 2 * SCALE},
    {"a": 3 * SCALE, "b": 4 * SCALE},
)


def metrics_of(capsys: pytest.CaptureFixture[str], outside: Outside, *records: Mapping[str, object]) -> object:
    capsys.readouterr()
    outside.publish(*map(dict, records))
    return emitted_metrics(capsys)


@FOREIGN
def test_it_stays_and_only_changed_counters_are_written(
    foreign: Stored, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = Outside()
    outside.bucket.objects[KEY] = foreign
    first, second, third, fourth = stream(VERSIONS)
    assert metrics_of(capsys, outside, first) == LEFT_ALONE | {"CountersPublished": 2}
    for each in (second, third):
        assert metrics_of(capsys, outside, each) == {
            "VersionsSeen": 1,
            "CountersPublished": 1,
            "ObjectsForeign": 1,
        }
    assert outside.bucket.objects[KEY] == foreign
    assert outside.values() == {"a": "3", "b": "2"}
    assert outside.table.items["a", DAY]["Version"] == {"N": "3"}
    assert outside.log.getvalue().count('"object left alone"') == 1
    assert "records were lost" not in outside.log.getvalue()

    del outside.bucket.objects[KEY]
    outside.publish(fourth)
    assert outside.agrees_with(VERSIONS[3], 4)


def test_an_environment_that_begins_writes_the_counters_once_and_calls_it_no_gap(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outside = Outside()
    outside.bucket.objects[KEY] = REPORT
    first, second, third, _ = stream(VERSIONS)
    outside.publish(first)
    outside.warm = outside.start()
    assert metrics_of(capsys, outside, second) == LEFT_ALONE | {"CountersPublished": 2}
    assert metrics_of(capsys, outside, third) == LEFT_ALONE | {"CountersPublished": 1}
    assert outside.values() == {"a": "3", "b": "2"}


def test_lost_records_are_made_up_for() -> None:
    outside = Outside()
    outside.bucket.objects[KEY] = REPORT
    first, _, _, fourth = stream(VERSIONS)
    outside.publish(first)
    outside.publish(fourth)
    assert outside.values() == {"a": "3", "b": "4"}


def test_a_batch_that_comes_again_goes_back_to_nothing() -> None:
    outside = Outside()
    outside.bucket.objects[KEY] = REPORT
    records = stream(VERSIONS)
    for each in (*records, *records):
        outside.publish(each)
    assert outside.values() == {"a": "3", "b": "4"}
    assert outside.bucket.objects[KEY] == REPORT


def test_one_that_comes_between_look_and_write_stays() -> None:
    outside = Outside()
    first, second, _, _ = stream(VERSIONS)
    outside.publish(first)
    outside.bucket.before_put.append(lambda: outside.bucket.objects.__setitem__(KEY, REPORT))
    outside.publish(second)
    assert outside.bucket.objects[KEY] == REPORT
    assert outside.values() == {"a": "1", "b": "2"}


@FOREIGN
def test_it_stays_where_the_day_is_split(foreign: Stored, capsys: pytest.CaptureFixture[str]) -> None:
    split = Split()
    outside = split.outside
    outside.bucket.objects[KEY] = foreign
    outside.publish(split.change(ONE, {"a": 1, "b": 1}), split.change(OTHER, {"a": 2}))
    changed = split.change(OTHER, {"a": 3})
    assert metrics_of(capsys, outside, changed) == LEFT_ALONE | {"CountersPublished": 1}
    assert outside.bucket.objects[KEY] == foreign
    assert outside.table.items["a", DAY]["Value"] == {"N": "0.000000004"}

    del outside.bucket.objects[KEY]
    outside.publish(split.change(ONE, {"a": 2, "b": 1}))
    assert split.agrees()


def test_alerts_are_sent_once_and_tried_again() -> None:
    outside = Alerting()
    outside.bucket.objects[KEY] = REPORT
    outside.set_limit("b", SCALE)
    first, second, third, _ = stream(VERSIONS)
    outside.publish(first)
    assert outside.topic.messages == []
    outside.script.faults[len(outside.script.calls) + 3] = Fault.ERROR_BEFORE
    with pytest.raises(AlertsNotSent):
        outside.publish(second)
    outside.publish(second)
    outside.publish(third)
    assert [(each["counter"], each["value"]) for each in outside.topic.messages] == [("b", 2)]
