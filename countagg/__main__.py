"""`python -m countagg`."""

import os
import sys

# Python puts the working directory first: a `typer.py` that lies there would be imported. It stays only where
# countagg itself comes from there, as in a checkout. Not by pathlib, which may lie there too.
_here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - see above
if not sys.flags.safe_path and sys.path[0] != _here:
    del sys.path[0]

from countagg.cli.start import start  # noqa: E402 - not before

start()
