"""`upload --wait` on a stack on moto, whose functions are played by what follows each upload."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import botocore.handlers
import pytest

from tests.cli.account import BUCKET, VERSION, write_day
from tests.cli.running import CommandLine

pytestmark = pytest.mark.usefixtures("stack")
UPLOAD = ("upload", "a", "--bucket", BUCKET, "--instance-id", "i-1", "--state", "state", "--wait")


@pytest.fixture
def after_upload(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Have something done after each upload."""

    def register(done: Callable[[], None]) -> None:
        handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("after-call.s3.PutObject", lambda **_: done())]
        monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)

    return register


def include() -> None:
    write_day(datetime.now(UTC).date().isoformat(), {"i-1": {"A": "1"}})


def test_it_waits_until_the_totals_include_the_very_file(
    countagg: CommandLine, after_upload: Callable[[Callable[[], None]], None]
) -> None:
    Path("a").write_text("A 1\n")
    after_upload(include)
    ran = countagg(*UPLOAD, "--output", "json")
    assert ran.code == 0, ran.err
    (file,) = ran.document["files"]
    assert (file["uploaded"], file["version"]) == (True, VERSION)


def test_what_did_not_change_is_uploaded_all_the_same_and_the_snapshot_before_is_not_taken_for_its_own(
    countagg: CommandLine,
) -> None:
    Path("a").write_text("A 1\n")
    include()
    for _ in range(2):
        ran = countagg(*UPLOAD, "--timeout", "0")
        assert (ran.code, ran.out) == (9, "")
        assert "the totals include 0 of 1 files after 0 s" in ran.err


def test_people_are_told_that_it_is_included(
    countagg: CommandLine, after_upload: Callable[[Callable[[], None]], None]
) -> None:
    Path("a").write_text("A 1\n")
    # A later snapshot than the one that the test before left, which had another instance before it.
    day = datetime.now(UTC).date().isoformat()
    after_upload(lambda: write_day(day, {"i-0": {"A": "1"}, "i-1": {"A": "1"}}))
    ran = countagg(*UPLOAD)
    assert ran.code == 0, ran.err
    assert ran.out == f"1 counter uploaded to s3://{BUCKET}/counters/{day}/values_i-1, included in the totals\n"


def test_a_stack_that_reads_elsewhere_never_includes_it(countagg: CommandLine) -> None:
    Path("a").write_text("A 1\n")
    ran = countagg(*UPLOAD, "--prefix", "other")
    assert (ran.code, ran.out) == (2, "")
    assert (
        f"the stack countagg reads s3://{BUCKET}/counters/, and this would go to s3://{BUCKET}/other/" in ran.err
    )
    ran = countagg(*UPLOAD, "--stack", "ghost")
    assert (ran.code, ran.out) == (5, "")


@pytest.mark.parametrize("other", [("--every", "60s"), ("--withdraw",)])
def test_what_cannot_be_waited_for_is_refused(countagg: CommandLine, other: tuple[str, ...]) -> None:
    sources = () if other == ("--withdraw",) else ("a",)
    ran = countagg("upload", *sources, "--bucket", BUCKET, "--instance-id", "i-1", "--wait", *other)
    assert (ran.code, ran.out) == (2, "")
    assert f"--wait, {other[0]}: they exclude each other" in ran.err
