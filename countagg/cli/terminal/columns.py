"""How wide the columns of a table are, so that lines are broken between words as far as there is room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

GAP: Final = 2
"""Blanks between columns."""
_READABLE: Final = 24
"""Columns that a text takes at least before it is broken between words."""


def widest(lines: Sequence[Sequence[str]]) -> list[int]:
    """Return how wide each column is if nothing is broken.

    Args:
        lines: the texts of each, with the names of the columns.
    """
    from rich.cells import cell_len

    return [max(map(cell_len, column)) for column in zip(*lines, strict=True)]


def column_widths(lines: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return how wide each column is, so that no word is broken; None where the width has no room for that."""
    return _shared(lines, [max(word, _READABLE) for word in _longest_words(lines)], width)


def redrawn_widths(lines: Sequence[Sequence[str]], width: int, numbers: Collection[int]) -> list[int] | None:
    """Return how wide each column of a table is that has to be one; None where the width has no room for it.

    Words are broken only where they have no room, and numbers never are: a part of one is another number.

    Args:
        lines: as of `widest`.
        width: of the terminal.
        numbers: which columns have numbers, from 0.
    """
    words = _longest_words(lines)
    for most in (width, _READABLE, _READABLE // 3):
        least = [word if column in numbers else min(word, most) for column, word in enumerate(words)]
        if widths := _shared(lines, least, width):
            return widths
    return None


def _longest_words(lines: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(longest_word, column)) for column in zip(*lines, strict=True)]


def _shared(lines: Sequence[Sequence[str]], least: Sequence[int], width: int) -> list[int] | None:
    """Return widths of at least these; what is to spare goes to the columns that can use it, in equal parts."""
    natural = widest(lines)
    widths = list(map(min, natural, least))
    spare = width - GAP * (len(widths) - 1) - sum(widths)
    if spare < 0:
        return None
    while spare and widths != natural:
        for number, whole in enumerate(natural):
            if spare and widths[number] < whole:
                widths[number] += 1
                spare -= 1
    return widths


def longest_word(cell: str) -> int:
    """Return how wide the longest word of a text is."""
    from rich.cells import cell_len

    # What a cell is indented by stays with its first word.
    indented = len(cell) - len(cell.lstrip())
    return max((cell_len(word) for word in cell.split()), default=0) + indented
