"""Elements of HTML. What comes from outside can become text and attributes, and nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Container, Iterable, Sequence
from typing import Final

from countagg.core.printable import printable
from countagg.redaction import SENT

_PARTED: Final = re.compile(r"[^_./:-]*[_./:-]+|[^_./:-]+")
_VOID: Final = frozenset({"meta"})
"""Elements without an end."""


class Html(str):
    """A text that is HTML already; any other becomes text of the page."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: str | int) -> Html:
    """Return an element.

    Args:
        tag: its name.
        children: what is in it.
        attributes: a `_` in their names stands for `-`, and one at the end for nothing.
    """
    told = "".join(f' {_attribute(key)}="{_text(str(value))}"' for key, value in attributes.items())
    if tag in _VOID:
        return Html(f"<{tag}{told}>")
    content = "".join(each if isinstance(each, Html) else _text(each) for each in children)
    return Html(f"<{tag}{told}>{content}</{tag}>")


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _text(text: str) -> str:
    return html.escape(printable(SENT.hide(text)))


def name_of(text: str) -> Html:
    """Return a name that comes from outside: a line of it may end behind what parts its words."""
    parts = _PARTED.findall(printable(SENT.hide(text)))
    return Html("<wbr>".join(html.escape(each) for each in parts))


def table(label: str, header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Container[int] = ()) -> Html:
    """Return a table that scrolls inside itself; the first cell of a row is its name.

    Args:
        label: what it shows, for who does not see it.
        header: names of the columns.
        rows: their cells.
        numbers: which columns are aligned to the right, counted from 0.
    """
    kinds = ["number" if at in numbers else "text" for at in range(len(header))]
    head = [element("th", each, scope="col", class_=kind) for each, kind in zip(header, kinds, strict=True)]
    whole = element(
        "table",
        element("caption", label),
        element("thead", element("tr", *head)),
        element("tbody", *(_row(row, kinds) for row in rows)),
    )
    return element("div", whole, class_="scroll", role="region", aria_label=label, tabindex=0)


def _row(cells: Sequence[str], kinds: Sequence[str]) -> Html:
    title, *others = zip(cells, kinds, strict=True)
    told = (element("td", cell, class_=kind) for cell, kind in others)
    return element("tr", element("th", name_of(title[0]), scope="row", class_=title[1]), *told)
