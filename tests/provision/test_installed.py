"""Installed distributions whose files are as they were, and not."""

from __future__ import annotations

import base64
import hashlib
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from countagg.core.errors import CountaggError
from countagg.provision import bundle
from countagg.provision.bundle import build_bundle
from countagg.provision.installed import Installed, find_installed

CODE = b"answer = 42\n"
INFO = "tested_library-1.2.dist-info"
UNKNOWN = PathDistribution(Path("nowhere"))
HASH = base64.urlsafe_b64encode(hashlib.sha256(CODE).digest()).decode().rstrip("=")


def entry(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(content)}\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a library, and let the bundle consist of it."""
    metadata = b"Metadata-Version: 2.4\nName: tested-library\nVersion: 1.2\nLicense-Expression: MIT\n"
    files = {
        "tested_library.py": CODE,
        f"{INFO}/METADATA": metadata,
        f"{INFO}/licenses/LICENSE.txt": b"Do what you like.\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    record = "".join(entry(name, content) for name, content in files.items())
    (tmp_path / INFO / "RECORD").write_text(f"{record}{INFO}/RECORD,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(bundle, "LIBRARIES", {"tested-library": ("tested_library*.py",)})
    return tmp_path


@pytest.mark.usefixtures("root")
def test_a_library_has_its_name_version_licence_and_files() -> None:
    found = find_installed("tested-library")
    assert (found.name, found.version, found.licence) == ("tested-library", "1.2", "MIT")
    assert found.read("tested_library.py") == CODE
    assert [name.rpartition("/")[2] for name in found.licence_files()] == ["LICENSE.txt"]


@pytest.mark.usefixtures("root")
def test_code_and_licence_are_taken() -> None:
    library = bundle.bundle_components()[-1]
    assert [file.name for file in library.files] == ["licences/tested-library/LICENSE.txt", "tested_library.py"]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("tested_library.py", "tested_library.py was changed since tested-library was installed"),
        ("tested_library_more.py", "tested_library_more.py came after tested-library was installed"),
        (f"{INFO}/licenses/LICENSE.txt", "was changed since"),
    ],
)
def test_a_file_that_was_not_installed_so_stops_the_build(root: Path, name: str, complaint: str) -> None:
    with (root / name).open("ab") as file:
        file.write(b"import os\n")
    with pytest.raises(CountaggError, match=complaint) as caught:
        build_bundle()
    assert "pip install --force-reinstall --no-deps tested-library==1.2" in caught.value.hint


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_record_nothing_is_taken(root: Path, content: str | None) -> None:
    record = root / INFO / "RECORD"
    if content is None:
        record.unlink()
    else:
        record.write_text(content)
    with pytest.raises(CountaggError, match="tested-library was installed without a RECORD") as caught:
        build_bundle()
    assert "pip install --force-reinstall --no-deps tested-library==1.2" in caught.value.hint


@pytest.mark.parametrize("name", ["tested_library.py", f"{INFO}/licenses/LICENSE.txt"])
def test_a_file_that_was_installed_and_is_gone_stops_the_build(root: Path, name: str) -> None:
    (root / name).unlink()
    with pytest.raises(CountaggError, match=f"the file {name} cannot be read: No such file") as caught:
        build_bundle()
    assert "pip install --force-reinstall --no-deps tested-library==1.2" in caught.value.hint


def test_a_file_without_a_hash_is_none_that_was_installed(root: Path) -> None:
    record = root / INFO / "RECORD"
    record.write_text(record.read_text().replace(entry("tested_library.py", CODE), "tested_library.py,,\n"))
    with pytest.raises(CountaggError, match=r"tested_library\.py came after"):
        build_bundle()


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("library/**/*.py", {"library/a.py", "library/deep/b.py", "library/deep/er/c.py"}),
        ("library/*.py", {"library/a.py"}),
        ("*.py", {"d.py"}),
        ("library/a.py", {"library/a.py"}),
    ],
)
def test_files_are_found_in_the_record_as_in_the_folder(tmp_path: Path, pattern: str, taken: set[str]) -> None:
    names = ("library/a.py", "library/deep/b.py", "library/deep/er/c.py", "library/xpy", "d.py", "other/e.py")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    recorded = Installed("n", UNKNOWN, tmp_path / "nowhere", dict.fromkeys(names, "hash"))
    there = Installed("n", UNKNOWN, tmp_path, {})
    for library in (recorded, there):
        assert set(library.files([pattern])) == taken


def test_every_library_of_the_real_zip_is_checked() -> None:
    for name in bundle.LIBRARIES:
        found = find_installed(name)
        assert found.hashes, name
        assert found.licence


def test_a_library_that_names_no_licence_is_taken_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(CODE)
    assert Installed("a", UNKNOWN, tmp_path, {"a.py": HASH}).read("a.py") == CODE
