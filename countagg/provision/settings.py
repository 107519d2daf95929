"""The settings of a stack, every choice of the operator's among them, checked as far as that goes without AWS.

`StackSettings` is the one table of choices: flag, variable, line in a settings file, help, check, default and what
a deployed stack remembers of a choice follow from its field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Annotated, Final

from countagg.core.counter_file import DEFAULT_MAX_COUNTERS, MAX_LINES
from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.core.object_keys import check_prefixes_disjoint, normalise_prefix
from countagg.core.partitions import Layout
from countagg.provision.place import BUCKET_PATTERN
from countagg.provision.setting_tables import Numbers, Pairs
from countagg.provision.setting_types import Keys, Number, Switch, Text, settings_of
from countagg.provision.subscriptions import EMAIL, EMAIL_RULE, Subscriber, Subscriptions, deliveries
from countagg.provision.tag_rules import check_tags

DEFAULT_PREFIX: Final = "counters/"
DEFAULT_OUTPUT_PREFIX: Final = "totals/"
DEFAULT_ARCHITECTURE: Final = "arm64"
OLDER_ARCHITECTURE: Final = "x86_64"
"""Offered everywhere."""
DEFAULT_MAX_CONCURRENCY: Final = 100
DEFAULT_ALARM_UPLOADS: Final = 10_000
"""Files a minute."""
DASHBOARD_PRICE: Final = "3 USD a month beyond three in the account"

LOG_RETENTIONS: Final = frozenset(
    {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)
"""Days that CloudWatch Logs allows (docs/aws-facts.md#logs-metrics-and-alarms)."""
_MEMORY: Final = range(128, 10_240 + 1)
"""MB that Lambda gives a function (docs/aws-facts.md#lambda-functions)."""
_WINDOW: Final = range(300 + 1)
"""Seconds that a mapping may collect records for (docs/aws-facts.md#event-source-mappings)."""
_CONCURRENCY: Final = range(2, 1_000 + 1)
"""Invocations at a time that a queue's mapping may be kept to (Lambda's API reference, ScalingConfig)."""
_RETENTION: Final = range(1, 3_650 + 1)
"""Days; ten years."""


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

_BUCKET: Final = "Bucket"
_FUNCTIONS: Final = "Functions"
_SAFETY: Final = "Access and safety"


def _of_each(allowed: range) -> Mapping[str, range]:
    return dict.fromkeys((each.name for each in fields(PerFunction)), allowed)


@dataclass(frozen=True, slots=True)
class StackSettings:
    """Settings of a stack. None was not chosen: a switch stays as it is on AWS, all else is as without it.

    The choices say themselves what they are. Besides them:

    Attributes:
        stack: its name.
        text_logs: whether an earlier setup found that functions may not write JSON logs there.
        dropped_tags: keys of tags that were chosen before and shall go.
        subscriptions: what `subscribe` added.
        dropped: subscriptions that were there before and shall go.
        unfit_prefixes: those of the deployed stack that setup takes no longer; everything else goes on with them.
    """

    stack: str
    bucket: Annotated[
        str,
        Text(
            "Bucket with the counter files; by default that of the deployed stack.",
            _BUCKET,
            pattern=BUCKET_PATTERN,
            rule="3 to 63 of a-z 0-9 . - that begin and end with one of a-z 0-9",
            is_rechecked=True,
        ),
    ]
    create_bucket: Annotated[
        bool,
        Switch("Create the bucket; it then belongs to the stack.", _BUCKET, flags=("--create-bucket",)),
    ] = False
    prefix: Annotated[str, Text("Folder of the counter files.", _BUCKET)] = DEFAULT_PREFIX
    output_prefix: Annotated[str, Text("Folder of the published totals.", _BUCKET)] = DEFAULT_OUTPUT_PREFIX
    bucket_versioning: Annotated[
        bool | None, Switch("Keep old versions in a bucket that setup created.", _BUCKET)
    ] = None
    memory: Annotated[
        PerFunction, Numbers("Memory of {}.", _FUNCTIONS, metavar="FUNCTION=MB", allowed=_of_each(_MEMORY))
    ] = DEFAULT_MEMORY
    window: Annotated[
        PerFunction,
        Numbers(
            "How long records are collected for {}.",
            _FUNCTIONS,
            metavar="FUNCTION=SECONDS",
            allowed=_of_each(_WINDOW),
        ),
    ] = DEFAULT_WINDOW
    max_concurrency: Annotated[
        int, Number("Invocations of the processor at a time, {}.", _FUNCTIONS, allowed=_CONCURRENCY)
    ] = DEFAULT_MAX_CONCURRENCY
    retention: Annotated[
        Retention,
        Numbers(
            "How long {} are kept; days that have begun keep theirs.",
            _FUNCTIONS,
            metavar="WHAT=DAYS",
            allowed={"snapshots": _RETENTION, "totals": _RETENTION},
        ),
    ] = Retention()
    architecture: Annotated[
        str | None,
        Text(
            "Instruction set of the functions: arm64, or x86_64 where that is not offered.",
            _FUNCTIONS,
            metavar=f"{DEFAULT_ARCHITECTURE}|{OLDER_ARCHITECTURE}",
            pattern=f"{DEFAULT_ARCHITECTURE}|{OLDER_ARCHITECTURE}",
            rule=f"{DEFAULT_ARCHITECTURE} or {OLDER_ARCHITECTURE}",
            is_removable=True,
            is_rechecked=True,
        ),
    ] = None
    lanes: Annotated[
        int, Number("Lanes that a day's instances are spread over; from the next day that begins.", _FUNCTIONS)
    ] = 1
    counter_shards: Annotated[
        int, Number("Shards that a day's counters are spread over; from the next day that begins.", _FUNCTIONS)
    ] = 1
    max_counters: Annotated[
        int,
        Number(
            "Different counters that a day may have; a file that takes it beyond is refused.",
            _FUNCTIONS,
            allowed=range(1, MAX_LINES + 1),
        ),
    ] = DEFAULT_MAX_COUNTERS
    alarm_email: Annotated[
        str | None,
        Text(
            "Address that alarms go to.",
            _SAFETY,
            pattern=EMAIL,
            rule=EMAIL_RULE,
            is_removable=True,
            is_rechecked=True,
        ),
    ] = None
    alarm_uploads: Annotated[
        int, Number("Files a minute above which an alarm goes off.", _SAFETY, allowed=range(1, 1_000_000 + 1))
    ] = DEFAULT_ALARM_UPLOADS
    stale_alarm: Annotated[
        str | None,
        Text(
            "How long an instance may upload nothing before an alarm goes off; none is the default.",
            _SAFETY,
            metavar="AGE",
            pattern=r"([3-9]|[1-9]\d|[1-6]\d\d|7[01]\d|720)m|([1-9]|1[0-2])h",
            rule="3m to 12h, in minutes or hours",
            is_removable=True,
            is_rechecked=True,
        ),
    ] = None
    dashboard: Annotated[
        bool,
        Switch(f"Show all hops on a CloudWatch dashboard, which costs {DASHBOARD_PRICE}.", _SAFETY),
    ] = False
    tags: Annotated[
        Mapping[str, str],
        Pairs(
            "Tag for every resource; name all of them at once.",
            _SAFETY,
            metavar="KEY=VALUE",
            flags=("--tag",),
        ),
    ] = field(default_factory=dict)
    permissions_boundary: Annotated[
        str | None,
        Text(
            "Policy that bounds the functions' roles.",
            _SAFETY,
            metavar="ARN",
            pattern=r"arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy/\S+",
            rule="the ARN of an IAM policy",
            is_removable=True,
        ),
    ] = None
    role_path: Annotated[
        str,
        Text(
            "Path of the functions' roles.",
            _SAFETY,
            pattern=r"/(?:[!-.0-~]+/)*",
            rule="a path that begins and ends with a slash: /ops/",
            is_removable=True,
        ),
    ] = "/"
    kms_key: Annotated[
        str | None,
        Text(
            "Key that encrypts bucket, topics, queues and tables.",
            _SAFETY,
            metavar="ARN",
            pattern=r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+",
            rule="the ARN of a KMS key, not of an alias: "
            "`aws kms describe-key --key-id NAME --query KeyMetadata.Arn` tells it",
            is_removable=True,
        ),
    ] = None
    point_in_time_recovery: Annotated[
        bool | None, Switch("Allow tables to be restored to any second.", _SAFETY)
    ] = None
    deletion_protection: Annotated[bool | None, Switch("Protect the tables against deletion.", _SAFETY)] = None
    text_logs: Annotated[bool, Switch()] = False
    dropped_tags: Annotated[frozenset[str], Keys()] = frozenset()
    subscriptions: Annotated[tuple[Subscriber, ...], Subscriptions()] = ()
    dropped: frozenset[Subscriber] = frozenset()
    unfit_prefixes: frozenset[str] = frozenset()
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        """Check what can be checked without AWS.

        Raises:
            UsageError: a name or a value cannot be used, or the prefixes overlap.
        """
        object.__setattr__(self, "names", Names(self.stack))
        for name in ("prefix", "output_prefix"):
            if (value := getattr(self, name)) not in self.unfit_prefixes:
                object.__setattr__(self, name, normalise_prefix(value, CHOICES[name].option))
        check_prefixes_disjoint(self.prefix, self.output_prefix)
        for name, choice in CHOICES.items():
            choice.check(getattr(self, name))
        check_tags(self.tags)
        _check_retention(self.retention)
        _ = self.layout

    @property
    def deliveries(self) -> tuple[Subscriber, ...]:
        """All that is subscribed, by whichever command."""
        return deliveries(self.alarm_email, self.subscriptions)

    @property
    def layout(self) -> Layout:
        """How days yet to begin are spread.

        Raises:
            UsageError: a day cannot have as many partitions.
        """
        try:
            return Layout.checked(self.lanes, self.counter_shards)
        except UsageError as error:
            error.where = "--lanes, --counter-shards"
            raise


SETTINGS: Final = settings_of(StackSettings)
"""All that a stack remembers, by name."""
CHOICES: Final = {name: setting for name, setting in SETTINGS.items() if setting.help}
"""Those that an operator makes."""


def _check_retention(days: Retention) -> None:
    if days.totals < days.snapshots:
        # A day's totals must not go as long as files of it are taken: they would begin anew.
        raise UsageError(
            f"totals={days.totals} is less than snapshots={days.snapshots}: totals would be lost of days that "
            "still take files",
            where="--retention",
            hint=f"give --retention totals={days.snapshots} or more",
        )
    if days.logs not in LOG_RETENTIONS:
        allowed = ", ".join(map(str, sorted(LOG_RETENTIONS)))
        raise UsageError(
            f"CloudWatch Logs has no {days.logs}-day retention",
            where="--retention",
            hint=f"use logs= and one of {allowed}",
        )
