"""`upload` on an account on moto: what is put where, what is refused before, and what is answered."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.handlers
import pytest

from countagg.core.days import DAYS_AHEAD
from tests.cli.account import BUCKET
from tests.cli.running import CommandLine, Ran
from tests.gzipped import gzipped
from tests.readme import BLOCKS

pytestmark = pytest.mark.usefixtures("account")
DAY = datetime.now(UTC).date().isoformat()


class Instance:
    """An instance that uploads."""

    def __init__(self, countagg: CommandLine) -> None:
        self._countagg = countagg
        self._s3: Any = boto3.client("s3")

    def upload(self, *arguments: str) -> Ran:
        return self._countagg("upload", *arguments, "--bucket", BUCKET, "--instance-id", "i-1")

    def content(self, day: str = DAY) -> str | None:
        key = f"counters/{day}/values_i-1"
        if key not in [each["Key"] for each in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]:
            return None
        return str(self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every call of every client that is made from now on."""
    names: list[str] = []

    def record(model: Any, **_: object) -> None:
        names.append(model.name)

    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-call", record)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    return names


@pytest.fixture
def instance(countagg: CommandLine) -> Instance:
    return Instance(countagg)


def test_a_file_is_uploaded_to_the_key_of_the_instance_and_the_day(instance: Instance) -> None:
    Path("a.txt").write_text("B 2\nA 1\n")

    ran = instance.upload("a.txt")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"2 counters uploaded to s3://{BUCKET}/counters/{DAY}/values_i-1\n"
    assert instance.content() == "A 1\nB 2\n"


def test_what_has_not_changed_is_not_sent_again_unless_that_is_asked_for(
    instance: Instance, called: list[str]
) -> None:
    Path("a.txt").write_text("A 1\n")
    instance.upload("a.txt")
    called.clear()

    again = instance.upload("a.txt", "--output", "json")
    assert [each["uploaded"] for each in again.document["files"]] == [False]
    assert called == []
    always = instance.upload("a.txt", "--always", "--output", "json")
    assert [each["uploaded"] for each in always.document["files"]] == [True]
    Path("a.txt").write_text("A 2\n")
    assert instance.upload("a.txt").code == 0
    assert instance.content() == "A 2\n"


def test_an_upload_calls_nothing_but_put_object(instance: Instance, called: list[str]) -> None:
    Path("a.txt").write_text("A 1\n")

    instance.upload("a.txt")

    assert called == ["PutObject"]


def test_an_empty_source_is_refused_and_the_last_upload_stays(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"A 1\n")))
    assert instance.upload("-").code == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))

    ran = instance.upload("-")

    assert ran.code == 1
    assert "standard input: there is no counter in it" in ran.err
    assert "--withdraw" in ran.err
    assert instance.content() == "A 1\n"


def test_withdraw_deletes_the_file_and_a_later_upload_is_sent(instance: Instance) -> None:
    Path("a.txt").write_text("A 1\n")
    instance.upload("a.txt")

    ran = instance.upload("--withdraw")

    assert (ran.code, instance.content()) == (0, None)
    assert f"i-1 is withdrawn from {DAY}" in ran.out
    instance.upload("a.txt")
    assert instance.content() == "A 1\n"


def test_sources_of_several_formats_become_one_file(instance: Instance) -> None:
    Path("a.json").write_text('{"a": {"x": 1.5e3, "name": "text"}}')
    Path("b").write_bytes(gzipped(b"Ip: InReceives Forwarding\nIp: 12 1\n"))

    ran = instance.upload("a.json", "b")

    assert instance.content() == "Ip.InReceives 12\na.x 1500\n"
    assert "left out, not a number: 1\n" in ran.err
    assert "left out, not a counter (--gauges takes them): 1\n" in ran.err


def test_a_counter_of_two_sources_is_refused_with_both_places(instance: Instance) -> None:
    Path("a").write_text("A 1\nB 1\n")
    Path("b").write_text("\nB 2\n")

    ran = instance.upload("a", "b")

    assert ran.code == 1
    assert "countagg: b:2: the counter 'B' is named by a:2 too\n" in ran.err
    assert instance.content() is None


def test_what_is_rounded_or_left_out_is_counted_and_said(instance: Instance) -> None:
    Path("a").write_text("A .0000000005\nB .0000000015\nC 1e-12\nD NaN\nE -Inf\nF 1e3\n")

    ran = instance.upload("a", "--output", "json")

    assert instance.content() == "A 0\nB 0.000000002\nC 0\nF 1000\n"
    assert ran.document["remarks"] == {"rounded": 3, "not_finite": 2}
    assert "rounded to nine decimals: 3\nleft out, NaN or infinite: 2\n" in ran.err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A 1\nB x\n", "a:2: value 'x' is not a decimal number"),
        ("A 1 2\n", "a:1: 'A 1 2' is not NAME VALUE"),
        (f"{'x' * 256} 1\n", "a:1: the name"),
        (f"A 1{'0' * 24}\n", "a:1: value"),
    ],
)
def test_what_the_pipeline_would_refuse_is_refused_with_file_and_line(
    content: str, told: str, instance: Instance
) -> None:
    Path("a").write_text(content)

    ran = instance.upload("a")

    assert ran.code == 1
    assert told in ran.err
    assert instance.content() is None


def test_more_counters_than_the_stack_takes_are_refused(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_MAX_COUNTERS", "1")
    Path("a").write_text("A 1\nB 2\n")

    assert "more than 1 counters" in instance.upload("a").err


def test_a_file_that_does_not_fit_into_an_item_is_refused_unless_the_stack_has_shards(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    names = [chance.randbytes(60).hex() for _ in range(10_000)]
    Path("a").write_text("".join(f"{name} 1\n" for name in names))

    assert "at most 399360 fit" in instance.upload("a").err
    monkeypatch.setenv("COUNTAGG_COUNTER_SHARDS", "8")
    assert instance.upload("a").code == 0


@pytest.mark.parametrize("days", [-36, DAYS_AHEAD + 1])
def test_a_day_that_is_not_taken_is_refused(days: int, instance: Instance) -> None:
    Path("a").write_text("A 1\n")
    day = (datetime.now(UTC).date() + timedelta(days=days)).isoformat()

    ran = instance.upload("a", "--date", day)

    assert ran.code == 2
    assert "--date" in ran.err


def test_a_day_may_be_chosen(instance: Instance) -> None:
    Path("a").write_text("A 1\n")
    day = (datetime.now(UTC).date() - timedelta(days=3)).isoformat()

    assert instance.upload("a", "--date", day).code == 0
    assert instance.content(day) == "A 1\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "there is no source"),
        (("a", "--withdraw"), "a withdrawal reads no source"),
        (("a", "--values", "today", "--date", "yesterday"), "leave --date out"),
        (("-", "-"), "standard input can be read once"),
        (("http://user:secret@127.0.0.1/",), "a user or a password"),
        (("http:///metrics",), "names no host"),
        (("unix:run.sock",), "names no socket"),
        (("a", "--instance-id", "x y"), "the instance id 'x y'"),
        (("a", "--bucket", "No"), "cannot be used"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[str, ...], told: str, countagg: CommandLine) -> None:
    Path("a").write_text("A 1\n")

    ran = countagg("upload", "--bucket", BUCKET, "--instance-id", "i-1", *arguments)

    assert ran.code == 2
    assert told in ran.err


def test_bucket_and_prefix_come_from_the_settings_file_too(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a").write_text("A 1\n")
    Path("settings.toml").write_text(f'bucket = "{BUCKET}"\nprefix = "fleet"\n')
    monkeypatch.setenv("COUNTAGG_INSTANCE_ID", "pod-7")

    ran = countagg("upload", "a", "--config", "settings.toml", "--output", "json")

    assert ran.document == {
        "schema": 1,
        "instance": "pod-7",
        "bucket": BUCKET,
        "files": [{"date": DAY, "key": f"fleet/{DAY}/values_pod-7", "counters": 1, "bytes": 4, "uploaded": True}],
        "remarks": {},
    }


def test_a_source_that_is_absent_is_named(instance: Instance) -> None:
    ran = instance.upload("absent")

    assert ran.code == 1
    assert "absent: cannot be read: No such file or directory" in ran.err


def test_a_state_that_is_damaged_is_told_and_left_as_it_is(instance: Instance) -> None:
    Path("a").write_text("A 1\n")
    for content in ("{", '{"schema": 9}', "[]", '{"schema": 1, "values": "today"}'):
        Path("state").write_text(content)

        ran = instance.upload("a", "--state", "state")

        assert ran.code == 1
        assert "state: the state is" in ran.err
        assert "it is left as it is" in ran.err
        assert Path("state").read_text() == content


def test_the_lines_for_a_program_of_readme_do_what_a_command_would(instance: Instance) -> None:
    [recipe] = [block.text for block in BLOCKS if "put_object" in block.text]
    program: dict[str, Any] = {}
    exec(recipe, program)  # noqa: S102 - our own lines

    program["upload"](boto3.client("s3"), BUCKET, "i-1", {"A": 1, "B": 2.5})

    assert instance.content() == "A 1\nB 2.5\n"
