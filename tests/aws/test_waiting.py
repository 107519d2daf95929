from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws import waiting
from countagg.aws.waiting import Patience, Transient
from countagg.core.errors import AwsCallFailed, CountaggError, TimedOut
from countagg.provision.reconcile import FieldChange
from tests.aws.by_hand import FUNCTIONS, PARTS, ROLES
from tests.aws.world import Clock, World, answer, touched

BUSY = (Transient("Busy", "come back"),)


@dataclass
class Slow:
    """An action that is answered with errors before it succeeds."""

    errors: list[ClientError]
    calls: int = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@dataclass
class Waiter:
    """Patience with a clock that only sleeping moves."""

    clock: Clock
    announced: list[str]
    patience: Patience


@pytest.fixture
def waiter() -> Waiter:
    clock, announced = Clock(), list[str]()
    return Waiter(clock, announced, Patience(announced.append, 100, clock.sleep, lambda: clock.now))


def test_what_succeeds_at_once_is_neither_waited_for_nor_announced(waiter: Waiter) -> None:
    assert waiter.patience.call(Slow([]), BUSY, "x") == "done"
    assert (waiter.clock.pauses, waiter.announced) == ([], [])


def test_a_listed_answer_is_waited_out_and_announced_once(waiter: Waiter) -> None:
    action = Slow([answer("Busy", "please come back later")] * 4)
    assert waiter.patience.call(action, BUSY, "the thing") == "done"
    assert action.calls == 5
    assert len(waiter.clock.pauses) == 4
    assert waiter.announced == ["the thing"]


@pytest.mark.parametrize("error", [answer("Busy", "never"), answer("Other", "come back"), answer("", "")])
def test_every_other_answer_rises_before_any_sleep(waiter: Waiter, error: ClientError) -> None:
    with pytest.raises(ClientError) as caught:
        waiter.patience.call(Slow([error]), BUSY, "x")
    assert caught.value is error
    assert (waiter.clock.pauses, waiter.announced) == ([], [])


def test_another_answer_after_a_listed_one_rises_at_once(waiter: Waiter) -> None:
    with pytest.raises(ClientError, match="Other"):
        waiter.patience.call(Slow([answer("Busy", "come back"), answer("Other")]), BUSY, "x")
    assert len(waiter.clock.pauses) == 1


def test_an_error_that_is_no_answer_rises(waiter: Waiter) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        waiter.patience.call(fail, BUSY, "x")


def test_pauses_grow_up_to_a_limit(waiter: Waiter) -> None:
    waiter.patience.call(Slow([answer("Busy", "come back")] * 12), BUSY, "x")
    pauses = waiter.clock.pauses
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.5
    assert pauses[1] > pauses[0]
    assert pauses[-1] == pauses[-2] == 10


def test_the_deadline_ends_a_wait(waiter: Waiter) -> None:
    action = Slow([answer("Busy", "come back")] * 1000)
    with pytest.raises(TimedOut) as caught:
        waiter.patience.call(action, BUSY, "the thing")
    assert caught.value.where == "the thing"
    assert caught.value.hint
    assert 100 <= waiter.clock.now <= 110
    assert action.calls == len(waiter.clock.pauses) + 1


def test_a_condition_is_asked_until_it_holds(waiter: Waiter) -> None:
    answers = [False, False, True]
    waiter.patience.until(lambda: answers.pop(0), "it")
    assert answers == []
    assert len(waiter.clock.pauses) == 2
    assert waiter.announced == ["it"]


def test_a_condition_that_holds_is_asked_once(waiter: Waiter) -> None:
    answers = [True, False]
    waiter.patience.until(lambda: answers.pop(0), "it")
    assert answers == [False]


def test_each_wait_is_announced_and_has_its_own_deadline(waiter: Waiter) -> None:
    for _ in range(3):
        waiter.patience.call(Slow([answer("Busy", "come back")] * 10), BUSY, "it")
    assert waiter.announced == ["it"] * 3
    assert waiter.clock.now > 100


def test_by_default_time_is_real() -> None:
    patience = Patience(lambda _: None)
    assert patience.deadline >= 330  # a fresh role once took that long
    before = patience.clock()
    patience.sleep(0.001)
    assert patience.clock() > before


# The listed answers, given to the real kinds


def create(name: str) -> Callable[[World], Callable[[], object]]:
    """Delete the resource, and set the stack up."""

    def prepare(world: World) -> Callable[[], object]:
        (node,) = world.nodes(name)
        node.resource.delete()
        return world.set_up

    return prepare


def after(spoil: Callable[[World], object]) -> Callable[[World], Callable[[], object]]:
    """Change something by hand, and set the stack up."""

    def prepare(world: World) -> Callable[[], object]:
        spoil(world)
        return world.set_up

    return prepare


def delete(name: str) -> Callable[[World], Callable[[], object]]:
    """Tear one resource down."""
    return lambda world: lambda: world.tear_down(world.nodes(name))


def new_memory(world: World) -> object:
    return world.clients.lambda_.update_function_configuration(
        FunctionName=FUNCTIONS["function/processor"], MemorySize=1024
    )


def new_code(world: World) -> object:
    return world.clients.lambda_.update_function_code(
        FunctionName=FUNCTIONS["function/processor"], ZipFile=b"PK\x05\x06" + bytes(18)
    )


def new_batch_size(world: World) -> object:
    (found,) = world.clients.lambda_.list_event_source_mappings(FunctionName="countagg-processor")[
        "EventSourceMappings"
    ]
    return world.clients.lambda_.update_event_source_mapping(UUID=found["UUID"], BatchSize=1)


def new_policy(world: World) -> object:
    return world.clients.iam.delete_role_policy(RoleName=ROLES["role/processor"], PolicyName="countagg")


def no_index(world: World) -> object:
    return world.clients.dynamodb.update_table(
        TableName="countagg-counters", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "ByDate"}}]
    )


def new_retention(world: World) -> object:
    return world.clients.logs.put_retention_policy(
        logGroupName="/aws/lambda/countagg-processor", retentionInDays=1
    )


INVALID = "InvalidParameterValueException"
CASES: dict[str, tuple[str, Any, str, str, tuple[Transient, ...]]] = {
    "role that cannot be assumed": (
        "CreateFunction",
        create("function/processor"),
        INVALID,
        "The role defined for the function cannot be assumed by Lambda.",
        waiting.ROLE_NOT_READY,
    ),
    "role without its policy": (
        "CreateFunction",
        create("function/processor"),
        INVALID,
        "The provided execution role does not have permissions to call SendMessage on SQS",
        waiting.ROLE_NOT_READY,
    ),
    "configuration, role that cannot be assumed": (
        "UpdateFunctionConfiguration",
        after(new_memory),
        INVALID,
        "The role defined for the function cannot be assumed by Lambda.",
        waiting.ROLE_NOT_READY,
    ),
    "stream that cannot be read": (
        "CreateEventSourceMapping",
        create("mapping/aggregator"),
        INVALID,
        "Cannot access stream arn:x. Please ensure the role can perform the GetRecords, GetShardIterator, ...",
        waiting.STREAM_NOT_READABLE,
    ),
    "queue that cannot be read": (
        "CreateEventSourceMapping",
        create("mapping/processor"),
        INVALID,
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        waiting.QUEUE_NOT_READABLE,
    ),
    "queue that cannot be read, in newer words": (
        "CreateEventSourceMapping",
        create("mapping/processor"),
        INVALID,
        "The function execution role does not have permissions to call ReceiveMessage on SQS",
        waiting.QUEUE_NOT_READABLE,
    ),
    "configuration of a busy function": (
        "UpdateFunctionConfiguration",
        after(new_memory),
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:x",
        waiting.FUNCTION_BUSY,
    ),
    "code of a busy function": (
        "UpdateFunctionCode",
        after(new_code),
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:x",
        waiting.FUNCTION_BUSY,
    ),
    "update of a busy mapping": (
        "UpdateEventSourceMapping",
        after(new_batch_size),
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
        waiting.MAPPING_BUSY,
    ),
    "deletion of a busy mapping": (
        "DeleteEventSourceMapping",
        delete("mapping/processor"),
        "ResourceInUseException",
        "Cannot delete the event source mapping because it is in use.",
        waiting.MAPPING_BUSY,
    ),
    "too many tables being created": (
        "CreateTable",
        create("table/counters"),
        "LimitExceededException",
        "Too many operations for a given subscriber.",
        waiting.TABLE_BUSY,
    ),
    "update of a busy table": (
        "UpdateTable",
        after(no_index),
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being updated",
        waiting.TABLE_BUSY,
    ),
    "deletion of a busy table": (
        "DeleteTable",
        delete("table/counters"),
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being created",
        waiting.TABLE_BUSY,
    ),
    "topic that S3 may not publish to yet": (
        "PutBucketNotificationConfiguration",
        create("notification/uploads"),
        "InvalidArgument",
        "Unable to validate the following destination configurations",
        waiting.DESTINATION_NOT_VALID,
    ),
    "queue deleted recently": (
        "CreateQueue",
        create("queue/uploads"),
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        waiting.QUEUE_DELETED_RECENTLY,
    ),
    "queue deleted recently, by its short code": (
        "CreateQueue",
        create("queue/uploads"),
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        waiting.QUEUE_DELETED_RECENTLY,
    ),
    "log group being made by others": (
        "CreateLogGroup",
        create("logs/processor"),
        "OperationAbortedException",
        "A conflicting operation is currently in progress against this resource.",
        waiting.LOGS_BUSY,
    ),
    "retention being set by others": (
        "PutRetentionPolicy",
        after(new_retention),
        "OperationAbortedException",
        "A conflicting operation is currently in progress against this resource.",
        waiting.LOGS_BUSY,
    ),
    "role being changed by others": (
        "PutRolePolicy",
        after(new_policy),
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously.",
        waiting.ROLE_BUSY,
    ),
}

KINDS = {
    "EventSourceMapping": "mapping",
    "Function": "function",
    "Table": "table",
    "Notification": "bucket",
    "Queue": "queue",
    "Log": "logs",
    "Retention": "logs",
    "Role": "role",
}
"""Which kind an operation is about, by a part of its name; the first that fits counts."""

every_case = pytest.mark.parametrize("case", CASES)


@pytest.fixture
def focused(world: World, case: str) -> World:
    """Give the parts of a stack that the case is about."""
    kind = next(kind for part, kind in KINDS.items() if part in CASES[case][0])
    world.focus(*PARTS[kind]).set_up()
    return world


def test_every_listed_answer_has_a_case() -> None:
    listed = {
        transient
        for name, value in vars(waiting).items()
        if name.isupper() and isinstance(value, tuple)
        for transient in value
        if isinstance(transient, Transient)
    }
    covered = {
        transient
        for _, _, code, text, transients in CASES.values()
        for transient in transients
        if transient.matches(answer(code, text))
    }
    assert covered == listed
    assert len(listed) > 8


@every_case
def test_a_listed_answer_of_aws_is_waited_out(focused: World, case: str) -> None:
    operation, prepare, code, text, _ = CASES[case]
    run = prepare(focused)
    focused.answers(operation, code, text, times=2)
    run()
    assert focused.mutating.count(operation) >= 3
    assert focused.calls.errors[operation] == []
    assert len(focused.clock.pauses) == 2
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


def test_an_update_that_needs_nothing_makes_no_call(world: World) -> None:
    world.focus("role").set_up()
    (node,) = world.nodes("role/processor")
    observed = node.resource.read()
    assert observed is not None
    world.calls.reset()
    unchanged = FieldChange("policies", observed.state.policies, observed.state.policies)
    node.resource.update(observed.state, [unchanged])
    assert world.mutating == []
