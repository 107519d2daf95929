from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from countagg.core.errors import CountaggError
from countagg.operate.upload.day_sums import Baseline, SentContent, UploadState, Values
from countagg.operate.upload.state_file import StateFile, default_state_path

STATE = UploadState(
    Values.TODAY,
    1.5,
    {"a": Baseline("all", {"A": 10**33, "B": 0})},
    {"2026-11-20": {"A": 1}},
    {"2026-11-20": SentContent("where", "digest")},
)


def test_what_is_saved_is_loaded_again_by_nobody_else(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "x" / "state")
    with file.held():
        assert file.load() == UploadState()
        file.save(STATE)

    assert StateFile(file.path).load() == STATE
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in file.path.parent.iterdir()) == ["state", "state.lock"]


def test_two_do_not_work_with_one_state(tmp_path: Path) -> None:
    with (
        StateFile(tmp_path / "state").held(),
        pytest.raises(CountaggError, match="another upload is at work"),
        StateFile(tmp_path / "state").held(),
    ):
        raise AssertionError("both work")
    with StateFile(tmp_path / "state").held():
        pass


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_neither_read_nor_locked(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "state")

    with pytest.raises(CountaggError, match="no regular file"), StateFile(tmp_path / "state").held():
        raise AssertionError("it is held")

    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_a_write_goes_through_no_link(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / "state.new").symlink_to(tmp_path / "theirs")

    with pytest.raises(CountaggError, match="cannot be written"):
        StateFile(tmp_path / "state").save(STATE)

    assert (tmp_path / "theirs").read_text() == "theirs"


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"schema": 1}', '{"schema": "1"}', '{"schema": 2}']
    + [
        f'{{"schema": 1, "values": "today", "read_at": {at}, "sources": {sources}, "days": {days}, "sent": {{}}}}'
        for at, sources, days in (
            ('"x"', "{}", "{}"),
            ("1", '{"a": {}}', "{}"),
            ("1", "{}", '{"d": {"A": 1.5}}'),
            ("1", "{}", '{"d": {"A": true}}'),
            ("1", "{}", '{"d": 7}'),
        )
    ],
)
def test_a_state_that_is_none_is_told_and_stays(content: str, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text(content)

    with pytest.raises(CountaggError, match="it is left as it is") as caught:
        StateFile(path).load()

    assert caught.value.hint
    assert path.read_text() == content


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    beside = StateFile(tmp_path / "x" / "state")
    with pytest.raises(CountaggError, match="the state cannot be used: File exists"), beside.held():
        raise AssertionError("it is held")
    with pytest.raises(CountaggError, match="the state cannot be read: Is a directory"):
        StateFile(tmp_path).load()


def test_each_bucket_prefix_and_instance_has_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    paths = {default_state_path(where, "i-1") for where in ("b/counters/", "c/counters/", "b/other/")}

    assert len(paths) == 3
    assert {path.parent for path in paths} == {Path("/state/countagg/upload")}
    assert all(path.name.startswith("i-1-") for path in paths)


def test_a_state_that_there_is_no_room_for_leaves_the_last_one_and_takes_no_room_itself(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state")
    file.save(STATE)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))
    try:
        with pytest.raises(CountaggError, match="the state cannot be written: File too large"):
            file.save(replace(STATE, days={"2026-11-20": {f"counter-{number}": 1 for number in range(99)}}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert [each.name for each in tmp_path.iterdir()] == ["state"]
    assert file.load() == STATE
