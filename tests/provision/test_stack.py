from __future__ import annotations

import json
import re
from typing import Any

import pytest

from countagg.core.names import BY_DATE_INDEX, OWNER_TAG
from countagg.core.settings import FunctionSettings
from countagg.provision.blueprint import Blueprint
from countagg.provision.differences import KNOWN_AFTER_SETUP, Tags
from countagg.provision.place import Place
from countagg.provision.reconcile import Holds, NodeOutputs
from countagg.provision.settings import Retention
from countagg.provision.stack import stack_nodes
from countagg.provision.states import (
    FunctionState,
    IndexState,
    MappingState,
    QueueState,
    TableState,
)
from tests.provision.stacks import CODE, IDS, PLACE, make_stack, node_of, state_of

FUNCTIONS = ("processor", "aggregator", "publisher")
POLICY_TEMPLATES = (
    *FUNCTIONS,
    "consumer",
    "trust",
    "topic-uploads",
    "queue-uploads",
    "queue-dead-letters",
    "topic-alerts",
    "bucket",
)


@pytest.fixture
def stack() -> Blueprint:
    return make_stack()


def test_the_stack_on_one_page(stack: Blueprint) -> None:
    assert [node.id for node in stack_nodes(stack) if not node.unwanted] == IDS


def test_without_a_bucket_there_is_neither_bucket_nor_notification() -> None:
    found = stack_nodes(make_stack(bucket=""))
    assert [node.id for node in found if not node.unwanted] == IDS[:-2]


def test_each_spec_comes_after_what_it_needs(stack: Blueprint) -> None:
    seen: set[str] = set()
    for node in stack_nodes(stack):
        assert set(node.needs) <= seen, node.id
        seen.add(node.id)


def test_the_notification_comes_when_all_that_it_triggers_is_there(stack: Blueprint) -> None:
    needs = {node.id: node.needs for node in stack_nodes(stack)}
    reached, waiting = set[str](), ["notification/uploads"]
    while waiting:
        for need in needs[waiting.pop()]:
            if need not in reached:
                reached.add(need)
                waiting.append(need)
    assert {"bucket", "subscription/uploads", "mapping/processor", "function/processor"} <= reached
    assert {"role/processor", "logs/processor", "table/snapshots", "queue/uploads", "topic/uploads"} <= reached


def test_the_bucket_goes_before_the_function_that_tells_its_name(stack: Blueprint) -> None:
    assert "function/processor" in node_of(stack, "bucket").needs


def test_a_bucket_is_borrowed_unless_it_is_ours_to_create() -> None:
    assert "--create-bucket" in (node_of(make_stack(), "bucket").borrowed or "")
    assert not node_of(make_stack(create_bucket=True), "bucket").borrowed


def test_what_can_be_kept(stack: Blueprint) -> None:
    holds = {node.id: node.holds for node in stack_nodes(stack) if node.holds}
    assert holds == {
        "table/snapshots": Holds.DATA,
        "table/totals": Holds.DATA,
        "table/counters": Holds.DATA,
        "bucket": Holds.DATA,
        "logs/processor": Holds.LOGS,
        "logs/aggregator": Holds.LOGS,
        "logs/publisher": Holds.LOGS,
    }


def test_only_keys_of_tables_and_paths_of_roles_cannot_be_changed(stack: Blueprint) -> None:
    immutable = {node.id: node.immutable for node in stack_nodes(stack) if node.immutable}
    keys, path = frozenset({"partition_key", "sort_key"}), frozenset({"path"})
    tables = dict.fromkeys(("table/snapshots", "table/totals", "table/counters"), keys)
    assert immutable == tables | {f"role/{name}": path for name in FUNCTIONS}


def test_everything_that_can_bear_a_tag_bears_the_stack_s(stack: Blueprint) -> None:
    for name in IDS:
        state = state_of(stack, name)
        if name.startswith(("subscription/", "notification/")):
            assert not hasattr(state, "tags")
        else:
            assert state.tags == Tags({OWNER_TAG: "countagg"})


# Names


LIMITS: dict[str, str] = {
    "role": r"[\w+=,.@-]{1,64}",
    "function": r"[a-zA-Z0-9-_]{1,64}",
    "queue": r"[a-zA-Z0-9-_]{1,80}",
    "topic": r"[a-zA-Z0-9-_]{1,256}",
    "table": r"[a-zA-Z0-9_.-]{3,255}",
    "logs": r"[.\-_/#A-Za-z0-9]{1,512}",
    "alarm": r"[ -~]{1,255}",
    "dashboard": r"[A-Za-z0-9_-]{1,255}",
    "bucket": r"b{63}",
    "notification": r"b{63}: [ -~]{1,255}",
}
CONNECTIONS = {"subscription", "mapping"}


@pytest.mark.parametrize("region", ["us-isob-east-1", "ap-southeast-1", "r" * 20])
def test_names_keep_within_the_limits_of_aws(region: str) -> None:
    place = Place("123456789012", region, partition="aws-us-gov")
    kinds = set()
    for node in stack_nodes(make_stack(place, stack="s" * 32, bucket="b" * 63)):
        kind = node.id.partition("/")[0]
        kinds.add(kind)
        if kind not in CONNECTIONS:
            assert re.fullmatch(LIMITS[kind], node.name), node.id
    assert kinds == LIMITS.keys() | CONNECTIONS


def test_connections_are_between_resources_of_the_stack(stack: Blueprint) -> None:
    nodes = stack_nodes(stack)
    known = {arn for node in nodes if (arn := PLACE.arn_of(node.id, node.name))} | {node.name for node in nodes}
    ends: list[Any] = [node.resource for node in nodes if node.id.partition("/")[0] in CONNECTIONS]
    assert len(ends) == 4
    assert {end for each in ends for end in each} <= known | {"sqs"}


def test_two_stacks_share_no_name() -> None:
    one = {node.name for node in stack_nodes(make_stack(stack="one", bucket=""))}
    two = {node.name for node in stack_nodes(make_stack(stack="two", bucket=""))}
    assert not one & two


def test_two_regions_share_no_role() -> None:
    there = make_stack(Place(PLACE.account, "us-east-1"))
    here = make_stack()
    for name in FUNCTIONS:
        assert node_of(here, f"role/{name}").name != node_of(there, f"role/{name}").name


# Queues, topics, tables


def test_a_received_message_stays_hidden_six_times_as_long_as_the_function_may_take(stack: Blueprint) -> None:
    queue: QueueState = state_of(stack, "queue/uploads")
    function: FunctionState = state_of(stack, "function/processor")
    assert queue.visibility_timeout >= 6 * function.timeout


def test_an_upload_that_fails_five_times_goes_to_the_dead_letters(stack: Blueprint) -> None:
    assert json.loads(state_of(stack, "queue/uploads").redrive_policy) == {
        "deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters"),
        "maxReceiveCount": 5,
    }


def test_dead_letters_are_kept_as_long_as_sqs_can_and_longer_than_uploads(stack: Blueprint) -> None:
    dead: QueueState = state_of(stack, "queue/dead-letters")
    assert dead.retention == 14 * 86_400
    assert dead.retention > state_of(stack, "queue/uploads").retention
    assert dead.redrive_policy == ""


def test_the_subscription_delivers_raw_and_has_dead_letters(stack: Blueprint) -> None:
    state = state_of(stack, "subscription/uploads")
    assert state.raw_delivery is True
    assert json.loads(state.redrive_policy) == {"deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters")}
    assert node_of(stack, "subscription/uploads").name == "countagg-uploads -> countagg-uploads"


def allowing(statements: str) -> list[Any]:
    return [each for each in json.loads(statements) if each["Effect"] == "Allow"]


def test_only_s3_for_this_bucket_and_account_publishes_uploads(stack: Blueprint) -> None:
    (statement,) = allowing(state_of(stack, "topic/uploads").statements)
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Resource"] == PLACE.topic_arn("countagg-uploads")
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws:s3:::fleet-counters"},
        "StringEquals": {"aws:SourceAccount": PLACE.account},
    }


def test_only_alarms_of_this_stack_publish_alerts_besides_its_functions(stack: Blueprint) -> None:
    (statement,) = allowing(state_of(stack, "topic/alerts").statements)
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Resource"] == PLACE.topic_arn("countagg-alerts")
    assert statement["Condition"] == {
        "ArnLike": {"aws:SourceArn": PLACE.alarm_arn("countagg-*")},
        "StringEquals": {"aws:SourceAccount": PLACE.account},
    }


@pytest.mark.parametrize(("queue", "topics"), [("uploads", ["uploads"]), ("dead-letters", ["alerts", "uploads"])])
def test_only_the_topics_send_to_the_queues(stack: Blueprint, queue: str, topics: list[str]) -> None:
    (statement,) = allowing(state_of(stack, f"queue/{queue}").statements)
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == PLACE.queue_arn(f"countagg-{queue}")
    senders = [PLACE.topic_arn(f"countagg-{each}") for each in topics]
    expected = senders[0] if len(senders) == 1 else senders
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": expected}}


def test_the_tables(stack: Blueprint) -> None:
    def table(partition_key: str, sort_key: str, *indexes: IndexState) -> TableState:
        return TableState(
            partition_key=partition_key,
            sort_key=sort_key,
            indexes=indexes,
            billing_mode="PAY_PER_REQUEST",
            stream="NEW_AND_OLD_IMAGES",
            ttl_attribute="ExpiresAt",
            kms_key="",
            point_in_time_recovery=None,
            deletion_protection=None,
            tags=stack.tags,
        )

    assert state_of(stack, "table/snapshots") == table("Date", "Instance")
    assert state_of(stack, "table/totals") == table("Date", "")
    assert state_of(stack, "table/counters") == table("Counter", "Date", IndexState(BY_DATE_INDEX, "Date"))


# Functions


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_its_own_role_log_group_and_handler(stack: Blueprint, name: str) -> None:
    state: FunctionState = state_of(stack, f"function/{name}")
    assert state.handler == f"countagg.functions.{name}.handler"
    assert state.role == PLACE.role_arn(f"countagg-{name}-eu-central-1")
    assert node_of(stack, f"role/{name}").name == f"countagg-{name}-eu-central-1"
    assert node_of(stack, f"logs/{name}").name == state.log_group
    assert state.log_group == f"/aws/lambda/countagg-{name}"
    assert {f"role/{name}", f"logs/{name}"} <= set(node_of(stack, f"function/{name}").needs)
    assert (state.runtime, state.architecture, state.log_format) == ("python3.13", "arm64", "JSON")
    assert state.code == CODE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_environment_is_what_the_functions_read(name: str) -> None:
    stack = make_stack(
        stack="mine",
        prefix="in/",
        output_prefix="out/",
        retention=Retention(snapshots=7, totals=50),
    )
    state: FunctionState = state_of(stack, f"function/{name}")
    assert FunctionSettings.from_environment(state.environment) == FunctionSettings(
        stack="mine",
        bucket="fleet-counters",
        bucket_owner=PLACE.account,
        prefix="in/",
        output_prefix="out/",
        dead_letters_url="https://queue.test/dead-letters",
        snapshot_retention_days=7,
        totals_retention_days=50,
        alerts_topic_arn=PLACE.topic_arn("mine-alerts"),
    )
    assert len(json.dumps(dict(state.environment))) < 4096


def test_log_retention_is_one_that_aws_allows(stack: Blueprint) -> None:
    assert state_of(stack, "logs/processor").retention == 30
    assert state_of(make_stack(retention=Retention(logs=90)), "logs/publisher").retention == 90


# Mappings, as in the table of the design


def test_the_mapping_of_the_queue(stack: Blueprint) -> None:
    assert node_of(stack, "mapping/processor").name == "countagg-uploads -> countagg-processor"
    assert state_of(stack, "mapping/processor") == MappingState(
        source=PLACE.queue_arn("countagg-uploads"),
        enabled=True,
        batch_size=10,
        window=0,
        tags=stack.tags,
        partial_answers=True,
        max_concurrency=100,
    )


@pytest.mark.parametrize(("chosen", "runs"), [(100, 5), (2, 2)])
def test_the_engine_runs_few_processors_at_a_time(chosen: int, runs: int) -> None:
    place = Place("123456789012", "eu-central-1", embedded=True)

    state: MappingState = state_of(make_stack(place, max_concurrency=chosen), "mapping/processor")

    assert state.max_concurrency == runs


def test_the_mapping_of_the_snapshots(stack: Blueprint) -> None:
    state: MappingState = state_of(stack, "mapping/aggregator")
    assert node_of(stack, "mapping/aggregator").name == "countagg-snapshots -> countagg-aggregator"
    assert state == MappingState(
        source="arn:of:table/snapshots",
        enabled=True,
        batch_size=1_000,
        window=1,
        tags=stack.tags,
        filters=(
            '{"dynamodb":{"NewImage":{"Change":{"S":["counters"]}}},"eventName":["INSERT","MODIFY"]}',
            '{"dynamodb":{"NewImage":{"Change":{"S":[{"exists":false}]}}},"eventName":["INSERT","MODIFY"]}',
        ),
        bisect=True,
        tries=10,
        on_failure=PLACE.queue_arn("countagg-dead-letters"),
    )
    assert state.starting_position == "TRIM_HORIZON"


def test_the_mapping_of_the_totals(stack: Blueprint) -> None:
    state: MappingState = state_of(stack, "mapping/publisher")
    assert node_of(stack, "mapping/publisher").name == "countagg-totals -> countagg-publisher"
    assert state == MappingState(
        source="arn:of:table/totals",
        enabled=True,
        batch_size=100,
        window=10,
        tags=stack.tags,
        filters=('{"eventName":["INSERT","MODIFY"]}',),
        bisect=False,
        tries=30,
        on_failure=PLACE.queue_arn("countagg-dead-letters"),
    )
    assert state.starting_position == "TRIM_HORIZON"


def test_sources_that_do_not_exist_yet_are_unknown(stack: Blueprint) -> None:
    for name in ("mapping/aggregator", "mapping/publisher"):
        assert node_of(stack, name).desired(NodeOutputs()).source == KNOWN_AFTER_SETUP


def test_the_notification(stack: Blueprint) -> None:
    assert node_of(stack, "notification/uploads").name == "fleet-counters: countagg-uploads"
    state = state_of(stack, "notification/uploads")
    assert state.topic == PLACE.topic_arn("countagg-uploads")
    assert state.events == ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    assert (state.prefix, state.suffix) == ("counters/", "")


# Policies of the place


@pytest.mark.parametrize("template", POLICY_TEMPLATES)
def test_tls_is_demanded_only_where_there_is_tls(template: str) -> None:
    plain = make_stack(Place("123456789012", "eu-central-1", tls=False)).policy(template)
    assert "aws:SecureTransport" not in json.dumps(plain)
    with_tls = make_stack().policy(template)
    kept = [each for each in with_tls["Statement"] if "aws:SecureTransport" not in json.dumps(each)]
    assert plain["Statement"] == kept


@pytest.mark.parametrize("template", POLICY_TEMPLATES)
def test_the_engine_s_own_permissions_are_granted_only_there(template: str) -> None:
    on_aws = make_stack().policy(template)["Statement"]
    on_engine = make_stack(Place("123456789012", "eu-central-1", embedded=True)).policy(template)["Statement"]
    added = on_engine[len(on_aws) :]
    assert on_engine[: len(on_aws)] == on_aws
    assert [each["Action"] for each in added] == (
        ["dynamodb:BatchExecuteStatement"] if template == "publisher" else []
    )
    assert "BatchExecuteStatement" not in json.dumps(on_aws)
