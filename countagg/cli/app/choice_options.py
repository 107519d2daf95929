"""The choices of a stack on the command line: one option for each that a command takes, out of the one table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Final

from countagg.cli.app.options import parameter_of
from countagg.cli.app.session import Session
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.settings import CHOICES, StackSettings

POLICY_CHOICES: Final = (
    "bucket",
    "create_bucket",
    "prefix",
    "output_prefix",
    "role_path",
    "kms_key",
    "permissions_boundary",
)
"""What the rights on a stack depend on."""


def taking_choices(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command options in place of its parameter `flags`, which it gets as a mapping.

    Args:
        names: of the choices that it takes; of all, each under its own heading of the help, if none is named.
    """
    choices = [CHOICES[name] for name in names or CHOICES]
    options = [parameter_of(choice, panel=None if names else choice.panel) for choice in choices]

    def take(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(session: Session, **values: Any) -> None:  # noqa: ANN401 - of any option
            flags = {choice.name: values.pop(choice.name) for choice in choices}
            function(session, flags=flags, **values)

        parameters = [
            parameter
            for each in inspect.signature(function, eval_str=True).parameters.values()
            for parameter in (options if each.name == "flags" else [each])
        ]
        first, *others = parameters
        by_name = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others]
        command.__signature__ = inspect.Signature([first, *by_name])  # type: ignore[attr-defined]  # read by typer
        return command

    return take


def read_choices(session: Session, flags: Mapping[str, Any], names: Iterable[str] = CHOICES) -> Chosen:
    """Return the choices of these names: what the flags say of them, completed from the preferences.

    Raises:
        UsageError: what is said is not of its form.
    """
    said = {name: session.preferences.value(name, flags.get(name)) for name in names}
    return Chosen(session.options.stack, **said)


def complete_settings(
    session: Session, flags: Mapping[str, Any], remembered: Remembered, names: Iterable[str] = CHOICES
) -> StackSettings:
    """Return the settings that flags, preferences and the deployed stack give together.

    Raises:
        UsageError: no bucket is named anywhere, or a value cannot be used.
    """
    with session.preferences.sources_named(flags):
        return read_choices(session, flags, names).settings(remembered)
