"""The functions do not start with an SDK that would drop what they rely on."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader

from countagg import data
from countagg.functions import clients as functions_clients
from countagg.functions.clients import make_clients
from countagg.functions.sdk import ANSWERS, PARAMETERS, SdkTooOld
from tests.functions.world import REGION

FUNCTIONS = Path(functions_clients.__file__).parent
DATA = Path(data.__file__).parent


class OlderLoader(Loader):
    """Loads the models of the installed SDK without what a test takes away."""

    def __init__(self, take_away: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._take_away = take_away

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Load a model."""
        model = super().load_service_model(service_name, type_name, api_version)
        if type_name == "service-2" and service_name in {"s3", "dynamodb"}:
            self._take_away(model)
        return model


def older_session(take_away: Callable[[dict[str, Any]], None]) -> boto3.Session:
    session = botocore.session.get_session()
    session.register_component("data_loader", OlderLoader(take_away))
    return boto3.Session(botocore_session=session, region_name=REGION)


REQUIRED = [
    *(
        (operation, name, True)
        for known in PARAMETERS.values()
        for operation in known
        for name in known[operation]
    ),
    *((error, name, False) for known in ANSWERS.values() for error in known for name in known[error]),
]


@pytest.mark.parametrize(("shape", "member", "is_input"), REQUIRED, ids=str)
def test_an_sdk_that_does_not_know_it_is_refused_by_name(
    shape: str,
    member: str,
    is_input: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    def take_away(model: dict[str, Any]) -> None:
        operation = model["operations"].get(shape) if is_input else None
        name = operation["input"]["shape"] if operation else shape
        members = model["shapes"].get(name, {}).get("members", {})
        # Shapes are shared by operations of one service only.
        members.pop(member, None)

    with pytest.raises(SdkTooOld) as caught:
        make_clients(older_session(take_away))
    assert caught.value.what.startswith(f"boto3 {boto3.__version__} does not know ")
    assert f"{member} of {shape}" in caught.value.what


def test_an_sdk_that_does_not_know_an_operation_or_an_error_is_refused_too() -> None:
    def take_away(model: dict[str, Any]) -> None:
        model["operations"].pop("BatchExecuteStatement", None)
        model["shapes"].pop("TransactionCanceledException", None)
        for operation in model["operations"].values():
            operation["errors"] = [
                each for each in operation.get("errors", []) if each["shape"] in model["shapes"]
            ]

    with pytest.raises(SdkTooOld, match="Statements of BatchExecuteStatement, CancellationReasons of Trans"):
        make_clients(older_session(take_away))


def test_the_installed_sdk_knows_all_of_it() -> None:
    assert make_clients(older_session(lambda _: None)).s3.meta.region_name == REGION


def test_every_condition_that_the_functions_send_is_required() -> None:
    """What would be dropped in silence and is a condition: without it something would be written over."""
    sources = [path for folder in (FUNCTIONS, DATA) for path in folder.glob("*.py") if path.name != "sdk.py"]
    text = "".join(path.read_text() for path in sources)
    sent = set(re.findall(r"\b(If[A-Z]\w+|ReturnValuesOn\w+|Expected\w+|VersionId)(?=\"|=)", text))
    required = {name for known in PARAMETERS.values() for names in known.values() for name in names}
    assert sent - required == set()
    assert {"IfMatch", "IfNoneMatch", "ReturnValuesOnConditionCheckFailure"} <= sent
