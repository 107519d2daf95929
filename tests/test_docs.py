"""README names every command, option, exit code, setting, variable and metric there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

import pytest

from countagg.cli.app.catalogue import CATALOGUE
from countagg.cli.app.options import GLOBAL_NAMES
from countagg.cli.app.preferences import SETTINGS
from countagg.cli.app.shared_options import DIFFERENT
from countagg.cli.start import INTERRUPTED
from countagg.core import errors
from countagg.provision.permissions import COMMANDS_OF, Audience
from countagg.provision.setting_tables import Numbers, Pairs
from countagg.provision.setting_types import Number, Setting
from countagg.provision.settings import CHOICES
from tests.cli.running import whole_app
from tests.readme import README, document

ROOT = Path(__file__).parents[1]
APP: Final = whole_app()


def commands() -> list[str]:
    found = []
    for name, command in APP.commands.items():
        found += [f"{name} {each}" for each in getattr(command, "commands", {})] or [name]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_readme(command: str) -> None:
    group, _, name = command.partition(" ")
    if name and f"`countagg {command}`" not in README:
        [listed] = re.findall(rf"`countagg {group} ([^`]*\|[^`]*)`", README)
        assert name in listed.replace("\\", "").split("|")
    else:
        assert f"`countagg {command}`" in README


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_document_on_commands_has_the_sentences_of_the_help(name: str) -> None:
    [row] = re.findall(rf"^\| `countagg {name}(?: [^`]*)?` \| (.*) \|$", document("commands"), re.MULTILINE)

    assert f"{row} ".startswith(f"{CATALOGUE[name].summary} ")


@pytest.mark.parametrize("option", sorted(set(GLOBAL_NAMES) - {"version"}))
def test_every_global_option_is_in_readme(option: str) -> None:
    assert f"`--{option.replace('_', '-')}`" in README


@pytest.mark.parametrize("setting", CHOICES)
def test_every_setting_of_a_file_is_in_readme(setting: str) -> None:
    [listed] = re.findall(r"^Besides the global options a file may make every choice.*$", README, re.MULTILINE)
    assert f"`{setting}`" in listed


def told_of(choice: Setting) -> Iterator[str]:
    """Yield what the row of a choice must hold: its option, its default and the largest number."""
    default = choice.default
    if isinstance(choice, Pairs):
        yield f"`{choice.option} {choice.metavar}`"
    if isinstance(choice, Numbers):
        yield f" | {', '.join(map(str, asdict(default).values()))} |"
    elif isinstance(choice, Number):
        yield f" | {default:,} |"
        if choice.allowed:
            yield f"{choice.allowed[-1]:,}"
    elif isinstance(default, str):
        yield f"`{default}`"


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_the_choices_in_readme_have_the_defaults_and_limits_of_the_table(choice: Setting) -> None:
    if choice.name in {"bucket", "create_bucket"}:
        return  # they have a section of their own
    [row] = re.findall(rf"^\| [^|]*`{choice.option}(?![\w-])[^|]* \|.*$", document("choices"), re.MULTILINE)
    assert [each for each in told_of(choice) if each not in row] == []


def options() -> dict[str, list[str]]:
    """Return all ways to write each option of a command, by how the option is called there."""
    found = {}
    for name in commands():
        group, _, rest = name.partition(" ")
        command = APP.commands[group].commands[rest] if rest else APP.commands[group]
        for each in command.params:
            if each.name not in GLOBAL_NAMES and each.opts[0].startswith("--"):
                found[f"{name} {each.opts[0]}"] = list(each.opts)
    return found


@pytest.mark.parametrize("ways", options().values(), ids=options())
def test_every_option_of_a_command_is_in_readme(ways: list[str]) -> None:
    assert any(re.search(rf"(?<![\w-]){way}(?![\w-])", README) for way in ways)


def package_files(folder: str) -> Iterator[Path]:
    found = sorted((ROOT / "countagg" / folder).rglob("*.py"))
    assert found
    return iter(found)


def variables() -> set[str]:
    """Return the variables of countagg's own that the code names, besides those that a setting has."""
    texts = [path.read_text() for path in package_files("")]
    named = {name for text in texts for name in re.findall(r"\bCOUNTAGG_[A-Z_]*[A-Z]", text)}
    return named - {f"COUNTAGG_{name.upper()}" for name in SETTINGS}


def test_variables_of_settings_are_in_readme_by_their_rule() -> None:
    assert "`COUNTAGG_<OPTION>`" in README


@pytest.mark.parametrize("variable", sorted(variables()))
def test_every_other_variable_is_in_readme(variable: str) -> None:
    assert variable in README


def metrics() -> set[str]:
    """Return the names of the functions' metrics: public constants, and members of enumerations, in their form."""
    found = set()
    for path in package_files("functions"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Constant):
                continue
            [target] = node.targets if isinstance(node, ast.Assign) else [node.target]
            value = node.value.value
            if isinstance(target, ast.Name) and target.id.isupper() and not target.id.startswith("_"):
                found |= set(re.findall(r"^(?:[A-Z][a-z]+){2,}$", str(value)))
    return found


def test_the_metrics_of_all_functions_are_found() -> None:
    assert {"FilesRefused", "LinksAdded", "VersionsSeen", "AlertsSent", "MessagesRetried"} <= metrics()


@pytest.mark.parametrize("metric", sorted(metrics()))
def test_every_metric_is_in_readme(metric: str) -> None:
    assert f"`{metric}`" in README


def test_readme_names_no_metric_that_there_is_none_of() -> None:
    section = README.partition("\n### Metrics\n")[2].partition("\n## ")[0]

    assert set(re.findall(r"`((?:[A-Z][a-z]+){2,})`", section)) == metrics()


def exit_codes() -> set[int]:
    classes = [each for each in vars(errors).values() if isinstance(each, type)]
    return {each.exit_code for each in classes if issubclass(each, errors.CountaggError)}


@pytest.mark.parametrize("code", sorted(exit_codes() | {0, 6, DIFFERENT, INTERRUPTED}))
def test_every_exit_code_is_in_readme(code: int) -> None:
    assert re.search(rf"^\| {code} \| \w", README, re.MULTILINE)


@pytest.mark.parametrize("role", [each for each in COMMANDS_OF if each is not Audience.OPERATOR])
def test_the_table_of_roles_names_the_commands_of_each(role: Audience) -> None:
    [row] = re.findall(rf"^\| `{role}` \| (.*) \|$", document("permissions"), re.MULTILINE)
    named = re.findall(r"`([a-z -]+)`", row)
    own = set(COMMANDS_OF[role]) - {"permissions print", "doctor"}

    assert [name for name in own if name not in named and name.partition(" ")[0] not in named] == []


def help_texts() -> Iterator[tuple[str, str]]:
    for name, command in APP.commands.items():
        for words, each in getattr(command, "commands", {"": command}).items():
            yield f"{name} {words}".strip(), " ".join((each.help or "").split())


def ends() -> list[tuple[str, str]]:
    return [(name, code) for name, text in help_texts() for code in re.findall(r"exits? with (\d+)", text)]


def test_exit_codes_are_told_by_the_help() -> None:
    assert {("status", "1"), ("instances", "1"), ("local status", "1"), ("verify", "7")} <= set(ends())


@pytest.mark.parametrize(("command", "code"), ends())
def test_the_table_of_exit_codes_names_the_commands_whose_help_does(command: str, code: str) -> None:
    [row] = re.findall(rf"^\| {code} \| (.*) \|$", document("commands"), re.MULTILINE)

    assert f"`{command}" in row


def test_the_version_has_a_place_in_the_changelog() -> None:
    assert re.search(r"^## \[(Unreleased|\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
