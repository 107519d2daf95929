"""What the console script calls. Until the commands are loaded, nobody else is there to tell of Ctrl-C."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final, NoReturn

INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended."""
_STDERR: Final = 2
INTERRUPTED_TOLD: Final = "\ncountagg: interrupted\n  try: the same command again; what was done stays done\n"


def start() -> NoReturn:
    """Load the command line, run it and end the process."""
    try:
        from countagg.cli.main import run

        run()
    except KeyboardInterrupt:
        with suppress(OSError):
            os.write(_STDERR, INTERRUPTED_TOLD.encode())
        os._exit(INTERRUPTED)
