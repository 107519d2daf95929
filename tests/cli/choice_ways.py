"""Every choice in every form it can be said in, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final

import pytest
import typer

from countagg.cli.app.choice_options import read_choices, taking_choices
from countagg.cli.app.registry import add_declared, command
from countagg.cli.app.session import Session
from countagg.cli.main import make_app
from countagg.provision.choices import MEMORY_VARIABLE, Remembered, remember
from countagg.provision.setting_tables import Pairs
from countagg.provision.setting_types import Switch
from countagg.provision.settings import CHOICES, PerFunction, Retention, StackSettings
from tests.cli.app.test_options import Sources

KEY: Final = "arn:aws:kms:us-east-1:123456789012:key/0d5f3b7e"


@dataclass(frozen=True)
class Way:
    """One value of a choice, in every form it can be said in."""

    flags: tuple[str, ...]
    variable: str
    file: str
    value: object


def way(name: str, value: Any) -> Way:
    """Return the forms of a value. Text in place of a table is a mistake that no file can make."""
    setting = CHOICES[name]
    if isinstance(setting, Pairs) and isinstance(value, str):
        return Way((setting.option, value), value, "", value)
    if isinstance(setting, Pairs):
        entries = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
        pairs = [f"{key}={entry}" for key, entry in entries.items()]
        lines = [f"{json.dumps(key)} = {json.dumps(entry)}\n" for key, entry in entries.items()]
        flags = tuple(each for pair in pairs for each in (setting.option, pair))
        return Way(flags, ", ".join(pairs), f"[{name}]\n{''.join(lines)}", value)
    file = f"{name} = {json.dumps(value)}\n"
    if not isinstance(setting, Switch):
        return Way((setting.option, str(value)), str(value), file, value)
    # There is no flag against a bucket of ours, which stays ours.
    no = () if setting.flags else (setting.option.replace("--", "--no-", 1),)
    return Way((setting.option,) if value else no, str(int(value)), file, value)


WAYS: Final[Mapping[str, tuple[Way, Way]]] = {
    name: (way(name, one), way(name, other))
    for name, one, other in (
        ("bucket", "one-bucket", "two-bucket"),
        ("create_bucket", True, False),
        ("prefix", "one/", "two/"),
        ("output_prefix", "one/", "two/"),
        ("bucket_versioning", True, False),
        ("tags", {"team": "one", "cost": "5"}, {"team": "two"}),
        ("permissions_boundary", *(f"arn:aws:iam::123456789012:policy/{each}" for each in ("one", "two"))),
        ("role_path", "/one/", "/two/"),
        ("kms_key", f"{KEY}1", f"{KEY}2"),
        ("point_in_time_recovery", True, False),
        ("deletion_protection", True, False),
        ("memory", PerFunction(128, 256, 1024), PerFunction(512, 1024, 128)),
        ("window", PerFunction(1, 2, 3), PerFunction(4, 5, 6)),
        ("max_concurrency", 20, 1_000),
        ("retention", Retention(7, 8, 14), Retention(9, 10, 60)),
        ("architecture", "x86_64", "arm64"),
        ("lanes", 3, 4),
        ("counter_shards", 5, 6),
        ("max_counters", 7, 200_000),
        ("alarm_uploads", 20, 1_000),
        ("stale_alarm", "15m", "2h"),
        ("dashboard", True, False),
        ("alarm_email", "one@example.org", "two@example.org"),
    )
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
    command("probe")(taking_choices()(probe))
    add_declared(app, "probe", "Tests", "")
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
