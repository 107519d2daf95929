"""Copies of botocore's models: which are taken, and that clients made of them are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import botocore
import pytest
from botocore.model import ServiceModel
from botocore.regions import EndpointResolver

import countagg.aws.model_copies
from countagg.aws.model_copies import SERVICES, ModelCopies
from countagg.aws.operations import OPERATIONS
from countagg.aws.service_models import read_model
from countagg.aws.session import Clients, ConnectionOptions

DATA: Final = Path(botocore.__file__).parent / "data"
MODEL: Final = str(DATA / "tested" / "2026-01-01" / "service-2")
WHOLE: Final = {
    "documentation": "<p>long</p>",
    "shapes": {"A": {"members": {"documentation": {"shape": "B", "documentation": "long"}}}, "B": ["c", {"d": 1}]},
}
SLIM: Final = {
    "documentation": "",
    "shapes": {"A": {"members": {"documentation": {"shape": "B", "documentation": ""}}}, "B": ["c", {"d": 1}]},
}


class Models:
    """A model, and how often it was read."""

    def __init__(self, model: object) -> None:
        self.model = model
        self.read = 0

    def __call__(self, _file_path: str) -> object:
        self.read += 1
        return self.model


def only_copy(folder: Path) -> Path:
    [copy] = folder.iterdir()
    return copy


def test_a_model_is_read_once_and_its_copy_after_that(tmp_path: Path) -> None:
    models, folder = Models(WHOLE), tmp_path / "caches" / "models"
    assert [ModelCopies(folder, models).read(MODEL) for _ in range(3)] == [SLIM] * 3
    assert models.read == 1
    assert only_copy(folder).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [(botocore, "__version__", "99.0.0"), (countagg.aws.model_copies, "OPERATIONS", {"sns": {"Publish"}})],
    ids=["of another botocore", "with other operations"],
)
def test_the_copy_of_before_is_replaced(
    owner: object, name: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ModelCopies(tmp_path, Models({"old": 1})).read(MODEL)
    monkeypatch.setattr(owner, name, value)
    models = Models({"new": 1})
    assert [ModelCopies(tmp_path, models).read(MODEL) for _ in range(2)] == [{"new": 1}] * 2
    assert models.read == 1
    assert only_copy(tmp_path).is_file()


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"made_of": "99"}', "\ud800"])
def test_a_damaged_copy_is_replaced(tmp_path: Path, content: str) -> None:
    ModelCopies(tmp_path, Models(WHOLE)).read(MODEL)
    copy = only_copy(tmp_path)
    copy.write_bytes(content.encode(errors="surrogatepass"))
    assert ModelCopies(tmp_path, Models(WHOLE)).read(MODEL) == SLIM
    assert json.loads(copy.read_text())["model"] == SLIM


def test_a_copy_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    ModelCopies(tmp_path, Models({"planted": 1})).read(MODEL)
    only_copy(tmp_path).chmod(0o622)
    assert ModelCopies(tmp_path, Models(WHOLE)).read(MODEL) == SLIM
    assert only_copy(tmp_path).stat().st_mode & 0o777 == 0o600


def test_where_no_copy_can_be_written_the_model_is_read_each_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    models = Models(WHOLE)
    for folder in (tmp_path / "file" / "models", Path("~/models")):
        assert ModelCopies(folder, models).read(MODEL) in (SLIM, WHOLE)
    assert models.read == 2
    assert not Path("~").exists()


def test_models_of_the_user_s_own_have_no_copies(tmp_path: Path) -> None:
    models = Models(WHOLE)
    assert ModelCopies(tmp_path, models).read(str(tmp_path / "own" / "service-2")) == WHOLE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("service", OPERATIONS)
def test_the_operations_that_are_called_are_as_botocore_has_them(service: str, tmp_path: Path) -> None:
    *_, newest = sorted((DATA / service).iterdir())
    path = str(newest / "service-2")
    copy, whole = ModelCopies(tmp_path, read_model).read(path), without_documentation(read_model(path))
    assert set(copy["operations"]) == OPERATIONS[service] <= set(whole["operations"])
    for part in ("operations", "shapes"):
        assert copy[part].items() <= whole[part].items()
    ours, theirs = ServiceModel(copy), ServiceModel(whole)
    assert [error.name for error in ours.error_shapes] == [error.name for error in theirs.error_shapes]
    reached: set[str] = set()
    for name in OPERATIONS[service]:
        operation = ours.operation_model(name)
        for shape in (operation.input_shape, operation.output_shape):
            reach(shape, reached)
    for error in ours.error_shapes:
        reach(error, reached)
    assert reached == set(copy["shapes"])


def without_documentation(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: "" if key == "documentation" and isinstance(each, str) else without_documentation(each)
            for key, each in value.items()
        }
    return [without_documentation(each) for each in value] if isinstance(value, list) else value


def reach(shape: Any, reached: set[str]) -> None:
    """Add the names of a shape and of all that are in it, as botocore goes through them."""
    if shape is None or shape.name in reached:
        return
    reached.add(shape.name)
    inner: list[Any] = list(getattr(shape, "members", {}).values())
    inner += [getattr(shape, part) for part in ("member", "key", "value") if hasattr(shape, part)]
    for each in inner:
        reach(each, reached)


def test_a_model_that_there_is_not_has_no_copy(tmp_path: Path) -> None:
    assert ModelCopies(tmp_path, Models(None)).read(MODEL) is None
    assert list(tmp_path.iterdir()) == []


def test_the_services_that_are_called_have_the_endpoints_that_botocore_knows(tmp_path: Path) -> None:
    path = str(DATA / "endpoints")
    whole: Any = read_model(path)
    theirs, ours = EndpointResolver(whole), EndpointResolver(ModelCopies(tmp_path, read_model).read(path))
    assert ours.get_available_partitions() == theirs.get_available_partitions()
    regions = [(each["partition"], region) for each in whole["partitions"] for region in each["regions"]]
    assert len(regions) > 30
    for service in SERVICES:
        for partition, region in [*regions, ("aws", "us-west-99"), ("aws", "aws-global")]:
            assert ours.construct_endpoint(service, region, partition) == theirs.construct_endpoint(
                service, region, partition
            )


def test_all_services_that_are_called_are_among_them() -> None:
    clients = Clients(ConnectionOptions(region="eu-central-1", credentials=("key", "secret")))
    names = [name for name in dir(Clients) if type(vars(Clients).get(name)).__name__ == "cached_property"]
    made = [getattr(clients, name) for name in names]
    assert len(made) > 10
    assert {each.meta.service_model.endpoint_prefix for each in made} <= SERVICES


def test_botocore_calls_to_sign_in_what_has_its_endpoints() -> None:
    session = Clients(ConnectionOptions(region="eu-central-1", credentials=("key", "secret"))).session
    for service in ("sso", "sso-oidc", "sts"):
        client: Any = session.client(service)
        assert client.meta.service_model.endpoint_prefix in SERVICES
