"""Text from outside, made safe to show: what a terminal might obey, reorder or not show becomes an escape."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_UNSEEN: Final = re.compile(
    "["
    # Default-ignorable code points that Python takes for printable: joiners, fillers, variation selectors.
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
    # Signs that are drawn as nothing, or as a blank.
    "\u2800\u2d7f\U0001107f\U00013441\U00013442\U00016fe4\U0001d159"
    "]"
)
"""Characters without a picture: Default_Ignorable_Code_Point of Unicode's database, and its code charts."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def python_escape(character: str) -> str:
    """Return a character as an escape of Python's."""
    return character.encode("unicode_escape").decode()


def printable(text: str, escape: Callable[[str], str] = python_escape) -> str:
    """Return the text with everything that a terminal might obey, reorder or not show written as an escape."""
    if text.isprintable() and _UNSEEN.search(text) is None:
        return text
    return "".join(each if each.isprintable() and not _UNSEEN.match(each) else escape(each) for each in text)


def without_controls(text: str) -> str:
    """Return the text with the control characters, those of C0 and C1, written as escapes."""
    return _CONTROLS.sub(lambda found: python_escape(found[0]), text)
