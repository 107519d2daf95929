"""The settings of a stack: every choice made, checked as far as that goes without AWS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from countagg.core.counter_file import DEFAULT_MAX_COUNTERS, MAX_LINES
from countagg.core.errors import UsageError
from countagg.core.names import OWNER_TAG, Names
from countagg.core.object_keys import check_prefixes_disjoint, normalise_prefix
from countagg.core.partitions import Layout

DEFAULT_PREFIX: Final = "counters/"
DEFAULT_OUTPUT_PREFIX: Final = "totals/"

LOG_RETENTIONS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""Days that CloudWatch Logs allows (docs/aws-facts.md#logs-metrics-and-alarms)."""
DEFAULT_ARCHITECTURE: Final = "arm64"
OLDER_ARCHITECTURE: Final = "x86_64"
ARCHITECTURES: Final = (DEFAULT_ARCHITECTURE, OLDER_ARCHITECTURE)
"""Instruction sets of Lambda; the older one is offered everywhere."""
MEMORY_RANGE: Final = range(128, 10_240 + 1)
"""MB that Lambda gives a function (docs/aws-facts.md#lambda-functions)."""
WINDOW_RANGE: Final = range(301)
"""Seconds that a mapping may collect records for (docs/aws-facts.md#event-source-mappings)."""
CONCURRENCY_RANGE: Final = range(2, 1_000 + 1)
"""Invocations at a time that a queue's mapping may be kept to (Lambda's API reference, ScalingConfig)."""
DEFAULT_MAX_CONCURRENCY: Final = 100
ALARM_UPLOADS_RANGE: Final = range(1, 1_000_000 + 1)
DEFAULT_ALARM_UPLOADS: Final = 10_000
"""Files a minute."""
RETENTION_RANGE: Final = range(1, 3_651)
"""Days; ten years."""
MAX_COUNTERS_RANGE: Final = range(1, MAX_LINES + 1)
"""Counters of a file; no file has more lines."""
MAX_TAGS: Final = 49
"""AWS allows 50 on a resource; one is ours."""

_BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_TAG = re.compile(r"[\w\s.:/=+@-]*")
_BOUNDARY = re.compile(r"arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy/\S+")
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_KEY_RULE: Final = (
    "the ARN of a KMS key, not of an alias: `aws kms describe-key --key-id NAME --query KeyMetadata.Arn` tells it"
)
_ROLE_PATH = re.compile(r"/(?:[!-.0-~]+/)*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class PerFunction:
    """A number for each function."""

    processor: int
    aggregator: int
    publisher: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that things are kept.

    Attributes:
        snapshots: also how far a file may lag behind the clock.
        totals: totals and counters; at least as long as snapshots.
        logs: one of `LOG_RETENTIONS`.
    """

    snapshots: int = 35
    totals: int = 400
    logs: int = 30


DEFAULT_MEMORY: Final = PerFunction(processor=256, aggregator=512, publisher=256)
DEFAULT_WINDOW: Final = PerFunction(processor=0, aggregator=1, publisher=10)


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Settings of a stack. What is None was not chosen, and stays on AWS as it is.

    Attributes:
        stack: its name.
        bucket: the bucket with the counter files.
        create_bucket: whether the bucket is ours to create and to delete.
        prefix: of the counter files, with its slash.
        output_prefix: of the published totals, with its slash.
        bucket_versioning: whether a bucket of ours keeps old versions of its objects.
        tags: on every resource, besides the owner's.
        dropped_tags: keys of tags that were chosen before and shall go.
        permissions_boundary: ARN of the policy that bounds the roles; empty for none.
        role_path: of the roles, with its slashes.
        kms_key: ARN of the key that encrypts bucket, topics, queues and tables; empty for AWS's own keys.
        point_in_time_recovery: of the tables.
        deletion_protection: of the tables.
        memory: MB of each function.
        window: seconds that each function's mapping collects records for.
        max_concurrency: invocations of the processor at a time.
        retention: how long things are kept.
        architecture: instruction set of the functions; None for `DEFAULT_ARCHITECTURE` where it is offered.
        text_logs: whether an earlier setup found that functions may not write JSON logs there.
        lanes: shares of the instances that days yet to begin are spread over.
        counter_shards: shares of the counters that days yet to begin are spread over.
        max_counters: that a file may have.
        alarm_email: address that alerts go to; empty for none.
        alarm_uploads: files a minute above which an alarm goes off.
        dropped_email: address that was chosen before and shall go; empty for none.
        unfit_prefixes: those of the deployed stack that setup takes no longer; everything else goes on with them.
    """

    stack: str
    bucket: str
    create_bucket: bool = False
    prefix: str = DEFAULT_PREFIX
    output_prefix: str = DEFAULT_OUTPUT_PREFIX
    bucket_versioning: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    dropped_tags: frozenset[str] = frozenset()
    permissions_boundary: str = ""
    role_path: str = "/"
    kms_key: str = ""
    point_in_time_recovery: bool | None = None
    deletion_protection: bool | None = None
    memory: PerFunction = DEFAULT_MEMORY
    window: PerFunction = DEFAULT_WINDOW
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY
    retention: Retention = field(default_factory=Retention)
    architecture: str | None = None
    text_logs: bool = False
    lanes: int = 1
    counter_shards: int = 1
    max_counters: int = DEFAULT_MAX_COUNTERS
    alarm_email: str = ""
    alarm_uploads: int = DEFAULT_ALARM_UPLOADS
    dropped_email: str = ""
    unfit_prefixes: frozenset[str] = frozenset()
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        """Check what can be checked without AWS.

        Raises:
            UsageError: a name or a value cannot be used, or the prefixes overlap.
        """
        object.__setattr__(self, "names", Names(self.stack))
        for name, option in (("prefix", "--prefix"), ("output_prefix", "--output-prefix")):
            if (value := getattr(self, name)) not in self.unfit_prefixes:
                object.__setattr__(self, name, normalise_prefix(value, option))
        check_prefixes_disjoint(self.prefix, self.output_prefix)
        _check_text(
            self.bucket, _BUCKET, "--bucket", "3 to 63 of a-z 0-9 . - that begin and end with one of a-z 0-9"
        )
        _check_text(self.permissions_boundary, _BOUNDARY, "--permissions-boundary", "the ARN of an IAM policy")
        _check_text(self.kms_key, _KEY, "--kms-key", _KEY_RULE)
        _check_text(self.alarm_email, _EMAIL, "--alarm-email", "an e-mail address")
        _check_text(self.role_path, _ROLE_PATH, "--role-path", "a path that begins and ends with a slash: /ops/")
        _check_architecture(self.architecture)
        _check_tags(self.tags)
        _check_numbers(self)
        _check_layout(self)


def is_bucket_name(text: str) -> bool:
    """Tell whether S3 would take it as the name of a bucket."""
    return _BUCKET.fullmatch(text) is not None


def is_email(text: str) -> bool:
    """Tell whether it has the form of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None


def _check_text(value: str, pattern: re.Pattern[str], option: str, rule: str) -> None:
    if value and (pattern.fullmatch(value) is None or len(value) > 512):  # noqa: PLR2004 - the longest path in IAM
        raise UsageError(f"{value!r} cannot be used", where=option, hint=f"give {rule}")


def _check_architecture(name: str | None) -> None:
    if name is not None and name not in ARCHITECTURES:
        raise UsageError(
            f"{name!r} is not an architecture of Lambda's",
            where="--architecture",
            hint=f"use {' or '.join(ARCHITECTURES)}",
        )


def _check_tags(tags: Mapping[str, str]) -> None:
    # The limits that all services share; most allow more characters.
    for key, value in tags.items():
        fits = 0 < len(key) <= 128 and len(value) <= 256 and _TAG.fullmatch(key) and _TAG.fullmatch(value)  # noqa: PLR2004
        if not fits or key.lower().startswith("aws:") or key == OWNER_TAG:
            raise UsageError(
                f"{key!r} = {value!r} cannot be a tag",
                where="--tag",
                hint=f"use letters, digits, spaces and _.:/=+-@; keys of aws: and {OWNER_TAG} are taken",
            )
    if len(tags) > MAX_TAGS:
        raise UsageError(
            f"{len(tags)} tags are too many", where="--tag", hint=f"AWS takes {MAX_TAGS} besides ours"
        )


def _check_numbers(settings: StackSettings) -> None:
    for name in ("processor", "aggregator", "publisher"):
        _check_range("--memory", name, getattr(settings.memory, name), MEMORY_RANGE)
        _check_range("--window", name, getattr(settings.window, name), WINDOW_RANGE)
    _check_range("--max-counters", "max_counters", settings.max_counters, MAX_COUNTERS_RANGE)
    _check_range("--alarm-uploads", "alarm_uploads", settings.alarm_uploads, ALARM_UPLOADS_RANGE)
    _check_range("--max-concurrency", "max_concurrency", settings.max_concurrency, CONCURRENCY_RANGE)
    _check_range("--retention", "snapshots", settings.retention.snapshots, RETENTION_RANGE)
    _check_range("--retention", "totals", settings.retention.totals, RETENTION_RANGE)
    if settings.retention.totals < settings.retention.snapshots:
        # A day's totals must not go as long as files of it are taken: they would begin anew.
        raise UsageError(
            f"totals={settings.retention.totals} is less than snapshots={settings.retention.snapshots}: "
            "totals would be lost of days that still take files",
            where="--retention",
            hint=f"give --retention totals={settings.retention.snapshots} or more",
        )
    if settings.retention.logs not in LOG_RETENTIONS:
        allowed = ", ".join(map(str, sorted(LOG_RETENTIONS)))
        raise UsageError(
            f"logs={settings.retention.logs} is none that CloudWatch Logs knows",
            where="--retention",
            hint=f"use one of {allowed} days",
        )


def _check_layout(settings: StackSettings) -> None:
    try:
        Layout.checked(settings.lanes, settings.counter_shards)
    except UsageError as error:
        error.where = "--lanes, --counter-shards"
        raise


def _check_range(option: str, name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        hint = f"use {allowed.start} to {allowed.stop - 1}"
        raise UsageError(f"{name}={value} is out of range", where=option, hint=hint)
