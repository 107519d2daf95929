"""Totals of a day and of many days, in all forms."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import boto3
import pytest
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.totals.history_view import write_history
from countagg.core.counter_file import parse_counter_file
from countagg.core.values import SCALE
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay
from tests.aws.world import Calls, answer
from tests.cli.account import BUCKET, write_day
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal

DAYS: Final = ("2026-07-01", "2026-07-02", "2026-07-03", "2026-07-04")
WAITING: Final = "2026-06-30"
WITHDRAWN: Final = "2026-06-29"
PERIOD: Final = ("--since", DAYS[0], "--until", DAYS[3])


@pytest.fixture(scope="module")
def days(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give the stack three days of four."""
    write_day(
        DAYS[0], {"i-1": {"http_get": "1000", "http_put": "7", "a\x1b[31m": "0.5"}, "i-2": {"http_get": "500"}}
    )
    write_day(DAYS[1], {"i-1": {"http_get": "2500.25", "http_put": "70000"}})
    write_day(DAYS[3], {"i-1": {"http_get": "3", "errors": "-12345678901234567890123.000000001"}})


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


# A day


@pytest.mark.parametrize("words", [(), ("--date",), ("--date", "--top", "1")])
def test_without_a_day_it_is_todays(words: tuple[str, ...], days: None, countagg: CommandLine) -> None:  # noqa: ARG001
    ran = countagg("query", *words, "--output", "json")

    assert (ran.code, ran.document["date"]) == (0, datetime.now(UTC).date().isoformat())


@pytest.fixture
def waiting(days: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Upload files that nobody counts yet: two of a day without totals, one of a day that has some."""
    s3 = boto3.client("s3")
    keys = [
        f"counters/{day}/values_{each}" for day, each in ((WAITING, "i-1"), (WAITING, "i-2"), (DAYS[0], "i-9"))
    ]
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"A 1\n")
    yield
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.usefixtures("waiting")
def test_files_on_their_way_are_told_instead_of_an_empty_table(countagg: CommandLine) -> None:
    told = f"there are no totals for {WAITING} (UTC) yet: 2 files not included yet\n"
    asked = ("query", "--date", WAITING, "--output")

    as_table, as_csv, as_json = (countagg(*asked, form) for form in ("table", "csv", "json"))
    quiet = countagg(*asked, "json", "--quiet")

    assert (as_table.err, as_csv.err, as_json.err, quiet.err) == (told, told, told, "")
    assert (as_table.out, as_csv.out) == ("", "COUNTER,VALUE\n")
    assert as_json.document == quiet.document
    assert as_json.document["files_not_included"] == 2


@pytest.mark.usefixtures("waiting")
def test_beside_totals_they_are_told_to_who_looks_at_a_terminal(
    countagg: CommandLine, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("query", "--date", DAYS[0], "--counter", "http_put", "--output", "csv")

    calls.errors["ListObjectsV2"] = [answer("InternalError", "it was asked for", "ListObjectsV2")]
    assert countagg(*asked).err == ""
    assert calls.errors.pop("ListObjectsV2")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    ran = countagg(*asked)

    assert ran.out == "COUNTER,VALUE\nhttp_put,7\n"
    assert terminal.getvalue() == "1 file not included yet\n"


@pytest.mark.usefixtures("days")
def test_who_may_not_list_the_bucket_reads_totals_all_the_same(countagg: CommandLine, calls: Calls) -> None:
    calls.errors["ListObjectsV2"] = [answer("AccessDenied", "not yours", "ListObjectsV2")]

    ran = countagg("query", "--date", WAITING, "--output", "json")

    assert ran.code == 0
    assert "files_not_included" not in ran.document
    assert ran.err == f"there are no totals for {WAITING} (UTC) yet\n"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--counter", "http_*"), ["http_get", "http_put"]),
        (("--counter", "http_p*", "--counter", "a*"), ["a\x1b[31m", "http_put"]),
        (("--top", "1"), ["http_get"]),
        (("--top", "2"), ["http_get", "http_put"]),
        (("--top", "2", "--counter", "[!h]*"), ["a\x1b[31m"]),
        (("--sort", "value"), ["http_get", "http_put", "a\x1b[31m"]),
        (("--top", "9", "--sort", "name"), ["a\x1b[31m", "http_get", "http_put"]),
    ],
)
@pytest.mark.usefixtures("days")
def test_counters_are_chosen_and_ordered_alike_in_all_forms(
    options: tuple[str, ...], names: list[str], countagg: CommandLine
) -> None:
    asked = ("query", "--date", DAYS[0], *options, "--output")

    assert list(countagg(*asked, "json").document["totals"]) == names
    names = [name.replace("\x1b", r"\x1b") for name in names]
    assert [row[0] for row in rows(countagg(*asked, "csv").out)[1:]] == names
    assert [line.split(" ")[0] for line in countagg(*asked, "text").out.splitlines()] == names
    shown = [line.split()[0] for line in countagg(*asked, "table").out.splitlines()[1:]]
    assert shown == names


@pytest.mark.usefixtures("days")
def test_a_pattern_without_a_counter_is_remarked_on(countagg: CommandLine) -> None:
    asked = ("--counter", "ftp\n*", "--counter", "http_*", "--output", "text")

    day = countagg("query", "--date", DAYS[0], *asked)
    history = countagg("query", *PERIOD, "--counter", "ftp\n*", "--counter", " ", "--output", "csv")

    assert day.err == f"no instance counts 'ftp\\n*' on {DAYS[0]}\n"
    assert history.err == "no instance counts 'ftp\\n*', ' ' on these days\n"
    assert (day.code, history.code, history.out) == (0, 0, "DATE,COUNTER,VALUE\n")


@pytest.mark.usefixtures("days")
def test_a_day_whose_files_were_all_withdrawn_has_no_empty_table(countagg: CommandLine) -> None:
    write_day(WITHDRAWN, {"i-1": {}})

    told = countagg("query", "--date", WITHDRAWN)
    partly = countagg("query", "--date", DAYS[0], "--counter", "ftp_*")

    assert (told.code, told.out) == (0, "")
    assert told.err.startswith(f"no instance counts anything on {WITHDRAWN}\n{WITHDRAWN}, version ")
    assert (partly.code, partly.out) == (0, "")


@pytest.mark.usefixtures("days")
def test_as_text_totals_are_a_counter_file(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAYS[0], "--output", "text")

    assert (ran.code, ran.err) == (0, "")
    assert parse_counter_file(ran.out.encode()) == {
        r"a\x1b[31m": SCALE // 2,
        "http_get": 1500 * SCALE,
        "http_put": 7 * SCALE,
    }
    assert countagg("query", "--date", "2020-01-01", "--output", "text").out == ""


@pytest.mark.usefixtures("days")
def test_as_metrics_totals_are_gauges_that_both_parsers_read(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAYS[0], "--output", "prometheus")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("# TYPE countagg_total gauge\n")
    assert ran.out.endswith("# EOF\n")
    for parser in (openmetrics_parser, text_parser):
        total, day, _ = parser.text_string_to_metric_families(ran.out)
        assert {sample.labels["counter"]: sample.value for sample in total.samples} == {
            r"a\x1b[31m (escaped)": 0.5,
            "http_get": 1500,
            "http_put": 7,
        }
        assert [sample.value for sample in day.samples] == [seconds_of(DAYS[0])]


def seconds_of(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@pytest.mark.usefixtures("days")
def test_as_metrics_only_the_counters_that_are_wanted_are_told(countagg: CommandLine) -> None:
    asked = ("--counter", "http_*", "--top", "1", "--output", "prometheus")

    assert 'countagg_total{counter="http_get"} 1500\n' in countagg("query", "--date", DAYS[0], *asked).out
    assert countagg("query", "--date", DAYS[0], *asked).out.count("countagg_total{") == 1
    assert "countagg_total{" not in countagg("query", "--date", "2020-01-01", *asked).out


@pytest.mark.parametrize("command", [("status",), ("plan",), ("limits", "list")])
def test_no_other_command_has_that_form(command: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*command, "--output", "text")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"countagg: --output: {' '.join(command)} has no form text\n  try: use table, json, csv\n"


def test_a_form_that_a_setting_asks_for_is_refused_by_the_settings_name(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_OUTPUT", "text")

    assert countagg("status").err.startswith("countagg: COUNTAGG_OUTPUT: status has no form text\n")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--date", "today", "--since", "2d"), "--date, --since: they exclude each other"),
        (("--date", "today", "--until", "2d"), "--until: only a history takes it\n  try: give --since too"),
        (("--until", "2d"), "--until: only a history takes it"),
        (("--date", "today", "--save", "a.png"), "--save: only a history takes it\n  try: give --since too"),
        (("--pivot",), "--pivot: only a history takes it\n  try: give --since too, such as --since 30d"),
        (("--since", "2d", "--by-instance"), "--by-instance, --since: they exclude each other"),
        (("--since", "2d", "--watch"), "--watch, --since: they exclude each other"),
        (("--date", "today", "--by-instance", "--watch"), "--watch, --by-instance: they exclude each other"),
        (("--since", "2d", "--output", "text"), "--output text, --since: they exclude each other"),
        (("--date", "today", "--watch", "--output", "text"), "--output text, --watch: they exclude each other"),
        (("--date", "today", "--by-instance", "--output", "text"), "--output text, --by-instance: they exclude"),
        (("--since", "2d", "--output", "prometheus"), "--output prometheus, --since: they exclude each other"),
        (("--watch", "--output", "prometheus"), "--output prometheus, --watch: they exclude each other"),
        (("--by-instance", "--output", "prometheus"), "--output prometheus, --by-instance: they exclude"),
        (("--since", "soon"), "--since: 'soon' is not a day\n  try: give YYYY-MM-DD"),
        (("--since", "2d", "--until", "soon"), "--until: 'soon' is not a day\n"),
        (
            ("--since", "2026-01-02", "--until", "2026-01-01"),
            "--since, --until: 2026-01-01 lies before 2026-01-02\n  try: give --since the earlier day",
        ),
        (("--since", "2000-01-01"), "--since, --until: these are "),
        (
            ("--since", "2d", "--save", "a.gif"),
            "--save: 'a.gif' is not a picture format\n  try: use a name that ends in .png",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_any_call(
    options: tuple[str, ...], complaint: str, countagg: CommandLine
) -> None:
    ran = countagg("query", *options, "--endpoint-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: {complaint}")


@pytest.mark.parametrize("options", [("--top", "0"), ("--interval", "0"), ("--sort", "size")])
def test_values_that_cannot_be_are_refused(options: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg("query", "--date", "today", *options)

    assert (ran.code, ran.out) == (2, "")
    assert options[0] in ran.err


# Many days


@pytest.mark.usefixtures("days")
def test_a_history_has_every_day_in_json(countagg: CommandLine) -> None:
    ran = countagg("query", *PERIOD, "--counter", "http_get", "--counter", "errors", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    assert ran.document == {
        "schema": 1,
        "since": DAYS[0],
        "until": DAYS[3],
        "history": [
            {"date": DAYS[0], "version": 7, "totals": {"http_get": 1500}},
            {"date": DAYS[1], "version": 7, "totals": {"http_get": Decimal("2500.25")}},
            {"date": DAYS[2], "version": 0, "totals": {}},
            {
                "date": DAYS[3],
                "version": 7,
                "totals": {"errors": Decimal("-12345678901234567890123.000000001"), "http_get": 3},
            },
        ],
    }
    assert [list(day) for day in ran.document["history"]] == [["date", "version", "totals"]] * 4


@pytest.mark.usefixtures("days")
def test_a_history_as_csv_and_in_a_pipe_is_a_row_a_day_and_counter(countagg: CommandLine) -> None:
    asked = ("query", *PERIOD, "--top", "2")

    assert rows(countagg(*asked, "--output", "csv").out) == [
        ["DATE", "COUNTER", "VALUE"],
        [DAYS[0], "http_get", "1500"],
        [DAYS[0], "http_put", "7"],
        [DAYS[1], "http_put", "70000"],
        [DAYS[1], "http_get", "2500.25"],
        [DAYS[3], "http_get", "3"],
    ]
    assert countagg(*asked).out.splitlines() == [
        "DATE        COUNTER      VALUE",
        "2026-07-01  http_get     1,500",
        "2026-07-01  http_put         7",
        "2026-07-02  http_put    70,000",
        "2026-07-02  http_get  2,500.25",
        "2026-07-04  http_get         3",
    ]


@pytest.mark.usefixtures("days")
def test_days_are_counted_back_from_today(countagg: CommandLine) -> None:
    today = datetime.now(UTC).date()

    document = countagg("query", "--since", "2d", "--output", "json").document
    yesterday = countagg("query", "--since", "1w", "--until", "yesterday", "--output", "json").document

    assert [day["date"] for day in document["history"]] == [str(today - timedelta(days=ago)) for ago in (2, 1, 0)]
    assert (yesterday["since"], yesterday["until"]) == (
        str(today - timedelta(days=7)),
        str(today - timedelta(days=1)),
    )
    assert len(yesterday["history"]) == 7


@pytest.mark.usefixtures("days")
def test_days_without_totals_are_no_error(countagg: CommandLine) -> None:
    ran = countagg("query", "--since", "2025-01-01", "--until", "2025-01-02")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "there are no totals from 2025-01-01 to 2025-01-02 (UTC)\n"


@pytest.mark.usefixtures("days")
def test_a_matrix_has_a_row_a_day_and_leaves_empty_what_a_day_does_not_have(countagg: CommandLine) -> None:
    asked = ("query", *PERIOD, "--pivot", "--counter", "http_*")

    table, found = countagg(*asked), rows(countagg(*asked, "--output", "csv").out)

    assert (table.code, table.err) == (0, "")
    assert table.out.splitlines() == [
        "DATE        http_get  http_put",
        "2026-07-01     1,500         7",
        "2026-07-02  2,500.25    70,000",
        "2026-07-03",
        "2026-07-04         3",
    ]
    assert found == [
        ["DATE", "http_get", "http_put"],
        [DAYS[0], "1500", "7"],
        [DAYS[1], "2500.25", "70000"],
        [DAYS[2], "", ""],
        [DAYS[3], "3", ""],
    ]
    assert countagg(*asked, "--output", "json").document == {
        "schema": 1,
        "since": DAYS[0],
        "until": DAYS[3],
        "counters": ["http_get", "http_put"],
        "days": list(DAYS),
        "matrix": [[1500, 7], [Decimal("2500.25"), 70000], [None, None], [3, None]],
    }


@pytest.mark.usefixtures("days")
def test_the_columns_of_a_matrix_are_in_the_order_that_is_asked_for(countagg: CommandLine) -> None:
    asked = ("query", *PERIOD, "--pivot", "--output", "csv")

    assert rows(countagg(*asked).out)[0] == ["DATE", r"a\x1b[31m", "errors", "http_get", "http_put"]
    assert rows(countagg(*asked, "--top", "2").out)[0] == ["DATE", "http_put", "http_get"]
    assert rows(countagg(*asked, "--sort", "value").out)[0][-1] == "errors"
    assert rows(countagg(*asked, "--counter", "none").out) == [["DATE"], *([day] for day in DAYS)]


# On a terminal


def history_of(counters: int, days: int = 3) -> History:
    return History(
        tuple(
            TotalsOfDay(
                f"2026-07-{day:02d}",
                1,
                "",
                {f"c{number}\x1b[5m": day * number * SCALE for number in range(1, counters + 1)},
            )
            for day in range(1, days + 1)
        )
    )


def on_terminal(history: History, *, no_color: bool = False) -> tuple[str, str]:
    out, err = Terminal(), io.StringIO()
    session = Session(replace(DEFAULTS, no_color=no_color), Preferences({}), stdout=out, stderr=err)
    write_history(session, history)
    return out.getvalue(), err.getvalue()


def dots(text: str) -> int:
    return sum("\u2800" < character <= "\u28ff" for character in text)


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_gets_a_chart_below_the_rows_that_fits_it(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    out, err = on_terminal(history_of(2), no_color=True)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert lines[0].split() == ["DATE", "COUNTER", "VALUE"]
    assert lines[7:9] == ["", " (value)   ^"]
    assert lines[-1] == "━━ c2\\x1b[5m   ━━ c1\\x1b[5m"
    assert lines[-2].split() == ["|", "07-01", "07-02", "07-03"]
    assert max(map(len, lines)) <= columns
    assert dots(out) > 20
    assert err == ""
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", out)


def test_the_lines_of_a_chart_have_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    # The library asks what standard output is.
    monkeypatch.setattr(sys, "stdout", Terminal())

    out, _ = on_terminal(history_of(2))

    assert len(set(re.findall(r"\x1b\[(3[0-7])m[\u2801-\u28ff]", out))) == 2


def test_a_chart_of_many_counters_shows_the_highest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    out, err = on_terminal(history_of(9), no_color=True)

    assert out.splitlines()[-1].split("━━ ")[1:] == [
        *(f"c{number}\\x1b[5m   " for number in (9, 8, 7, 6, 5)),
        "c4\\x1b[5m",
    ]
    assert err == "the chart shows 6 of 9 counters; see --counter and --top\n"


def test_in_a_legend_no_name_is_parted_from_its_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    out, _ = on_terminal(history_of(6), no_color=True)

    legend = [line for line in out.splitlines() if "━━" in line]
    assert [line.count("━━ c") for line in legend] == [2, 2, 2]
    assert max(map(len, legend)) <= 40


def test_a_terminal_without_room_for_a_chart_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "32")

    out, err = on_terminal(history_of(2))

    assert dots(out) == 0
    assert err == "no chart: it takes 33 columns\n"


def test_where_a_name_has_no_room_a_day_and_counter_is_still_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    totals = {"c": SCALE, "n" * 60: 20 * SCALE}

    out, _ = on_terminal(History((TotalsOfDay("2026-07-01", 1, "", totals),)), no_color=True)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines()
    assert lines == ["2026-07-01  c  1", "2026-07-01", "n" * 60, "    20"]


@pytest.mark.parametrize("history", [history_of(2, days=1), history_of(0)])
def test_there_is_no_chart_of_a_single_day_or_of_nothing(history: History) -> None:
    out, err = on_terminal(history)

    assert dots(out) == 0
    assert (err, "value" in out) == ("", False)


def test_where_dots_cannot_be_written_there_is_no_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Terminal, "encoding", "latin-1", raising=False)

    out, err = on_terminal(history_of(2))

    assert dots(out) == 0
    assert err == "no chart: it cannot be written in latin-1\n"


# Pictures


@pytest.fixture
def _without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("suffix", [".png", ".svg", ".html", ".PNG"])
def test_a_picture_is_written_beside_the_result(suffix: str, countagg: CommandLine) -> None:
    path = Path(f"totals{suffix}")

    ran = countagg("query", *PERIOD, "--output", "csv", "--save", str(path))

    assert ran.code == 0
    assert ran.err == f"written: {path}\n"
    assert rows(ran.out)[0] == ["DATE", "COUNTER", "VALUE"]
    begins = {".png": b"\x89PNG\r\n", ".svg": b"<svg ", ".html": b"<!DOCTYPE html>"}[suffix.lower()]
    assert path.read_bytes().lstrip().startswith(begins)


@pytest.mark.usefixtures("_without_library")
def test_without_the_library_it_is_said_what_to_install(countagg: CommandLine) -> None:
    ran = countagg("query", "--since", "2d", "--save", "a.png", "--endpoint-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "countagg: --save: pictures need a library that is not installed\n  try: pip install 'countagg[chart]'\n"
    )


def test_a_folder_that_is_not_there_is_named_before_any_call(countagg: CommandLine) -> None:
    ran = countagg("query", "--since", "2d", "--save", "there/a.png", "--endpoint-url", "http://127.0.0.1:1")

    assert (ran.code, ran.err) == (2, "countagg: --save: there is no folder 'there'\n  try: make it first\n")


@pytest.mark.usefixtures("days")
def test_a_picture_that_cannot_be_written_is_named(countagg: CommandLine) -> None:
    Path("a.svg").mkdir()

    ran = countagg("query", *PERIOD, "--save", "a.svg", "--quiet")

    assert (ran.code, ran.err) == (
        2,
        "countagg: a.svg: it cannot be written: Is a directory\n  try: name another file\n",
    )
