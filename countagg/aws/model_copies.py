"""Copies of botocore's models without what no command needs: documentation, endpoints of 300 other services.

To make the clients of a plan, botocore unpacks and reads 6 MB of JSON: a tenth of the CPU that a plan takes. The
copies, 1 MB, are among the user's caches. One is written when its model is read for the first time, and again when
there is another botocore. Without a folder to write to, all is as without copies.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import botocore
import platformdirs

from countagg.whole_file import write_whole

_MODELS: Final = Path(botocore.__file__).parent / "data"
_DOCUMENTATION: Final = "documentation"
_ENDPOINTS: Final = "endpoints"
SERVICES: Final = frozenset(
    {"dynamodb", "iam", "kms", "lambda", "logs", "monitoring", "s3", "sns", "sqs", "streams.dynamodb", "sts"}
    | {"tagging", "oidc", "portal.sso", "sso"}
)
"""Whose endpoints are needed: those that we call, and those that botocore calls to sign in."""
_OTHERS_MAY_WRITE: Final = 0o022


class ModelCopies:
    """Reads botocore's own models, by their copies where there are some.

    Args:
        folder: of the copies; it is made when the first is written.
        read: reads a model, whose file is named without its suffix; None if there is no such file.
    """

    def __init__(self, folder: Path, read: Callable[[str], Any]) -> None:
        self._folder = folder
        self._read = read

    def read(self, file_path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return a model, without documentation; None if there is no such file."""
        path = Path(file_path)
        if not path.is_relative_to(_MODELS) or not self._folder.is_absolute():
            # The user's own models have no version by which a copy would be known to be old.
            return self._read(file_path)
        copy = self._folder / f"{'-'.join(path.relative_to(_MODELS).parts)}.json"
        model = _read_copy(copy)
        if model is None and (whole := self._read(file_path)) is not None:
            model = _few_endpoints(whole) if path.name == _ENDPOINTS else _without_documentation(whole)
            self._write_copy(copy, model)
        return model

    def _write_copy(self, copy: Path, model: object) -> None:
        content = json.dumps({"botocore": botocore.__version__, "model": model}, separators=(",", ":"))
        # No home, a disk that is full or read-only: the next command reads the whole model again.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(copy, content.encode(), private=True)


def user_copies(read: Callable[[str], Any]) -> ModelCopies:
    """Return the copies of this user (`XDG_CACHE_HOME`)."""
    return ModelCopies(platformdirs.user_cache_path("countagg") / "models", read)


def _read_copy(copy: Path) -> Any:  # noqa: ANN401 - any JSON
    """Return the model of a copy; None if there is none of this botocore that this user alone may write."""
    with suppress(OSError, ValueError, KeyError, TypeError), copy.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE:
            document = json.loads(file.read())
            if document["botocore"] == botocore.__version__:
                return document["model"]
    return None


def _without_documentation(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        # Empty, as botocore asks some for it. A member of that name is a dictionary.
        return {
            key: "" if key == _DOCUMENTATION and isinstance(each, str) else _without_documentation(each)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [_without_documentation(each) for each in value]
    return value


def _few_endpoints(endpoints: Any) -> Any:  # noqa: ANN401 - any JSON
    return endpoints | {
        "partitions": [
            each | {"services": {name: known for name, known in each["services"].items() if name in SERVICES}}
            for each in endpoints["partitions"]
        ]
    }
