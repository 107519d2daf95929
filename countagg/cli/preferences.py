"""Preferences: what a flag, a variable, a settings file or a default says, in this order."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from platformdirs import user_config_path

from countagg.core.errors import UsageError

PROJECT_FILE: Final = Path("countagg.toml")
_VARIABLE_PREFIX: Final = "COUNTAGG_"

TEXTS: Final = ("stack", "profile", "region", "endpoint_url", "output", "bucket", "prefix", "output_prefix")
SWITCHES: Final = ("local", "quiet", "verbose", "no_color")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off", ""})


def user_file() -> Path:
    """Return where the user's own settings file is looked for."""
    return user_config_path("countagg") / "config.toml"


@dataclass(frozen=True, slots=True)
class Preferences:
    """The sources below the flags, strongest first.

    Attributes:
        variables: of the environment.
        files: contents of the settings files, strongest first, each with its path.
    """

    variables: Mapping[str, str]
    files: tuple[tuple[Path, Mapping[str, Any]], ...] = ()

    def text(self, name: str) -> str | None:
        """Return what the strongest source says; None if none says anything."""
        from_variable = self.variables.get(_variable(name))
        if from_variable:
            return from_variable
        for path, content in self.files:
            if name in content:
                return _checked_text(content[name], name, path)
        return None

    def switch(self, name: str) -> bool | None:
        """Return whether the strongest source switches it on; None if none says anything."""
        variable = _variable(name)
        if variable in self.variables:
            return _parse_switch(self.variables[variable], variable)
        for path, content in self.files:
            if name in content:
                if not isinstance(content[name], bool):
                    raise UsageError(f"{name} must be true or false", where=str(path))
                return bool(content[name])
        return None


def _variable(name: str) -> str:
    return _VARIABLE_PREFIX + name.upper()


def _parse_switch(text: str, variable: str) -> bool:
    lower = text.strip().lower()
    if lower in _TRUE or lower in _FALSE:
        return lower in _TRUE
    raise UsageError(f"{text!r} is neither yes nor no", where=variable, hint="use 1 or 0")


def _checked_text(value: object, name: str, path: Path) -> str:
    if isinstance(value, str):
        return value
    raise UsageError(f"{name} must be text in quotes", where=str(path))


def load_preferences(variables: Mapping[str, str], config: Path | None) -> Preferences:
    """Read the settings files.

    Args:
        variables: of the environment.
        config: the file to read instead of `countagg.toml` in the working directory.

    Raises:
        UsageError: a file is missing that was named, cannot be read, or holds an unknown setting.
    """
    if config is not None and not config.is_file():
        raise UsageError("there is no such file", where=str(config), hint="check --config")
    paths = (config or PROJECT_FILE, user_file())
    return Preferences(variables, tuple((path, _load(path)) for path in paths if path.is_file()))


def _load(path: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path)) from error
    known = {*TEXTS, *SWITCHES}
    for name in content:
        if name not in known:
            raise UsageError(
                f"unknown setting {name!r}", where=str(path), hint=f"known are {', '.join(sorted(known))}"
            )
    return content
