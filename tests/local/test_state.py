from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict
from pathlib import Path

import pytest

from countagg.core.errors import EngineProblem
from countagg.core.polling import Polling
from countagg.local import EngineRecord, LocalEngine, default_state_dir
from countagg.local.state import AccessKey, StateFolder

RECORD = EngineRecord(
    pid=4711,
    port=4566,
    created=1_795_197_535.37,
    version="1.5.33",
    enforce_policies=True,
    started_at="2026-11-20T17:58:56+00:00",
    access_key=AccessKey("LOCAL0123456789ABCDEF", "of-this-run"),
)


def record_text(**changes: object) -> str:
    return json.dumps({"schema": 2, **asdict(RECORD), **changes})


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "made" / "here")
    folder.prepare()
    return folder


def permissions(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class Clock:
    """A clock that only its own sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_record_comes_back_as_it_was_written(folder: StateFolder) -> None:
    folder.write(RECORD)
    assert folder.read() == RECORD


def change_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be another user than the one that made the files."""
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)


def test_a_record_in_another_users_folder_is_not_believed(
    folder: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(RECORD)
    change_owner(monkeypatch)

    with pytest.raises(EngineProblem, match="another user may have written it"):
        folder.read()
    with pytest.raises(EngineProblem, match="another user may have written it"):
        folder.prepare()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_record_in_a_folder_that_others_may_write_is_not_believed(folder: StateFolder, mode: int) -> None:
    folder.write(RECORD)
    folder.root.chmod(mode)

    with pytest.raises(EngineProblem, match="another user may have written it"):
        folder.read()
    folder.prepare()
    assert folder.read() == RECORD


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_record_that_others_may_write_is_not_believed(folder: StateFolder, mode: int) -> None:
    folder.write(RECORD)
    (folder.root / "engine.json").chmod(mode)

    with pytest.raises(EngineProblem, match="another user may have written it"):
        folder.read()


def test_a_link_in_place_of_the_record_is_not_followed(folder: StateFolder, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(record_text())
    elsewhere.chmod(0o600)
    (folder.root / "engine.json").symlink_to(elsewhere)

    with pytest.raises(EngineProblem, match="cannot be used"):
        folder.read()


def test_each_run_has_an_access_key_that_is_not_shown() -> None:
    one, other = AccessKey.new(), AccessKey.new()

    assert len({one.id, other.id, one.secret, other.secret}) == 4
    assert min(len(one.secret), len(one.id)) >= 20
    assert one.secret not in repr(one)


def test_the_endpoint_is_on_the_loopback_interface() -> None:
    assert RECORD.endpoint_url == "http://127.0.0.1:4566"


def test_the_record_is_a_json_document_with_a_schema_number(folder: StateFolder) -> None:
    folder.write(RECORD)
    assert json.loads((folder.root / "engine.json").read_text()) == json.loads(record_text())


def test_without_a_record_there_is_none(folder: StateFolder) -> None:
    assert folder.read() is None


def test_a_folder_that_does_not_exist_has_no_record_and_no_log(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "absent")
    assert folder.read() is None
    assert folder.read_log() == []
    assert not folder.root.exists()


def test_everything_is_for_the_owner_alone(folder: StateFolder) -> None:
    folder.write(RECORD)
    os.close(folder.open_log())
    data = folder.fresh_data()
    assert [permissions(path) for path in (folder.root, data, data / "tmp")] == [0o700] * 3
    assert [permissions(path) for path in (folder.root / "engine.json", folder.log_path)] == [0o600] * 2


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    StateFolder(tmp_path).prepare()
    assert permissions(tmp_path) == 0o700


def test_writing_leaves_no_other_file(folder: StateFolder) -> None:
    folder.write(RECORD)
    assert [path.name for path in folder.root.iterdir()] == ["engine.json"]


def test_a_write_that_was_cut_off_does_not_hinder_the_next(folder: StateFolder) -> None:
    (folder.root / "engine.tmp").write_text("half a rec")
    folder.write(RECORD)
    assert folder.read() == RECORD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        '{"schema": 2}',
        record_text(pid=-1),
        record_text(pid=1),
        record_text(pid="4711 or so"),
        record_text(port=[]),
        record_text(schema=1),
    ],
)
def test_a_record_that_makes_no_sense_is_refused_with_its_place(folder: StateFolder, text: str) -> None:
    path = folder.root / "engine.json"
    path.write_text(text)
    with pytest.raises(EngineProblem) as caught:
        folder.read()
    assert caught.value.where == str(path)
    assert "delete this file" in caught.value.hint


def test_forgetting_removes_record_and_data_and_keeps_the_log(folder: StateFolder) -> None:
    folder.write(RECORD)
    os.close(folder.open_log())
    (folder.fresh_data() / "s3" / "object").write_text("x")
    folder.forget()
    assert [path.name for path in folder.root.iterdir()] == ["engine.log"]


def test_fresh_data_holds_nothing_of_the_past(folder: StateFolder) -> None:
    (folder.fresh_data() / "s3" / "object").write_text("x")
    data = folder.fresh_data()
    assert sorted(path.name for path in data.rglob("*")) == ["home", "s3", "state", "tmp"]


def test_the_log_of_the_run_before_is_kept(folder: StateFolder) -> None:
    for run in ("first", "second", "third"):
        folder.rotate_log()
        folder.log_path.write_text(run)
    assert folder.log_path.read_text() == "third"
    assert folder.previous_log_path.read_text() == "second"


def test_the_end_of_a_log_can_be_read_without_the_rest(folder: StateFolder) -> None:
    folder.log_path.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert folder.read_log(2) == ["line 49998", "line 49999"]
    assert folder.read_log(0) == []
    assert len(folder.read_log()) == 50_000


def test_a_log_that_is_not_utf_8_can_be_read(folder: StateFolder) -> None:
    folder.log_path.write_bytes(b"caf\xe9\n")
    assert folder.read_log(1) == ["caf\N{REPLACEMENT CHARACTER}"]


def test_a_lock_that_somebody_holds_is_waited_for_and_then_given_up(folder: StateFolder) -> None:
    clock = Clock()
    with (
        folder.locked(Polling(60, clock.sleep, clock)),
        pytest.raises(EngineProblem, match="for 60 s"),
        folder.locked(Polling(60, clock.sleep, clock)),
    ):
        pytest.fail("both hold it")
    assert clock.now >= 60


def test_a_lock_is_free_again_after_use(folder: StateFolder) -> None:
    clock = Clock()
    for _ in range(2):
        with folder.locked(Polling(60, clock.sleep, clock)):
            pass
    assert clock.now == 0


def test_the_default_place_follows_xdg_state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_state_dir() == tmp_path / "countagg" / "local"
    assert LocalEngine().status().state_dir == tmp_path / "countagg" / "local"


def test_a_state_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    state_dir = tmp_path / "file" / "state"
    with pytest.raises(EngineProblem) as caught:
        LocalEngine(state_dir).start()
    assert caught.value.where == str(state_dir)
    assert "XDG_STATE_HOME" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_state_folder_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    state_dir = tmp_path / "state"
    with pytest.raises(EngineProblem, match="Permission denied") as caught:
        LocalEngine(state_dir).start()
    assert caught.value.where == str(state_dir)
    assert "XDG_STATE_HOME" in caught.value.hint


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that even root cannot write to")
def test_a_folder_that_nobody_can_write_to_is_explained() -> None:
    with pytest.raises(EngineProblem) as caught:
        LocalEngine(Path("/proc/self")).start()
    assert caught.value.where == "/proc/self"
    assert "XDG_STATE_HOME" in caught.value.hint
