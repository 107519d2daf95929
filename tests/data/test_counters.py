"""The counters table against an in-memory DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from countagg.core.days import expiry_epoch_seconds
from countagg.core.values import SCALE
from countagg.data.counters import CountersTable, StatementFailed
from tests.core.strategies import LARGEST_VALUE
from tests.fakes.partiql import FakeTable
from tests.functions.world import DAY, clients_of

NAME = "countagg-counters"
EXPIRY = expiry_epoch_seconds(DAY, 400)


@pytest.fixture(params=[False, True], ids=["as measured", "with the items of failed updates"])
def fake(request: pytest.FixtureRequest) -> FakeTable:
    return FakeTable(NAME, shows_items=request.param)


class Table(CountersTable):
    """The table, with items that expire like those of the day."""

    def write(
        self, day: str, version: int, values: Mapping[str, int], expires_at: int = EXPIRY, **more: Any
    ) -> int:
        return super().write(day, version, values, expires_at, **more)


@pytest.fixture
def table(fake: FakeTable) -> Table:
    return Table(clients_of(dynamodb=fake), NAME)


def values_of(fake: FakeTable, day: str = DAY) -> dict[str, tuple[str, str]]:
    return {
        counter: (item["Value"]["N"], item["Version"]["N"])
        for (counter, date), item in fake.items.items()
        if date == day
    }


def test_a_new_counter_is_inserted_with_everything(fake: FakeTable, table: Table) -> None:
    assert table.write(DAY, 3, {"a": SCALE // 2}) == 1
    assert fake.items == {
        ("a", DAY): {
            "Counter": {"S": "a"},
            "Date": {"S": DAY},
            "Value": {"N": "0.5"},
            "Version": {"N": "3"},
            "ExpiresAt": {"N": str(expiry_epoch_seconds(DAY, 400))},
        }
    }


def test_a_counter_that_is_there_gets_value_and_version_in_one_call(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 3, {"a": SCALE})
    before = dict(fake.items["a", DAY])
    fake.calls.clear()
    assert table.write(DAY, 4, {"a": -7 * SCALE}) == 1
    assert fake.items["a", DAY] == before | {"Value": {"N": "-7"}, "Version": {"N": "4"}}
    assert len(fake.calls) == 1


def test_an_older_version_is_never_written_over_a_newer(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 10, {"a": SCALE, "b": SCALE})
    assert table.write(DAY, 9, {"a": 5 * SCALE, "c": 5 * SCALE}) == 1
    assert values_of(fake) == {"a": ("1", "10"), "b": ("1", "10"), "c": ("5", "9")}


def test_the_same_version_again_writes_nothing(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 3, {"a": SCALE})
    assert table.write(DAY, 3, {"a": SCALE}) == 0
    assert values_of(fake) == {"a": ("1", "3")}


def test_days_do_not_touch_each_other(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 9, {"a": SCALE})
    assert table.write("2026-11-21", 1, {"a": 2 * SCALE}) == 1
    assert (values_of(fake), values_of(fake, "2026-11-21")) == ({"a": ("1", "9")}, {"a": ("2", "1")})


def test_many_counters_go_in_calls_of_25(fake: FakeTable, table: Table) -> None:
    values = {f"c{number:02d}": number * SCALE for number in range(60)}
    assert table.write(DAY, 1, values) == 60
    assert [len(call) for call in fake.calls] == [25, 25, 10, 25, 25, 10]
    assert values_of(fake) == {name: (str(number), "1") for number, name in enumerate(sorted(values))}


def test_old_and_new_counters_in_one_batch_are_all_written(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 1, {f"c{number}": SCALE for number in range(0, 40, 2)})
    assert table.write(DAY, 2, {f"c{number}": 2 * SCALE for number in range(40)}) == 40
    assert set(values_of(fake).values()) == {("2", "2")}
    assert len(fake.items) == 40


def test_no_counters_make_no_call(fake: FakeTable, table: Table) -> None:
    assert table.write(DAY, 1, {}) == 0
    assert fake.calls == []


@pytest.mark.parametrize("name", ["it's", 'say "hi"', "a?b", "'; DELETE", "\u20ac", "{'Counter':?}"])
def test_a_name_is_data_and_never_part_of_the_statement(fake: FakeTable, table: Table, name: str) -> None:
    assert table.write(DAY, 1, {name: SCALE}) == 1
    assert table.write(DAY, 2, {name: 2 * SCALE}) == 1
    assert values_of(fake) == {name: ("2", "2")}


def test_the_sum_of_a_large_fleet_at_the_edge_of_the_range_is_a_number_that_fits(
    fake: FakeTable, table: Table
) -> None:
    assert table.write(DAY, 1, {"a": 10_000 * LARGEST_VALUE}) == 1
    assert values_of(fake)["a"][0] == "9999999999999999999999999999.99999"


def test_an_item_that_another_makes_in_between_is_updated(fake: FakeTable, table: Table) -> None:
    def another_inserts() -> None:
        table.write(DAY, 1, {"a": SCALE})

    fake.before_call = [lambda: None, another_inserts]
    assert table.write(DAY, 2, {"a": 2 * SCALE, "b": 2 * SCALE}) == 2
    assert values_of(fake) == {"a": ("2", "2"), "b": ("2", "2")}


def test_a_newer_item_that_another_makes_in_between_stands(fake: FakeTable, table: Table) -> None:
    def another_inserts() -> None:
        table.write(DAY, 3, {"a": 3 * SCALE})

    fake.before_call = [lambda: None, another_inserts]
    assert table.write(DAY, 2, {"a": 2 * SCALE, "b": 2 * SCALE}) == 1
    assert values_of(fake) == {"a": ("3", "3"), "b": ("2", "2")}


def test_an_attempt_that_was_interrupted_is_finished_by_the_next(fake: FakeTable, table: Table) -> None:
    values = {f"c{number:02d}": number * SCALE for number in range(30)}

    def dies() -> None:
        raise KeyboardInterrupt

    fake.before_call = [lambda: None, lambda: None, lambda: None, dies]
    with pytest.raises(KeyboardInterrupt):
        table.write(DAY, 1, values)
    assert len(fake.items) == 25
    assert table.write(DAY, 1, values) == 5
    assert values_of(fake) == {name: (str(number), "1") for number, name in enumerate(sorted(values))}


def test_a_repeated_attempt_asks_three_times_for_what_the_first_one_wrote(fake: FakeTable, table: Table) -> None:
    table.write(DAY, 1, {"a": SCALE, "b": SCALE})
    fake.calls.clear()
    assert table.write(DAY, 1, {"a": SCALE, "b": SCALE}) == 0
    assert [[text.partition(" ")[0] for text in call] for call in fake.calls] == [
        ["UPDATE", "UPDATE"],
        ["INSERT", "INSERT"],
        ["UPDATE", "UPDATE"],
    ]


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "InternalServerError"])
@pytest.mark.parametrize("there", [True, False], ids=["update", "insert"])
def test_a_statement_that_fails_gives_the_batch_back_and_the_next_try_finishes_it(
    fake: FakeTable,
    table: Table,
    code: str,
    there: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    values = {f"c{number:02d}": SCALE for number in range(60)}
    if there:
        table.write(DAY, 1, dict.fromkeys(values, 0))

    def throttle() -> None:
        fake.failing["c30"] = code

    # Three calls of updates; where they find nothing, inserts follow. The second call of either sort is throttled.
    undisturbed: list[Callable[[], None]] = [lambda: None] * (1 if there else 4)
    fake.before_call = [*undisturbed, throttle, fake.failing.clear]
    with pytest.raises(StatementFailed, match=f"^'c30' of {DAY}: .*{code}"):
        table.write(DAY, 2, values)
    assert values_of(fake)["c00"] == ("1", "2")
    table.write(DAY, 2, values)
    assert values_of(fake) == dict.fromkeys(values, ("1", "2"))


def test_the_table_that_is_written_is_the_stacks_own() -> None:
    other = FakeTable("somebody-elses")
    with pytest.raises(StatementFailed, match="ResourceNotFound"):
        Table(clients_of(dynamodb=other), NAME).write(DAY, 1, {"a": SCALE})
