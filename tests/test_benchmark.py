"""The benchmark's own arithmetic: refused writes."""

from __future__ import annotations

from tests.benchmark.write_units import Written


def test_a_refused_write_costs_what_the_item_has_at_the_time() -> None:
    assert Written(writes=10, units=25, largest=4000, mean=2100.0).refused(4) == 12
    assert Written().refused(3) == 3
