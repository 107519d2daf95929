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

from countagg.aws.service_models import read_model
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


@pytest.mark.parametrize("service", ["cloudwatch", "dynamodb", "dynamodbstreams", "lambda", "logs", "s3", "sqs"])
def test_events_have_the_names_that_botocore_gives_them(service: str) -> None:
    ours, theirs = Clients(OPTIONS).session, botocore.session.Session()
    client: Any = ours.client(service)
    event = f"before-call.{client.meta.service_model.service_id.hyphenize()}.Operation"
    for name in (
        event,
        f"before-call.{service}.Operation",
        f"before-call.{client.meta.endpoint_url[8:].split('.')[0]}",
    ):
        assert renamed(ours.core, name) == renamed(theirs, name)


def renamed(session: botocore.session.Session, event: str) -> str:
    emitter: Any = session.get_component("event_emitter")
    return str(emitter._alias_event_name(event))  # noqa: SLF001 - nothing else tells


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
