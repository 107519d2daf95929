"""Installed distributions: their files, checked against the hashes that pip wrote down when it installed them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from countagg.core.errors import CountaggError

_LICENCES: Final = ("LICENSE", "LICENCE", "NOTICE", "COPYING")


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution as it is installed.

    Attributes:
        name: the distribution's.
        version: the distribution's.
        licence: as an SPDX expression; empty if it names none.
        root: the folder that its files are named from.
        hashes: SHA-256 of each file by its name, in base64 without padding, as in RECORD. None where whoever
            installed it wrote no RECORD, as some packagers of operating systems do: then nothing can be checked.
    """

    name: str
    version: str
    licence: str
    root: Path
    hashes: Mapping[str, str] | None

    def name_of(self, path: Path) -> str:
        """Return a file's name, from the root."""
        return path.relative_to(self.root).as_posix()

    def read(self, path: Path) -> bytes:
        """Read a file.

        Raises:
            CountaggError: it is not the file that was installed.
        """
        content, name = path.read_bytes(), self.name_of(path)
        if self.hashes is not None and self.hashes.get(name) != _hash(content):
            known = name in self.hashes
            raise CountaggError(
                f"the file {name} {'was changed since' if known else 'came after'} {self.name} was installed",
                where="functions' zip",
                hint=f"look into it; then pip install --force-reinstall --no-deps {self.name}=={self.version}",
            )
        return content

    def licence_files(self) -> Iterator[Path]:
        """Yield the texts of its licences."""
        for name in self.hashes or ():
            if ".dist-info/" in name and name.rpartition("/")[2].upper().startswith(_LICENCES):
                yield self.root / name


def find_installed(name: str) -> Installed:
    """Find a distribution.

    Raises:
        CountaggError: it is not installed.
    """
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise CountaggError(f"{name} is not installed", hint="install countagg again") from error
    metadata = found.metadata.json
    licence = str(metadata.get("license_expression") or metadata.get("license") or "")
    return Installed(name, found.version, licence, Path(str(found.locate_file(""))), _recorded(found))


def _recorded(found: Distribution) -> Mapping[str, str] | None:
    if found.files is None:
        return None
    return {
        file.as_posix(): file.hash.value
        for file in found.files
        if file.hash is not None and file.hash.mode == "sha256"
    }


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
