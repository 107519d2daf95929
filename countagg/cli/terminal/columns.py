"""How wide the columns of a table are, so that lines are broken between words alone."""

from __future__ import annotations

from collections.abc import Sequence
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
    natural = widest(lines)
    longest_words = [max(map(longest_word, column)) for column in zip(*lines, strict=True)]
    widths = [min(whole, max(word, _READABLE)) for whole, word in zip(natural, longest_words, strict=True)]
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
