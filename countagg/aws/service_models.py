"""What botocore knows of AWS's services, of which it goes through all where a dozen will do."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore import handlers
from botocore.exceptions import DataNotFoundError
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import JSONFileLoader, create_loader
from botocore.session import Session

from countagg.aws.model_copies import ModelCopies, user_copies
from countagg.aws.operations import OPERATIONS

if TYPE_CHECKING:
    from botocore.loaders import Loader


_SIGN_IN: Final = frozenset({"signin", "sso-oidc"})
"""Services that botocore calls to sign in, with handlers of their own."""


def new_session(session_vars: dict[str, tuple[Any, ...]] | None = None) -> Session:
    """Return a session of botocore's that looks only for the services whose clients are made.

    - Before the first client, botocore looks into the folders of all 400 services, three times: 0.04 s of CPU of
      the 0.4 s that a query takes.
    - It registers what makes its documentation and what other services need, and each client copies that: 0.03 s
      of the 0.8 s of a plan.
    - It looks up each name of an event among 65 names that services had once: 0.06 s of a plan. The handlers that
      are registered here have their new names already.

    Args:
        session_vars: as botocore takes them.
    """
    core = Session(session_vars=session_vars, event_hooks=_few_handlers(), include_builtin_handlers=False)
    core.lazy_register_component("data_loader", lambda: _quick_loader(core.get_config_variable("data_path")))
    emitter: Any = core.get_component("event_emitter")
    emitter._event_aliases = {}  # noqa: SLF001 - botocore lets nobody hand them in
    return core


def _few_handlers() -> HierarchicalEmitter:
    emitter = HierarchicalEmitter()
    registers = {handlers.REGISTER_FIRST: emitter.register_first, handlers.REGISTER_LAST: emitter.register_last}
    for event, handler, *when in handlers.BUILTIN_HANDLERS:
        if is_needed(event):
            register = registers[when[0]] if when else emitter.register
            register(event, handler)
    return emitter


def is_needed(event: str) -> bool:
    """Tell whether a handler of an event serves the services that are called."""
    kind, _, of = event.partition(".")
    service = of.partition(".")[0]
    return kind != "docs" and (not service or service in OPERATIONS or service in _SIGN_IN)


def _quick_loader(search_path: str | None) -> Loader:
    loader = create_loader(search_path)
    loader.file_loader = PlainFiles(user_copies(read_model))
    list_all = loader.list_available_services

    def list_lazily(type_name: str) -> _Services:
        return _Services(loader, type_name, list_all)

    setattr(loader, "list_available_services", list_lazily)  # noqa: B010 - mypy takes a method for fixed
    return loader


class PlainFiles(JSONFileLoader):
    """Reads models where botocore does, by their copies."""

    def __init__(self, copies: ModelCopies) -> None:
        self._copies = copies

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - any JSON
        """Return what a file holds, which is named without its suffix; None if there is none."""
        return self._copies.read(file_path)


def read_model(file_path: str) -> Any:  # noqa: ANN401 - any JSON
    """Read a file, named without its suffix, into dictionaries of Python's own, which keep their order too.

    botocore's reader makes each an `OrderedDict`: 0.04 s of the 0.8 s of a plan. None if there is no such file.
    """
    for suffix, read in _READERS.items():
        path = file_path + suffix
        if os.path.isfile(path):  # noqa: PTH113 - half of them are looked for in vain, which pathlib takes longer for
            return json.loads(read(Path(path)))
    return None


def _read_compressed(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())


_READERS: Final[dict[str, Callable[[Path], bytes]]] = {".json": Path.read_bytes, ".json.gz": _read_compressed}


class _Services:
    """The services of which there is a model of a type. That of one is looked for when it is asked for."""

    def __init__(self, loader: Loader, type_name: str, list_all: Callable[[str], list[str]]) -> None:
        self._loader = loader
        self._type_name = type_name
        self._list_all = list_all

    def __contains__(self, name: str) -> bool:
        try:
            self._loader.determine_latest_version(name, self._type_name)
        except DataNotFoundError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._list_all(self._type_name))
