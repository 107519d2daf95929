"""The file that `--save` names, looked at before any time is spent on what will be in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from countagg.core.errors import UsageError


def check_target(path: Path, what: str, suffixes: Sequence[str]) -> None:
    """Refuse a name that says another form, and one in a folder that is not there.

    Args:
        path: of the file.
        what: it will be.
        suffixes: that its name may end in, in lower case.

    Raises:
        UsageError: it is not made in that form, or there is no such folder.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"{path.name!r} is not a {what} format",
            where="--save",
            hint=f"use a name that ends in {', '.join(suffixes)}",
        )
    try:
        has_folder = path.parent.is_dir()
    except OSError as error:
        raise unwritable(path, error) from error
    if not has_folder:
        raise UsageError(f"there is no folder {str(path.parent)!r}", where="--save", hint="make it first")


def unwritable(path: Path, error: OSError) -> UsageError:
    """Return what is said of a file that cannot be written."""
    return UsageError(f"it cannot be written: {error.strerror}", where=str(path), hint="name another file")
