"""What botocore looks into before it makes a client: the service's own models, and no others."""

from __future__ import annotations

import gzip
import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import EventAliaser, HierarchicalEmitter

from countagg.aws.operations import OPERATIONS
from countagg.aws.service_models import is_needed, new_session, read_model
from countagg.aws.session import Clients, ConnectionOptions

OPTIONS = ConnectionOptions(region="eu-central-1", credentials=("key", "secret"))


@pytest.mark.parametrize("options", [OPTIONS, ConnectionOptions(region="eu-central-1")], ids=["engine", "user"])
def test_no_folder_of_another_service_is_looked_into(
    options: ConnectionOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []
    listdir = os.listdir

    def noted(path: Any) -> list[str]:
        listed.append(Path(path).name)
        return listdir(path)

    clients = Clients(options)
    monkeypatch.setattr(os, "listdir", noted)
    clients.dynamodb.get_paginator("query")

    assert set(listed) == {"dynamodb"}


@pytest.mark.parametrize("service", [*OPERATIONS, "signin", "sso-oidc"])
def test_what_is_called_has_the_handlers_that_botocore_gives_it(service: str) -> None:
    ours, theirs = new_session(), botocore.session.Session()
    model = theirs.get_service_model(service)
    kept = OPERATIONS.get(service, model.operation_names)
    phases = {event.partition(".")[0] for event, *_ in BUILTIN_HANDLERS} - {"docs"}
    assert "before-sign" in phases
    for phase in phases:
        for operation in kept:
            event = f"{phase}.{model.service_id.hyphenize()}.{operation}"
            assert list(map(name_of, handlers_of(ours, event))) == list(map(name_of, handlers_of(theirs, event)))


def handlers_of(session: botocore.session.Session, event: str) -> list[Any]:
    emitter: Any = session.get_component("event_emitter")
    return list(emitter._emitter._handlers.prefix_search(event))  # noqa: SLF001 - nothing else tells


def name_of(handler: object) -> str:
    """Name a handler: some are made anew for each session."""
    return getattr(handler, "__qualname__", type(handler).__qualname__)


def test_events_of_what_is_called_have_their_names_already() -> None:
    emitter: Any = new_session().get_component("event_emitter")
    assert emitter._event_aliases == {}  # noqa: SLF001 - nothing else tells
    whole = EventAliaser(HierarchicalEmitter())
    renamed = [
        event
        for event, *_ in BUILTIN_HANDLERS
        if is_needed(event) and whole._alias_event_name(event) != event  # type: ignore[attr-defined]  # noqa: SLF001 - the same
    ]
    # Nobody calls that.
    assert renamed == ["before-parameter-build.logs.CreateExportTask"]


@pytest.mark.parametrize(
    "event", ["before-call.ec2.CopySnapshot", "creating-client-class.rds", "docs.x.iam.y.complete-section"]
)
def test_what_others_need_is_not_registered(event: str) -> None:
    assert handlers_of(botocore.session.Session(), event)
    assert not set(handlers_of(new_session(), event)) - set(handlers_of(new_session(), event.partition(".")[0]))


def test_a_service_that_there_is_not_is_told_with_all_that_there_are() -> None:
    session = Clients(OPTIONS).session
    with pytest.raises(UnknownServiceError, match=r"'absent'.*accessanalyzer.*dynamodb"):
        session.client("absent")
    assert "ec2" in session.core.get_available_services()


@pytest.mark.parametrize(
    ("service", "model"), [("s3", "service-2"), ("s3", "endpoint-rule-set-1"), ("lambda", "paginators-1")]
)
def test_models_are_read_as_botocore_reads_them_without_ordered_dictionaries(service: str, model: str) -> None:
    *_, newest = sorted((Path(botocore.__file__).parent / "data" / service).iterdir())
    [file] = newest.glob(f"{model}.json*")
    read = gzip.decompress if file.suffix == ".gz" else bytes

    ours, theirs = (
        read_model(str(newest / model)),
        json.loads(read(file.read_bytes()), object_pairs_hook=OrderedDict),
    )

    # Of documents as long as these, pytest would tell the difference for minutes.
    assert (json.dumps(ours) == json.dumps(theirs)) is True
    assert {type(each) for each in dictionaries(ours)} == {dict}


def dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from dictionaries(each)


def test_models_of_the_user_s_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    (tmp_path / "own" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "own" / "2026-01-01" / "service-2.json").write_text('{"metadata": {}}')
    loader = Clients(ConnectionOptions(region="eu-central-1")).session.core.get_component("data_loader")
    assert loader.load_service_model("own", "service-2") == {"metadata": {}}
