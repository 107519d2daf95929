"""Installed distributions: their files, checked against the hashes that pip wrote down when it installed them."""

from __future__ import annotations

import base64
import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from glob import glob
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass

_ZIP: Final = "functions' zip"
_LICENCES: Final = ("LICENSE", "LICENCE", "NOTICE", "COPYING")


@dataclass(frozen=True, slots=True)
class Installed:
    """A distribution as it is installed.

    Attributes:
        name: the distribution's.
        distribution: what describes it; that is read when it is asked for.
        root: the folder that its files are named from.
        hashes: SHA-256 of each file by its name, in base64 without padding, as in RECORD.
    """

    name: str
    distribution: Distribution
    root: Path
    hashes: Mapping[str, str]

    @property
    def version(self) -> str:
        """The distribution's version."""
        return self.distribution.version

    @property
    def licence(self) -> str:
        """Its licence as an SPDX expression; empty if it names none."""
        metadata = self.distribution.metadata.json
        return str(metadata.get("license_expression") or metadata.get("license") or "")

    def files(self, patterns: Iterable[str]) -> Iterator[str]:
        """Yield the names, from the root, of files that match a pattern: those there are, and those installed.

        Args:
            patterns: as of `glob`, without `?` and `[]`.
        """
        patterns = tuple(patterns)
        for pattern in patterns:
            yield from glob(pattern, root_dir=self.root, recursive=True)  # noqa: PTH207 - thrice as fast
        expression = re.compile("|".join(map(_as_expression, patterns)))
        yield from filter(expression.fullmatch, self.hashes)

    def read(self, name: str) -> bytes:
        """Read a file by its name from the root.

        Raises:
            CountaggError: it is not the file that was installed, or it is gone.
        """
        try:
            content = (self.root / name).read_bytes()
        except OSError as error:
            raise self._not_as_installed(f"the file {name} cannot be read: {error.strerror}") from error
        if self.hashes.get(name) != _hash(content):
            how = "was changed since" if name in self.hashes else "came after"
            raise self._not_as_installed(f"the file {name} {how} {self.name} was installed")
        return content

    def _not_as_installed(self, what: str) -> CountaggError:
        return CountaggError(what, where=_ZIP, hint=f"look into it; then {_installing(self.name, self.version)}")

    def licence_files(self) -> Iterator[str]:
        """Yield the names of the texts of its licences."""
        for name in self.hashes:
            if ".dist-info/" in name and name.rpartition("/")[2].upper().startswith(_LICENCES):
                yield name


def find_installed(name: str) -> Installed:
    """Find a distribution.

    Raises:
        CountaggError: it is not installed, or without the RECORD that its files are checked against.
    """
    try:
        installed = distribution(name)
    except PackageNotFoundError as error:
        raise CountaggError(f"{name} is not installed", hint="install countagg again") from error
    return Installed(name, installed, Path(str(installed.locate_file(""))), _recorded(installed, name))


def _recorded(distribution: Distribution, name: str) -> Mapping[str, str]:
    # `Distribution.files` leaves out, since Python 3.12, what is not there.
    rows = [row for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()) if len(row) > 1]
    if not rows:
        raise CountaggError(
            f"{name} was installed without a RECORD, so its files cannot be checked",
            where=_ZIP,
            hint=f"use a virtual environment, where {_installing(name, distribution.version)} writes one; "
            "packages of operating systems come without",
        )
    hashes = {file: digest.partition("sha256=")[2] for file, digest, *_ in rows}
    return {file: digest for file, digest in hashes.items() if digest}


def _installing(name: str, version: str) -> str:
    return f"pip install --force-reinstall --no-deps {name}=={version}"


def _as_expression(pattern: str) -> str:
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*)", pattern))


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
