"""The functions' zip: our core and functions, and powertools out of the installed distribution.

The same versions give the same bytes on every machine: names sorted, one date, one mode, nothing compressed (zlib
versions differ). So its hash tells whether the code in AWS is ours. It is far below the 50 MB of a direct upload.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from countagg.core.errors import CountaggError
from countagg.provision.states import Code

_PACKAGE = Path(__file__).resolve().parent.parent

OUR_PARTS: Final = ("__init__.py", "core/*.py", "functions/*.py")

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
"""Distributions in the zip, with the files taken of each. boto3 is the runtime's."""

# ZIP knows no earlier date.
_DATE: Final = (1980, 1, 1, 0, 0, 0)


def build_bundle() -> Code:
    """Build the zip.

    Raises:
        CountaggError: a library is not installed.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(_entries()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
    return make_code(buffer.getvalue())


def make_code(content: bytes) -> Code:
    """Return a zip with its hash as Lambda tells it."""
    return Code(base64.b64encode(hashlib.sha256(content).digest()).decode(), content)


def _entries() -> Iterator[tuple[str, bytes]]:
    for pattern in OUR_PARTS:
        for path in _PACKAGE.glob(pattern):
            yield f"countagg/{path.relative_to(_PACKAGE).as_posix()}", path.read_bytes()
    for name, patterns in LIBRARIES.items():
        yield from _library_entries(_installed(name), patterns)


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise CountaggError(f"{name} is not installed", hint="install countagg again") from error


def _library_entries(library: Distribution, patterns: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    root = Path(str(library.locate_file("")))
    taken = {path for pattern in patterns for path in root.glob(pattern)}
    for path in taken:
        yield path.relative_to(root).as_posix(), path.read_bytes()
