"""The list of the operations that we call, against the words of the package."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import botocore.session
import pytest
from botocore import xform_name

import countagg
from countagg.aws.operations import OPERATIONS

WORDS: Final = frozenset(
    word for file in Path(countagg.__file__).parent.rglob("*.py") for word in re.findall(r"\w+", file.read_text())
)
BY_BOTOCORE: Final = {"sts.AssumeRole", "sts.AssumeRoleWithWebIdentity"}
"""Called to take the role of a profile."""
OTHER_WORDS: Final = {
    *("iam.GetGroup", "kms.Decrypt", "kms.Sign", "kms.Verify", "kms.TagResource", "kms.UntagResource"),
    *("s3.ListObjects", "sns.ListSubscriptions"),
}
"""Whose methods have names that stand in the package for something else."""


@pytest.mark.parametrize("service", OPERATIONS)
def test_every_operation_that_the_package_names_is_listed(service: str) -> None:
    model = botocore.session.Session().get_service_model(service)
    named = {f"{service}.{name}" for name in model.operation_names if xform_name(name) in WORDS}
    listed = {f"{service}.{name}" for name in OPERATIONS[service]}
    assert listed - BY_BOTOCORE == named - OTHER_WORDS
