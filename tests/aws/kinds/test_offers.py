"""Stacks in regions that do not offer everything: set up, silent the second time, and gone without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Final

import pytest

from countagg.aws.environments import read_environment
from countagg.aws.kinds.lambda_mappings import NO_MAPPING_TAGS
from countagg.core.errors import AwsCallFailed
from countagg.core.names import OWNER_TAG
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.reconcile import Node
from tests.aws.inventory import inventory
from tests.aws.lesser_regions import (
    ARM64,
    BUCKET_TAGS,
    FEATURES,
    JSON_LOGS,
    MAPPING_TAGS,
    TAGS_OF_NEW_MAPPINGS,
    LesserRegion,
)
from tests.aws.world import STACK, Calls, World, account, make_clients, touched

pytestmark = pytest.mark.exhaustive

TAGS: Final = {"team": "fleet"}
EVERYWHERE: Final = (ARM64, JSON_LOGS, MAPPING_TAGS, BUCKET_TAGS)
BUCKET: Final = "fleet-counters"


PARTS: Final = (
    *("logs/processor", "role/processor", "function/processor", "mapping/processor"),
    *("queue", "table/snapshots", "bucket"),
)
"""One function with its mapping, and the bucket, stand for the whole stack."""


@dataclass
class There:
    """A stack in such a region, whose settings are completed as those of setup are."""

    world: World
    region: LesserRegion

    def nodes(self, **chosen: Any) -> list[Node[Any]]:
        remembered = Remembered.from_environment(read_environment(self.world.clients, STACK))
        settings = Chosen(STACK, bucket=BUCKET, create_bucket=True, **{"tags": TAGS, **chosen}).settings(
            remembered
        )
        said = {item.name: getattr(settings, item.name) for item in fields(settings) if item.init}
        return self.world.nodes(**said)

    def set_up(self, **chosen: Any) -> list[str]:
        """Set up, and return the calls that change something."""
        self.world.set_up(self.nodes(**chosen))
        return self.world.mutating

    def architectures(self) -> set[str]:
        return {each["Architectures"][0] for each in self.functions()}

    def functions(self) -> list[Any]:
        """Return the configurations of the functions, each with its tags."""
        lambda_ = self.world.clients.lambda_
        names = [each["FunctionName"] for each in lambda_.list_functions()["Functions"]]
        found = [lambda_.get_function(FunctionName=name) for name in names]
        assert found
        return [{**each["Configuration"], "Tags": each["Tags"]} for each in found]


@contextmanager
def somewhere(*lacks: str, name: str = "eu-south-2", parts: tuple[str, ...] = PARTS) -> Iterator[There]:
    """Enter an empty account of a region that lacks something."""
    calls, region = Calls(), LesserRegion(name, frozenset(lacks))
    clients = make_clients(calls, name)
    region.watch(clients)
    if name.startswith("us-gov-"):
        # moto takes the partition from the address, and does not know that of IAM there.
        there = clients.session.client("iam", endpoint_url=f"https://iam.{name}.amazonaws.com")
        clients.__dict__["iam"] = there
    with account():
        world = World(clients, calls, clients.caller().place).focus(*parts)
        yield There(world, region)


@pytest.mark.parametrize(
    "lacks", [*((each,) for each in FEATURES), EVERYWHERE], ids=lambda lacks: "; ".join(lacks)[:60]
)
def test_setup_makes_do_the_second_is_silent_and_teardown_leaves_nothing(lacks: tuple[str, ...]) -> None:
    with somewhere(*lacks) as there:
        before = inventory(there.world.clients)

        there.set_up()

        assert there.region.refused
        assert touched(there.world.plan(there.nodes())) == []
        assert there.set_up() == []
        assert there.architectures() == {"x86_64" if ARM64 in lacks else "arm64"}
        formats = {each.get("LoggingConfig", {}).get("LogFormat", "Text") for each in there.functions()}
        assert formats == {"Text" if JSON_LOGS in lacks else "JSON"}
        tags = there.world.clients.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
        assert {"Key": OWNER_TAG, "Value": STACK} in tags

        there.world.tear_down(there.nodes())
        assert inventory(there.world.clients) == before


def test_a_whole_stack_makes_do_and_says_so_once_for_each_resource() -> None:
    with somewhere(*EVERYWHERE, parts=()) as there:
        there.set_up()
        warned = there.world.warnings
        assert len(warned) == len(set(warned)) == 9
        assert f"function {STACK}-processor: arm64 is not offered here; it is x86_64 instead" in warned
        assert sum("does not offer JSON logs" in each for each in warned) == 3
        assert sum("no tags, because this region" in each for each in warned) == 3
        assert there.set_up() == []
        assert len(warned) == 9
        assert all(NO_MAPPING_TAGS in each["Tags"] for each in there.functions())
        there.world.tear_down(there.nodes())
        assert [node.id for node in there.nodes() if node.resource.read() is not None] == []


@pytest.mark.parametrize(
    ("operation", "refused"), [("CreateFunction", 2), ("CreateEventSourceMapping", 1), ("TagResource", 0)]
)
def test_a_setup_that_was_killed_in_the_middle_is_finished_by_the_next(operation: str, refused: int) -> None:
    with somewhere(*EVERYWHERE) as there:
        whole = there.set_up()
    with somewhere(*EVERYWHERE) as there:
        with there.world.dying(after=whole.index(operation) + refused) as died:
            there.set_up()
        assert died

        there.set_up()

        assert there.set_up() == []
        assert there.architectures() == {"x86_64"}


def test_a_memory_that_was_emptied_by_hand_is_made_again() -> None:
    with somewhere(*EVERYWHERE) as there:
        there.set_up()
        for found in there.functions():
            there.world.clients.lambda_.update_function_configuration(
                FunctionName=found["FunctionName"], Environment={"Variables": {}}
            )
            there.world.clients.lambda_.untag_resource(Resource=found["FunctionArn"], TagKeys=[NO_MAPPING_TAGS])

        there.set_up()

        assert there.set_up() == []
        assert there.architectures() == {"x86_64"}


def test_an_architecture_that_was_chosen_is_not_replaced() -> None:
    with somewhere(ARM64) as there:
        with pytest.raises(AwsCallFailed, match='"arm64" is not supported in eu-south-2') as caught:
            there.set_up(architecture="arm64")
        assert caught.value.hint == "choose --architecture x86_64"
        there.set_up(architecture="x86_64")
        assert there.set_up() == []


def test_an_architecture_can_be_chosen_changed_and_taken_back() -> None:
    with somewhere() as there:
        there.set_up(architecture="x86_64")
        assert there.set_up() == []
        assert there.architectures() == {"x86_64"}
        there.set_up(architecture="none")
        assert there.architectures() == {"arm64"}
        assert there.set_up() == []
        assert there.world.warnings == []


@pytest.mark.parametrize(
    ("operation", "code", "text"),
    [
        ("CreateFunction", "InvalidParameterValueException", "The runtime does not support the architectures"),
        ("CreateFunction", "InvalidParameterValueException", "LoggingConfig: no such log group"),
        ("CreateFunction", "ValidationException", 'Architecture "arm64" is not supported in x'),
        ("CreateEventSourceMapping", "InvalidParameterValueException", "Invalid tag"),
        ("CreateBucket", "InvalidArgument", "The request contained an unsupported argument."),
    ],
)
def test_other_refusals_rise(operation: str, code: str, text: str) -> None:
    with somewhere() as there:
        there.world.answers(operation, code, text)
        with pytest.raises(AwsCallFailed, match=text.partition(":")[0]):
            there.set_up()
        assert there.world.warnings == []


@pytest.mark.parametrize(
    ("name", "documented"),
    [
        ("us-gov-west-1", (JSON_LOGS, MAPPING_TAGS)),
        ("us-gov-east-1", (JSON_LOGS, TAGS_OF_NEW_MAPPINGS)),
        ("cn-north-1", (MAPPING_TAGS,)),
    ],
)
def test_what_a_partition_is_documented_not_to_offer_is_never_asked_for(
    name: str, documented: tuple[str, ...]
) -> None:
    with somewhere(*documented, name=name) as there:
        there.set_up()
        assert there.set_up() == []
        assert there.region.refused == []
        assert there.world.warnings == []
        there.world.tear_down(there.nodes())
        assert there.world.clients.lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def test_text_logs_that_go_elsewhere_are_put_back() -> None:
    with somewhere(name="us-gov-west-1") as there:
        there.set_up()
        there.world.clients.lambda_.update_function_configuration(
            FunctionName=f"{STACK}-processor", LoggingConfig={"LogFormat": "Text", "LogGroup": "/elsewhere"}
        )
        assert there.set_up() == ["UpdateFunctionConfiguration"]
        assert there.set_up() == []


def test_a_mapping_without_an_arn_of_its_own_is_mended_too() -> None:
    def forget(parsed: dict[str, Any], **_: object) -> None:
        for found in parsed["EventSourceMappings"]:
            del found["EventSourceMappingArn"]

    with somewhere(name="cn-north-1") as there:
        lambda_ = there.world.clients.lambda_
        lambda_.meta.events.register("after-call.lambda.ListEventSourceMappings", forget)
        there.set_up()
        (found,) = lambda_.list_event_source_mappings()["EventSourceMappings"]
        lambda_.update_event_source_mapping(UUID=found["UUID"], BatchSize=1)
        assert there.set_up() == ["UpdateEventSourceMapping"]
        assert there.set_up() == []
