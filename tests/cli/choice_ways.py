"""Every choice in every form it can be said in, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import pytest
import typer

from countagg.cli.app.choice_options import read_choices, taking_choices
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.main import make_app
from countagg.provision.choices import MEMORY_VARIABLE, Remembered, remember
from countagg.provision.settings import PerFunction, Retention, StackSettings
from tests.cli.app.test_options import Sources

KEY: Final = "arn:aws:kms:us-east-1:123456789012:key/0d5f3b7e"


@dataclass(frozen=True)
class Way:
    """One value of a choice, in every form it can be said in."""

    flags: tuple[str, ...]
    variable: str
    file: str
    value: object


def text(name: str, value: str) -> Way:
    return Way((f"--{name.replace('_', '-')}", value), value, f'{name} = "{value}"\n', value)


def switch(name: str, *, value: bool) -> Way:
    option = name.replace("_", "-")
    return Way(
        (f"--{option}" if value else f"--no-{option}",),
        str(int(value)),
        f"{name} = {str(value).lower()}\n",
        value,
    )


def number(name: str, value: int) -> Way:
    return Way((f"--{name.replace('_', '-')}", str(value)), str(value), f"{name} = {value}\n", value)


def numbers(name: str, value: PerFunction | Retention) -> Way:
    entries = {item.name: getattr(value, item.name) for item in fields(value)}
    pairs = [f"{key}={number}" for key, number in entries.items()]
    lines = [f"{key} = {number}\n" for key, number in entries.items()]
    flags = tuple(each for pair in pairs for each in (f"--{name}", pair))
    return Way(flags, ", ".join(pairs), f"[{name}]\n{''.join(lines)}", value)


WAYS: Final[Mapping[str, tuple[Way, Way]]] = {
    "bucket": (text("bucket", "one-bucket"), text("bucket", "two-bucket")),
    "create_bucket": (
        switch("create_bucket", value=True),
        # There is no flag against it: a bucket of ours stays ours.
        Way((), "0", "create_bucket = false\n", value=False),
    ),
    "prefix": (text("prefix", "one/"), text("prefix", "two/")),
    "output_prefix": (text("output_prefix", "one/"), text("output_prefix", "two/")),
    "bucket_versioning": (switch("bucket_versioning", value=True), switch("bucket_versioning", value=False)),
    "tags": (
        Way(
            ("--tag", "team=one", "--tag", "cost=5"),
            "team=one,cost=5",
            '[tags]\nteam = "one"\ncost = 5\n',
            {
                "team": "one",
                "cost": "5",
            },
        ),
        Way(("--tag", "team=two"), "team=two", '[tags]\nteam = "two"\n', {"team": "two"}),
    ),
    "permissions_boundary": (
        text("permissions_boundary", "arn:aws:iam::123456789012:policy/one"),
        text("permissions_boundary", "arn:aws:iam::123456789012:policy/two"),
    ),
    "role_path": (text("role_path", "/one/"), text("role_path", "/two/")),
    "kms_key": (text("kms_key", f"{KEY}1"), text("kms_key", f"{KEY}2")),
    "point_in_time_recovery": (
        switch("point_in_time_recovery", value=True),
        switch("point_in_time_recovery", value=False),
    ),
    "deletion_protection": (
        switch("deletion_protection", value=True),
        switch("deletion_protection", value=False),
    ),
    "memory": (
        numbers("memory", PerFunction(128, 256, 1024)),
        numbers("memory", PerFunction(512, 1024, 128)),
    ),
    "window": (numbers("window", PerFunction(1, 2, 3)), numbers("window", PerFunction(4, 5, 6))),
    "max_concurrency": (number("max_concurrency", 20), number("max_concurrency", 1_000)),
    "retention": (numbers("retention", Retention(7, 8, 14)), numbers("retention", Retention(9, 10, 60))),
    "architecture": (text("architecture", "x86_64"), text("architecture", "arm64")),
    "lanes": (number("lanes", 3), number("lanes", 4)),
    "counter_shards": (number("counter_shards", 5), number("counter_shards", 6)),
    "max_counters": (number("max_counters", 7), number("max_counters", 200_000)),
    "alarm_uploads": (number("alarm_uploads", 20), number("alarm_uploads", 1_000)),
    "alarm_email": (text("alarm_email", "one@example.org"), text("alarm_email", "two@example.org")),
}


def settings_of(*arguments: str, deployed: Remembered | None = None) -> StackSettings:
    """Return what comes of the options of setup, on some bucket if nothing names one.

    Raises:
        SystemExit: they are refused; with the exit code.
    """
    found: list[StackSettings] = []

    def probe(session: Session, flags: Mapping[str, Any]) -> None:
        """Keep the settings."""
        with session.preferences.sources_named(flags):
            chosen = read_choices(session, flags)
            if not chosen.bucket and not (deployed and deployed.bucket):
                chosen = chosen.but(bucket="some-bucket")
            found.append(chosen.settings(deployed or Remembered()))

    app = make_app()
    command(app, "probe", "Tests")(taking_choices(probe))
    with pytest.raises(SystemExit) as end:
        typer.main.get_command(app)(["probe", *arguments], prog_name="countagg")
    if end.value.code:
        raise end.value
    (settings,) = found
    return settings


def remembering(**chosen: Any) -> Remembered:
    """Return what a stack of these settings remembers."""
    settings = StackSettings("countagg", **({"bucket": "some-bucket"} | chosen))
    places = {
        f"COUNTAGG_{name.upper()}": getattr(settings, name) for name in ("bucket", "prefix", "output_prefix")
    }
    return Remembered.from_environment(places | {MEMORY_VARIABLE: remember(settings)})


def say(sources: Sources, source: str, name: str, way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    if source == "variable":
        monkeypatch.setenv(f"COUNTAGG_{name.upper()}", way.variable)
    else:
        path = sources.project_file if source == "project file" else sources.user_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(way.file)
