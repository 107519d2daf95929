"""What was set up once on moto, given again to whoever wants the same: it takes moto hundreds of calls."""

from __future__ import annotations

import copy
import copyreg
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from moto.awslambda.models import LambdaBackend
from moto.core.base_backend import BackendDict

from tests.quick_moto import read_cache

T = TypeVar("T")
_Stored = list[tuple[Any, str, str, Any]]
"""Of each service, account and region: what moto has stored there."""
_KEPT: Final[dict[Hashable, tuple[Any, _Stored]]] = {}

# A copy of what is locked has a lock of its own.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))


def once(what: Hashable, set_up: Callable[[], T]) -> T:
    """Set up in an empty account; from the second time on, let the account have what it had then.

    Args:
        what: tells apart what is set up.
        set_up: does it.

    Returns:
        What came of it the first time.
    """
    if what not in _KEPT:
        result = set_up()
        _KEPT[what] = (result, _copied(_stored()))
        return result
    result, stored = _KEPT[what]
    for services, account, region, backend in _copied(stored):
        dict.__setitem__(services[account], region, backend)
    read_cache().clear()
    return result


def _stored() -> _Stored:
    return [
        (services, account, region, backend)
        for services in BackendDict._instances  # type: ignore[misc]  # noqa: SLF001 - it has no other way in
        for account, regions in services.items()
        for region, backend in regions.items()
    ]


def _copied(stored: _Stored) -> _Stored:
    """Return a copy in which everything refers to what is copied, and to the places where moto looks for it."""
    copies: dict[int, Any] = {id(services): services for services, *_ in stored}
    copied = copy.deepcopy(stored, copies)
    for (*_, before), (*_, after) in zip(stored, copied, strict=True):
        if isinstance(before, LambdaBackend):
            # Weak references are copied as they are.
            by_arn = before._lambdas._arns  # noqa: SLF001 - the same
            after._lambdas._arns.update({arn: copies[id(found)] for arn, found in by_arn.items()})  # noqa: SLF001 - the same
    return copied
