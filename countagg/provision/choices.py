"""What the operator chose, completed from what the deployed stack remembers of earlier choices.

The functions' environment is where a stack remembers: bucket and prefixes in variables that the functions read
themselves, everything else in one that only setup reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import is_prefix
from countagg.provision.policies import compact
from countagg.provision.settings import CHOICES, SETTINGS, StackSettings
from countagg.provision.subscriptions import deliveries

MEMORY_VARIABLE: Final = "COUNTAGG_CHOICES"
_PREFIXES: Final = ("prefix", "output_prefix")
_PLACES: Final = ("bucket", *_PREFIXES)


def remember(settings: StackSettings) -> str:
    """Return the choices that are not the defaults, as the variable's text."""
    chosen = {
        name: setting.to_memory(getattr(settings, name))
        for name, setting in SETTINGS.items()
        if name not in _PLACES
    }
    return compact({name: value for name, value in chosen.items() if value is not None})


def remember_too(environment: Mapping[str, str], **choices: Any) -> dict[str, str]:  # noqa: ANN401 - settings
    """Return a function's environment that remembers these choices besides its own; those that are None go."""
    remembered = {**_memory(environment), **choices}
    kept = {name: value for name, value in remembered.items() if value is not None}
    return {**environment, MEMORY_VARIABLE: compact(kept)}


def _memory(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return what stands in an environment, which anybody may have changed."""
    try:
        choices = json.loads(environment.get(MEMORY_VARIABLE, "{}"))
    except ValueError:
        return {}
    return choices if isinstance(choices, dict) else {}


class NoBucket(UsageError):
    """No bucket is named anywhere."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a deployed stack remembers; None, or an absent entry, where it remembers nothing.

    Reading it never fails, because setup must also mend an environment that somebody changed by hand.

    Attributes:
        bucket: the bucket with the counter files.
        prefix: of the counter files.
        output_prefix: of the published totals.
        choices: the others, by the name of their setting.
    """

    bucket: str | None = None
    prefix: str | None = None
    output_prefix: str | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Remembered:
        """Read what is there of it in a function's environment."""
        written = _memory(environment)
        written |= {name: environment.get(SETTINGS[name].variable) for name in _PLACES}
        read = {name: setting.from_memory(written.get(name)) for name, setting in SETTINGS.items()}
        places = {name: read.pop(name) for name in _PLACES}
        return cls(**places, choices={name: value for name, value in read.items() if value is not None})


@dataclass(frozen=True, slots=True, init=False)
class Chosen:
    """What the operator said about a stack.

    What was not said is what the deployed stack remembers, and else the default. The text `none` takes a choice
    back.

    Attributes:
        stack: its name.
        said: by the names of `settings.CHOICES`; None, or absent, where nothing was said.
    """

    stack: str
    said: Mapping[str, Any]

    def __init__(self, stack: str, bucket: str | None = None, **said: Any) -> None:  # noqa: ANN401 - of many types
        if unknown := said.keys() - CHOICES.keys():
            raise TypeError(f"there are no such choices: {', '.join(unknown)}")
        object.__setattr__(self, "stack", stack)
        object.__setattr__(self, "said", {"bucket": bucket, **said})

    @property
    def bucket(self) -> str | None:
        """The bucket that was named."""
        bucket: str | None = self.said["bucket"]
        return bucket

    def but(self, **said: Any) -> Chosen:  # noqa: ANN401 - of many types
        """Return the same with something else said."""
        return Chosen(self.stack, **{**self.said, **said})

    def settings(self, deployed: Remembered) -> StackSettings:
        """Complete the settings.

        Raises:
            UsageError: no bucket is named anywhere, a deployed stack uses another one, or a value cannot be used.
        """
        before = {**deployed.choices, **{name: getattr(deployed, name) for name in _PLACES}}
        chosen = {name: choice.complete(self.said.get(name), before.get(name)) for name, choice in CHOICES.items()}
        self._check_bucket(chosen["bucket"], deployed)
        # A stack that created its bucket goes on doing so.
        chosen["create_bucket"] |= before.get("create_bucket", False)
        # Those of earlier choices too: a killed setup may have left them on some of the resources.
        tags = frozenset(before.get("tags", ())) | frozenset(before.get("dropped_tags", ()))
        subscriptions = before.get("subscriptions", ())
        wanted = deliveries(chosen["alarm_email"], subscriptions)
        return StackSettings(
            self.stack,
            **chosen,
            text_logs=before.get("text_logs", False),
            dropped_tags=tags - chosen["tags"].keys(),
            subscriptions=subscriptions,
            dropped=frozenset(deliveries(before.get("alarm_email"), subscriptions)) - frozenset(wanted),
            # Of the deployed stack alone: nobody may choose one.
            unfit_prefixes=frozenset(
                before[name]
                for name in _PREFIXES
                if before[name] and not self.said.get(name) and not is_prefix(before[name])
            ),
        )

    def _check_bucket(self, bucket: str | None, deployed: Remembered) -> None:
        if not bucket:
            hint = "give --bucket NAME, and --create-bucket if it is to be created"
            raise NoBucket("no bucket is named", where="--bucket", hint=hint)
        if deployed.bucket and bucket != deployed.bucket:
            raise UsageError(
                f"the stack {self.stack!r} works on the bucket {deployed.bucket!r}, not on {bucket!r}",
                where="--bucket",
                hint="leave the bucket out to keep that one, tear the stack down first, or choose another --stack",
            )
