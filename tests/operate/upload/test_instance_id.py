from __future__ import annotations

from collections.abc import Callable

import pytest

from countagg.core.errors import UsageError
from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.operate.upload.instance_id import InstanceId, find_instance_id

EC2 = "i-0123456789abcdef0"


def never() -> str:
    raise AssertionError


def answer(value: str | None) -> Callable[[], str | None]:
    return lambda: value


def test_on_ec2_it_is_the_id_of_the_instance() -> None:
    assert find_instance_id({}, answer(EC2), never) == InstanceId(EC2, "of this EC2 instance")


@pytest.mark.parametrize(
    ("host", "legal"),
    [
        ("web-1.example.org", "web-1.example.org"),
        ("Web_1", "Web_1"),
        ("web 1/a", "web-1-a"),
        ("größe", "gr-e"),
        ("n" * 200, "n" * 128),
    ],
)
def test_elsewhere_it_is_the_host_name_made_legal(host: str, legal: str) -> None:
    found = find_instance_id({}, answer(None), lambda: host)
    assert found == InstanceId(legal, "the host name")
    assert parse_object_key(build_object_key("", "2026-11-20", found.text), "")


@pytest.mark.parametrize("variable", ["ECS_CONTAINER_METADATA_URI_V4", "KUBERNETES_SERVICE_HOST"])
def test_in_a_container_the_ec2_instance_is_that_of_many_and_is_not_asked_for(variable: str) -> None:
    assert find_instance_id({variable: "x"}, never, lambda: "pod-7f9c").text == "pod-7f9c"


@pytest.mark.parametrize("host", ["", "localhost", "LOCALHOST", "localhost.localdomain", "..", "---", "///"])
def test_a_name_that_many_machines_have_is_none(host: str) -> None:
    with pytest.raises(UsageError) as refused:
        find_instance_id({}, answer(None), lambda: host)
    assert refused.value.where == "--instance-id"
    assert "COUNTAGG_INSTANCE_ID" in refused.value.hint
