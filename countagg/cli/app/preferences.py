"""Preferences: what a flag, a variable, a settings file or a default says, in this order."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import platformdirs

from countagg.cli.app.given import check_variables
from countagg.cli.app.options import GLOBAL_SETTINGS
from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.settings import CHOICES

PROJECT_FILE: Final = Path("countagg.toml")
SETTINGS: Final = {**GLOBAL_SETTINGS, **CHOICES}
"""All that a variable or a file may say, by name."""
_BY_OPTION: Final = {setting.option: setting for setting in SETTINGS.values()}
_MEND: Final = "correct it, or name another file with --config"

Written = str | bool | int | Mapping[str, str | int]
"""What a settings file holds."""


def user_file() -> Path | None:
    """Return where the user's own settings file is looked for; None for a user who has no home."""
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
    files: tuple[tuple[Path, Mapping[str, Written]], ...] = ()
    skipped: tuple[tuple[Path, str], ...] = ()

    def project(self) -> dict[str, Written]:
        """Return what the file in the working directory says, unless a variable says otherwise."""
        content = dict(self.files).get(PROJECT_FILE, {})
        return {name: value for name, value in content.items() if SETTINGS[name].variable not in self.variables}

    def value(self, name: str, flag: Any = None) -> Any:  # noqa: ANN401 - of the setting's type
        """Return what the strongest source says of a setting; None if none says anything.

        Args:
            name: of the setting.
            flag: what typer made of its option; None if it is not on the command line.

        Raises:
            UsageError: a source says what is not of the setting's form.
        """
        said = (value for _, value in self._said(name, flag))
        if not SETTINGS[name].is_merged:
            return next(said, None)
        merged: dict[str, int] = {}
        for entries in said:
            merged = {**entries, **merged}
        return merged

    def origin(self, option: str, flag: Any = None) -> str:  # noqa: ANN401 - as of `value`
        """Return the option itself, the variable or the line of a file that says it; the option if none does."""
        setting = _BY_OPTION[option]
        said = list(dict.fromkeys(origin for origin, _ in self._sources(setting.name, flag)))
        return ", ".join(said if setting.is_merged else said[:1]) or option

    @contextmanager
    def sources_named(self, flags: Mapping[str, Any]) -> Iterator[None]:
        """Have an error that complains of options name the variable or the file where that is what says it.

        Args:
            flags: what typer made of the options, by the names of their settings.
        """
        try:
            yield
        except CountaggError as error:
            options = error.where.split(", ")
            names = [_BY_OPTION[option].name for option in options if option in _BY_OPTION]
            # Which global options were flags is not known everywhere.
            if len(names) == len(options) and all(name in flags or name in CHOICES for name in names):
                origins = (
                    self.origin(option, flags.get(name)) for option, name in zip(options, names, strict=True)
                )
                error.where = ", ".join(dict.fromkeys(origins))
            raise

    def _said(self, name: str, flag: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as of `value`
        for origin, said in self._sources(name, flag):
            yield origin, SETTINGS[name].read(said, origin)

    def _sources(self, name: str, flag: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as of `value`
        """Yield what each source says, strongest first, with the source's name."""
        setting = SETTINGS[name]
        if flag is not None:
            yield setting.option, flag
        if setting.variable in self.variables:
            yield setting.variable, self.variables[setting.variable]
        for path, content in self.files:
            if name in content:
                yield f"{name} in {path}", content[name]


def load_preferences(variables: Mapping[str, str], config: Path | None) -> Preferences:
    """Read the settings files.

    Args:
        variables: of the environment.
        config: the file to read instead of `countagg.toml` in the working directory.

    Raises:
        UsageError: a file is missing that was named, cannot be read, holds an unknown setting, one of the wrong
            type, or one that is not for a project to say; or a variable is empty.
    """
    ours = [setting.variable for setting in SETTINGS.values()]
    check_variables({name: variables[name] for name in ours if name in variables})
    files, skipped = [], []
    for path in filter(None, (config or PROJECT_FILE, user_file())):
        try:
            # A pipe that somebody names is fine, such as that of `--config <(...)`; one that lies there is a trap.
            if path.is_file() or (path is config and path.exists() and not path.is_dir()):
                if path is config or path is PROJECT_FILE or _is_trusted(path.stat()):
                    files.append((path, _load(path, named=path is not PROJECT_FILE)))
                else:
                    skipped.append((path, "others may write it"))
            elif path is config:
                what = "it is a folder" if path.is_dir() else "there is no such file"
                raise UsageError(what, where=str(path), hint="check --config")
            elif other := _what_else(path):
                raise UsageError(f"the settings file is {other}", where=str(path), hint=_MEND)
        except OSError as error:
            if path is config:
                raise UsageError(f"cannot be read: {error.strerror}", where=str(path), hint=_MEND) from error
            skipped.append((path, f"it cannot be read: {error.strerror}"))
    return Preferences(variables, tuple(files), tuple(skipped))


def _what_else(path: Path) -> str | None:
    """Return what there is in the place of a file; None if there is nothing."""
    if path.is_dir():
        return "a folder"
    if path.exists():
        return "no regular file"
    return f"a link to {path.readlink()}, which does not exist" if path.is_symlink() else None


def _is_trusted(file: os.stat_result) -> bool:
    """Tell whether a file is this user's own, or root's. With `sudo`, a home may be somebody else's."""
    return file.st_uid in {os.geteuid(), 0} and not file.st_mode & stat.S_IWOTH


def _load(path: Path, *, named: bool) -> Mapping[str, Written]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UsageError(f"cannot be read: {error}", where=str(path), hint=_MEND) from error
    for name, value in content.items():
        _check(name, value, str(path), named=named)
    return content


def _check(name: str, value: object, path: str, *, named: bool) -> None:
    setting = SETTINGS.get(name)
    if setting is None:
        known = ", ".join(sorted(SETTINGS))
        raise UsageError(f"unknown setting {name!r}", where=path, hint=f"known are {known}")
    if not setting.is_form(value):
        example = setting.example.format(name)
        raise UsageError(f"{name} must be {setting.form}", where=path, hint=f"such as {example}")
    if value == "":
        raise UsageError(f"{name} is empty", where=path, hint="give it a value, or remove the line")
    if setting.is_personal and not named:
        raise UsageError(
            f"{name} is not read from the working directory, which somebody else may have filled",
            where=path,
            hint=f"give {setting.option} or {setting.variable}, move the line to {user_file()}, or name the file "
            "by --config",
        )
