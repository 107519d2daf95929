from __future__ import annotations

from typing import Any

import pytest

from countagg.aws.kinds.shared_reads import SharedReads, tags_of


class Asked:
    """Answers with the number of the question."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> int:
        self.times += 1
        return self.times


def test_a_pass_asks_for_each_thing_once() -> None:
    reads, ask = SharedReads(), Asked()
    with reads.during_one_pass():
        assert [reads.once("a", ask), reads.once("b", ask), reads.once("a", ask)] == [1, 2, 1]


def test_nothing_is_shared_outside_of_a_pass() -> None:
    reads, ask = SharedReads(), Asked()
    reads.remember("a", 0)
    assert [reads.once("a", ask), reads.once("a", ask)] == [1, 2]


@pytest.mark.parametrize("error", [None, ValueError("no")])
def test_a_pass_leaves_nothing_behind_however_it_ends(error: Exception | None) -> None:
    reads, ask = SharedReads(), Asked()
    try:
        with reads.during_one_pass():
            reads.once("a", ask)
            if error:
                raise error
    except ValueError:
        assert error
    assert reads.once("a", ask) == 2
    with reads.during_one_pass():
        assert reads.once("a", ask) == 3


def test_what_could_not_be_read_is_asked_again() -> None:
    reads, answers = SharedReads(), iter([ValueError("busy"), "found"])

    def read() -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with reads.during_one_pass():
        with pytest.raises(ValueError, match="busy"):
            reads.once("a", read)
        assert reads.once("a", read) == "found"


def test_what_came_along_need_not_be_asked_for() -> None:
    reads, ask = SharedReads(), Asked()
    with reads.during_one_pass():
        reads.remember(tags_of("arn:1"), {"a": "b"})
        assert reads.once(tags_of("arn:1"), dict) == {"a": "b"}
        assert reads.once(tags_of("arn:2"), ask) == 1


def test_a_pass_lists_what_belongs_together_at_once() -> None:
    reads, asked = SharedReads(), list[str]()

    def list_named(prefix: str) -> dict[str, str]:
        asked.append(prefix)
        return {name: name for name in ("s-a", "s-ab", "s-b") if name.startswith(prefix)}

    def found() -> list[str | None]:
        return [reads.listed("letters", name, "s-", list_named) for name in ("s-a", "s-b", "s-c")]

    with reads.during_one_pass():
        assert found() == ["s-a", "s-b", None]
    assert asked == ["s-"]
    assert found() == ["s-a", "s-b", None]
    assert asked == ["s-", "s-a", "s-b", "s-c"]
