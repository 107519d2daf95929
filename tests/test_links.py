"""Every link of a document, and every place in the code that cites one, leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SOURCES: Final = sorted(chain(*((ROOT / folder).rglob("*.py") for folder in ("countagg", "tests", "tools"))))
_LINK: Final = re.compile(r"\]\((?!https?://)([^)\s]+)\)")
_PATH: Final = re.compile(r"`((?:countagg|docs|policies|sample_data|tests|tools)/[\w./-]+)`")
_CITED: Final = re.compile(r"docs/[\w-]+\.md(?:#[\w-]+)?")


@cache
def anchors(document: Path) -> frozenset[str]:
    """Return the addresses of a document's headings, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def leads_somewhere(link: str, document: Path) -> bool:
    path, _, place = link.partition("#")
    target = (document.parent / path) if path else document
    return target.exists() and (not place or place in anchors(target))


def links(document: Path) -> Iterator[str]:
    yield from _LINK.findall(document.read_text())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_lead_somewhere(document: Path) -> None:
    assert [link for link in links(document) if not leads_somewhere(link, document)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_file_that_is_named_is_there(document: Path) -> None:
    if document.name == "CHANGELOG.md":  # it tells of files that were there once
        return
    assert [path for path in _PATH.findall(document.read_text()) if not (ROOT / path).exists()] == []


def test_what_the_code_cites_is_there() -> None:
    cited = {(each, source) for source in SOURCES for each in _CITED.findall(source.read_text())}

    assert len({each for each, _ in cited}) >= 8
    assert [each for each in sorted(cited) if not leads_somewhere(each[0], ROOT / "README.md")] == []


def test_a_link_that_leads_nowhere_is_found() -> None:
    facts = ROOT / "docs" / "aws-facts.md"

    assert leads_somewhere("#dynamodb", facts)
    assert not leads_somewhere("#nothing", facts)
    assert not leads_somewhere("nothing.md", facts)
