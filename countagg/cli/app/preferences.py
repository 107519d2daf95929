"""Preferences: what a flag, a variable, a settings file or a default says, in this order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from countagg.cli.app.given import check_variables
from countagg.core.errors import UsageError

PROJECT_FILE: Final = Path("countagg.toml")
_VARIABLE_PREFIX: Final = "COUNTAGG_"

TEXTS: Final = (
    "stack",
    "profile",
    "region",
    "endpoint_url",
    "output",
    "bucket",
    "prefix",
    "output_prefix",
    "permissions_boundary",
    "role_path",
    "kms_key",
    "alarm_email",
    "architecture",
)
SWITCHES: Final = (
    "local",
    "quiet",
    "verbose",
    "no_color",
    "create_bucket",
    "bucket_versioning",
    "point_in_time_recovery",
    "deletion_protection",
)
NUMBERS: Final = ("alarm_uploads", "max_concurrency", "lanes", "counter_shards", "max_counters")
TABLES: Final = ("tags", "memory", "window", "retention")
NOT_FOR_PROJECTS: Final = ("endpoint_url", "profile")
"""Where credentials go, and which: whoever filled the working directory has no say in that. A profile may run a
program, its `credential_process`."""
LONGEST_NUMBER: Final = 9
"""Digits; Python refuses to read very long ones."""
_MEND: Final = "mend it, or name another file by --config"
NO_ENTRIES: Final = "none"
"""What a variable says instead of an empty table."""

Setting = str | bool | int | Mapping[str, str | int]

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def user_file() -> Path | None:
    """Return where the user's own settings file is looked for; None for a user who has no home."""
    import platformdirs

    try:
        return platformdirs.user_config_path("countagg") / "config.toml"
    except RuntimeError:
        return None


@dataclass(frozen=True, slots=True)
class Preferences:
    """The sources below the flags, strongest first.

    Attributes:
        variables: of the environment.
        files: contents of the settings files, strongest first, each with its path; checked.
        skipped: those that nobody named and that this user may not read or should not trust, each with the reason:
            as in another user's home or working directory, which `sudo` and cron leave a command in.
    """

    variables: Mapping[str, str]
    files: tuple[tuple[Path, Mapping[str, Setting]], ...] = ()
    skipped: tuple[tuple[Path, str], ...] = ()

    def project(self) -> dict[str, Setting]:
        """Return what the file in the working directory says, unless a variable says otherwise."""
        content = dict(self.files).get(PROJECT_FILE, {})
        return {name: value for name, value in content.items() if _variable(name) not in self.variables}

    def text(self, name: str) -> str | None:
        """Return what the strongest source says; None if none says anything."""
        origin, value = self._find(name)
        return str(value) if origin else None

    def switch(self, name: str) -> bool | None:
        """Return whether the strongest source switches it on; None if none says anything.

        Raises:
            UsageError: a variable says neither yes nor no.
        """
        origin, value = self._find(name)
        if not origin:
            return None
        return value if isinstance(value, bool) else _parse_switch(str(value), origin)

    def number(self, name: str) -> int | None:
        """Return the whole number that the strongest source says; None if none says anything.

        Raises:
            UsageError: a variable holds something else.
        """
        origin, value = self._find(name)
        text = str(value)
        if origin and (not text.isdecimal() or len(text) > LONGEST_NUMBER):
            raise UsageError(f"{text!r} is not a whole number that could be meant", where=origin)
        return int(text) if origin else None

    def table(self, name: str) -> Mapping[str, str] | None:
        """Return the entries that the strongest source gives; None if none says anything.

        Raises:
            UsageError: a variable holds something else than `KEY=VALUE,...`.
        """
        return next((entries for _, entries in self.tables(name)), None)

    def tables(self, name: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield every source that gives entries, strongest first, with its name.

        Raises:
            UsageError: a variable holds something else than `KEY=VALUE,...`.
        """
        for origin, value in self._said(name):
            if isinstance(value, Mapping):
                yield origin, {key: str(each) for key, each in value.items()}
            else:
                text = str(value)
                yield origin, {} if text == NO_ENTRIES else parse_entries(text.split(","), origin)

    def origin(self, name: str) -> str:
        """Return the variable or the file that says something; empty if none does."""
        return self._find(name)[0]

    def _find(self, name: str) -> tuple[str, Setting]:
        return next(self._said(name), ("", ""))

    def _said(self, name: str) -> Iterator[tuple[str, Setting]]:
        """Yield what each source says, strongest first, with the source's name."""
        variable = _variable(name)
        if variable in self.variables:
            yield variable, self.variables[variable]
        for path, content in self.files:
            if name in content:
                yield str(path), content[name]


def _variable(name: str) -> str:
    return f"{_VARIABLE_PREFIX}{name.upper()}"


def parse_entries(texts: Sequence[str], origin: str) -> dict[str, str]:
    """Read `KEY=VALUE` texts.

    Raises:
        UsageError: one has no equals sign or no key.
    """
    entries = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{text!r} is not of the form KEY=VALUE", where=origin, hint="such as team=payments")
        entries[key.strip()] = value.strip()
    return entries


def _parse_switch(text: str, variable: str) -> bool:
    lower = text.strip().lower()
    if lower in _TRUE or lower in _FALSE:
        return lower in _TRUE
    raise UsageError(f"{text!r} is neither yes nor no", where=variable, hint="use 1 or 0")


def load_preferences(variables: Mapping[str, str], config: Path | None) -> Preferences:
    """Read the settings files.

    Args:
        variables: of the environment.
        config: the file to read instead of `countagg.toml` in the working directory.

    Raises:
        UsageError: a file is missing that was named, cannot be read, holds an unknown setting, one of the wrong
            type, or one that is not for a project to say; or a variable is empty.
    """
    ours = map(_variable, (*TEXTS, *SWITCHES, *NUMBERS, *TABLES))
    check_variables({name: variables[name] for name in ours if name in variables})
    files, skipped = [], []
    for path in filter(None, (config or PROJECT_FILE, user_file())):
        try:
            # A pipe is fine, such as that of `--config <(...)`.
            if path.exists() and not path.is_dir():
                if path is config or path is PROJECT_FILE or _is_trusted(path.stat()):
                    files.append((path, _load(path, named=path is not PROJECT_FILE)))
                else:
                    skipped.append((path, "others may write it"))
            elif path is config:
                what = "it is a folder" if path.is_dir() else "there is no such file"
                raise UsageError(what, where=str(path), hint="check --config")
            elif path.is_dir() or path.is_symlink():
                what = "a folder" if path.is_dir() else f"a link to {path.readlink()}, which is not there"
                raise UsageError(f"the settings file is {what}", where=str(path), hint=_MEND)
        except OSError as error:
            if path is config:
                raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint=_MEND) from error
            skipped.append((path, f"it cannot be read: {error.strerror}"))
    return Preferences(variables, tuple(files), tuple(skipped))


def _is_trusted(file: os.stat_result) -> bool:
    """Tell whether a file is this user's own, or root's. With `sudo`, a home may be somebody else's."""
    return file.st_uid in {os.geteuid(), 0} and not file.st_mode & stat.S_IWOTH


def _load(path: Path, *, named: bool) -> Mapping[str, Setting]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), hint=_MEND) from error
    for name, value in content.items():
        _check(name, value, str(path))
        if name in NOT_FOR_PROJECTS and not named:
            raise UsageError(
                f"{name} is not read from the working directory, which somebody else may have filled",
                where=str(path),
                hint=f"give --{name.replace('_', '-')} or {_variable(name)}, move the line to {user_file()}, or "
                "name the file by --config",
            )
    return content


def _check(name: str, value: object, path: str) -> None:
    if name in TEXTS:
        if not isinstance(value, str):
            raise UsageError(f"{name} must be text in quotes", where=path, hint=f'such as {name} = "text"')
        if not value:
            raise UsageError(f"{name} is empty", where=path, hint="give it a value, or remove the line")
    elif name in SWITCHES:
        if not isinstance(value, bool):
            raise UsageError(
                f"{name} must be true or false, without quotes", where=path, hint=f"such as {name} = true"
            )
    elif name in NUMBERS:
        if type(value) is not int:
            raise UsageError(
                f"{name} must be a whole number, without quotes", where=path, hint=f"such as {name} = 2"
            )
    elif name in TABLES:
        # Not isinstance: in Python true is a number.
        if not isinstance(value, dict) or any(type(each) not in (str, int) for each in value.values()):
            raise UsageError(
                f"{name} must be a table of texts or numbers",
                where=path,
                hint=f'such as [{name}] and key = "text"',
            )
    else:
        known = ", ".join(sorted({*TEXTS, *SWITCHES, *NUMBERS, *TABLES}))
        raise UsageError(f"unknown setting {name!r}", where=path, hint=f"known are {known}")
