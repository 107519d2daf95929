"""README and what it leads to, as the tests read them: blocks, command lines, and what is shown of an output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from countagg.cli.app.subjects import SUBJECTS

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = ("README.md", *(f"docs/{subject}.md" for subject in SUBJECTS))
"""What users read."""
README: Final = "\n".join((ROOT / name).read_text() for name in DOCUMENTS)
_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code: the language that its fence names, and its text."""

    language: str
    text: str


BLOCKS: Final = tuple(Block(*found) for found in _BLOCK.findall(README))
PROSE: Final = _BLOCK.sub("", README)
"""All but the blocks."""


def document(subject: str) -> str:
    """Return the text of a subject's document."""
    return (ROOT / "docs" / f"{subject}.md").read_text()


def section(heading: str) -> str:
    """Return the text of a section, up to the next one of its rank."""
    level = heading.partition(" ")[0]
    return README.partition(f"\n{heading}\n")[2].partition(f"\n{level} ")[0]


def shell_lines(program: str) -> list[str]:
    """Return the command lines of a program in README: in blocks, after a prompt or alone, and in the text.

    Those that stand for several, or for anything, are left out.
    """
    blocks = "\n".join(block.text for block in BLOCKS).replace("\\\n", " ")
    found = re.findall(rf"^(?:\$ )?({program} [^|\n]*)", blocks, re.MULTILINE)
    found += re.findall(rf"`({program} [^`]*)`", PROSE)
    return sorted({line.strip() for line in found if "|" not in line and "..." not in line})


def transcript_of(command: str) -> list[str]:
    """Return the lines of the one transcript that begins with a command; the first is the command itself."""
    consoles = [block.text.splitlines() for block in BLOCKS if block.language == "console"]
    [found] = [lines for lines in consoles if lines[0].startswith(f"$ {command}")]
    return [found[0].removeprefix("$ "), *found[1:]]


def assert_shown(shown: Sequence[str], printed: str) -> None:
    """Check that the lines shown stand in what was printed, one after the other, with gaps only where said.

    Columns may be wider or narrower: `10 s ago` takes more room than `9 s ago`.
    """
    pattern = r"[\s\S]*?".join(re.escape(part) for part in "\n".join(shown).split("..."))
    pattern = re.sub(r"(?<=\S)(?:\\ ){2,}", " {2,}", pattern)
    text = "\n".join(line.rstrip() for line in printed.splitlines()) + "\n"
    assert re.search(rf"(?m)^{pattern}$", text), f"{printed}\n\nis not what README shows:\n\n{chr(10).join(shown)}"
