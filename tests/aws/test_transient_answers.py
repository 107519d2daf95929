"""The answers of AWS that go away by themselves, given to the real kinds; and those that only look like them."""

from __future__ import annotations

from typing import Any

import pytest

from countagg.aws import waiting
from countagg.aws.waiting import Answer, Transient
from countagg.core.errors import AwsCallFailed, CountaggError, TimedOut
from tests.aws.by_hand import PARTS
from tests.aws.not_yet import ANSWERS
from tests.aws.transient_answers import CASES, INVALID, KINDS, after, create, new_policy
from tests.aws.world import World, answer, touched

every_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def focused(world: World, case: str) -> World:
    """Give the parts of a stack that the case is about."""
    kind = next(kind for part, kind in KINDS.items() if part in CASES[case][0])
    world.focus(*PARTS[kind]).choose(tags={"team": "fleet"}).set_up()
    return world


def test_every_listed_answer_has_a_case() -> None:
    listed = {
        transient
        for name, value in vars(waiting).items()
        if name.isupper() and isinstance(value, tuple)
        for transient in value
        if isinstance(transient, Transient)
    }
    given = [answer(code, text) for _, _, code, text, _ in CASES.values()]
    given += [answer(each.code, each.text) for each in ANSWERS]
    assert {transient for transient in listed if not any(map(transient.matches, given))} == set()
    assert len(listed) > 30
    # Not waited for: see the drift of an expiry.
    others = [value for value in vars(waiting).values() if isinstance(value, Answer)]
    assert others == [waiting.TTL_CHANGED_LATELY]


@every_case
def test_a_listed_answer_of_aws_is_waited_out(focused: World, case: str) -> None:
    operation, prepare, code, text, _ = CASES[case]
    run = prepare(focused)
    focused.answers(operation, code, text, times=2)
    run()
    assert focused.mutating.count(operation) >= 3
    assert focused.calls.errors[operation] == []
    assert focused.clock.pauses == [0.5, 0.8]
    assert len(focused.waited_for) == 1
    if "delet" not in case.partition(" ")[0]:
        assert touched(focused.plan()) == []


@every_case
def test_the_same_code_with_another_text_rises_at_once(focused: World, case: str) -> None:
    operation, prepare, code, text, transients = CASES[case]
    said = [each for each in transients if each.matches(answer(code, text))]
    run = prepare(focused)
    if all(each.text for each in said):
        focused.answers(operation, code, "It is your mistake.")
        expected = "It is your mistake."
    else:
        # The code says it all: another code is the mistake.
        focused.answers(operation, "ValidationException", text)
        expected = "failed"
    with pytest.raises(AwsCallFailed, match=expected):
        run()
    assert focused.clock.pauses == []
    assert focused.waited_for == []


QUOTA = "Subscriber limit exceeded: There is a limit of 2500 tables per account"
LOOK_ALIKES: dict[str, tuple[str, Any, str, str]] = {
    "role that may not be passed": (
        "CreateFunction",
        create("function/processor"),
        "AccessDeniedException",
        "not authorized to perform: iam:PassRole on resource: arn:x",
    ),
    "quota of tables": ("CreateTable", create("table/counters"), "LimitExceededException", QUOTA),
    "notification of a topic whose ARN is none": (
        "PutBucketNotificationConfiguration",
        create("notification/uploads"),
        "InvalidArgument",
        "The ARN could not be parsed",
    ),
    "malformed policy": (
        "PutRolePolicy",
        after(new_policy),
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
    ),
    "quota of roles": (
        "CreateRole",
        create("role/processor"),
        "LimitExceeded",
        "Cannot exceed quota for RolesPerAccount",
    ),
}


@pytest.mark.parametrize("case", LOOK_ALIKES)
def test_a_mistake_that_looks_like_a_listed_answer_rises_at_once(world: World, case: str) -> None:
    operation, prepare, code, text = LOOK_ALIKES[case]
    kind = next(kind for part, kind in KINDS.items() if part in operation)
    world.focus(*PARTS[kind]).set_up()
    run = prepare(world)
    world.answers(operation, code, text)
    with pytest.raises(CountaggError) as caught:
        run()
    assert not isinstance(caught.value, TimedOut)
    assert (world.clock.pauses, world.waited_for) == ([], [])
    assert world.calls.errors[operation] == []


def test_a_mistake_after_a_listed_answer_rises_at_once(world: World) -> None:
    world.focus("table").set_up()
    run = create("table/counters")(world)
    world.calls.errors["CreateTable"] = [
        answer("ResourceInUseException", "Table is being deleted"),
        answer("LimitExceededException", QUOTA),
    ]
    with pytest.raises(AwsCallFailed, match="2500 tables"):
        run()
    assert world.clock.pauses == [0.5]


def test_a_wait_that_never_ends_names_the_resource_and_times_out(world: World) -> None:
    world.focus(*PARTS["function"]).set_up()
    run = create("function/processor")(world)
    world.answers(
        "CreateFunction", INVALID, "The role defined for the function cannot be assumed by Lambda.", times=500
    )
    with pytest.raises(CountaggError) as caught:
        run()
    assert isinstance(caught.value, TimedOut)
    assert "countagg-processor" in caught.value.where
    assert world.clock.now >= 600
