"""Settings by type: how each is said on a command line, in a variable and in a file, checked, and remembered.

A table of settings is a dataclass. The annotation of a field says that it is a setting and of which type; flags,
variables, files, checks and what a stack remembers all follow from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import MISSING, field, fields, replace
from typing import Any, ClassVar, Final, TypeAlias, get_type_hints

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import variable_of

NONE: Final = "none"
"""What an operator says to take a choice back."""
LONGEST_TEXT: Final = 512
"""Characters; that of a path in IAM."""
LONGEST_NUMBER: Final = 9
"""Digits; Python refuses to read very long ones."""
SWITCHED: Final = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)
"""What a variable says of a switch."""

Value: TypeAlias = Any
"""Of the setting's own type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting, whatever its type.

    Attributes:
        help: what it says, in the words of `--help`. None for what nobody says.
        panel: heading of its option in the help.
        metavar: what its option takes, where typer's own word does not tell.
        flags: its option, where that is not called as the setting is: a switch of one flag cannot be put back.
        is_personal: whether a file in the working directory, which anybody may have filled, has no say in it.
        name: of the field, the variable and the line in a file.
        default: what holds if nobody says anything; None for nothing.
    """

    flag_type: ClassVar[Any] = str
    """What typer makes of the option."""
    form: ClassVar[str]
    """What a settings file holds, in words."""
    example: ClassVar[str]
    """A line of a settings file; `{}` stands for the name."""
    is_merged: ClassVar[bool] = False
    """Whether all who say something count, each for the entries that nobody stronger gives."""

    help: str | None = field(default=None, kw_only=False)
    panel: str | None = field(default=None, kw_only=False)
    metavar: str | None = None
    flags: tuple[str, ...] = ()
    is_personal: bool = False
    name: str = ""
    default: Value = None

    @property
    def option(self) -> str:
        """The option."""
        return self.flags[0] if self.flags else f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return variable_of(self.name)

    @property
    def told(self) -> str:
        """The help, with what may be given or holds by default in place of `{}`."""
        return str(self.help)

    def is_form(self, value: object) -> bool:
        """Tell whether a value out of a settings file, or out of a stack's memory, has the right type."""
        return isinstance(value, self.flag_type)

    def read(self, said: Any, origin: str) -> Value:  # noqa: ANN401, ARG002 - text of a variable, or of the right type
        """Return what an option, a variable or a file says.

        Raises:
            UsageError: it is not of the form; the origin is named.
        """
        return said

    def check(self, value: Value) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: it names the option.
        """

    def complete(self, said: Value | None, remembered: Value | None) -> Value:
        """Return what holds: what was said, else what the stack remembers, else the default."""
        return next((each for each in (said, remembered) if each is not None), self.default)

    def to_memory(self, value: Value) -> Value | None:
        """Return what a stack remembers of it, as JSON; None of the default."""
        return None if value == self.default else value

    def from_memory(self, value: object) -> Value | None:
        """Return what a stack remembers; None where that could not be said."""
        try:
            return self.read(value, self.option) if self.is_form(value) else None
        except UsageError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Setting):
    """A text.

    Attributes:
        pattern: that it has as a whole; None for any.
        rule: what to give, in words.
        is_removable: whether the text `none` takes it back.
        is_rechecked: whether one in a stack's memory that has another pattern is no memory rather than an error.
    """

    form = "text in quotes"
    example = '{} = "text"'

    pattern: str | None = None
    rule: str = ""
    is_removable: bool = False
    is_rechecked: bool = False

    def check(self, value: str | None) -> None:
        """Refuse what has another pattern."""
        # Empty is the bucket of a stack of which nothing is left that names it.
        if value and not self._fits(value):
            raise UsageError(f"{value!r} cannot be used", where=self.option, hint=f"give {self.rule}")

    def complete(self, said: str | None, remembered: str | None) -> Value:
        """Return what holds; of `none` the default."""
        return self.default if self.is_removable and said == NONE else Setting.complete(self, said, remembered)

    def from_memory(self, value: object) -> str | None:
        """Return what a stack remembers; an empty text is none."""
        usable = isinstance(value, str) and value and (self._fits(value) or not self.is_rechecked)
        return str(value) if usable else None

    def _fits(self, value: str) -> bool:
        return self.pattern is None or (len(value) <= LONGEST_TEXT and bool(re.fullmatch(self.pattern, value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Setting):
    """Yes or no."""

    flag_type = bool
    form = "true or false, without quotes"
    example = "{} = true"

    def read(self, said: str | bool, origin: str) -> bool:  # noqa: FBT001 - what is said
        """Return yes or no."""
        switched = SWITCHED.get(str(said).strip().lower())
        if switched is None:
            raise UsageError(f"{said!r} is neither yes nor no", where=origin, hint="use 1 or 0")
        return switched


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Setting):
    """A whole number.

    Attributes:
        allowed: which; None where something else checks it.
    """

    flag_type = int
    form = "a whole number, without quotes"
    example = "{} = 2"

    allowed: range | None = None

    @property
    def told(self) -> str:
        """The help, with the smallest and the largest."""
        return str(self.help).format(self._bounds if self.allowed else "")

    def is_form(self, value: object) -> bool:
        """Tell whether it is a number."""
        return is_number(value)

    def read(self, said: str | int, origin: str) -> int:
        """Return the number."""
        if isinstance(said, str) and not (said.isdecimal() and len(said) <= LONGEST_NUMBER):
            hint = f"use {self._bounds}"
            raise UsageError(f"{self.name}={said} is not a whole number, or too large", where=origin, hint=hint)
        return int(said)

    def check(self, value: int) -> None:
        """Refuse what is out of range."""
        if self.allowed and value not in self.allowed:
            raise UsageError(f"{self.name}={value} is out of range", where=self.option, hint=f"use {self._bounds}")

    @property
    def _bounds(self) -> str:
        return f"{self.allowed[0]} to {self.allowed[-1]}" if self.allowed else "a whole number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys(Setting):
    """Texts in no order, which nobody says."""

    def to_memory(self, value: Iterable[str]) -> list[str] | None:
        """Return them in one order."""
        return sorted(value) or None

    def from_memory(self, value: object) -> list[str] | None:
        """Return what a stack remembers."""
        return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def settings_of(table: type[Any]) -> dict[str, Setting]:
    """Return the settings of a table by their names."""
    hints = get_type_hints(table, include_extras=True)
    return {
        each.name: replace(setting, name=each.name, default=_default(each))
        for each in fields(table)
        for setting in getattr(hints[each.name], "__metadata__", ())
    }


def _default(each: Any) -> Value | None:  # noqa: ANN401 - a field
    if each.default_factory is not MISSING:
        return each.default_factory()
    return None if each.default is MISSING else each.default


def is_number(value: object) -> bool:
    """Tell whether a value out of a file is a whole number that is not too long."""
    # Not isinstance: in Python true is a number.
    return type(value) is int and abs(value) < 10**LONGEST_NUMBER
