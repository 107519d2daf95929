from __future__ import annotations

from datetime import timedelta

import pytest

from countagg.core.ages import parse_age


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
        ("4w", timedelta(weeks=4)),
        *((text, None) for text in ("", "15", "m", "1.5h", "-1m", "15 m", "15M", "1h30m", "1234567s")),
    ],
)
def test_an_age_is_a_number_and_a_unit(text: str, age: timedelta | None) -> None:
    assert parse_age(text) == age
