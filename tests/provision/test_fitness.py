from __future__ import annotations

from typing import Any

import pytest

from countagg.core.errors import UsageError
from countagg.provision.place import Place
from tests.provision.stacks import PLACE, make_stack

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
