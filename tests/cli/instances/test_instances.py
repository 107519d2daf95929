"""instances: on a stack on moto, and how it is drawn and watched."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
import typer
from rich.console import Console

from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.instances.instances_view import draw_roster, roster_document, show_rosters, write_roster
from countagg.core.sequencer import normalise_sequencer
from countagg.data.letters import Refusal
from countagg.operate.instances.roster import InstanceState, Roster
from tests.aws.world import Calls, answer
from tests.cli.account import write_day
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine

NOW: Final = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
DAY: Final = "2026-11-20"


def state(
    instance: str, minutes: float | None = 1, *, refused: int | None = None, lane: int = 0, **flags: bool
) -> InstanceState:
    known = {"is_withdrawn": False, "is_silent": False, **flags}
    at = None if minutes is None else NOW - timedelta(minutes=minutes)
    counted = None if at is None or known["is_withdrawn"] else 1_200
    return InstanceState(
        instance=instance,
        date=DAY,
        uploaded_at=at,
        counters=counted,
        bytes=counted,
        refused=refused,
        lane=lane,
        **known,
    )


def roster(*states: InstanceState, stale: int | None = None, lanes: int = 1, later: int = 0) -> Roster:
    minutes = None if stale is None else timedelta(minutes=stale)
    return Roster(DAY, NOW + timedelta(seconds=later), minutes, states, lanes)


def session_on(out: io.StringIO, **options: Any) -> Session:
    return Session(
        replace(DEFAULTS, **options), Preferences({}), stdout=out, stderr=io.StringIO(), now=lambda: NOW
    )


# On a stack


@pytest.fixture
def _uploaded(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give a day, today, of two instances: one has just uploaded, the other in the first second of the day."""
    day = datetime.now(UTC).date().isoformat()
    write_day(day, {"i-1": {"A": "1", "B": "2"}, "i-2": {"A": "5"}})
    dynamodb: Any = boto3.client("dynamodb")
    moments = {"i-1": datetime.now(UTC), "i-2": datetime.now(UTC) - timedelta(minutes=30)}
    for instance, at in moments.items():
        dynamodb.update_item(
            TableName="countagg-snapshots",
            Key={"Date": {"S": day}, "Instance": {"S": instance}},
            UpdateExpression="SET UploadedAt = :at",
            ExpressionAttributeValues={":at": {"S": at.isoformat()}},
        )


@pytest.mark.usefixtures("_uploaded")
def test_instances_are_listed_with_what_their_files_hold(countagg: CommandLine) -> None:
    ran = countagg("instances", "--output", "json")
    assert ran.code == 0
    document = ran.document
    assert list(document) == ["schema", "date", "lanes", "stale_seconds", "silent", "instances"]
    assert (document["schema"], document["stale_seconds"], document["silent"]) == (1, None, [])
    first, second = document["instances"]
    assert list(first) == [
        *("instance", "date", "uploaded_at", "age_seconds", "withdrawn", "silent"),
        *("counters", "bytes", "refused", "lane"),
    ]
    assert (first["instance"], first["counters"], first["bytes"], first["refused"]) == ("i-1", 2, 8, 0)
    assert 0 <= first["age_seconds"] < 60 * 10
    assert second["instance"] == "i-2"


@pytest.mark.usefixtures("_uploaded")
def test_a_silent_instance_ends_it_with_1_and_is_named(countagg: CommandLine) -> None:
    # Just after midnight, who was silent then is not expected any more.
    stale = "40m" if datetime.now(UTC).hour == 0 and datetime.now(UTC).minute < 31 else "10m"
    ran = countagg("instances", "--stale", stale)
    if stale == "10m":
        assert (ran.code, ran.err) == (1, "silent for 10m: i-2\n")
        assert "i-2       SILENT  30 min ago" in ran.out
    all_well = countagg("instances", "--stale", "2h", "--output", "json")
    assert (all_well.code, all_well.document["silent"], all_well.document["stale_seconds"]) == (0, [], 7_200)


@pytest.mark.usefixtures("_uploaded")
def test_refused_files_are_counted_and_the_dead_letters_given_back(countagg: CommandLine, calls: Calls) -> None:
    day = datetime.now(UTC).date().isoformat()
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="countagg-dead-letters")["QueueUrl"]
    for instance in ("i-1", "i-7"):
        body = Refusal(
            "b", f"counters/{day}/values_{instance}", normalise_sequencer("F" * 16), "why", 2, "e", "r", "then"
        )
        sqs.send_message(QueueUrl=queue, MessageBody=body.to_message())
    ran = countagg("instances", "--output", "json")
    found = {
        each["instance"]: (each["refused"], each["uploaded_at"] is None) for each in ran.document["instances"]
    }
    for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert found == {"i-1": (1, False), "i-2": (0, False), "i-7": (1, True)}
    changes = [each for each in calls.mutating if each != "SendMessage"]
    assert changes[:3] == ["ReceiveMessage", "ReceiveMessage", "ChangeMessageVisibilityBatch"]


@pytest.mark.usefixtures("_uploaded")
def test_who_may_not_read_dead_letters_is_told_and_sees_the_rest(countagg: CommandLine, calls: Calls) -> None:
    denial = "User is not authorized to perform: sqs:receivemessage on resource"
    calls.errors["ReceiveMessage"] = [answer("AccessDenied", denial, "ReceiveMessage")]
    ran = countagg("instances")
    assert ran.code == 0
    assert ran.err == "refused files are not counted; missing permission: sqs:ReceiveMessage\n"
    assert "REFUSED" not in ran.out
    assert "i-1" in ran.out


@pytest.mark.usefixtures("stack")
def test_a_day_of_nobody_is_remarked_on(countagg: CommandLine) -> None:
    ran = countagg("instances", "--date", "2020-01-01", "--output", "csv")
    assert (ran.code, ran.err) == (0, "no instance has uploaded a file for 2020-01-01 (UTC)\n")
    assert ran.out == "INSTANCE,DATE,STATE,UPLOADED_AT,AGE_SECONDS,COUNTERS,BYTES,REFUSED,LANE\n"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--date", "today", "--stale", "10m"), "countagg: --date, --stale: they exclude each other"),
        (("--stale", "10"), "countagg: --stale: '10' is not a length of time"),
        (("--stale", "0m"), "countagg: --stale: '0m' is not a length of time"),
        (("--watch", "--interval", "0.5"), "countagg: --interval"),
    ],
)
def test_what_cannot_be_asked_is_refused(countagg: CommandLine, options: tuple[str, ...], complaint: str) -> None:
    ran = countagg("instances", *options)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


# In every form


def test_people_see_lanes_and_refusals_only_where_there_are_any() -> None:
    out = io.StringIO()
    write_roster(session_on(out), roster(state("i-1"), state("i-2", 90, is_silent=True), stale=10))
    assert out.getvalue().splitlines() == [
        "INSTANCE  STATE   UPLOADED   COUNTERS  BYTES",
        "i-1       ok      1 min ago     1,200  1,200",
        "i-2       SILENT  1 h ago       1,200  1,200",
    ]
    out = io.StringIO()
    states = (
        state("i-1", refused=0, lane=2),
        state("i-2", 90, is_withdrawn=True, refused=1),
        state("i-3", None, refused=3, lane=1),
    )
    write_roster(session_on(out), roster(*states, lanes=3))
    assert out.getvalue().splitlines() == [
        "INSTANCE  STATE      UPLOADED   COUNTERS  BYTES  REFUSED  LANE",
        "i-1       ok         1 min ago     1,200  1,200        0     2",
        "i-2       withdrawn  1 h ago                           1     0",
        "i-3       refused    never                             3     1",
    ]


def test_programs_read_moments_and_exact_numbers() -> None:
    out = io.StringIO()
    shown = roster(state("i-1", refused=0), state("=2", None, refused=1))
    write_roster(session_on(out, output=OutputForm.CSV), shown)
    _, *rows = csv.reader(io.StringIO(out.getvalue()))
    assert rows == [
        ["i-1", DAY, "ok", "2026-11-20T10:29:00+00:00", "60", "1200", "1200", "0", "0"],
        ["=2", DAY, "refused", "", "", "", "", "1", "0"],
    ]
    assert roster_document(shown)["instances"][1] == {
        "instance": "=2",
        "date": DAY,
        "uploaded_at": None,
        "age_seconds": None,
        "withdrawn": False,
        "silent": False,
        "counters": None,
        "bytes": None,
        "refused": 1,
        "lane": 0,
    }


# Watched


def looks() -> Iterator[Roster]:
    """Yield three looks, of which the second brings nothing new, and then Ctrl-C."""
    yield roster(state("i-1"), state("i-2"), stale=10)
    yield roster(state("i-1"), state("i-2"), stale=10, later=10)
    yield roster(state("i-1"), state("i-2", is_silent=True), stale=10, later=20)
    raise KeyboardInterrupt


def watched(out: io.StringIO, **options: Any) -> str:
    with pytest.raises(typer.Exit) as end:
        show_rosters(session_on(out, **options), lambda _: looks(), 10.0)
    assert end.value.exit_code == 130
    return out.getvalue()


def test_in_a_pipe_instances_that_changed_follow_each_other() -> None:
    assert watched(io.StringIO()).splitlines() == [
        "2026-11-20T10:30:00Z  i-1  ok  1 min ago",
        "2026-11-20T10:30:00Z  i-2  ok  1 min ago",
        "2026-11-20T10:30:20Z  i-2  SILENT  1 min ago",
    ]


def test_as_json_each_change_is_a_line_with_all_instances() -> None:
    first, second = map(json.loads, watched(io.StringIO(), output=OutputForm.JSON).splitlines())
    assert (first["schema"], first["time"], first["changed"]) == (1, "2026-11-20T10:30:00Z", ["i-1", "i-2"])
    assert (second["changed"], second["silent"], len(second["instances"])) == (["i-2"], ["i-2"], 2)


def test_as_csv_each_change_is_a_row() -> None:
    header, *rows = csv.reader(io.StringIO(watched(io.StringIO(), output=OutputForm.CSV)))
    assert header[:2] == ["TIME", "INSTANCE"]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("2026-11-20T10:30:00Z", "i-1", "ok"),
        ("2026-11-20T10:30:00Z", "i-2", "ok"),
        ("2026-11-20T10:30:20Z", "i-2", "SILENT"),
    ]


def test_a_terminal_shows_as_many_as_fit_and_the_silent_ones_first() -> None:
    many = [state(f"i-{number}", is_silent=number == 8) for number in range(9)]
    console = Console(file=io.StringIO(), width=80, height=6, color_system=None)
    with console.capture() as captured:
        console.print(draw_roster(roster(*many, stale=10), console))
    lines = captured.get().splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["i-8", "i-0", "i-1"]
    assert "2026-11-20: 9 instances, 1 silent; 2026-11-20T10:30:00Z" in lines[4]
    assert lines[5] == "6 more instances not shown, none silent; without --watch all are; Ctrl-C ends"
