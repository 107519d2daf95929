"""The choices of a stack on the command line: one option for each that a command takes, out of the one table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from countagg.cli.app.options import parameter_of
from countagg.provision.settings import CHOICES

if TYPE_CHECKING:
    from countagg.cli.app.session import Session
    from countagg.provision.choices import Chosen, Remembered
    from countagg.provision.settings import StackSettings

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


def taking_choices(function: Callable[..., None], *names: str) -> Callable[..., None]:
    """Return a command with options in place of its parameter `flags`, which it gets as a mapping.

    Args:
        function: the command.
        names: of the choices that it takes; of all, each under its own heading of the help, if none is named.
    """
    options = [
        parameter_of(CHOICES[name], panel=None if names else CHOICES[name].panel) for name in names or CHOICES
    ]

    def command(session: Session, **values: Any) -> None:  # noqa: ANN401 - of any option
        flags = {option.name: values.pop(option.name) for option in options}
        function(session, flags=flags, **values)

    session, *own = inspect.signature(function, eval_str=True).parameters.values()
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in own
        for parameter in (options if each.name == "flags" else [each])
    ]
    command.__signature__ = inspect.Signature([session, *parameters])  # type: ignore[attr-defined]  # read by typer
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    return command


def read_choices(session: Session, flags: Mapping[str, Any], names: Iterable[str] = CHOICES) -> Chosen:
    """Return the choices of these names: what the flags say of them, completed from the preferences.

    Raises:
        UsageError: what is said is not of its form.
    """
    from countagg.provision.choices import Chosen

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
