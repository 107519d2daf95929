"""Where what a stack shall be is said: flags, variables, files, what the deployed stack remembers, defaults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.provision.choices import Remembered
from countagg.provision.settings import CHOICES, PerFunction, Retention, StackSettings
from tests.cli.app.test_options import Sources
from tests.cli.choice_ways import WAYS, Way, remembering, say, settings_of, way
from tests.provision.stacks import email

SOURCES: Final = ("flag", "variable", "project file", "user file", "deployed stack")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    return Sources(tmp_path, monkeypatch)


def test_every_choice_can_be_said_in_every_way() -> None:
    assert WAYS.keys() == CHOICES.keys()


@pytest.mark.parametrize(
    ("name", "strongest"),
    # Whether a bucket is ours is not remembered: its tag says so.
    [
        (name, source)
        for name in WAYS
        for source in SOURCES
        if (name, source) != ("create_bucket", "deployed stack")
    ],
)
def test_the_strongest_source_of_a_choice_wins(
    name: str, strongest: str, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted, other in (WAYS[name], WAYS[name][::-1]):
        if strongest == "flag" and not wanted.flags:
            continue
        weaker = SOURCES[SOURCES.index(strongest) + 1 :]
        for source in {*weaker, strongest} - {"flag", "deployed stack"}:
            say(sources, source, name, wanted if source == strongest else other, monkeypatch)
        deployed = Remembered()
        if strongest == "deployed stack":
            deployed = remembering(**{name: wanted.value})
        elif name not in {"bucket", "create_bucket"}:
            deployed = remembering(**{name: other.value})

        settings = settings_of(*(wanted.flags if strongest == "flag" else ()), deployed=deployed)

        expected: dict[str, Any] = {"bucket": "some-bucket", name: wanted.value}
        assert replace(settings, dropped_tags=frozenset(), dropped=frozenset()) == StackSettings(
            "countagg", **expected
        )


def test_without_any_source_the_defaults_apply() -> None:
    assert settings_of() == StackSettings("countagg", "some-bucket")


def test_numbers_are_merged_one_by_one_from_all_sources(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    sources.user_file.parent.mkdir(parents=True)
    sources.user_file.write_text("[retention]\nsnapshots = 1\ntotals = 1\nlogs = 1\n")
    sources.project_file.write_text("[retention]\ntotals = 2\nlogs = 3\n")
    monkeypatch.setenv("COUNTAGG_RETENTION", "logs=5")

    assert settings_of().retention == Retention(1, 2, 5)
    assert settings_of("--retention", "totals=9").retention == Retention(1, 9, 5)


def test_numbers_that_nobody_says_are_those_that_the_stack_remembers() -> None:
    deployed = remembering(memory=PerFunction(1024, 2048, 256))

    assert settings_of("--memory", "processor=512", deployed=deployed).memory == PerFunction(512, 2048, 256)


def test_the_last_of_two_numbers_for_one_function_counts() -> None:
    assert settings_of("--window", "publisher=1", "--window", "publisher=2").window.publisher == 2


@pytest.mark.parametrize("name", ["permissions_boundary", "role_path", "kms_key", "alarm_email", "architecture"])
@pytest.mark.parametrize("source", ["flag", "variable", "project file"])
def test_none_takes_a_choice_back(
    name: str, source: str, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = remembering(**{name: WAYS[name][0].value})
    none = way(name, "none")
    if source != "flag":
        say(sources, source, name, none, monkeypatch)

    settings = settings_of(*(none.flags if source == "flag" else ()), deployed=deployed)

    assert getattr(settings, name) == getattr(StackSettings("countagg", "some-bucket"), name)
    assert settings.dropped == ({email("one@example.org")} if name == "alarm_email" else set())


@pytest.mark.parametrize("source", ["flag", "variable", "project file"])
def test_none_takes_all_tags_back(source: str, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed = remembering(tags={"team": "one", "cost": "5"})
    if source != "flag":
        say(sources, source, "tags", Way((), "none", "[tags]\n", {}), monkeypatch)

    settings = settings_of(*(("--tag", "none") if source == "flag" else ()), deployed=deployed)

    assert settings.tags == {}
    assert settings.dropped_tags == {"team", "cost"}


def test_tags_are_said_as_a_whole() -> None:
    settings = settings_of("--tag", "team=two", deployed=remembering(tags={"team": "one", "cost": "5"}))

    assert settings.tags == {"team": "two"}
    assert settings.dropped_tags == {"cost"}


def test_a_tag_may_hold_an_equals_sign_and_be_empty() -> None:
    assert settings_of("--tag", "a=b=c", "--tag", "d=").tags == {"a": "b=c", "d": ""}
