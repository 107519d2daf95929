"""Help as text, for 80 columns: commands first, a command's own options, and the global ones in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from countagg.cli.app.options import GLOBAL_PANEL

OPTIONS_TOPIC: Final = "options"
"""What `countagg help` is asked for to tell of the global options."""

_HYPHEN: Final = "\N{NON-BREAKING HYPHEN}"
"""Stands for a hyphen while click breaks lines: it would break names of options and commands, and addresses."""
_WIDEST_NAME: Final = 30
_TYPES: Final = {
    "str": "text",
    "list[str]": "text",
    "int": "number",
    "int range": "number",
    "float": "number",
    "float range": "number",
}
"""What is put for an option's value, by the name that typer has for its type."""


def write_help(command: Any, context: Any, formatter: Any) -> None:  # noqa: ANN401 - click's, or typer's own
    """Write what a command or a group is for, and what it takes.

    Args:
        command: a command or a group.
        context: of it.
        formatter: of click, to which it is written.
    """
    formatter.write_usage(context.command_path, _usage(command, context))
    for paragraph in (command.help or "").split("\n\n"):
        formatter.write_paragraph()
        with formatter.indentation():
            write_folded(formatter, paragraph)
    _write_sections(formatter, _commands(command, context))
    sections = _options(command, context)
    short = sections.pop(GLOBAL_PANEL, ())
    _write_sections(formatter, sections)
    if short:
        formatter.write_paragraph()
        write_folded(formatter, _global_line(short))
    if command.epilog:
        formatter.write_paragraph()
        write_folded(formatter, command.epilog)


def write_folded(formatter: Any, text: str) -> None:  # noqa: ANN401 - click's
    """Write a paragraph, whose names stay whole."""
    formatter.write_text(_unbroken(text))
    _restore(formatter)


def _unbroken(text: str) -> str:
    return text.replace("-", _HYPHEN)


def _restore(formatter: Any) -> None:  # noqa: ANN401 - the same
    formatter.buffer[:] = [text.replace(_HYPHEN, "-") for text in formatter.buffer]


def write_global_options(command: Any, context: Any, formatter: Any) -> None:  # noqa: ANN401 - the same
    """Write what each of the global options is."""
    _write_sections(formatter, {GLOBAL_PANEL: _options(command, context)[GLOBAL_PANEL]})
    formatter.write_paragraph()
    write_folded(
        formatter,
        "Each but --query, --config and --version may stand in a settings file or in a variable too: --stack is "
        "COUNTAGG_STACK. A flag goes before a variable, and that before ./countagg.toml, and that before your own "
        "settings file.",
    )


def _usage(command: Any, context: Any) -> str:  # noqa: ANN401 - the same
    return re.sub(r"\{(\w+)\}", r"\1", " ".join(command.collect_usage_pieces(context)))


def _commands(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:  # noqa: ANN401 - the same
    sections: dict[str, list[tuple[str, str]]] = {}
    for name in command.list_commands(context) if hasattr(command, "list_commands") else ():
        found = command.get_command(context, name)
        sentence, *_ = (found.help or "").split("\n\n")
        sections.setdefault(found.rich_help_panel or "Commands", []).append((name, sentence))
    return sections


def _options(command: Any, context: Any) -> dict[str, list[tuple[str, str]]]:  # noqa: ANN401 - the same
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            panel = getattr(parameter, "rich_help_panel", None) or kind
            names, told = record
            plain = re.sub(r"default: \(([^()]*)\)", r"default: \1", told.replace("  [", " ["))
            sections.setdefault(panel, []).append((_with_type(names), plain))
    return sections


def _with_type(names: str) -> str:
    """Return an option's names and what its value is, in words."""
    return re.sub(r"<([\w\[\] ]+)>", lambda match: f"<{_TYPES.get(match[1], match[1])}>", names)


def _global_line(options: Iterable[tuple[str, str]]) -> str:
    # The long form of each, and what it takes where that is a choice.
    names = [re.sub(r"^-\w, | <\w+>$", "", name) for name, _ in options]
    return f"{GLOBAL_PANEL}: {', '.join(names)}. `countagg help {OPTIONS_TOPIC}` tells what each is."


def _write_sections(formatter: Any, sections: Mapping[str, Iterable[tuple[str, str]]]) -> None:  # noqa: ANN401 - click's
    for heading, rows in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(names, _unbroken(told)) for names, told in rows], col_max=_WIDEST_NAME)
    _restore(formatter)
