"""`--query`: what of a result's JSON is written."""

from __future__ import annotations

import ast
import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pytest
import simplejson

import countagg.cli
from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.result_query import ResultQuery
from countagg.cli.app.session import Session
from countagg.cli.terminal.live import NewsWriter
from countagg.cli.terminal.render import write_plain
from countagg.core.errors import UsageError
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine


class State(StrEnum):
    STOPPED = "stopped"


BIG: Final = Decimal("12345678901234567890123.000000001")
SUM: Final = Decimal("12345678901234568081245.100000001")
"""Of BIG, 191122 and 0.1."""
DOCUMENT: Final[dict[str, Any]] = {
    "schema": 1,
    "state": State.STOPPED,
    "hops": (
        {"hop": "queue", "healthy": True, "age": 2},
        {"hop": "table", "healthy": False, "age": Decimal("0.5")},
    ),
    "totals": {"COUNTER1": 191122, "big": BIG, "tenth": Decimal("0.1")},
    "none": None,
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("totals.COUNTER1", 191122),
        ("totals.big", BIG),
        ("state", "stopped"),
        ("none", None),
        ("missing", None),
        ("hops[?healthy==`false`].hop | [0]", "table"),
        ("hops[?age>`0.5`].hop", ["queue"]),
        ("hops[?age==`0.5`].hop", ["table"]),
        ("sort_by(hops, &age)[].hop", ["table", "queue"]),
        ("max_by(hops, &age).hop", "queue"),
        ("sum(values(totals))", SUM),
        ("sum([totals.tenth, `0.2`])", Decimal("0.3")),
        ("avg(hops[].age)", Decimal("1.25")),
        ("avg([`1`, `2`, `2`])", Decimal("1.666666667")),
        ("avg(missing || `[]`)", None),
        ("abs(sum([totals.tenth, `-1`]))", Decimal("0.9")),
        ("ceil(totals.tenth)", 1),
        ("type(totals.tenth)", "number"),
        ("type(totals)", "object"),
        ("to_string(totals.tenth)", "0.1"),
        ("to_string(totals.COUNTER1)", "191122"),
        ("to_string(state)", "stopped"),
        ('to_number(`"12345678901234567890123.000000001"`)', BIG),
        ('to_number(`"nan"`)', None),
        ('to_number(`"NaN"`)', None),
        ("to_number(totals)", None),
        ("to_number(`true`)", None),
        ("{version: schema, hops: length(hops)}", {"version": 1, "hops": 2}),
    ],
)
def test_the_answer_is_exact(expression: str, expected: object) -> None:
    answer = ResultQuery.parse(expression, as_text=False).answer(DOCUMENT)

    assert answer == expected


@pytest.mark.filterwarnings("ignore:deprecated string literal syntax")
def test_a_text_may_stand_between_backticks_as_it_may_for_aws() -> None:
    assert ResultQuery.parse("hops[?hop==`queue`].age | [0]", as_text=False).answer(DOCUMENT) == 2


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("a[", "its end is missing"),
        ("a]", "']' is not expected, at character 2"),
        ("a\x1bb", "'\\x1b' is not expected, at character 2"),
        ('"a', "what begins at character 1 has no end"),
        ("a.`1`", "'`' is not expected, at character 3"),
        ("`NaN`", "a number in it is not one of JSON"),
        ("`[1e999]`", "a number in it is not one of JSON"),
        ("a.b[?foo(c)]", "there is no function 'foo'"),
        ("a[?length(b, c)]", "length() takes 1 value and is given 2"),
        ("a[?not_null()]", "not_null() takes 1 or more values and is given 0"),
        ("a[::0]", "the step of a slice is 0"),
        ("(" * 5_000 + "a", "nested too deeply"),
    ],
)
def test_what_is_no_jmespath_is_refused_before_anything_is_done(
    expression: str, why: str, countagg: CommandLine
) -> None:
    # Without credentials or an address: whoever asks AWS first fails otherwise.
    ran = countagg("setup", "--bucket", "b", "--yes", "--query", expression)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --query: this is not JMESPath: {why}\n  try: totals.COUNTER1 or ")
    assert len(ran.err) < 300
    assert "\x1b" not in ran.err


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("length(schema)", "length() takes string or array or object, and finds number"),
        ("sum(hops[].hop)", "sum() takes array of numbers, and finds string"),
        ("sort_by(hops, &none)", "sort_by() takes string or number, and finds null"),
        ("max(hops)", "max() takes array of numbers or array of strings, and finds object"),
        ("hops[?contains(hop, `1`)]", "it cannot be evaluated: "),
    ],
)
def test_what_the_document_is_not_made_for_is_told(expression: str, what: str) -> None:
    with pytest.raises(UsageError) as raised:
        ResultQuery.parse(expression, as_text=False).answer(DOCUMENT)

    assert str(raised.value).startswith(f"--query: {what}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b\n"),
        (191122, "191122\n"),
        (BIG, f"{BIG}\n"),
        (Decimal("1E-9"), "0.000000001\n"),
        (True, "true\n"),
        (None, "null\n"),
        (["a", 1, None], "a\t1\tnull\n"),
        ({"b": "x", "a": 2}, "x\t2\n"),
        ([["a", 1], {"k": "b", "l": [2]}, "c"], "a\t1\nb\t[2]\nc\n"),
        ([], "\n"),
        ("a\x1b\nb\tc", "a\\x1b\\nb\\tc\n"),
    ],
)
def test_as_text_an_answer_is_for_a_shell(value: object, text: str) -> None:
    file = io.StringIO()

    write_plain(file, value)

    assert file.getvalue() == text


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("--query", "state"), '"stopped"\n'),
        (("--query", "state", "--output", "json"), '"stopped"\n'),
        (("--query", "state", "--output", "text"), "stopped\n"),
        (("--query", "[state, schema]", "--output", "text"), "stopped\t1\n"),
    ],
)
def test_a_query_makes_json_the_form(
    arguments: tuple[str, ...], out: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = countagg("local", "status", *arguments)
    before = countagg(*arguments, "local", "status")
    monkeypatch.setenv("COUNTAGG_OUTPUT", "csv")
    preferred = countagg("local", "status", *arguments)

    assert [each.out for each in (after, before, preferred)] == [out] * 3


@pytest.mark.parametrize(
    ("as_text", "lines"), [(False, ['["a",1]', '["b",1]']), (True, ["a\t1", "b\t1"])], ids=["json", "text"]
)
def test_of_documents_that_come_one_after_the_other_each_is_chosen_from(
    lines: list[str], *, as_text: bool
) -> None:
    query = ResultQuery.parse("[name, schema]", as_text=as_text)
    out = io.StringIO()
    session = Session(replace(DEFAULTS, output=OutputForm.JSON, query=query), Preferences({}), stdout=out)
    writer = NewsWriter(session)

    for name in ("a", "b"):
        writer.write(datetime(2026, 11, 29, tzinfo=UTC), {"name": name}, (), ())

    assert out.getvalue().splitlines() == lines


@pytest.mark.parametrize("form", ["table", "csv", "toml"])
def test_another_form_and_a_query_exclude_each_other(form: str, countagg: CommandLine) -> None:
    ran = countagg("outputs", "--query", "outputs", "--output", form)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --query, --output: a query is answered in JSON, not as {form}\n")


@pytest.mark.parametrize("words", ["demo", "local logs"])
def test_a_command_without_json_takes_no_query(words: str, countagg: CommandLine) -> None:
    ran = countagg(*words.split(), "--query", "a")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: --query: {words} has no JSON to choose from\n  try: leave it out\n"


def test_an_empty_query_is_none(countagg: CommandLine) -> None:
    ran = countagg("local", "status", "--query", "")

    assert (ran.code, ran.err.partition("\n")[0]) == (2, "countagg: --query is empty")


def test_all_json_of_a_result_goes_through_where_queries_are_answered() -> None:
    package = Path(countagg.cli.__file__).parent
    writers = {"write_json", "write_json_value", "write_json_line", "write_plain", "dumps", "dump"}
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                found |= {f"{path.parent.name}/{path.name}"} if name in writers else set()

    assert found == {
        "app/result_query.py",
        "terminal/render.py",
        "terminal/result.py",
        "selftest/selftest_command.py",  # the file of --save
        "stack/bundle_command.py",  # the file of --sbom
        "stack/permissions_command.py",  # how large a policy is
        "stack/settings_file.py",  # texts of TOML are written as those of JSON
    }


def test_numbers_of_an_answer_are_written_as_they_are(countagg: CommandLine) -> None:
    ran = countagg("local", "status", "--query", "sum([`12345678901234567890123`, `0.000000001`])")

    assert simplejson.loads(ran.out, parse_float=Decimal) == BIG
