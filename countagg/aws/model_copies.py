"""Copies of botocore's models without what no command needs.

Left out are documentation, operations that we do not call, and endpoints of 300 other services: to make the
clients of a plan, botocore unpacks and reads 6 MB of JSON, and makes a method of each of 690 operations. The
copies, 0.6 MB, are among the user's caches. One is written when its model is read for the first time, and again
when there is another botocore or countagg. Without a folder to write to, each command shortens the models anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import botocore
import platformdirs

from countagg import __version__
from countagg.aws.operations import OPERATIONS
from countagg.whole_file import write_whole

_MODELS: Final = f"{Path(botocore.__file__).parent / 'data'}{os.sep}"
_DOCUMENTATION: Final = "documentation"
_ENDPOINTS: Final = "endpoints"
_SERVICE: Final = "service-2"
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
        self._made_of = _made_of()

    def read(self, file_path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return a model, without documentation; None if there is no such file."""
        name = file_path.removeprefix(_MODELS)
        if name == file_path or not self._folder.is_absolute():
            # The user's own models have no version by which a copy would be known to be old.
            return self._read(file_path)
        # Not by pathlib: there are 50 of them, half of which botocore looks for in vain.
        copy = f"{self._folder}{os.sep}{name.replace(os.sep, '-')}.json"
        model = _read_copy(copy, self._made_of)
        if model is None and (whole := self._read(file_path)) is not None:
            model = _shortened(Path(name), whole)
            self._write_copy(Path(copy), model)
        return model

    def _write_copy(self, copy: Path, model: object) -> None:
        content = json.dumps({"made_of": self._made_of, "model": model}, separators=(",", ":"))
        # No home, a disk that is full or read-only: the next command reads the whole model again.
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(copy, content.encode(), private=True)


def user_copies(read: Callable[[str], Any]) -> ModelCopies:
    """Return the copies of this user (`XDG_CACHE_HOME`)."""
    return ModelCopies(platformdirs.user_cache_path("countagg") / "models", read)


def _read_copy(copy: str, made_of: str) -> Any:  # noqa: ANN401 - any JSON
    """Return the model of a copy; None if there is none made of the same that this user alone may write."""
    with suppress(OSError, ValueError, KeyError, TypeError), open(copy, "rb") as file:  # noqa: PTH123 - see above
        status = os.fstat(file.fileno())
        if status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE:
            document = json.loads(file.read())
            if document["made_of"] == made_of:
                return document["model"]
    return None


def _made_of() -> str:
    """Return what copies depend on: the versions of botocore and of countagg, and the operations that are kept."""
    names = sorted(f"{service}.{name}" for service, called in OPERATIONS.items() for name in called)
    return f"{botocore.__version__} {__version__} {crc32(' '.join(names).encode()):08x}"


def _shortened(path: Path, model: Any) -> Any:  # noqa: ANN401 - any JSON
    if path.name == _ENDPOINTS:
        return _few_endpoints(model)
    service = path.parts[0]
    if path.name == _SERVICE and service in OPERATIONS:
        model = _few_operations(model, OPERATIONS[service])
    return _without_documentation(model)


def _few_operations(model: Any, called: frozenset[str]) -> Any:  # noqa: ANN401 - any JSON
    """Return the model of a service with these operations, and with the shapes that these and errors have."""
    operations = {name: each for name, each in model["operations"].items() if name in called}
    errors = {name: each for name, each in model["shapes"].items() if each.get("exception")}
    needed, ahead = set(errors), [*operations.values(), *errors.values()]
    while ahead:
        new = set(_shapes_in(ahead.pop())) - needed
        needed |= new
        ahead += [model["shapes"][name] for name in new]
    shapes = {name: each for name, each in model["shapes"].items() if name in needed}
    return model | {"operations": operations, "shapes": shapes}


def _shapes_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the names of the shapes that a part of a model refers to."""
    match value:
        case {"shape": str(name)}:
            yield name
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _shapes_in(each)


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
