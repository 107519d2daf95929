"""Uploads of test counters, and the wait until the totals include them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Final

import pytest

from countagg.core.counter_file import parse_counter_file
from countagg.core.errors import TimedOut, UsageError
from countagg.core.polling import Polling
from countagg.core.values import SCALE
from countagg.operate.totals.uploads import (
    Inclusion,
    SampleFile,
    Uploaded,
    look_for,
    make_fleet,
    read_sample_rounds,
    upload_rounds,
    wait_until_included,
)
from countagg.provision.packaged import packaged_folder
from tests.fakes.bucket import etag_of
from tests.fakes.pipeline import DAY, FakePipeline, sequencer

FILES: Final = tuple(SampleFile(f"i-{number}", f"a {number}\n".encode()) for number in range(1, 4))


class Clock:
    """A clock that only sleeping moves; `when_asleep` is what happens meanwhile."""

    def __init__(self, fake: FakePipeline) -> None:
        self.now = 100.0
        self.naps: list[float] = []
        self._fake = fake

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.naps.append(seconds)
        if len(self.naps) == 3:
            self._fake.aggregate()

    def wait(self, timeout: float) -> Polling:
        return Polling(timeout, self.sleep, lambda: self.now)


@pytest.mark.parametrize(("instances", "counters"), [(1, 1), (3, 5), (20, 100)])
def test_a_fleet_has_the_size_that_was_asked_for(instances: int, counters: int) -> None:
    fleet = make_fleet(instances, counters, seed=0)

    contents = [parse_counter_file(each.content) for each in fleet]
    assert len({each.instance for each in fleet}) == len(fleet) == instances
    assert [set(each) for each in contents] == [{f"COUNTER{n}" for n in range(1, counters + 1)}] * instances
    assert all(0 <= value < 1_000_000 * SCALE for each in contents for value in each.values())


def test_the_same_seed_makes_the_same_fleet_and_another_one_another() -> None:
    assert make_fleet(5, 7, seed=1) == make_fleet(5, 7, seed=1)
    assert make_fleet(5, 7, seed=1) != make_fleet(5, 7, seed=2)


def test_the_samples_are_two_rounds_of_the_four_instances() -> None:
    rounds = read_sample_rounds(packaged_folder("sample_data"))

    assert [[each.instance for each in files] for files in rounds] == [
        ["i-deadbeef"],
        ["i-beefdead", "i-deadbeef", "i-flub", "i-foobazzled"],
    ]
    assert all(parse_counter_file(each.content) for files in rounds for each in files)


def test_rounds_are_read_by_name_and_only_what_is_a_sample(tmp_path: Path) -> None:
    for name in ("round-2/values_i-b", "round-2/values_i-a", "round-1/values_i-a", "round-1/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "round-3").mkdir()
    (tmp_path / "values_i-c").write_text("beside the rounds")

    assert read_sample_rounds(tmp_path) == [
        [SampleFile("i-a", b"round-1/values_i-a")],
        [SampleFile("i-a", b"round-2/values_i-a"), SampleFile("i-b", b"round-2/values_i-b")],
    ]


def test_a_folder_without_samples_is_named(tmp_path: Path) -> None:
    (tmp_path / "round-1").mkdir()

    with pytest.raises(UsageError) as caught:
        read_sample_rounds(tmp_path)

    assert str(caught.value) == f"{tmp_path}: there are no sample files"


def test_files_go_under_their_days_and_instances_keys() -> None:
    fake = FakePipeline()
    told: list[None] = []

    uploads = upload_rounds(fake, DAY, [FILES], list(fake.snapshot_heads(DAY)), lambda: told.append(None))

    assert sorted(fake.uploaded) == [(f"counters/{DAY}/values_{each.instance}", each.content) for each in FILES]
    assert uploads == [Uploaded(each.instance, etag_of(each.content)) for each in FILES]
    assert len(told) == len(FILES)


def test_of_an_instance_that_uploads_twice_the_last_upload_is_returned() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 9}, number=4)

    uploads = upload_rounds(
        fake, DAY, [FILES[:2], [SampleFile("i-1", b"b 5\n")]], list(fake.snapshot_heads(DAY)), lambda: None
    )

    assert uploads == [
        Uploaded("i-1", etag_of(b"b 5\n"), replaced=sequencer(4)),
        Uploaded("i-2", etag_of(b"a 2\n")),
    ]


def test_a_round_begins_when_the_one_before_has_ended() -> None:
    begun: list[str] = []
    ended_before: dict[str, int] = {}

    def slowly(key: str) -> None:
        begun.append(key)
        ended_before[key] = len(fake.uploaded)
        # The first of a round takes longest.
        time.sleep(0.05 if key.endswith("-1") else 0)

    fake = FakePipeline(on_put=slowly)
    later = [SampleFile("i-9", b"z 1\n")]

    upload_rounds(fake, DAY, [FILES, later], list(fake.snapshot_heads(DAY)), lambda: None)

    assert begun[-1].endswith("values_i-9")
    assert ended_before[begun[-1]] == len(FILES)


def test_the_files_of_a_round_are_uploaded_in_parallel() -> None:
    all_there = threading.Barrier(len(FILES), timeout=300)

    def wait_for_the_others(_key: str) -> None:
        all_there.wait()

    fake = FakePipeline(on_put=wait_for_the_others)

    upload_rounds(fake, DAY, [FILES], list(fake.snapshot_heads(DAY)), lambda: None)

    assert len(fake.uploaded) == len(FILES)


def test_an_upload_that_fails_ends_it() -> None:
    def fail(key: str) -> None:
        raise TimedOut(key)

    fake = FakePipeline(on_put=fail)

    with pytest.raises(TimedOut):
        upload_rounds(fake, DAY, [FILES], list(fake.snapshot_heads(DAY)), lambda: None)


@pytest.mark.parametrize(
    ("upload", "included"),
    [
        (Uploaded("i-1", "new"), 1),
        (Uploaded("i-1", "new", replaced=sequencer(4)), 1),
        (Uploaded("i-1", "new", replaced=sequencer(5)), 0),
        (Uploaded("i-1", "old"), 0),
        (Uploaded("i-2", "new"), 0),
    ],
    ids=[
        "this content",
        "later than what it replaced",
        "the same content, of before the upload",
        "another content",
        "another instance",
    ],
)
def test_an_upload_counts_once_a_later_snapshot_of_its_content_is_in_the_totals(
    upload: Uploaded, included: int
) -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 1}, number=5, etag="new")
    assert look_for(fake, DAY, [upload]) == Inclusion(0, 0)

    fake.aggregate()

    assert look_for(fake, DAY, [upload]) == Inclusion(1, included)


def test_an_older_snapshot_in_the_totals_does_not_count() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 1}, number=5, etag="new")
    fake.aggregate()
    fake.hold("i-1", {"a": 1}, number=6, etag="new")

    assert look_for(fake, DAY, [Uploaded("i-1", "new", replaced=sequencer(5))]) == Inclusion(1, 0)

    fake.aggregate()

    assert look_for(fake, DAY, [Uploaded("i-1", "new", replaced=sequencer(5))]) == Inclusion(2, 1)


def test_the_wait_tells_how_far_it_is_and_ends_when_all_are_included() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 1}, etag="one")
    fake.aggregate()
    fake.hold("i-2", {"a": 2}, etag="two")
    clock = Clock(fake)

    found = list(
        wait_until_included(fake, DAY, [Uploaded("i-1", "one"), Uploaded("i-2", "two")], clock.wait(timeout=60))
    )

    assert found == [Inclusion(1, 1), Inclusion(1, 1), Inclusion(1, 1), Inclusion(2, 2)]
    assert len(clock.naps) == 3


def test_what_is_included_already_is_not_waited_for() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 1}, etag="one")
    fake.aggregate()
    clock = Clock(fake)

    found = list(wait_until_included(fake, DAY, [Uploaded("i-1", "one")], clock.wait(timeout=0)))

    assert found == [Inclusion(1, 1)]
    assert clock.naps == []


def test_the_wait_ends_with_9_and_says_what_is_missing() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 1}, etag="one")
    clock = Clock(fake)
    uploads = [Uploaded("i-1", "one"), Uploaded("i-refused", "never")]

    with pytest.raises(TimedOut) as caught:
        list(wait_until_included(fake, DAY, uploads, clock.wait(timeout=7)))

    assert caught.value.exit_code == 9
    assert str(caught.value) == f"totals of {DAY}: the totals include 1 of 2 files after 7 s"
    assert "countagg status" in caught.value.hint
    assert 107 <= clock.now < 108


def test_a_large_fleet_is_asked_for_less_often() -> None:
    naps = []
    for size in (100, 101):
        clock = Clock(FakePipeline())
        with pytest.raises(TimedOut):
            list(wait_until_included(FakePipeline(), DAY, [Uploaded("i", "e")] * size, clock.wait(timeout=2)))
        naps.append(len(clock.naps))

    assert naps[0] > 5 * naps[1] > 0
