"""The benchmark's own arithmetic: refused writes, percentiles."""

from __future__ import annotations

from tools.benchmark.fleets import percentile
from tools.benchmark.write_units import Written


def test_a_refused_write_costs_what_the_item_has_at_the_time() -> None:
    assert Written(writes=10, units=25, mean=2100.0).refused(4) == 12
    assert Written().refused(3) == 3


def test_an_upload_that_is_never_included_takes_longer_than_any_other() -> None:
    took = [0.3, 0.1, 0.2]
    assert (percentile(took, 3, 0.5), percentile(took, 3, 0.99)) == (0.2, 0.3)
    assert (percentile(took, 6, 0.5), percentile(took, 6, 0.95)) == (0.3, None)
    assert percentile([], 5, 0.5) is None
