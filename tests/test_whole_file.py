"""A file is the old one or the new one, whatever happens in between."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from countagg.whole_file import write_whole


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _umask() -> object:
    before = os.umask(0o027)
    yield
    os.umask(before)


def test_a_new_file_has_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    write_whole(tmp_path / "page", b"new")

    assert (tmp_path / "page").read_bytes() == b"new"
    assert mode(tmp_path / "page") == 0o640


def test_a_file_that_is_there_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "page", tmp_path / "link"
    file.write_bytes(b"old, and longer")
    file.chmod(0o604)
    link.symlink_to("page")

    write_whole(link, b"new")

    assert (link.is_symlink(), file.read_bytes(), mode(file)) == (True, b"new", 0o604)


def test_a_private_file_is_its_owners_and_takes_the_place_of_a_link(tmp_path: Path) -> None:
    other, file = tmp_path / "other", tmp_path / "plan"
    other.write_bytes(b"of others")
    other.chmod(0o666)
    file.symlink_to("other")

    write_whole(file, b"new", private=True)

    assert (file.is_symlink(), file.read_bytes(), mode(file)) == (False, b"new", 0o600)
    assert other.read_bytes() == b"of others"


@pytest.mark.parametrize("private", [False, True])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, private: bool) -> None:  # noqa: FBT001 - a parameter of the test
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").write_bytes(b"in it")

    with pytest.raises(OSError, match="directory"):
        write_whole(folder, b"new", private=private)

    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
    assert (folder / "file").read_bytes() == b"in it"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    write_whole(pipe, b"new")
    reader.join()

    assert (read, pipe.is_fifo()) == ([b"new"], True)
