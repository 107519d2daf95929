"""A day of uploads takes no more memory than ten of them, and no more than a small instance has."""

from __future__ import annotations

import pytest

from tools.benchmark.uploader import ROUNDS, measure


@pytest.mark.exhaustive
def test_a_day_of_uploads_takes_no_more_memory_than_ten() -> None:
    taken = measure()

    assert taken.uploads >= ROUNDS
    assert taken.end_mb <= 1.05 * taken.settled_mb
    assert taken.end_mb <= 80
