"""status: what it tells of a stack on moto, how it is drawn, and how it is watched."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import botocore.handlers
import pytest
import typer
from rich.console import Console

from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.health.status_view import draw_status, show_status, write_hops
from countagg.core.published import published_metadata
from countagg.operate.health.status import HopHealth
from countagg.operate.health.status_watch import StatusLook
from tests.aws.world import Calls, answer
from tests.cli.account import BUCKET, write_day
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal

NOW: Final = datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC)
TIME: Final = "2026-11-20T10:30:15Z"
QUEUE: Final = HopHealth(
    "queue/uploads",
    healthy=True,
    state="present",
    detail="3 waiting, 0 in flight; oldest: no data",
    metrics={"waiting": 3, "in_flight": 0, "oldest_seconds": None},
)
MAPPING: Final = HopHealth("mapping/processor", healthy=False, state="Disabled", detail="a\x1b[31mred")
UPLOAD: Final = HopHealth(
    "last-upload",
    healthy=True,
    state="2026-11-20T10:27:10Z",
    detail="version 5 of 2026-11-20",
    metrics={"age_seconds": 185, "version": 5},
    facts={"date": "2026-11-20"},
)
HIDDEN: Final = HopHealth("alarms", None, "unknown", "not allowed: cloudwatch:DescribeAlarms")


def hop_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [hop for hop in document["hops"] if hop["hop"] == name]
    return dict(found)


# On a stack


@pytest.fixture
def _raised(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    client = boto3.client("cloudwatch")
    client.set_alarm_state(AlarmName="countagg-uploads-age", StateValue="ALARM", StateReason="test")
    yield
    client.set_alarm_state(AlarmName="countagg-uploads-age", StateValue="OK", StateReason="test")


@pytest.mark.usefixtures("_raised")
def test_a_raised_alarm_is_not_healthy_and_the_logs_may_tell_why(countagg: CommandLine) -> None:
    ran = countagg("status", "--output", "json")

    assert ran.code == 1
    assert hop_of(ran.document, "alarms") == {
        "hop": "alarms",
        "healthy": False,
        "state": "ALARM",
        "detail": "in alarm: uploads-age",
        "metrics": {"in_alarm": 1, "missing": 0},
        "not_allowed": [],
        "in_alarm": ["uploads-age"],
        "missing": [],
    }
    assert ran.err == "not healthy: alarms; `countagg logs --since 1h --level warning` may say why\n"


@pytest.fixture
def _put_back(stack: None, countagg: CommandLine) -> Iterator[None]:  # noqa: ARG001 - it must be there
    yield
    assert countagg("setup", "--yes").code == 0


@pytest.mark.usefixtures("_put_back")
def test_a_missing_alarm_is_what_setup_puts_back(countagg: CommandLine) -> None:
    boto3.client("cloudwatch").delete_alarms(AlarmNames=["countagg-dead-letters"])

    ran = countagg("status")

    assert ran.code == 1
    assert ran.err == "not healthy: alarms; `countagg plan` shows what setup would put back\n"


@pytest.mark.usefixtures("_put_back")
def test_code_of_another_version_is_a_remark_and_healthy(countagg: CommandLine) -> None:
    archive = io.BytesIO(bytes.fromhex("504b0506") + bytes(18))
    boto3.client("lambda").update_function_code(FunctionName="countagg-publisher", ZipFile=archive.getvalue())

    ran = countagg("status", "--output", "json")

    assert (ran.code, ran.document["healthy"]) == (0, True)
    current = {hop["hop"]: hop["code_current"] for hop in ran.document["hops"] if "code_current" in hop}
    assert current == {"function/processor": True, "function/aggregator": True, "function/publisher": False}
    assert ran.err == "code of another version: function/publisher; `countagg setup` deploys this version\n"


@pytest.mark.usefixtures("stack")
def test_the_last_upload_and_what_was_published_last(countagg: CommandLine) -> None:
    day = datetime.now(UTC).date().isoformat()
    write_day(day, {"i-1": {"A": "1"}})
    metadata = published_metadata("countagg", 6, "then")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"totals/{day}", Metadata=metadata)

    found = countagg("status", "--output", "json").document

    upload, published = hop_of(found, "last-upload"), hop_of(found, "last-published")
    assert (upload["state"], upload["metrics"]["version"], upload["date"]) == (f"{day}T10:00:01Z", 7, day)
    assert (published["metrics"]["version"], published["date"]) == (6, day)
    assert 0 <= published["metrics"]["age_seconds"] < 300


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("metadata", "told"),
    [({}, "do not name countagg"), (published_metadata("other", 6, "then"), "name the stack 'other'")],
)
def test_an_object_of_somebody_else_in_place_of_the_published_one_is_told(
    countagg: CommandLine, metadata: dict[str, str], told: str
) -> None:
    day = datetime.now(UTC).date().isoformat()
    write_day(day, {"i-1": {"A": "1"}})
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"totals/{day}", Body=b"a report\n", Metadata=metadata)

    ran = countagg("status", "--output", "json")
    boto3.client("s3").delete_object(Bucket=BUCKET, Key=f"totals/{day}")

    published = hop_of(ran.document, "last-published")
    assert (ran.document["healthy"], published["healthy"]) == (False, False)
    assert published["detail"] == (
        f"the object of {day} is left alone: its metadata {told}; "
        "move it away, or set up with another --output-prefix"
    )
    assert (published["metrics"]["version"], published["date"]) == (None, day)


@pytest.mark.usefixtures("stack")
def test_what_may_not_be_read_is_named_and_ends_nothing(countagg: CommandLine, calls: Calls) -> None:
    denial = "User: u is not authorized to perform: {} because no identity-based policy allows it"
    for operation, action in (
        ("GetMetricData", "cloudwatch:GetMetricData"),
        ("DescribeTable", "dynamodb:DescribeTable"),
    ):
        calls.errors[operation] = [answer("AccessDenied", denial.format(action), operation)] * 9

    ran = countagg("status", "--output", "json")

    assert (ran.code, ran.document["healthy"]) == (0, True)
    table = hop_of(ran.document, "table/totals")
    assert (table["healthy"], table["state"]) == (None, "unknown")
    assert (table["detail"], table["not_allowed"]) == (
        "not allowed: dynamodb:DescribeTable",
        ["dynamodb:DescribeTable"],
    )
    function = hop_of(ran.document, "function/processor")
    assert (function["healthy"], function["not_allowed"]) == (True, ["cloudwatch:GetMetricData"])
    assert set(function["metrics"].values()) == {None}
    assert ran.err == (
        "some hops could not be checked; missing permissions: cloudwatch:GetMetricData, dynamodb:DescribeTable\n"
    )


@pytest.mark.usefixtures("stack")
def test_all_metrics_take_one_request_and_all_alarms_another(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    handlers = [("before-call.cloudwatch", lambda model, **_: asked.append(model.name))]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, *handlers])

    assert countagg("status").code == 0

    assert sorted(asked) == ["DescribeAlarms", "GetMetricData"]


# As it is drawn


def session_on(out: io.StringIO, **options: Any) -> Session:
    return Session(
        replace(DEFAULTS, **options), Preferences({}), stdout=out, stderr=io.StringIO(), now=lambda: NOW
    )


def written(*hops: HopHealth, **options: Any) -> str:
    out = io.StringIO()
    write_hops(session_on(out, **options), hops)
    return out.getvalue()


def test_people_read_ages_and_programs_moments() -> None:
    assert [line.rstrip() for line in written(QUEUE, MAPPING, HIDDEN, UPLOAD).splitlines()] == [
        "HOP                HEALTHY  STATE      DETAIL",
        "queue/uploads      yes      present    3 waiting, 0 in flight; oldest: no data",
        r"mapping/processor  NO       Disabled   a\x1b[31mred",
        "alarms             ?        unknown    not allowed: cloudwatch:DescribeAlarms",
        "last-upload        yes      3 min ago  version 5 of 2026-11-20",
    ]
    rows = list(csv.reader(io.StringIO(written(MAPPING, UPLOAD, output=OutputForm.CSV))))
    assert rows[1:] == [
        ["mapping/processor", "NO", "Disabled", r"a\x1b[31mred"],
        ["last-upload", "yes", "2026-11-20T10:27:10Z", "version 5 of 2026-11-20"],
    ]


def test_counts_are_whole_numbers_in_json() -> None:
    lag = replace(QUEUE, metrics={"waiting": 3.0, "iterator_age_seconds": 0.25})

    (found,) = json.loads(written(lag, output=OutputForm.JSON))["hops"]

    assert json.dumps(found["metrics"]) == '{"waiting": 3, "iterator_age_seconds": 0.25}'


@pytest.mark.parametrize("width", ["80", "200"])
def test_a_terminal_is_not_overrun(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    monkeypatch.setenv("COLUMNS", width)
    terminal = Terminal()
    long = replace(QUEUE, detail="last hour: 1,200 calls, 2 errors, 0 throttles; iterator age 1,234.5 s; " * 3)

    write_hops(session_on(terminal, no_color=True), (QUEUE, long, UPLOAD))

    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in terminal.getvalue().splitlines()]
    assert max(map(len, lines)) <= int(width)


# Again and again

LATER: Final = replace(QUEUE, detail="9 waiting, 0 in flight; oldest: no data")
LOOKS: Final = (
    StatusLook((QUEUE, UPLOAD), (QUEUE, UPLOAD)),
    StatusLook((QUEUE, UPLOAD), ()),
    StatusLook((LATER, UPLOAD, MAPPING), (LATER, MAPPING)),
)


def interrupted() -> Iterator[StatusLook]:
    yield from LOOKS
    raise KeyboardInterrupt


def watched(out: io.StringIO, **options: Any) -> str:
    with pytest.raises(typer.Exit) as end:
        show_status(session_on(out, **options), lambda _: interrupted(), 10.0)
    assert end.value.exit_code == 130
    return out.getvalue()


def test_in_a_pipe_changed_hops_follow_each_other() -> None:
    assert watched(io.StringIO()).splitlines() == [
        f"{TIME}  queue/uploads  yes  present  3 waiting, 0 in flight; oldest: no data",
        f"{TIME}  last-upload  yes  2026-11-20T10:27:10Z  version 5 of 2026-11-20",
        f"{TIME}  queue/uploads  yes  present  9 waiting, 0 in flight; oldest: no data",
        rf"{TIME}  mapping/processor  NO  Disabled  a\x1b[31mred",
    ]


def test_as_json_each_change_is_a_line_with_all_hops() -> None:
    first, second = map(json.loads, watched(io.StringIO(), output=OutputForm.JSON).splitlines())

    assert list(first) == ["schema", "time", "stack", "healthy", "hops", "changed"]
    assert (first["time"], first["healthy"], first["changed"]) == (TIME, True, ["queue/uploads", "last-upload"])
    assert (second["healthy"], second["changed"]) == (False, ["queue/uploads", "mapping/processor"])
    assert [hop["hop"] for hop in second["hops"]] == ["queue/uploads", "last-upload", "mapping/processor"]


def test_as_csv_each_changed_hop_is_a_row() -> None:
    rows = list(csv.reader(io.StringIO(watched(io.StringIO(), output=OutputForm.CSV))))

    assert rows[0] == ["TIME", "HOP", "HEALTHY", "STATE", "DETAIL"]
    assert [row[:2] for row in rows[1:]] == [
        [TIME, "queue/uploads"],
        [TIME, "last-upload"],
        [TIME, "queue/uploads"],
        [TIME, "mapping/processor"],
    ]


def test_a_terminal_is_redrawn_in_place_at_every_look() -> None:
    shown = watched(Terminal())

    assert shown.count("DETAIL") == 3
    assert re.search(r"\x1b\[1A\x1b\[2K", shown)
    assert "countagg: NOT HEALTHY: mapping/processor; 2026-11-20T10:30:15Z; Ctrl-C ends" in plain(shown)
    assert "\x1b[31mred" not in shown


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


MANY: Final = tuple(
    HopHealth(
        f"function/f{number:02d}", number != 17, "Active", f"last hour: {number:,} calls, " + "0 throttles; " * 9
    )
    for number in range(20)
)


def drawn(hops: tuple[HopHealth, ...], width: int, height: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as captured:
        console.print(draw_status(StatusLook(hops, ()), "countagg", TIME, console))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("height", [5, 8, 12, 24, 50, 90])
def test_the_verdict_and_what_is_not_healthy_are_in_view_on_any_terminal(width: int, height: int) -> None:
    lines = drawn(MANY, width, height)

    assert lines[0].startswith("countagg: NOT HEALTHY: function/f17; ")
    assert len(lines) <= height
    if height >= 12:
        (ailing,) = [number for number, line in enumerate(lines) if line.startswith("function/f17")]
        # It is told in full, in as many lines as that takes.
        details = " ".join(line[28:].strip() for line in lines[ailing : ailing + 8])
        assert details.count("throttles") >= 9


def test_of_a_hop_that_takes_a_line_no_name_is_cut_for_the_sake_of_its_detail() -> None:
    healthy = tuple(
        replace(hop, name=f"notification/uploads{n:02d}", healthy=True, state="31 min ago")
        for n, hop in enumerate(MANY)
    )

    lines = drawn(healthy, 60, 12)

    assert [line.split()[0] for line in lines[2:-1]] == [hop.name for hop in healthy[:9]]
    assert all(line.endswith("…") for line in lines[2:-1])


@pytest.mark.parametrize(("width", "height"), [(40, 12), (40, 24), (40, 140)])
def test_on_a_narrow_terminal_each_hop_is_a_record_whose_name_is_whole(width: int, height: int) -> None:
    hops = (replace(MANY[0], name="notification/uploads", state="31 min ago"), *MANY[1:])

    lines = drawn(hops, width, height)

    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    names = [line.split()[0] for line in lines if "/" in line and not line.startswith((" ", "countagg:"))]
    assert {hop.name for hop in hops}.issuperset(names)
    assert "function/f17" in names
    if height == 140:
        assert lines[2:5] == [
            "notification/uploads  yes  31 min ago",
            "    last hour: 0 calls, 0 throttles; 0",
            "    throttles; 0 throttles; 0 throttles;",
        ]


def test_hops_that_have_no_room_are_counted() -> None:
    healthy = tuple(replace(hop, healthy=True) for hop in MANY)

    assert drawn(healthy, 80, 12)[-1] == "11 more hops not shown: healthy; `countagg status` shows all"
    assert drawn(healthy, 80, 12)[2].endswith("…")
    assert drawn(healthy, 80, 24)[-1] == "`countagg status` shows each in full"
    unknown = (*healthy[:5], replace(MANY[5], healthy=None), *healthy[6:])
    assert any("function/f05" in line for line in drawn(unknown, 80, 5))
    assert drawn(MANY, 80, 4)[-1] == "20 more hops not shown: 1 not healthy; `countagg status` shows all"
    assert drawn((QUEUE, UPLOAD), 80, 12)[-1].startswith("last-upload")


@pytest.mark.parametrize("interval", ["0", "0.9"])
def test_looks_keep_a_distance(countagg: CommandLine, interval: str) -> None:
    ran = countagg("status", "--watch", "--interval", interval)

    assert (ran.code, ran.out) == (2, "")
    assert "--interval" in ran.err


def test_a_moment_without_an_age_is_shown_as_it_is() -> None:
    assert written(replace(UPLOAD, metrics={"age_seconds": None})).splitlines()[1].split()[2] == UPLOAD.state
