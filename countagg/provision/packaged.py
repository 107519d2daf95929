"""Files that come with countagg and are no code: inside the package in a wheel, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path

from countagg.core.errors import CountaggError

_PACKAGE = Path(__file__).resolve().parent.parent


def packaged_folder(name: str) -> Path:
    """Return the folder `policies`, `sample_data` or `docs`.

    Raises:
        CountaggError: the installation lacks it.
    """
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise CountaggError(f"the folder {name} is missing from this installation", hint="install countagg again")
