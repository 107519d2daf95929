"""Settings of several entries, each with a key of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.setting_types import NONE, Number, Setting, Value, is_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs(Setting):
    """Texts by their keys, said all at once."""

    flag_type = list[str]
    form = "a table of texts or numbers"
    example = '[{}] and key = "text"'

    def is_form(self, value: object) -> bool:
        """Tell whether it is such a table."""
        return isinstance(value, dict) and all(isinstance(each, str) or is_number(each) for each in value.values())

    def read(self, said: Any, origin: str) -> dict[str, Any]:  # noqa: ANN401 - as of any setting
        """Return the entries; of `none` there are none."""
        return {} if said in (NONE, [NONE]) else _read_pairs(said, origin, "such as team=payments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers(Pairs):
    """Numbers by their keys, the fields of a frozen dataclass. Each is said for itself.

    Attributes:
        allowed: which, by key; where there is no entry something else checks it.
    """

    is_merged = True

    allowed: Mapping[str, range]

    @property
    def told(self) -> str:
        """The help, with the keys and their defaults."""
        *others, last = (f"{key} ({number})" for key, number in asdict(self.default).items())
        return str(self.help).format(f"{', '.join(others)} or {last}")

    def read(self, said: Any, origin: str) -> dict[str, int]:  # noqa: ANN401 - as of any setting
        """Return the numbers that are said."""
        numbers = self._numbers
        example = f"use {', '.join(numbers)}, as in {next(iter(numbers))}=N"
        pairs = _read_pairs(said, origin, example)
        for unknown in pairs.keys() - numbers.keys():
            raise UsageError(f"there is no {unknown!r} to set", where=origin, hint=example)
        return {key: numbers[key].read(text, origin) for key, text in pairs.items()}

    def check(self, value: Value) -> None:
        """Refuse what is out of range."""
        for key, number in self._numbers.items():
            number.check(getattr(value, key))

    def complete(self, said: Mapping[str, int] | None, remembered: Mapping[str, int] | None) -> Value:
        """Return what holds of each."""
        return replace(self.default, **{**(remembered or {}), **(said or {})})

    def to_memory(self, value: Value) -> dict[str, int] | None:
        """Return those that are not the default."""
        return dict(asdict(value).items() - asdict(self.default).items()) or None

    def from_memory(self, value: object) -> dict[str, int] | None:
        """Return what a stack remembers of the numbers that there are."""
        entries = value if isinstance(value, dict) else {}
        return {key: entries[key] for key, each in self._numbers.items() if each.is_form(entries.get(key))} or None

    @property
    def _numbers(self) -> dict[str, Number]:
        return {
            key: Number(name=key, flags=(self.option,), allowed=self.allowed.get(key))
            for key in asdict(self.default)
        }


def _read_pairs(said: Any, origin: str, hint: str) -> dict[str, str]:  # noqa: ANN401 - as of any setting
    if isinstance(said, dict):
        return {key: str(each) for key, each in said.items()}
    entries = {}
    for text in said.split(",") if isinstance(said, str) else said:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{text!r} is not of the form KEY=VALUE", where=origin, hint=hint)
        entries[key.strip()] = value.strip()
    return entries
