from __future__ import annotations

from typing import Any

import pytest

from countagg.core.errors import UsageError
from countagg.provision.settings import LOG_RETENTIONS, PerFunction, Retention, StackSettings
from countagg.provision.tag_rules import MAX_TAGS


def test_the_defaults() -> None:
    settings = StackSettings("countagg", "fleet-counters")
    assert (settings.prefix, settings.output_prefix) == ("counters/", "totals/")
    assert settings.retention == Retention(snapshots=35, totals=400, logs=30)
    assert settings.memory == PerFunction(processor=256, aggregator=512, publisher=256)
    assert settings.window == PerFunction(processor=0, aggregator=1, publisher=10)
    assert settings.max_concurrency == 100
    assert settings.create_bucket is False
    assert settings.names.stack == "countagg"


def test_prefixes_get_their_slash() -> None:
    settings = StackSettings("countagg", "fleet-counters", prefix="in", output_prefix="out/here")
    assert (settings.prefix, settings.output_prefix) == ("in/", "out/here/")


@pytest.mark.parametrize(("prefix", "output_prefix"), [("a/", "a/"), ("a/", "a/b/"), ("a/b/", "a/")])
def test_prefixes_must_not_overlap(prefix: str, output_prefix: str) -> None:
    with pytest.raises(UsageError):
        StackSettings("countagg", "fleet-counters", prefix=prefix, output_prefix=output_prefix)


@pytest.mark.parametrize("stack", ["", "A", "1a", "a-", "a" * 33, "a_b"])
def test_a_name_that_aws_would_refuse_is_refused(stack: str) -> None:
    with pytest.raises(UsageError) as caught:
        StackSettings(stack, "fleet-counters")
    assert caught.value.where == "--stack"


ARN = "arn:aws:iam::123456789012:policy/ops/boundary"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0d5f3b7e-1c1f-4b57-9a52-000000000000"


@pytest.mark.parametrize(
    "chosen",
    [
        {"bucket": "b-1"},
        {"bucket": "b" * 63},
        {"bucket": "a.dotted.name"},
        {"permissions_boundary": ARN},
        {"permissions_boundary": "arn:aws-cn:iam::aws:policy/ReadOnlyAccess"},
        {"role_path": "/ops/fleet/"},
        {"kms_key": KEY},
        {"alarm_email": "ops+fleet@example.org"},
        {"tags": {"team": "fleet ops", "a/b:c": "", "Grüße": "ß"}},
        {"tags": {str(number): "" for number in range(MAX_TAGS)}},
        {"memory": PerFunction(128, 10_240, 512)},
        {"window": PerFunction(0, 300, 1)},
        {"alarm_uploads": 1},
        *({"stale_alarm": age} for age in ("3m", "15m", "720m", "1h", "12h")),
        {"max_concurrency": 2},
        {"max_concurrency": 1_000},
        {"retention": Retention(1, 3_650, 3_653)},
        {"lanes": 100},
        {"lanes": 5, "counter_shards": 20},
        {"max_counters": 250_000},
    ],
    ids=str,
)
def test_what_aws_takes_is_taken(chosen: dict[str, Any]) -> None:
    settings = StackSettings(**{"stack": "countagg", "bucket": "fleet-counters", **chosen})
    for name, value in chosen.items():
        assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("option", "chosen"),
    [
        ("--bucket", {"bucket": "b"}),
        ("--bucket", {"bucket": "b" * 64}),
        ("--bucket", {"bucket": "Upper"}),
        ("--bucket", {"bucket": "two..dots"}),
        ("--bucket", {"bucket": "-begins"}),
        ("--bucket", {"bucket": "192.168.0.1"}),
        ("--permissions-boundary", {"permissions_boundary": "boundary"}),
        ("--permissions-boundary", {"permissions_boundary": "arn:aws:iam::123456789012:role/x"}),
        ("--role-path", {"role_path": "ops/"}),
        ("--role-path", {"role_path": "/ops"}),
        ("--role-path", {"role_path": "//"}),
        ("--role-path", {"role_path": "/" + "x" * 511 + "/"}),
        ("--kms-key", {"kms_key": "alias/fleet"}),
        ("--kms-key", {"kms_key": "arn:aws:kms:eu-central-1:123456789012:alias/fleet"}),
        ("--alarm-email", {"alarm_email": "ops"}),
        ("--alarm-email", {"alarm_email": "ops@host"}),
        ("--tag", {"tags": {"": "x"}}),
        ("--tag", {"tags": {"k" * 129: "x"}}),
        ("--tag", {"tags": {"k": "v" * 257}}),
        ("--tag", {"tags": {"k": "tab\there;"}}),
        ("--tag", {"tags": {"aws:x": "y"}}),
        ("--tag", {"tags": {"AWS:x": "y"}}),
        ("--tag", {"tags": {"countagg:stack": "other"}}),
        ("--tag", {"tags": {str(number): "" for number in range(MAX_TAGS + 1)}}),
        ("--memory", {"memory": PerFunction(127, 512, 256)}),
        ("--memory", {"memory": PerFunction(128, 10_241, 256)}),
        ("--window", {"window": PerFunction(0, 1, 301)}),
        ("--alarm-uploads", {"alarm_uploads": 0}),
        *(("--stale-alarm", {"stale_alarm": age}) for age in ("2m", "15", "015m", "721m", "0h", "13h", "30s")),
        ("--max-concurrency", {"max_concurrency": 1}),
        ("--max-concurrency", {"max_concurrency": 1_001}),
        ("--window", {"window": PerFunction(-1, 1, 10)}),
        ("--retention", {"retention": Retention(snapshots=0)}),
        ("--retention", {"retention": Retention(totals=3_651)}),
        ("--retention", {"retention": Retention(snapshots=401)}),
        ("--retention", {"retention": Retention(totals=34)}),
        ("--retention", {"retention": Retention(logs=31)}),
        ("--max-counters", {"max_counters": 0}),
        ("--max-counters", {"max_counters": 250_001}),
        ("--lanes, --counter-shards", {"lanes": 0}),
        ("--lanes, --counter-shards", {"counter_shards": -1}),
        ("--lanes, --counter-shards", {"lanes": 51, "counter_shards": 2}),
    ],
    ids=str,
)
def test_what_aws_would_refuse_is_refused_with_its_option(option: str, chosen: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        StackSettings(**{"stack": "countagg", "bucket": "fleet-counters", **chosen})
    assert caught.value.where == option
    assert caught.value.hint


def test_every_retention_that_cloudwatch_logs_knows_is_named() -> None:
    with pytest.raises(UsageError) as caught:
        StackSettings("countagg", "fleet-counters", retention=Retention(logs=2))
    assert all(str(days) in caught.value.hint for days in LOG_RETENTIONS)


def test_totals_that_would_go_while_files_are_taken_are_refused_with_the_smallest_number_of_days() -> None:
    with pytest.raises(UsageError) as caught:
        StackSettings("countagg", "fleet-counters", retention=Retention(snapshots=35, totals=10))
    assert (
        caught.value.what
        == "totals=10 is less than snapshots=35: totals would be lost of days that still take files"
    )
    assert caught.value.hint == "give --retention totals=35 or more"
    StackSettings("countagg", "fleet-counters", retention=Retention(snapshots=35, totals=35))
