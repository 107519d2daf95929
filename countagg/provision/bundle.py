"""The functions' zip: our core, data and functions, and powertools out of the installed distribution.

The same versions give the same bytes on every machine: names sorted, one date, one mode, nothing compressed (zlib
versions differ). So its hash tells whether the code in AWS is ours. It is far below the 50 MB of a direct upload.
A file of a library that is not as it was installed is not taken.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from countagg import __version__
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.code import Code
from countagg.provision.installed import Installed, find_installed

_PACKAGE = Path(__file__).resolve().parent.parent
_OURS: Final = "countagg"
_OUR_LICENCE: Final = "MIT"

OUR_PARTS: Final = ("__init__.py", "core/*.py", "data/*.py", "functions/*.py")
_LEFT_OUT: Final = frozenset({"core/polling.py"})
"""What no function needs."""

LIBRARIES: Final[Mapping[str, tuple[str, ...]]] = {
    # Only what logger, metrics and batch import; the whole has five times the size.
    "aws-lambda-powertools": (
        "aws_lambda_powertools/*.py",
        "aws_lambda_powertools/exceptions/**/*.py",
        "aws_lambda_powertools/logging/**/*.py",
        "aws_lambda_powertools/metrics/**/*.py",
        "aws_lambda_powertools/middleware_factory/**/*.py",
        "aws_lambda_powertools/package_logger.py",
        "aws_lambda_powertools/shared/**/*.py",
        "aws_lambda_powertools/tracing/**/*.py",
        "aws_lambda_powertools/utilities/*.py",
        "aws_lambda_powertools/utilities/batch/**/*.py",
        "aws_lambda_powertools/utilities/data_classes/**/*.py",
        "aws_lambda_powertools/utilities/jmespath_utils/**/*.py",
        "aws_lambda_powertools/utilities/typing/**/*.py",
        "aws_lambda_powertools/warnings/**/*.py",
    ),
    "jmespath": ("jmespath/**/*.py",),
    "typing-extensions": ("typing_extensions.py",),
}
"""Distributions in the zip, with the files taken of each beside its licences. boto3 is the runtime's."""

# ZIP knows no earlier date.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class BundledFile:
    """A file of the zip.

    Attributes:
        name: its path in the zip.
        content: its bytes.
    """

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Its hash, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Component:
    """What the files of the zip come from: countagg or a library.

    Attributes:
        name: of the distribution.
        version: of the distribution.
        licence: as an SPDX expression; empty if the distribution names none.
        files: sorted by name.
    """

    name: str
    version: str
    licence: str
    files: tuple[BundledFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(len(file.content) for file in self.files)


def bundle_components() -> tuple[Component, ...]:
    """Return what the zip holds.

    Raises:
        CountaggError: a library is not installed, or not as it was.
    """
    ours = Component(_OURS, __version__, _OUR_LICENCE, _sorted(_our_files()))
    return (ours, *(_library(find_installed(name), patterns) for name, patterns in LIBRARIES.items()))


def build_bundle() -> Code:
    """Build the zip.

    Raises:
        CountaggError: a library is not installed, or not as it was.
    """
    # Whoever only wants the zip does not wait for the libraries' metadata: a quarter of the time.
    libraries = (_library_files(find_installed(name), patterns) for name, patterns in LIBRARIES.items())
    return _pack(chain(_our_files(), *libraries))


def pack_bundle(components: tuple[Component, ...]) -> Code:
    """Return the zip of these components."""
    return _pack(file for component in components for file in component.files)


def _pack(files: Iterable[BundledFile]) -> Code:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in _sorted(files):
            entry = zipfile.ZipInfo(file.name, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, file.content)
    return make_code(buffer.getvalue())


def make_code(content: bytes) -> Code:
    """Return a zip with its hash as Lambda tells it."""
    return Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), content)


def _our_files() -> Iterator[BundledFile]:
    for pattern in OUR_PARTS:
        for path in _PACKAGE.glob(pattern):
            name = path.relative_to(_PACKAGE).as_posix()
            if name not in _LEFT_OUT:
                yield BundledFile(f"{_OURS}/{name}", path.read_bytes())


def _library(library: Installed, patterns: tuple[str, ...]) -> Component:
    files = _sorted(_library_files(library, patterns))
    return Component(library.name, library.version, library.licence, files)


def _library_files(library: Installed, patterns: tuple[str, ...]) -> Iterator[BundledFile]:
    code = {name: name for name in library.files(patterns)}
    licences = {name: f"licences/{library.name}/{name.rpartition('/')[2]}" for name in library.licence_files()}
    return (BundledFile(bundled, library.read(name)) for name, bundled in (code | licences).items())


def _sorted(files: Iterable[BundledFile]) -> tuple[BundledFile, ...]:
    return tuple(sorted(files, key=lambda file: file.name))
