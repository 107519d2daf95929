"""What an operator types for a moment or a day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.operate.moments import parse_moment, parse_past_day

NOW: Final = datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC)
EAST: Final = timezone(timedelta(hours=5))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", NOW - timedelta(seconds=30)),
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("1d", NOW - timedelta(days=1)),
        ("2w", NOW - timedelta(days=14)),
        ("0s", NOW),
        ("today", datetime(2026, 11, 20, tzinfo=UTC)),
        ("yesterday", datetime(2026, 11, 19, tzinfo=UTC)),
        ("2026-11-18", datetime(2026, 11, 18, tzinfo=UTC)),
        ("2026-11-18T07:05", datetime(2026, 11, 18, 7, 5, tzinfo=UTC)),
        ("2026-11-18 07:05:09", datetime(2026, 11, 18, 7, 5, 9, tzinfo=UTC)),
        ("2026-11-18T07:05:09.250Z", datetime(2026, 11, 18, 7, 5, 9, 250_000, tzinfo=UTC)),
        ("2026-11-18T07:05:09+02:00", datetime(2026, 11, 18, 5, 5, 9, tzinfo=UTC)),
    ],
)
def test_a_moment_is_an_age_a_day_or_a_time(text: str, expected: datetime) -> None:
    assert parse_moment(text, NOW, "--since") == expected
    assert parse_moment(text, NOW, "--since").tzinfo is UTC


def test_ages_and_days_are_those_of_utc_wherever_the_clock_stands() -> None:
    late = datetime(2026, 11, 21, 3, 0, tzinfo=EAST)

    assert parse_moment("1h", late, "--since") == datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
    assert parse_moment("today", late, "--since") == datetime(2026, 11, 20, tzinfo=UTC)
    assert parse_past_day("today", late, "--since") == date(2026, 11, 20)
    assert parse_past_day("1d", late, "--since") == date(2026, 11, 19)


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_a_time_without_an_offset_is_utc_wherever_the_machine_stands() -> None:
    assert parse_moment("2026-11-18T07:05", NOW, "--since") == datetime(2026, 11, 18, 7, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "10", "m", "-5m", "10 m", "1y", "tomorrow", "2026-02-30", "1.5h", "999999w"])
def test_what_is_no_moment_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_moment(text, NOW, "--until")

    assert str(caught.value) == f"--until: {text!r} is not a time"
    assert "10m, 2h or 1d" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-18", date(2026, 11, 18)),
        ("today", date(2026, 11, 20)),
        ("yesterday", date(2026, 11, 19)),
        ("0d", date(2026, 11, 20)),
        ("30d", date(2026, 10, 21)),
        ("1w", date(2026, 11, 13)),
        ("48h", date(2026, 11, 18)),
    ],
)
def test_a_day_is_a_date_or_an_age_in_days(text: str, expected: date) -> None:
    assert parse_past_day(text, NOW, "--since") == expected


@pytest.mark.parametrize("text", ["", "25h", "10m", "2026-11-18T07:05", "2026-02-30", "999999w"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_past_day(text, NOW, "--since")

    assert str(caught.value) == f"--since: {text!r} is not a day"
    assert "30d" in caught.value.hint


@given(st.text(max_size=12))
def test_any_text_is_a_moment_or_a_usage_error(text: str) -> None:
    for parse in (parse_moment, parse_past_day):
        with suppress(UsageError):
            parse(text, NOW, "--since")
