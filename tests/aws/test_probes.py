"""What a self-test asks AWS besides what commands do."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from countagg.aws.invocations import invoke
from countagg.aws.probes import CallMeter, StatementAnswer, fail_statement
from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.errors import AccessDenied, CountaggError
from tests.aws.world import REGION
from tests.fakes.clients import FakeClients


@pytest.fixture
def clients() -> Any:
    with mock_aws():
        yield Clients(ConnectionOptions(region=REGION))


def test_calls_are_counted_and_stop_at_the_ceiling_while_it_is_there(clients: Clients) -> None:
    meter = CallMeter(clients, 2)
    clients.sqs.list_queues()
    clients.sns.list_topics()

    with pytest.raises(CountaggError, match="the ceiling of 2 calls is reached"):
        clients.sqs.list_queues()
    meter.limited = False
    clients.sqs.list_queues()

    assert meter.total == 3


def test_only_what_may_change_something_is_a_mutation(clients: Clients) -> None:
    meter = CallMeter(clients, 100)
    clients.sqs.create_queue(QueueName="before")

    with meter.mutations() as none:
        clients.sqs.list_queues()
        clients.sqs.get_queue_url(QueueName="before")
    with meter.mutations() as some:
        clients.sqs.create_queue(QueueName="q")
        clients.sns.create_topic(Name="t")

    assert (none, some) == ([], ["CreateQueue", "CreateTopic"])


def answering(**operations: Any) -> Clients:
    """Return clients whose DynamoDB and Lambda answer so."""
    functions = {name: staticmethod(lambda answer=answer, **_: answer) for name, answer in operations.items()}
    client = type("Client", (), functions)()
    return FakeClients(dynamodb=client, lambda_=client)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"TableName": "t"}, StatementAnswer(None, item_in_error=False, item_beside_error=False)),
        (
            {"Error": {"Code": "ConditionalCheckFailed", "Item": {}}},
            StatementAnswer("ConditionalCheckFailed", item_in_error=True, item_beside_error=False),
        ),
        (
            {"Error": {"Code": "ConditionalCheckFailed"}, "Item": {}},
            StatementAnswer("ConditionalCheckFailed", item_in_error=False, item_beside_error=True),
        ),
    ],
)
def test_where_the_item_of_a_failed_statement_is_told(response: Any, expected: StatementAnswer) -> None:
    clients = answering(batch_execute_statement={"Responses": [response]})

    assert fail_statement(clients, "t", "A", "2026-11-20") == expected


def test_an_invocation_has_its_answer_its_failure_and_the_end_of_its_log() -> None:
    body = SimpleNamespace(read=lambda: b'{"errorMessage": "no"}')
    clients = answering(invoke={"Payload": body, "FunctionError": "Unhandled", "LogResult": "b25lCnR3bwo="})

    found = invoke(clients, "f", {})

    assert (found.error, found.answer, found.tail) == ("Unhandled", '{"errorMessage": "no"}', ("one", "two"))


def test_an_invocation_that_is_denied_says_so(clients: Clients) -> None:
    denied = {
        "Error": {"Code": "AccessDeniedException", "Message": "not authorized to perform: lambda:InvokeFunction"}
    }

    def refuse(**_: object) -> Any:
        return SimpleNamespace(status_code=403), denied

    clients.session.events.register("before-call.lambda.Invoke", refuse)

    with pytest.raises(AccessDenied, match="lambda:InvokeFunction"):
        invoke(clients, "f", {})
