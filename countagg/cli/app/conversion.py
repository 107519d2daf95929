"""Values of options that are plain are converted here: typer has pydantic do it, which takes longer than a query.

Its import and an adapter for each of some twenty options are 0.1 s of CPU of 0.4 s that `countagg query` takes.
What is not plain goes to typer as ever, and it is typer that says what is wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any, Final, get_args, get_origin

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


class _NotPlain(Exception):
    """Typer has to look at the value."""


def converting_plain_values(parameters: Sequence[Any]) -> list[Any]:
    """Return options and arguments that convert what is plain by themselves.

    Args:
        parameters: of typer. Those of releases that have no pydantic are left as they are.
    """
    for parameter in parameters:
        if hasattr(parameter, "type_descriptor") and not isinstance(parameter.process_value, partial):
            parameter.process_value = partial(_process, parameter, parameter.process_value)
    return list(parameters)


def _process(parameter: Any, typers: Any, context: Any, value: Any) -> Any:  # noqa: ANN401 - of typer
    try:
        converted = _converted(parameter, context, value)
    except _NotPlain:
        return typers(context, value)
    return converted if parameter.callback is None else parameter.callback(context, parameter, converted)


def _converted(parameter: Any, context: Any, value: Any) -> Any:  # noqa: ANN401 - of typer
    if value is None:
        if parameter.required and not context.resilient_parsing:
            raise _NotPlain
        is_list = not parameter.required and (parameter.multiple or parameter.nargs == -1)
        return () if is_list else None
    kind, told = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    if told.parser is not None:
        raise _NotPlain
    if get_origin(kind) is list and isinstance(value, list | tuple):
        if parameter.required and not value:
            raise _NotPlain
        return [_plain(get_args(kind)[0], told, each) for each in value]
    return _plain(kind, told, value)


def _plain(kind: Any, told: Any, value: object) -> object:  # noqa: ANN401 - of typer
    """Return a value of this kind.

    Args:
        kind: a class, mostly.
        told: what the declaration says of the option.
        value: a text of the command line, or a default.

    Raises:
        _NotPlain: it is not clear from its look alone which value it is.
    """
    if not isinstance(kind, type):
        raise _NotPlain
    if type(value) is kind:
        return value
    if isinstance(value, str):
        if kind is int and _WHOLE.fullmatch(value):
            return _within(told, int(value))
        if kind is float and _NUMBER.fullmatch(value):
            return _within(told, float(value))
        if issubclass(kind, Enum) and value in {each.value for each in kind}:
            return kind(value)
        if kind is Path and _is_any_path(told, value):
            return Path(value)
    raise _NotPlain


def _within(told: Any, number: float) -> float:  # noqa: ANN401 - of typer
    if (told.min is not None and number < told.min) or (told.max is not None and number > told.max):
        raise _NotPlain
    return number


def _is_any_path(told: Any, path: str) -> bool:  # noqa: ANN401 - of typer
    """Tell whether nothing is asked of a path but that what is there can be read."""
    asked = (told.exists, told.writable, told.resolve_path, told.allow_dash, told.path_type)
    return not any(asked) and told.file_okay and told.dir_okay and (not told.readable or _is_readable(path))


def _is_readable(path: str) -> bool:
    # Not by pathlib, which raises in a folder that may not be entered.
    return os.access(path, os.R_OK) or not os.path.exists(path)  # noqa: PTH110 - the same
