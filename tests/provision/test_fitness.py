from __future__ import annotations

from typing import Any

import pytest

from countagg.core.errors import UsageError
from countagg.provision.place import Place
from tests.provision.stacks import PLACE, make_stack, state_of

GOV = Place(PLACE.account, "us-gov-west-1", partition="aws-us-gov")


@pytest.mark.parametrize(
    ("option", "chosen", "said"),
    [
        ("--kms-key", {"kms_key": "arn:aws:kms:eu-west-1:123456789012:key/k"}, "is not in eu-central-1"),
        ("--kms-key", {"kms_key": "arn:aws-cn:kms:eu-central-1:123456789012:key/k"}, "is not in eu-central-1"),
        ("--kms-key", {"kms_key": "arn:aws:kms:eu-central-1:210987654321:key/k"}, "of the account 210987654321"),
        ("--kms-key", {"kms_key": "arn:aws:kms:eu-central-1:210987654321:key/mrk-1"}, "nobody here can tell"),
        (
            "--permissions-boundary",
            {"permissions_boundary": "arn:aws:iam::210987654321:policy/p"},
            "is not a policy of the account 123456789012",
        ),
        (
            "--permissions-boundary",
            {"permissions_boundary": "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"},
            "is not a policy of the account 123456789012",
        ),
    ],
)
def test_what_belongs_to_another_place_is_refused_with_its_option(
    option: str, chosen: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make_stack(**chosen)
    assert caught.value.where == option
    assert said in caught.value.what
    assert caught.value.hint


@pytest.mark.parametrize("partition", ["aws-iso", "aws-iso-b", "aws-eusc"])
def test_a_partition_whose_differences_are_not_known_is_refused(partition: str) -> None:
    with pytest.raises(UsageError, match=f"is in the partition {partition}") as caught:
        make_stack(Place(PLACE.account, "us-iso-east-1", partition=partition))
    assert (caught.value.where, caught.value.hint) == (
        "--region",
        "use a region of aws, aws-us-gov or aws-cn",
    )


@pytest.mark.parametrize(
    ("region", "partition", "log_format", "tagged"),
    [
        ("eu-central-1", "aws", "JSON", True),
        ("us-gov-west-1", "aws-us-gov", "Text", False),
        ("cn-north-1", "aws-cn", "JSON", False),
    ],
)
def test_what_aws_documents_as_not_available_is_not_asked_for(
    region: str, partition: str, log_format: str, *, tagged: bool
) -> None:
    stack = make_stack(Place(PLACE.account, region, partition=partition), tags={"team": "fleet"})
    function = state_of(stack, "function/processor")
    assert function.log_format == log_format
    assert bool(function.log_level) is bool(function.system_log_level) is (log_format == "JSON")
    assert (state_of(stack, "mapping/aggregator").tags is not None) is tagged
    assert function.tags.of["team"] == "fleet"


@pytest.mark.parametrize(
    "chosen",
    [
        {"kms_key": "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-1"},
        {"permissions_boundary": "arn:aws-us-gov:iam::123456789012:policy/ops/p"},
        {"permissions_boundary": "arn:aws-us-gov:iam::aws:policy/ReadOnlyAccess"},
    ],
    ids=str,
)
def test_what_belongs_to_the_place_is_taken(chosen: dict[str, Any]) -> None:
    assert make_stack(GOV, **chosen).settings.stack == "countagg"


@pytest.mark.parametrize(
    ("option", "chosen"), [("--prefix", {"prefix": "it's/"}), ("--output-prefix", {"output_prefix": "a(b)/"})]
)
def test_a_prefix_that_was_deployed_and_is_no_longer_taken_is_refused_with_what_to_do(
    option: str, chosen: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="which is no longer taken") as caught:
        make_stack(**chosen, unfit_prefixes=frozenset(chosen.values()))
    assert caught.value.where == option
    assert f"choose another folder by {option}" in caught.value.hint
    assert make_stack(unfit_prefixes=frozenset(chosen.values())).settings.prefix == "counters/"
