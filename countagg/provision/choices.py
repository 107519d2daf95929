"""What the operator chose, completed from what the deployed stack remembers of earlier choices.

The functions' environment is where a stack remembers: bucket and prefixes in variables that the functions read
themselves, everything else in one that only setup reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, TypeVar

from countagg.core.counter_file import DEFAULT_MAX_COUNTERS
from countagg.core.errors import UsageError
from countagg.core.object_keys import is_prefix
from countagg.provision.policies import compact
from countagg.provision.settings import (
    ARCHITECTURES,
    DEFAULT_ALARM_UPLOADS,
    DEFAULT_MAX_CONCURRENCY,
    DEFAULT_MEMORY,
    DEFAULT_OUTPUT_PREFIX,
    DEFAULT_PREFIX,
    DEFAULT_WINDOW,
    PerFunction,
    Retention,
    StackSettings,
    is_bucket_name,
    is_email,
)

MEMORY_VARIABLE: Final = "COUNTAGG_CHOICES"
REMOVED: Final = "none"
"""What an operator says to take a choice back."""

N = TypeVar("N", PerFunction, Retention)

_DEFAULTS: Final[Mapping[str, Any]] = {
    "create_bucket": False,
    "bucket_versioning": None,
    "tags": {},
    "dropped_tags": [],
    "permissions_boundary": "",
    "role_path": "/",
    "kms_key": "",
    "point_in_time_recovery": None,
    "deletion_protection": None,
    "memory": asdict(DEFAULT_MEMORY),
    "window": asdict(DEFAULT_WINDOW),
    "max_concurrency": DEFAULT_MAX_CONCURRENCY,
    "retention": asdict(Retention()),
    "architecture": None,
    "text_logs": False,
    "lanes": 1,
    "counter_shards": 1,
    "max_counters": DEFAULT_MAX_COUNTERS,
    "alarm_email": "",
    "alarm_uploads": DEFAULT_ALARM_UPLOADS,
}


def remember(settings: StackSettings) -> str:
    """Return the choices that are not the defaults, as the variable's text."""
    chosen = {name: _chosen(getattr(settings, name), default) for name, default in _DEFAULTS.items()}
    return compact({name: value for name, value in chosen.items() if value != _DEFAULTS[name] and value != {}})


def remember_too(environment: Mapping[str, str], **choices: Any) -> dict[str, str]:  # noqa: ANN401 - settings
    """Return a function's environment that remembers these choices besides those that it does."""
    remembered = {**json.loads(environment.get(MEMORY_VARIABLE, "{}")), **choices}
    return {**environment, MEMORY_VARIABLE: compact(remembered)}


def _chosen(value: Any, default: Any) -> Any:  # noqa: ANN401 - a setting
    """Return the value; of numbers only those that are not the default."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, PerFunction | Retention):
        return {name: number for name, number in asdict(value).items() if number != default[name]}
    return value


class NoBucket(UsageError):
    """No bucket is named anywhere."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a deployed stack remembers; empty where it remembers nothing.

    Reading it never fails, because setup must also mend an environment that somebody changed by hand.

    Attributes:
        bucket: the bucket with the counter files.
        prefix: of the counter files.
        output_prefix: of the published totals.
        choices: the others, by the name of their setting.
    """

    bucket: str = ""
    prefix: str = ""
    output_prefix: str = ""
    choices: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Remembered:
        """Read what is there of it in a function's environment."""
        try:
            choices = json.loads(environment.get(MEMORY_VARIABLE, "{}"))
        except ValueError:
            choices = {}
        found = choices.items() if isinstance(choices, dict) else ()
        usable = {name: value for name, value in found if _is_usable(name, value)}
        places = {name: environment.get(f"COUNTAGG_{name.upper()}", "") for name in _PLACES}
        if not is_bucket_name(places["bucket"]):
            places["bucket"] = ""
        return cls(**places, choices=usable)


_PREFIXES: Final = ("prefix", "output_prefix")
_PLACES: Final = ("bucket", *_PREFIXES)


_JUDGED: Final[Mapping[str, Callable[[str], bool]]] = {
    "alarm_email": is_email,
    "architecture": ARCHITECTURES.__contains__,
}


def _is_usable(name: str, value: Any) -> bool:  # noqa: ANN401 - any JSON
    default = _DEFAULTS.get(name, _PLACES)
    if isinstance(default, list):
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name in _JUDGED:
        return isinstance(value, str) and _JUDGED[name](value)
    if isinstance(default, dict):
        kind = str if name == "tags" else int
        return isinstance(value, dict) and all(isinstance(each, kind) for each in value.values())
    if type(default) is int:
        return type(value) is int  # True is one too.
    return isinstance(value, bool if default is None or default is False else str)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the operator said about a stack; None, or an absent entry, where nothing was said.

    What was not said is what the deployed stack remembers, and else the default. `tags` are said as a whole; of
    the numbers, each for itself. The text `none` takes a choice back. The other fields are those of
    `settings.StackSettings`.
    """

    stack: str
    bucket: str | None = None
    create_bucket: bool = False
    prefix: str | None = None
    output_prefix: str | None = None
    bucket_versioning: bool | None = None
    tags: Mapping[str, str] | None = None
    permissions_boundary: str | None = None
    role_path: str | None = None
    kms_key: str | None = None
    point_in_time_recovery: bool | None = None
    deletion_protection: bool | None = None
    memory: Mapping[str, int] = field(default_factory=dict)
    window: Mapping[str, int] = field(default_factory=dict)
    max_concurrency: int | None = None
    retention: Mapping[str, int] = field(default_factory=dict)
    architecture: str | None = None
    lanes: int | None = None
    counter_shards: int | None = None
    max_counters: int | None = None
    alarm_email: str | None = None
    alarm_uploads: int | None = None

    def settings(self, deployed: Remembered) -> StackSettings:
        """Complete the settings.

        Raises:
            UsageError: no bucket is named anywhere, a deployed stack uses another one, or a value cannot be used.
        """
        before = deployed.choices
        former_email = before.get("alarm_email", "")
        email = self._said("alarm_email", deployed)
        tags = self._said("tags", deployed)
        return StackSettings(
            stack=self.stack,
            bucket=self._bucket(deployed),
            # A stack that created its bucket goes on doing so.
            create_bucket=self.create_bucket or before.get("create_bucket", False),
            prefix=self.prefix or deployed.prefix or DEFAULT_PREFIX,
            output_prefix=self.output_prefix or deployed.output_prefix or DEFAULT_OUTPUT_PREFIX,
            unfit_prefixes=frozenset(filter(None, (self._unfit(name, deployed) for name in _PREFIXES))),
            bucket_versioning=self._said("bucket_versioning", deployed),
            tags=tags,
            # Those of earlier choices too: a killed setup may have left them on some of the resources.
            dropped_tags=frozenset([*before.get("tags", {}), *before.get("dropped_tags", [])]) - frozenset(tags),
            permissions_boundary=self._said("permissions_boundary", deployed),
            role_path=self._said("role_path", deployed),
            kms_key=self._said("kms_key", deployed),
            point_in_time_recovery=self._said("point_in_time_recovery", deployed),
            deletion_protection=self._said("deletion_protection", deployed),
            memory=self._numbers("memory", DEFAULT_MEMORY, deployed),
            window=self._numbers("window", DEFAULT_WINDOW, deployed),
            max_concurrency=self._said("max_concurrency", deployed),
            retention=self._numbers("retention", Retention(), deployed),
            architecture=self._said("architecture", deployed),
            text_logs=before.get("text_logs", False),
            lanes=self._said("lanes", deployed),
            counter_shards=self._said("counter_shards", deployed),
            max_counters=self._said("max_counters", deployed),
            alarm_email=email,
            alarm_uploads=self._said("alarm_uploads", deployed),
            dropped_email=former_email if former_email != email else "",
        )

    def _unfit(self, name: str, deployed: Remembered) -> str:
        """Return a prefix of the deployed stack that cannot be said any more; empty if another was said."""
        remembered: str = getattr(deployed, name)
        return "" if getattr(self, name) or is_prefix(remembered) else remembered

    def _bucket(self, deployed: Remembered) -> str:
        bucket = self.bucket or deployed.bucket
        if not bucket:
            hint = "give --bucket NAME, and --create-bucket if it is to be created"
            raise NoBucket("no bucket is named", where="--bucket", hint=hint)
        if deployed.bucket and bucket != deployed.bucket:
            raise UsageError(
                f"the stack {self.stack!r} works on the bucket {deployed.bucket!r}, not on {bucket!r}",
                where="--bucket",
                hint="tear it down first, or choose another --stack",
            )
        return bucket

    def _said(self, name: str, deployed: Remembered) -> Any:  # noqa: ANN401 - the setting's type
        said, default = getattr(self, name), _DEFAULTS[name]
        if said is None:
            return deployed.choices.get(name, default)
        return default if said == REMOVED else said

    def _numbers(self, name: str, default: N, deployed: Remembered) -> N:
        said: Mapping[str, int] = getattr(self, name)
        known = [item.name for item in fields(default)]
        for unknown in said.keys() - set(known):
            raise UsageError(
                f"there is no {unknown!r} to set",
                where=f"--{name}",
                hint=f"use {', '.join(known)}, as in {known[0]}=N",
            )
        remembered = {key: value for key, value in deployed.choices.get(name, {}).items() if key in known}
        return type(default)(**{**asdict(default), **remembered, **said})
