"""The standard library's `dataclass`, without the functions that it compiles for a class as the class is defined.

A frozen class has six of them. For the classes of a command they took a seventh of its CPU, and a fifteenth of a
function's cold start. Here the classes share five, and `__init__` is compiled when there is a first instance.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

__all__ = ["dataclass"]


def _dataclass(cls: Any = None, /, *, frozen: bool = False, **options: bool) -> Any:
    """Make a class a dataclass. To its users it is one of the standard library.

    A frozen one cannot have an `InitVar`.

    Args:
        cls: the class; without one, what is returned takes it.
        frozen: any other class is given to the standard library as it is, and so is one with methods of its own
            among those that dataclasses share, or with unusual options.
        **options: of `dataclasses.dataclass`.
    """
    if cls is None:
        return lambda body: _dataclass(body, frozen=frozen, **options)
    own_methods = vars(cls).keys() & {"__init__", *_SHARED}
    if not frozen or own_methods or not options.keys() <= {"slots", "kw_only"}:
        return dataclasses.dataclass(frozen=frozen, **options)(cls)
    made = dataclasses.dataclass(init=False, repr=False, eq=False, **options)(cls)
    compared = [field.name for field in dataclasses.fields(made) if field.compare]
    made.compared_ = attrgetter(*compared) if compared else lambda _: ()
    made.__init__ = _init_to_compile(made)
    for name, method in _SHARED.items():
        setattr(made, name, method)
    return made


if TYPE_CHECKING:  # all that type checkers know of dataclasses holds
    from dataclasses import dataclass
else:
    dataclass = _dataclass


def _init_to_compile(cls: Any) -> Callable[..., None]:
    def __init__(self: object, *args: object, **named: object) -> None:
        cls.__init__ = _compile_init(cls)
        cls.__init__(self, *args, **named)

    return __init__


def _compile_init(cls: Any) -> Any:
    known: dict[str, Any] = {"__set": object.__setattr__, "__missing": MISSING}  # no field is named so
    positional, by_name = ["self"], ["*"]
    lines = []
    for field in dataclasses.fields(cls):
        name, default, factory = field.name, f"__default_{field.name}", f"__new_{field.name}"
        must_be_given = field.default is MISSING and field.default_factory is MISSING
        if must_be_given and not field.init:
            continue
        known |= {default: field.default, factory: field.default_factory}
        value = name if field.init else default
        if field.default_factory is not MISSING:
            value = f"{factory}() if {value} is __missing else {value}"
        lines.append(f"__set(self, {name!r}, {value})")
        if field.init:
            (by_name if field.kw_only else positional).append(name if must_be_given else f"{name}={default}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = positional + (by_name if len(by_name) > 1 else [])
    exec(f"def __init__({', '.join(parameters)}): {'; '.join(lines) or 'pass'}", known)
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _equals(self: Any, other: object) -> bool:
    compared = type(self).compared_
    return bool(compared(self) == compared(other)) if type(self) is type(other) else NotImplemented


def _hash(self: Any) -> int:
    return hash(type(self).compared_(self))


def _repr(self: Any) -> str:
    values = (f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({', '.join(values)})"


def _refuse_to_set(_: object, name: str, __: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[object]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _restore(self: Any, state: list[object]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


_SHARED: Final = {
    "__repr__": _repr,
    "__eq__": _equals,
    "__hash__": _hash,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__getstate__": _state,
    "__setstate__": _restore,
}
