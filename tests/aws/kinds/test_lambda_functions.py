from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from countagg.aws.kinds.lambda_functions import Function
from countagg.core.errors import AwsCallFailed
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.reconcile import Action
from countagg.provision.states import FunctionState
from tests.aws import by_hand
from tests.aws.by_hand import FUNCTIONS, assert_mended, tag
from tests.aws.world import PLACE, World, answer, make_context, make_zip, touched

PARTS = by_hand.PARTS["function"]

NODE = "function/processor"
NAME = FUNCTIONS[NODE]


def configuration(world: World) -> dict[str, Any]:
    found: dict[str, Any] = dict(world.clients.lambda_.get_function(FunctionName=NAME)["Configuration"])
    return {key: found[key] for key in found if key not in {"LastModified", "RevisionId", "Version"}}


def test_new_code_reaches_every_function_and_nothing_else(deployed: World) -> None:
    deployed.code = make_zip("new release")
    expected = [(name, Action.UPDATE, ("code",)) for name in FUNCTIONS]
    assert touched(deployed.plan()) == expected
    assert touched(deployed.set_up()) == expected
    assert deployed.mutating == ["UpdateFunctionCode"] * 3


def test_everything_at_once_takes_a_call_each_and_survives_a_death_between(deployed: World) -> None:
    aws = deployed.clients.lambda_
    before = configuration(deployed)

    def spoil() -> None:
        aws.update_function_code(FunctionName=NAME, ZipFile=make_zip("theirs").content)
        aws.update_function_configuration(FunctionName=NAME, MemorySize=1024)

    spoil()
    assert_mended(deployed, NODE, ("memory", "code"), ["UpdateFunctionCode", "UpdateFunctionConfiguration"])
    spoil()
    with deployed.dying(after=0) as died:
        deployed.set_up()
    assert died
    assert_mended(deployed, NODE, ("memory",), ["UpdateFunctionConfiguration"])
    assert configuration(deployed) == before


def test_tags_of_others_survive_an_update(deployed: World) -> None:
    tag(deployed, NODE, "cost-centre", "17")
    deployed.clients.lambda_.update_function_configuration(FunctionName=NAME, MemorySize=1024)
    deployed.set_up()
    assert deployed.clients.lambda_.list_tags(Resource=PLACE.function_arn(NAME))["Tags"]["cost-centre"] == "17"


# States that moto's functions never have


class SlowFunction:
    """A function that goes through states: the last one stays."""

    def __init__(self, *states: tuple[str, str], **configuration: Any) -> None:
        self.states = list(states)
        self.configuration = configuration
        self.made: list[tuple[str, dict[str, Any]]] = []

    def get_function(self, **_: object) -> dict[str, Any]:
        state, update = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if not state:
            raise answer("ResourceNotFoundException")
        return {
            "Configuration": {
                "State": state,
                "LastUpdateStatus": update,
                "StateReason": "no such layer",
                "LastUpdateStatusReason": "no such layer",
                "Role": "r",
                "MemorySize": 1,
                "Timeout": 1,
                "CodeSha256": "x",
                **self.configuration,
            }
        }

    def update_function_code(self, *, FunctionName: str, **request: Any) -> None:  # noqa: N803 - AWS's name
        assert FunctionName == NAME
        self.made.append(("update_function_code", request))

    def create_function(self, **request: Any) -> None:
        self.made.append(("create_function", request))


DESIRED = FunctionState(
    role="r",
    handler="h",
    runtime="python3.13",
    architecture="arm64",
    memory=1,
    timeout=1,
    environment={},
    log_group="g",
    log_format="JSON",
    log_level="INFO",
    system_log_level="INFO",
    failure="",
    code=make_zip(),
    tags=None,  # type: ignore[arg-type]  # not looked at
)


def make_function(world: World, fake: Any) -> Function:
    return Function(lambda _: fake, NAME, make_context(world.patience))


@pytest.mark.parametrize("state", [("Pending", "Successful"), ("Active", "InProgress")])
def test_a_function_that_is_changing_is_waited_for(world: World, state: tuple[str, str]) -> None:
    observed = make_function(world, SlowFunction(state, state, ("Active", "Successful"))).read()
    assert observed is not None
    assert len(world.clock.pauses) == 2
    assert len(world.waited_for) == 1


def test_what_aws_leaves_out_is_its_default(world: World) -> None:
    observed = make_function(world, SlowFunction(("Active", "Successful"))).read()
    assert observed is not None
    assert not observed.owned
    state = observed.state
    assert (state.architecture, state.environment) == ("x86_64", {})
    assert (state.log_format, state.log_group) == ("Text", f"/aws/lambda/{NAME}")
    assert (state.log_level, state.system_log_level) == ("", "")
    assert state.failure == ""


@pytest.mark.parametrize("name", ["StateReason", "LastUpdateStatusReason"])
def test_a_function_that_fails_without_a_reason_has_failed(world: World, name: str) -> None:
    states = {"StateReason": ("Failed", ""), "LastUpdateStatusReason": ("Active", "Failed")}
    observed = make_function(world, SlowFunction(states[name], **{name: None})).read()
    assert observed is not None
    assert observed.state.failure == "no reason given"


def test_an_architecture_is_put_back_with_the_code(world: World) -> None:
    fake = SlowFunction(("Active", "Successful"), Architectures=["x86_64"])
    make_function(world, fake).update(DESIRED, [FieldChange("architecture", "x86_64", "arm64")])
    assert fake.made == [("update_function_code", {"ZipFile": DESIRED.code.content, "Architectures": ["arm64"]})]


def test_a_function_that_fails_to_be_made_says_why(world: World) -> None:
    fake = SlowFunction(("Pending", "Successful"), ("Failed", "Successful"))
    with pytest.raises(AwsCallFailed, match="no such layer") as caught:
        make_function(world, fake).create(replace(DESIRED, tags=Tags({"a": "b"})))
    assert "setup" in caught.value.hint
    assert [name for name, _ in fake.made] == ["create_function"]


@pytest.mark.parametrize("state", [("Failed", "Successful"), ("Active", "Failed")])
def test_a_function_that_fails_to_start_says_why(world: World, state: tuple[str, str]) -> None:
    fake = SlowFunction(("Pending", "Successful"), state)
    with pytest.raises(AwsCallFailed, match="no such layer"):
        make_function(world, fake).update(DESIRED, [FieldChange("code", 1, 2)])
