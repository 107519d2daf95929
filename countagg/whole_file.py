"""Files that are there as they were before or as they are to be, and never in part."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o600
_ANYBODY: Final = 0o666
"""Less what the umask takes away."""


def write_whole(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file: whoever reads it meanwhile sees the old one or the new one.

    A file that is there keeps its mode, a link stays one, and what is no file, such as a pipe, is written to.

    Args:
        path: of the file; its folder is there.
        content: all of it.
        private: for the owner alone; it takes the place of whatever is there, a link too.

    Raises:
        OSError: it cannot be written.
    """
    if not private and path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    target, mode = (path, _PRIVATE) if private else (path.resolve(), _ANYBODY)
    beside = target.with_name(f".countagg-{secrets.token_hex(8)}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(file, "wb") as opened:
            if not private and target.exists():
                os.fchmod(opened.fileno(), stat.S_IMODE(target.stat().st_mode))
            opened.write(content)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
