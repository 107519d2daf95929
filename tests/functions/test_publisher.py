"""The publisher: what the outputs hold after batches of records."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.core.values import SCALE, format_value
from countagg.core.versions import version_after
from countagg.data.counters import StatementFailed
from countagg.functions import publisher
from countagg.functions.outputs import PublishingContended
from tests.fakes.bucket import Stored
from tests.functions.alerting import Alerting
from tests.functions.publishing import TOMORROW, Outside, Record, ledger, record, stream, updated_at
from tests.functions.world import DAY, NOW, Context, World, emitted_metrics

KEY = f"totals/{DAY}"


def calls(outside: Outside) -> list[str]:
    """Return the names of the bucket's calls."""
    return [name for name, _ in outside.bucket.calls]


def test_the_totals_are_written_and_then_only_what_changed(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"a": SCALE, "b": 2 * SCALE, "c": SCALE // 4}])
    outside.publish(first)
    assert outside.values() == {"a": "1", "b": "1"}
    capsys.readouterr()
    outside.publish(second)
    assert outside.values() == {"a": "1", "b": "2", "c": "0.25"}
    assert outside.table.items["a", DAY]["Version"] == {"N": "1"}
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 2, "ObjectsPublished": 1}


def test_the_object_holds_all_totals_with_their_version_and_time() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}, {"a": SCALE, "b": SCALE // 4}]))
    found = outside.bucket.objects[KEY]
    assert [line.rstrip() for line in found.body.splitlines()] == [b"a 1", b"b 0.25"]
    assert found.metadata == {
        "countagg-stack": "countagg",
        "countagg-version": "2",
        "countagg-updated-at": updated_at(2),
    }


def test_unchanged_content_is_looked_at_once_and_written_never(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}]))
    cold = outside.start()
    outside.bucket.calls.clear()
    outside.table.calls.clear()
    capsys.readouterr()
    for version in (2, 3, 4):
        unchanged = record(version, ledger({"a": SCALE}, version - 1), ledger({"a": SCALE}, version))
        outside.publish(unchanged, by=cold)
    assert (outside.table.calls, calls(outside)) == ([], ["get"])
    assert emitted_metrics(capsys) == {"VersionsSeen": 3}


def test_a_warm_function_asks_only_for_the_object_and_the_ledger() -> None:
    outside = Outside()
    first, second, third = stream([{"a": SCALE}, {"a": 2 * SCALE}, {"a": 3 * SCALE}])
    outside.publish(first)
    outside.bucket.calls.clear()
    before = (outside.table.looks, len(outside.table.calls), outside.ledgers.reads)
    outside.publish(second)
    outside.publish(third)
    assert calls(outside) == ["get", "put"] * 2
    assert (outside.table.looks, len(outside.table.calls) - 2, outside.ledgers.reads - 2) == before


def test_a_batch_that_comes_again_makes_no_call_at_all() -> None:
    outside = Outside()
    records = stream([{"a": SCALE}, {"a": 2 * SCALE}])
    outside.publish(*records)
    outside.bucket.calls.clear()
    outside.table.calls.clear()
    outside.publish(*records)
    assert (calls(outside), outside.table.calls) == ([], [])


def test_only_the_last_days_are_held() -> None:
    outside = Outside()
    days = [f"2026-11-{number}" for number in range(10, 14)]
    for day in days:
        outside.publish(*stream([{"a": SCALE}], day))
    looks = outside.table.looks
    second = {day: stream([{"a": SCALE}, {"a": 2 * SCALE}], day)[1] for day in days}
    outside.publish(second[days[-1]])
    assert outside.table.looks == looks
    outside.publish(second[days[0]])
    assert outside.table.looks == looks + 1


def test_a_counter_that_no_instance_names_any_more_gets_0() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"b": SCALE}])
    outside.publish(first)
    outside.publish(second)
    assert outside.values() == {"a": "0", "b": "1"}
    assert outside.published() == PublishedTotals(2, "", {"b": SCALE})
    outside.publish(first)
    outside.publish(first, by=outside.start())
    assert outside.values() == {"a": "0", "b": "1"}


def test_a_counter_that_came_and_went_within_a_batch_gets_0() -> None:
    outside = Outside()
    outside.publish(*stream([{"b": SCALE}, {"a": SCALE, "b": SCALE}, {"b": SCALE}]))
    assert outside.values() == {"a": "0", "b": "1"}


def test_an_older_version_that_comes_late_changes_nothing() -> None:
    first, second = stream([{"a": SCALE}, {"a": 2 * SCALE}])
    outside = Outside()
    outside.publish(second)
    for by in (outside.warm, outside.start()):
        outside.publish(first, by=by)
        assert outside.agrees_with({"a": 2 * SCALE}, 2)


def test_each_day_is_written_to_its_own_items_and_object() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}]), *stream([{"a": 5 * SCALE}], TOMORROW))
    assert (outside.values(), outside.values(TOMORROW)) == ({"a": "1"}, {"a": "5"})
    assert outside.agrees_with({"a": SCALE}, 1)
    assert outside.agrees_with({"a": 5 * SCALE}, 1, TOMORROW)


def test_a_batch_that_fails_half_way_is_finished_when_it_comes_again() -> None:
    outside = Outside()
    names = [f"c{number:02d}" for number in range(30)]
    records = stream([dict.fromkeys(names, SCALE)])
    outside.table.failing["c27"] = "ThrottlingError"
    with pytest.raises(StatementFailed):
        outside.publish(*records)
    assert outside.published() is None
    outside.table.failing.clear()
    outside.publish(*records)
    assert outside.agrees_with(dict.fromkeys(names, SCALE), 1)


# Versions that come in a burst


def spent(outside: Outside) -> tuple[int, int, int, int]:
    """Return how often each of the outputs, the index and the ledger was called."""
    return len(outside.bucket.calls), len(outside.table.calls), outside.table.looks, outside.ledgers.reads


BURST = ({"a": SCALE, "b": SCALE}, {"a": 2 * SCALE, "b": SCALE}, {"a": 3 * SCALE, "b": 2 * SCALE})


def burst(outside: Outside) -> list[Record]:
    """Return the records of a burst, whose last version is stored already when its first record comes."""
    records = stream(BURST)
    outside.ledgers.become(records[-1])
    return records


def test_the_first_record_of_a_burst_publishes_its_newest_version_and_the_others_make_no_call() -> None:
    outside = Outside()
    first, *others = burst(outside)
    outside.publish(first)
    assert outside.agrees_with(BURST[-1], 3)
    before = spent(outside)
    for each in others:
        outside.publish(each)
    outside.publish(first, *others)
    assert spent(outside) == before


def test_what_follows_a_burst_is_no_gap(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    for each in burst(outside):
        outside.publish(each)
    (after,) = stream([*BURST, {"a": SCALE, "b": 2 * SCALE}])[3:]
    looks = outside.table.looks
    capsys.readouterr()
    outside.publish(after)
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 1, "ObjectsPublished": 1}
    assert outside.table.looks == looks


def test_the_later_records_of_a_burst_cost_a_new_environment_one_look_and_no_write() -> None:
    outside = Outside()
    first, *others = burst(outside)
    outside.publish(first)
    cold, written = outside.start(), spent(outside)
    for each in others:
        outside.publish(each, by=cold)
    assert [now - then for now, then in zip(spent(outside), written, strict=True)] == [1, 0, 1, 1]


def test_a_value_that_an_attempt_left_between_is_put_right_by_the_record_that_tells_of_it() -> None:
    # Version 2 was read and begun, `x` is written; then it breaks off. By version 3 all is as in version 1.
    versions = [{"a": SCALE, "x": SCALE}, {"a": SCALE, "x": 7 * SCALE}, {"a": SCALE, "x": SCALE}]
    first, second, third = stream(versions)
    outside = Outside()
    outside.publish(first)
    interrupted = outside.start()
    outside.bucket.failing.append("InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        outside.publish(second, by=interrupted)
    assert outside.values()["x"] == "7"
    outside.ledgers.become(third)
    # This one knows only of the record that it has published already, and finds the object as it left it.
    outside.publish(first)
    assert outside.values()["x"] == "7"
    outside.publish(second)
    assert outside.agrees_with(versions[2], 3)
    before = spent(outside)
    outside.publish(third)
    assert spent(outside) == before


@pytest.mark.parametrize("same_environment", [True, False])
def test_a_value_that_lands_after_a_later_version_was_published_is_put_right_by_its_record(
    *, same_environment: bool
) -> None:
    # A call that writes version 3 is under way while version 4 is published, by somebody who knows nothing of it.
    versions = [{"a": 1, "x": 1}, {"a": 2, "x": 1}, {"a": 2, "x": 7}, {"a": 3, "x": 1}]
    first, second, third, fourth = stream(versions)
    outside = Outside()
    outside.publish(first)
    outside.ledgers.become(fourth)
    other = outside.start()
    outside.publish(second, by=other)
    assert outside.agrees_with(versions[3], 4)
    item = outside.table.items["x", DAY]
    assert item["Version"] == {"N": "1"}
    item |= {"Version": {"N": "3"}, "Value": {"N": "0.000000007"}}
    outside.publish(third, fourth, by=other if same_environment else outside.start())
    assert outside.agrees_with(versions[3], 4)


def test_totals_that_changed_and_came_back_are_another_object() -> None:
    versions = [{"a": SCALE}, {"a": 2 * SCALE}, {"a": SCALE}]
    outside = Outside()
    records = stream(versions)
    outside.publish(records[0])
    before = outside.bucket.objects[KEY]
    outside.publish(*records[1:])
    assert outside.agrees_with({"a": SCALE}, 3)
    assert outside.bucket.objects[KEY].etag != before.etag


# Versions without news


@pytest.mark.parametrize("is_warm", [True, False])
def test_a_version_with_the_sums_of_the_one_before_is_not_published(*, is_warm: bool) -> None:
    outside = Alerting()
    outside.publish(*stream([{"a": SCALE}]))
    by = outside.warm if is_warm else outside.start()
    before, asked = spent(outside), len(outside.script.calls)
    for version in (2, 3, 4):
        outside.publish(record(version, ledger({"a": SCALE}, version - 1), ledger({"a": SCALE}, version)), by=by)
    # A new environment does not know yet what is published, and whether its alerts went out.
    looks = [0, 0, 0, 0] if is_warm else [1, 0, 1, 1]
    assert [now - then for now, then in zip(spent(outside), before, strict=True)] == looks
    assert len(outside.script.calls) - asked == (0 if is_warm else 2)
    outside.publish(record(5, ledger({"a": SCALE}, 4), ledger({"a": 2 * SCALE}, 5)), by=by)
    assert outside.agrees_with({"a": 2 * SCALE}, 5)
    assert "outputs healed" not in outside.log.getvalue()


# Counters that are new


def test_a_new_counter_takes_one_statement_and_so_does_one_that_is_there() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"a": 2 * SCALE, "b": SCALE, "c": SCALE}])
    outside.publish(first)
    outside.publish(second)
    assert sorted(len(call) for call in outside.table.calls) == [1, 1, 2]


def test_a_counter_that_went_and_comes_back_is_written() -> None:
    outside = Outside()
    versions = [{"a": SCALE, "b": SCALE}, {"b": SCALE}, {"a": 2 * SCALE, "b": SCALE}]
    for each in stream(versions):
        outside.publish(each)
    assert outside.agrees_with(versions[-1], 3)


# Records that were lost


def test_counters_that_lost_records_changed_are_found_in_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    versions = [
        {"a": SCALE, "b": SCALE, "gone": SCALE},
        {"a": 2 * SCALE, "b": SCALE},
        {"a": 2 * SCALE, "b": SCALE, "new": SCALE},
        {"a": 2 * SCALE, "b": 2 * SCALE, "new": SCALE},
    ]
    records = stream(versions)
    outside.publish(records[0])
    capsys.readouterr()
    outside.publish(records[3])
    assert outside.agrees_with(versions[3], 4)
    assert outside.values()["gone"] == "0"
    assert emitted_metrics(capsys) == {
        "VersionsSeen": 1,
        "CountersPublished": 4,
        "ObjectsPublished": 1,
        "PublishingGapsHealed": 1,
    }
    (warning,) = [json.loads(line) for line in outside.log.getvalue().splitlines() if '"WARNING"' in line]
    assert (warning["day"], warning["published"], warning["version"]) == (DAY, 1, 4)


def test_a_gap_is_healed_although_the_version_after_it_changes_nothing() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}]))
    outside.publish(record(3, ledger({"a": 2 * SCALE}, 2), ledger({"a": 2 * SCALE}, 3)))
    assert outside.agrees_with({"a": 2 * SCALE}, 3)


def test_a_counter_of_an_interrupted_attempt_is_found_although_its_records_are_lost() -> None:
    outside = Outside()
    versions = [{"a": SCALE}, {"a": 7 * SCALE, "x": SCALE}, {"a": SCALE, "b": SCALE}, {"a": SCALE, "b": 2 * SCALE}]
    records = stream(versions)
    outside.publish(records[0])
    outside.bucket.failing.append("InternalError")
    with pytest.raises(Exception, match="InternalError"):
        outside.publish(records[1])
    assert outside.values() == {"a": "7", "x": "1"}
    outside.publish(records[3], by=outside.start())
    assert outside.agrees_with(versions[3], 4)


def test_versions_that_moved_only_what_is_seen_are_no_gap() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}]))
    outside.table.calls.clear()
    outside.publish(record(9, ledger({"a": SCALE}, 8), ledger({"a": SCALE}, 9)), by=outside.start())
    assert outside.table.calls == []
    assert "outputs healed" not in outside.log.getvalue()


def test_an_unreadable_version_is_told_and_healed_by_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    first, second, third = stream([{"a": SCALE}, {"a": 2 * SCALE}, {"a": 2 * SCALE, "b": SCALE}])
    outside.publish(first)
    second["dynamodb"]["NewImage"]["Document"]["B"] = "AAAA"
    third["dynamodb"]["OldImage"]["Document"]["B"] = "AAAA"
    capsys.readouterr()
    outside.publish(second)
    assert emitted_metrics(capsys) == {"VersionsUnreadable": 1}
    assert '"version left out"' in outside.log.getvalue()
    outside.publish(third)
    assert outside.agrees_with({"a": 2 * SCALE, "b": SCALE}, 3)


# Objects that somebody changed


@pytest.mark.parametrize("body", [b"a 5\nz 1\n", b"garbage", b""])
def test_an_object_that_somebody_damaged_is_written_anew(body: bytes) -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"a": SCALE, "b": 2 * SCALE}])
    outside.publish(first)
    outside.bucket.objects[KEY] = Stored(body, {"countagg-version": "x"})
    outside.publish(second)
    assert outside.agrees_with({"a": SCALE, "b": 2 * SCALE}, 2)


def test_an_object_that_somebody_deleted_is_written_anew() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE, "b": SCALE}, {"a": SCALE, "b": 2 * SCALE}])
    outside.publish(first)
    del outside.bucket.objects[KEY]
    outside.publish(second)
    assert outside.agrees_with({"a": SCALE, "b": 2 * SCALE}, 2)


def test_from_a_newer_object_that_is_damaged_nothing_is_taken() -> None:
    outside = Outside()
    first, second = stream([{"a": SCALE}, {"a": 2 * SCALE}])
    outside.publish(first)
    outside.bucket.objects[KEY] = Stored(b"garbage", {"countagg-version": "9"})
    outside.publish(second, by=outside.start())
    assert outside.values() == {"a": "1"}
    assert outside.bucket.objects[KEY].body == b"garbage"


# Invocations that overlap


def test_a_newer_version_that_comes_between_look_and_write_stays() -> None:
    versions = [{"a": SCALE}, {"a": 2 * SCALE, "x": SCALE}, {"a": 3 * SCALE}]
    first, second, third = stream(versions)
    outside = Outside()
    outside.publish(first)
    other = outside.start()
    outside.bucket.before_put.append(lambda: outside.publish(third, by=other))
    outside.publish(second)
    assert outside.agrees_with(versions[2], 3)


def test_an_older_version_that_comes_between_look_and_write_is_replaced() -> None:
    versions = [{"a": SCALE}, {"a": 2 * SCALE}, {"a": 3 * SCALE}]
    first, second, third = stream(versions)
    outside = Outside()
    outside.publish(first)
    other = outside.start()
    outside.bucket.before_put.append(lambda: outside.publish(second, by=other))
    outside.publish(third)
    assert outside.agrees_with(versions[2], 3)


def test_what_an_overtaken_attempt_wrote_is_brought_to_the_newer_version() -> None:
    # The record of version 3 is lost: nobody tells the newer attempt of `x`, which the older one writes late.
    versions = [{"a": SCALE}, {"a": SCALE, "x": SCALE}, {"a": SCALE}, {"a": 4 * SCALE}]
    records = stream(versions)
    outside = Outside()
    outside.publish(records[0])
    other = outside.start()
    outside.table.before_call.append(lambda: outside.publish(records[3], by=other))
    outside.publish(records[1])
    assert outside.values() == {"a": "4", "x": "0"}
    assert outside.agrees_with(versions[3], 4)


def test_what_an_overtaken_attempt_wrote_for_lost_records_is_brought_to_the_newer_version() -> None:
    # The records of versions 2 and 4 are lost: only the older attempt knows of `x`, and only by the object.
    versions = [
        {"a": SCALE},
        {"a": SCALE, "x": SCALE},
        {"a": 2 * SCALE, "x": SCALE},
        {"a": 2 * SCALE},
        {"a": 4 * SCALE},
    ]
    records = stream(versions)
    outside = Outside()
    outside.publish(records[0])
    other = outside.start()
    outside.table.before_call.append(lambda: outside.publish(records[4], by=other))
    outside.publish(records[2])
    assert outside.values() == {"a": "4", "x": "0"}
    assert outside.agrees_with(versions[4], 5)


def test_the_same_totals_of_a_newer_version_are_not_taken_for_those_that_were_read() -> None:
    versions = [{"a": SCALE}, {"a": 2 * SCALE}, {"a": SCALE}]
    first, second, third = stream(versions)
    outside = Outside()
    outside.publish(first)
    other = outside.start()

    def newer() -> None:
        outside.publish(second, third, by=other)

    outside.bucket.before_put.append(newer)
    outside.publish(second)
    assert outside.agrees_with({"a": SCALE}, 3)


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_a_conflict_is_tried_again_and_not_for_ever(code: str) -> None:
    outside = Outside()
    outside.bucket.failing = [code] * 3
    outside.publish(*stream([{"a": SCALE}]))
    assert outside.agrees_with({"a": SCALE}, 1)
    outside.bucket.failing = [code] * 99
    with pytest.raises(PublishingContended, match=DAY):
        outside.publish(*stream([{"a": SCALE}, {"a": 2 * SCALE}]))


# Outputs, logs, entry point


def test_a_batch_leaves_one_log_line() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}, {"a": 2 * SCALE}]))
    (line,) = [json.loads(text) for text in outside.log.getvalue().splitlines()]
    assert (line["level"], line["message"]) == ("INFO", "batch done")
    assert (line["VersionsSeen"], line["CountersPublished"], line["ObjectsPublished"]) == (1, 1, 1)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[dict[str, int]], list[tuple[list[int], bool, str]]]:
    """A day's versions, and batches of their positions: the newest at least once, the others maybe, in any order.

    With each batch: whether a new execution environment takes it, and where it is interrupted.
    """
    sums = st.dictionaries(st.sampled_from("abc"), st.integers(-2, 2).map(lambda whole: whole * SCALE))
    versions = draw(st.lists(sums, min_size=1, max_size=6))
    positions = draw(st.lists(st.sampled_from(range(len(versions))), max_size=12))
    mixed = draw(st.permutations([*positions, len(versions) - 1]))
    size = draw(st.integers(1, 4))
    batches = [list(mixed[start : start + size]) for start in range(0, len(mixed), size)]
    interrupted = st.sampled_from(["", "", "table", "bucket"])
    return versions, [(batch, draw(st.booleans()), draw(interrupted)) for batch in batches]


@given(deliveries())
@settings(deadline=None)
def test_whatever_is_lost_repeated_reordered_or_interrupted_the_newest_totals_are_published(
    delivered: tuple[list[dict[str, int]], list[tuple[list[int], bool, str]]],
) -> None:
    versions, batches = delivered
    records = stream(versions)
    outside = Outside()
    # What is interrupted comes again or is lost; the newest record is delivered once more, and succeeds.
    for positions, cold, interrupted in batches:
        if cold:
            outside.warm = outside.start()
        outside.table.failing = {"b": "ThrottlingError"} if interrupted == "table" else {}
        outside.bucket.failing = ["InternalError"] if interrupted == "bucket" else []
        try:
            outside.publish(*[records[position] for position in positions])
        except Exception as error:
            if not interrupted:
                raise AssertionError from error
    outside.table.failing, outside.bucket.failing = {}, []
    outside.publish(records[-1])
    table = {name: format_value(value) for name, value in versions[-1].items()}
    assert {name: value for name, value in outside.values().items() if name in table or value != "0"} == table
    found = outside.published()
    assert ({} if found is None else found.totals) == versions[-1]


def test_the_entry_point_takes_its_settings_from_the_environment(
    deployed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployed.settings.stack == "countagg"
    unchanged = record(2, ledger({}, 1), ledger({}, 2))
    unchanged["dynamodb"]["OldImage"]["Version"]["N"] = "0"
    publisher.handler({"Records": [unchanged]}, Context(60_000))
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [(found["service"], found["VersionsSeen"]) for found in metrics] == [("countagg-publisher", [1.0])]


BEGAN_ANEW = version_after(0, NOW)


@pytest.mark.parametrize("is_warm", [True, False])
@pytest.mark.parametrize("lost", [("counters",), ("object",), (), ("counters", "object")])
def test_a_ledger_that_begins_anew_replaces_what_the_one_before_it_published(
    lost: tuple[str, ...], *, is_warm: bool
) -> None:
    outside = Outside()
    former = stream([{"old": number * SCALE, "both": SCALE} for number in range(1, 51)])
    outside.publish(*former)
    if "counters" in lost:
        outside.table.items.clear()
    if "object" in lost:
        outside.bucket.objects.clear()
    by = outside.warm if is_warm else outside.start()

    outside.publish(record(BEGAN_ANEW, None, ledger({"both": 2 * SCALE, "new": SCALE})), by=by)

    for late in ([], former, former[-1:]):
        outside.publish(*late, by=by)
        assert outside.published() == PublishedTotals(BEGAN_ANEW, "", {"both": 2 * SCALE, "new": SCALE})
        values = outside.values()
        # Where nothing tells of it any more, nothing has to be put right.
        assert values.pop("old", "0") == "0"
        assert values == {"both": "2", "new": "1"}


def test_a_split_day_that_begins_anew_replaces_what_was_published_too() -> None:
    layout, outside = Layout(2, 1), Outside()
    first, second = layout.partitions(DAY)
    outside.publish(*stream([{"old": number * SCALE} for number in range(1, 51)]))
    outside.ledgers.store(first, BEGAN_ANEW, ledger({"new": SCALE}))
    outside.publish(record(BEGAN_ANEW, None, ledger({"new": SCALE}), first))
    assert outside.published() == PublishedTotals(BEGAN_ANEW, "", {"new": SCALE})
    assert outside.values() == {"old": "0", "new": "1"}
    outside.ledgers.store(second, BEGAN_ANEW, ledger({"new": SCALE}))
    outside.publish(record(BEGAN_ANEW, None, ledger({"new": SCALE}), second))
    assert outside.published() == PublishedTotals(BEGAN_ANEW + 1, "", {"new": 2 * SCALE})
    assert outside.values() == {"old": "0", "new": "2"}
