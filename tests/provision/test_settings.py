from __future__ import annotations

import pytest

from countagg.core.errors import UsageError
from countagg.provision.settings import StackSettings


def test_the_defaults() -> None:
    settings = StackSettings("countagg", "b")
    assert (settings.prefix, settings.output_prefix) == ("counters/", "totals/")
    assert settings.snapshot_retention_days == 35
    assert settings.totals_retention_days == 400
    assert settings.log_retention_days == 30
    assert settings.create_bucket is False
    assert settings.names.stack == "countagg"


def test_prefixes_get_their_slash() -> None:
    settings = StackSettings("countagg", "b", prefix="in", output_prefix="out/here")
    assert (settings.prefix, settings.output_prefix) == ("in/", "out/here/")


@pytest.mark.parametrize(("prefix", "output_prefix"), [("a/", "a/"), ("a/", "a/b/"), ("a/b/", "a/")])
def test_prefixes_must_not_overlap(prefix: str, output_prefix: str) -> None:
    with pytest.raises(UsageError):
        StackSettings("countagg", "b", prefix=prefix, output_prefix=output_prefix)


@pytest.mark.parametrize("stack", ["", "A", "1a", "a-", "a" * 33, "a_b"])
def test_a_name_that_aws_would_refuse_is_refused(stack: str) -> None:
    with pytest.raises(UsageError) as caught:
        StackSettings(stack, "b")
    assert caught.value.where == "--stack"
