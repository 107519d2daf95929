"""The page as text: what is in it, whatever a report holds, and how it is built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final

import pytest

from countagg.cli.report.page import render_page
from countagg.operate.dead_letters.dead_letters import decode
from countagg.operate.instances.roster import Roster
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.report import DayReport
from countagg.operate.totals.history import History
from countagg.redaction import SENT
from tests.cli.report.reports import BEFORE, DAY, HOSTILE, NOW, history_of, instance, make_report, refused
from tests.fakes.health import healthy_stack

VOID: Final = {"meta", "wbr"}
EMPTY: Final[dict[str, Any]] = {
    "history": history_of({"a": (None, None)}),
    "roster": Roster(DAY, NOW, None, ()),
    "letters": (),
    "hops": healthy_stack().look(),
}


@dataclass
class Reader(HTMLParser):
    """Reads a page, of which every element must end where it should.

    Attributes:
        texts: of the elements by their name.
        attributes: of all elements.
    """

    texts: list[tuple[str, str]] = field(default_factory=list)
    attributes: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def of(cls, page: str) -> Reader:
        reader = cls()
        reader.feed(page)
        reader.close()
        assert reader._open == []
        return reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    @property
    def text(self) -> str:
        """All that is read on the page."""
        return "".join(data for tag, data in self.texts if tag != "style")

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.attributes if name == tag]


def read(report: DayReport, most: int = 100) -> Reader:
    return Reader.of(render_page(report, most))


def test_it_has_what_screen_readers_go_by() -> None:
    page = read(make_report())

    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("header")) == len(page.all("footer")) == 1
    titles = {each["aria-labelledby"] for each in page.all("section")}
    assert titles == {each["id"] for each in page.all("h2")}
    assert {each["href"] for each in page.all("a")} == {f"#{each['id']}" for each in page.all("section")}
    assert {each["scope"] for each in page.all("th")} == {"col", "row"}
    assert len(page.all("caption")) == len(page.all("table")) == 6
    regions = [each for each in page.all("div") if each.get("role") == "region"]
    assert len(regions) == 6
    assert all(each["aria-label"] and each["tabindex"] == "0" for each in regions)
    assert all(each["role"] == "img" and each["aria-label"] for each in page.all("svg"))


@pytest.mark.parametrize("text", [*HOSTILE, "a\x1b[31mred", "tfel\u202eright"])
def test_what_comes_from_outside_is_text_and_nothing_else(text: str) -> None:
    hostile = replace(EMPTY["hops"][0], state=text, detail=text, name=text)
    letters = make_report().letters
    assert not isinstance(letters, NotAllowed)
    page = read(
        make_report(
            stack=text,
            bucket=text,
            prefix=text,
            patterns=(text,),
            history=history_of({text: ("1", "2")}),
            roster=Roster(DAY, NOW, None, (instance(text, 1),)),
            letters=(replace(letters[0], reason=text, key=f"{text}{DAY}/values_i-1"),),
            hops=(hostile,),
        )
    )
    plain = read(make_report(history=history_of({"a": ("1", "2")}), patterns=("a",), hops=EMPTY["hops"][:1]))

    assert set(page.attributes[0][1]) == {"lang"}
    assert {tag for tag, _ in page.attributes} == {tag for tag, _ in plain.attributes}
    assert {name for _, each in page.attributes for name in each} == {
        name for _, each in plain.attributes for name in each
    }
    printed = text.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert page.text.count(printed) >= 12


def test_no_secret_of_a_request_gets_into_it() -> None:
    token = "a-token-that-was-sent-0123456789"
    SENT.note("https://example.com/", [("X-Amz-Security-Token", token)])
    hops = (replace(EMPTY["hops"][0], detail=f"bad {token}"),)

    page = render_page(make_report(hops=hops, history=history_of({token: ("1", "2")})), 100)

    assert token not in page
    assert "bad (hidden)" in page


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            {"history": history_of({"a": (None, None)})},
            [f"There are no totals of {DAY} (UTC)", "There are no totals from"],
        ),
        (
            {"history": history_of({"a": (None, "1")})},
            ["no totals of the day before to compare with", "1 day without totals"],
        ),
        ({"history": History(history_of().days[-1:])}, ["There are no totals of the day before to compare with."]),
        (
            {"history": history_of({"a": ("1", "1"), "b": ("2", "2")})},
            [f"0 changed, 2 the same against {BEFORE}."],
        ),
        (
            {"history": NotAllowed("dynamodb:GetItem")},
            ["not allowed: dynamodb:GetItem", "permissions: dynamodb:GetItem."],
        ),
        (
            {"roster": Roster(DAY, NOW, None, ())},
            [f"No instances of {DAY}: their files have expired, the totals stay."],
        ),
        (EMPTY, [f"No instances of {DAY}: none has uploaded a file for it.", "all 16 hops"]),
        ({"roster": NotAllowed("dynamodb:Query")}, ["not allowed: dynamodb:Query"]),
        ({"letters": ()}, [f"The dead letters hold no refused file of {DAY}."]),
        (
            {"letters": NotAllowed("sqs:ReceiveMessage")},
            ["not allowed: sqs:ReceiveMessage", "Those come first that have been silent for longest."],
        ),
        ({"is_closed": True}, ["The day is closed: no file of it is taken any more"]),
        ({"at": datetime(2026, 11, 20, 9, tzinfo=UTC)}, [f"{DAY} (UTC) is not over"]),
        ({"patterns": ("http_*", "a")}, ["Only some counters: http_*, a."]),
        (
            {},
            [
                "what is not about this day's files: refused file (1)",
                f"6 changed, 1 new, 1 gone against {BEFORE}.",
            ],
        ),
    ],
)
def test_what_is_not_there_is_said(parts: dict[str, Any], said: Sequence[str]) -> None:
    page = read(make_report(**parts))

    assert [each for each in said if each not in page.text] == []


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("2", "3", "+50.0 %"),
        ("100", "99.95", "-0.1 %"),
        ("1", "3", "+200 %"),
        ("3", "0", "-100 %"),
        ("-90", "45", "+150 %"),
        ("1", "101", "+10,000 %"),
        ("1", "9" * 24, "> 10,000 %"),
        ("1", "-" + "9" * 24, "< -10,000 %"),
        ("0", "3", "from 0"),
        (None, "0", "new"),
        ("0", None, "gone"),
    ],
)
def test_a_change_is_told_in_percent_where_that_says_something(
    before: str | None, now: str | None, said: str
) -> None:
    page = read(make_report(history=history_of({"a": (before, now), "b": ("1", "1")})))

    assert next(text for tag, text in page.texts if tag == "span") == said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("1", None, None, "2"), "2 days without totals: 2026-11-18 to 2026-11-19."),
        ((None, "1", None, "2"), "2 days without totals: 2026-11-17, 2026-11-19."),
        (
            ("1", None) * 7,
            "7 days without totals: 2026-11-12, 2026-11-14, 2026-11-16, 2026-11-18, 2026-11-20 and others",
        ),
    ],
)
def test_days_without_totals_are_named(values: Sequence[str | None], said: str) -> None:
    assert said in read(make_report(history=history_of({"a": values}))).text


def test_of_thousands_the_largest_are_shown_and_the_others_counted() -> None:
    many = {f"c{number:05d}": (str(number), str(2 * number)) for number in range(5_000)}
    roster = Roster(DAY, NOW, None, tuple(instance(f"i-{number}", number) for number in range(3_000)))

    page = read(make_report(history=history_of(many), roster=roster), most=50)

    cells = [data for tag, data in page.texts if tag == "th"]
    assert "c04999" in cells
    assert "c04949" not in cells
    assert f"4,950 smaller counters not shown here: countagg query --date {DAY} shows all." in page.text
    assert f"2,950 instances not shown here: countagg instances --date {DAY} shows all." in page.text
    other = read(make_report(stack="fleet", history=history_of(many)), most=50)
    assert f"countagg --stack fleet query --date {DAY} shows all." in other.text
    assert "Those 10 moved farthest for their size." in page.text
    assert "the 6 largest of 5,000 counters" in page.text
    assert len(render_page(make_report(history=history_of(many), roster=roster), 100)) < 300_000


def test_many_refused_files_are_counted_too() -> None:
    letters = tuple(decode(refused(f"i-{number}", "why")) for number in range(30))

    assert (
        "20 older ones not shown here: countagg dead-letters list shows all."
        in read(make_report(letters=letters), 10).text
    )


def test_nothing_of_it_lies_elsewhere() -> None:
    page = render_page(make_report(), 100)

    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert '<meta http-equiv="Content-Security-Policy" content="default-src &#x27;none&#x27;; style-src' in page
