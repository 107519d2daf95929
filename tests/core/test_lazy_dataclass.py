"""A dataclass of ours and one of the standard library are told apart by nothing that its users do."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import countagg
from countagg.core.lazy_dataclass import dataclass


def _make(decorator: Any, **options: bool) -> dict[str, Any]:
    """Return classes of every form, made by this decorator."""

    class Plain:
        first: int
        second: str = "two"

    class Fields:
        made: list[int] = dataclasses.field(default_factory=list)
        unseen: int = dataclasses.field(default=1, repr=False)
        apart: int = dataclasses.field(default=2, compare=False)
        named: int = dataclasses.field(default=3, kw_only=True)
        counted: int = dataclasses.field(init=False)
        constant: int = dataclasses.field(default=4, init=False)
        fresh: list[int] = dataclasses.field(default_factory=lambda: [5], init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "counted", len(self.made))

    class One:
        only: tuple[int, ...]

    class Empty:
        pass

    class Words:
        store: int
        set: int
        MISSING: int
        default_made: int = 1
        object: list[int] = dataclasses.field(default_factory=list)

    made = {each.__name__: decorator(frozen=True, **options)(each) for each in (Plain, Fields, One, Empty, Words)}

    class Child(made["Plain"]):  # type: ignore[misc, valid-type]
        third: float = 3.0

    return made | {"Child": decorator(frozen=True, **options)(Child)}


OPTIONS = [{}, {"slots": True}, {"kw_only": True}, {"slots": True, "kw_only": True}]


@pytest.fixture(params=OPTIONS, ids=str)
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    return _make(dataclass, **request.param), _make(dataclasses.dataclass, **request.param)


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Plain", (), {}),
    ("Plain", (1,), {}),
    ("Plain", (1, "b"), {}),
    ("Plain", (1, "b", 3), {}),
    ("Plain", (), {"first": 1}),
    ("Plain", (), {"first": 1, "second": "b"}),
    ("Plain", (), {"second": "b"}),
    ("Plain", (1,), {"first": 1}),
    ("Plain", (), {"first": 1, "other": 2}),
    ("Fields", (), {}),
    ("Fields", ([1, 2],), {"named": 7}),
    ("Fields", (), {"made": [1], "unseen": 5, "apart": 6, "named": 7}),
    ("Fields", (), {"counted": 1}),
    ("Fields", (), {"constant": 1}),
    ("One", (), {}),
    ("One", ((1, 2),), {}),
    ("One", (), {"only": ()}),
    ("Empty", (), {}),
    ("Empty", (1,), {}),
    ("Words", (), {"store": 1, "set": 2, "MISSING": 3}),
    ("Child", (1,), {}),
    ("Child", (1, "b", 2.0), {}),
    ("Child", (), {"first": 1, "third": 2.0}),
]


def _outcome(work: Callable[[], object]) -> object:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - which one is compared
        return type(error), str(error)


@pytest.mark.parametrize(("name", "arguments", "named"), CALLS)
def test_an_instance_is_made_and_shown_or_refused_alike(
    both: tuple[dict[str, Any], dict[str, Any]], name: str, arguments: tuple[Any, ...], named: dict[str, Any]
) -> None:
    ours, theirs = both
    wanted = _outcome(lambda: repr(theirs[name](*arguments, **named)))

    assert [_outcome(lambda: repr(ours[name](*arguments, **named))) for _ in range(2)] == [wanted] * 2


@pytest.mark.parametrize(
    "work",
    [
        lambda made: made["Plain"](first=1) == made["Plain"](first=1),
        lambda made: made["Plain"](first=1) == made["Plain"](first=2),
        lambda made: made["Plain"](first=1) == made["Child"](first=1),
        lambda made: made["Plain"](first=1) == (1, "two"),
        lambda made: made["Plain"](first=1).__eq__(1),
        lambda made: made["Fields"](apart=1) == made["Fields"](apart=2),
        lambda made: made["Fields"](unseen=1) == made["Fields"](unseen=2),
        lambda made: made["Empty"]() == made["Empty"](),
        lambda made: made["One"](only=(1,)) == made["One"](only=(1,)),
        lambda made: hash(made["Plain"](first=1)) == hash(made["Plain"](first=1)),
        lambda made: hash(made["Plain"](first=1)) == hash(made["Plain"](first=2)),
        lambda made: len({made["One"](only=(1,)), made["One"](only=(1,)), made["One"](only=())}),
        lambda made: hash(made["Empty"]()) == hash(made["Empty"]()),
        lambda made: hash(made["Fields"]()),
        lambda made: setattr(made["Plain"](first=1), "first", 2),
        lambda made: delattr(made["Plain"](first=1), "first"),
        lambda made: made["Fields"]().made is made["Fields"]().made,
        lambda made: made["Fields"]().fresh is made["Fields"]().fresh,
        lambda made: [made["Fields"](made=[1]).counted, made["Fields"]().constant],
        lambda made: repr(dataclasses.replace(made["Plain"](first=1), second="b")),
        lambda made: repr(dataclasses.replace(made["Fields"](), counted=9)),
        lambda made: dataclasses.asdict(made["Child"](first=1)),
        lambda made: dataclasses.astuple(made["Fields"]()),
        lambda made: made["Child"].__match_args__,
        lambda made: [(f.name, f.type, f.init, f.kw_only) for f in dataclasses.fields(made["Child"])],
        lambda made: dataclasses.is_dataclass(made["Plain"]),
        lambda made: repr(copy.copy(made["Child"](first=1))),
        lambda made: repr(copy.deepcopy(made["Fields"](made=[1]))),
        lambda made: copy.deepcopy(made["Fields"](made=[1])).made,
        lambda made: made["Plain"].__init__.__qualname__ if made["Plain"](first=1) else None,
    ],
)
def test_an_instance_behaves_alike(
    both: tuple[dict[str, Any], dict[str, Any]], work: Callable[[dict[str, Any]], object]
) -> None:
    ours, theirs = both

    assert _outcome(lambda: work(ours)) == _outcome(lambda: work(theirs))


@dataclass(frozen=True, slots=True)
class Kept:
    """One that a name leads to, as pickles want it."""

    first: int
    second: tuple[str, ...] = ()


def test_an_instance_is_pickled() -> None:
    assert pickle.loads(pickle.dumps(Kept(1, ("b",)))) == Kept(1, ("b",))  # noqa: S301 - our own


def test_nothing_is_compiled_until_the_first_instance() -> None:
    @dataclass(frozen=True, slots=True)
    class Unused:
        first: int

    before = Unused.__init__
    assert "first" not in before.__code__.co_varnames
    assert [Unused(1), Unused(first=1)] == [Unused(1)] * 2
    assert "first" in Unused.__init__.__code__.co_varnames
    assert {Unused.__eq__, Unused.__hash__, Unused.__repr__} == {Kept.__eq__, Kept.__hash__, Kept.__repr__}


@pytest.mark.parametrize(
    "options", [{}, {"order": True, "frozen": True}, {"frozen": True, "init": False}], ids=str
)
def test_unusual_ones_are_the_standard_librarys(options: dict[str, bool]) -> None:
    class Body:
        first: int = 1

    assert dataclass(**options)(Body).__dataclass_params__.repr  # type: ignore[attr-defined]


def test_methods_of_a_class_stay() -> None:
    @dataclass(frozen=True)
    class Told:
        first: int

        def __init__(self, first: int) -> None:
            object.__setattr__(self, "first", first + 1)

        def __repr__(self) -> str:
            return f"told {self.first}"

    @dataclass(frozen=True)
    class Counted:
        first: int

        def __init__(self, first: int) -> None:
            object.__setattr__(self, "first", first + 1)

    assert (repr(Told(1)), Counted(1).first) == ("told 2", 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Told(1).first = 2  # type: ignore[misc]


def _classes() -> list[Any]:
    names = [each.name for each in walk_packages(countagg.__path__, "countagg.") if "__main__" not in each.name]
    found = {value for name in names for value in vars(import_module(name)).values() if isinstance(value, type)}
    return [each for each in found if dataclasses.is_dataclass(each) and each.__module__.startswith("countagg")]


def _as_the_standard_library_has_it(cls: Any) -> inspect.Signature:
    fields = [
        (each.name, object, dataclasses.field(default=each.default, init=each.init, kw_only=each.kw_only))
        if each.default_factory is dataclasses.MISSING
        else (each.name, object, dataclasses.field(default_factory=each.default_factory, init=each.init))
        for each in dataclasses.fields(cls)
    ]
    return inspect.signature(dataclasses.make_dataclass("Twin", fields))


def test_the_packages_frozen_classes_are_such_ones_and_take_what_they_would_take() -> None:
    classes = _classes()
    others = {each.__name__ for each in classes if each.__dataclass_params__.frozen}
    ours = [each for each in classes if each.__repr__ is Kept.__repr__]

    assert others == {"Chosen", "Subscriber"}  # the one has its own __init__, the other an order
    assert len(ours) > 200
    for each in ours:
        with suppress(TypeError):
            each(surplus=1)  # __init__ is compiled by the first call, also by one that fails
        assert _parameters(inspect.signature(each)) == _parameters(_as_the_standard_library_has_it(each))


def _parameters(signature: inspect.Signature) -> list[tuple[str, object, bool]]:
    return [(each.name, each.kind, each.default is not each.empty) for each in signature.parameters.values()]
