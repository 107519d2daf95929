"""Accounts of a load: what counts as applied, included and overtaken."""

from __future__ import annotations

from countagg.aws.pipeline import SnapshotHead
from countagg.operate.load.tracker import Tracker
from tests.fakes.pipeline import sequencer


def head(number: int, etag: str, instance: str = "i", *, unchanged_since: int | None = None) -> SnapshotHead:
    return SnapshotHead(instance, sequencer(number), etag, sequencer(unchanged_since or number))


def test_a_file_is_included_when_the_ledger_has_seen_its_snapshot() -> None:
    tracker = Tracker({})
    tracker.tell_sent("i", "a", began=1.0)

    nothing = tracker.look(2.0, [], {}, queued=1)
    applied = tracker.look(3.0, [head(1, "a")], {}, queued=0)
    included = tracker.look(4.5, [head(1, "a")], {"i": sequencer(1)}, queued=0)

    assert [(each.sent, each.applied, each.included) for each in (nothing, applied, included)] == [
        (1, 0, 0),
        (1, 1, 0),
        (1, 1, 1),
    ]
    assert (nothing.lag, nothing.queued, included.lag) == (1, 1, 0)
    assert tracker.latencies == [3.5]
    assert tracker.missing() == {}


def test_what_a_newer_file_overtook_is_included_with_it() -> None:
    tracker = Tracker({})
    for number, etag in enumerate("abc"):
        tracker.tell_sent("i", etag, began=float(number))

    tracker.look(5.0, [head(2, "b")], {"i": sequencer(2)}, queued=0)

    assert sorted(tracker.latencies) == [4.0, 5.0]
    assert tracker.overtaken == 1
    assert tracker.missing() == {"i": 1}


def test_a_snapshot_that_stood_before_is_not_taken_for_the_same_content_uploaded_again() -> None:
    tracker = Tracker({"i": sequencer(7)})
    tracker.tell_sent("i", "a", began=0.0)

    before = tracker.look(1.0, [head(7, "a")], {"i": sequencer(7)}, queued=0)
    after = tracker.look(2.0, [head(8, "a")], {"i": sequencer(8)}, queued=0)

    assert (before.included, after.included) == (0, 1)


def test_a_ledger_that_is_ahead_of_the_snapshots_that_were_read_includes_them() -> None:
    tracker = Tracker({})
    tracker.tell_sent("i", "a", began=0.0)

    assert tracker.look(1.0, [head(1, "a")], {"i": sequencer(5)}, queued=0).included == 1


def test_what_others_upload_is_of_no_account() -> None:
    tracker = Tracker({})
    tracker.tell_sent("i", "a", began=0.0)

    sample = tracker.look(1.0, [head(1, "x"), head(1, "a", "other")], {"i": sequencer(1), "other": "F"}, queued=3)

    assert (sample.applied, sample.included) == (0, 0)
    assert tracker.missing() == {"i": 1}
