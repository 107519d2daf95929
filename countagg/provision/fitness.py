"""Whether settings fit the place where a stack is to live: what is refused before anything is made.

The settings by themselves are checked where they are made; here they meet account, region and partition.
"""

from __future__ import annotations

from typing import Final

from countagg.core.errors import UsageError
from countagg.core.object_keys import PREFIX_REASON
from countagg.provision.place import PARTITIONS, Place
from countagg.provision.settings import StackSettings

_AWS_OWN: Final = "aws"
"""Stands for the account in the ARN of a policy of AWS's own."""


def check_fitness(settings: StackSettings, place: Place) -> None:
    """Refuse what cannot work there.

    Raises:
        UsageError: the option is named, with the reason and what to do.
    """
    _check_partition(place)
    _check_prefixes(settings)
    _check_key(settings.kms_key, place)
    _check_boundary(settings.permissions_boundary, place)


def _check_partition(place: Place) -> None:
    if place.partition not in PARTITIONS:
        raise UsageError(
            f"{place.region} is in the partition {place.partition}, which countagg does not know",
            where="--region",
            hint=f"use a region of {', '.join(PARTITIONS[:-1])} or {PARTITIONS[-1]}",
        )


def _check_prefixes(settings: StackSettings) -> None:
    for option, prefix in (("--prefix", settings.prefix), ("--output-prefix", settings.output_prefix)):
        if prefix in settings.unfit_prefixes:
            raise UsageError(
                f"the stack was deployed with {prefix!r}, which is no longer taken: {PREFIX_REASON}",
                where=option,
                hint=f"choose another folder by {option}, and move there what is to be kept; until then only "
                "setup and plan refuse it",
            )


def _check_key(arn: str | None, place: Place) -> None:
    if arn is None:
        return
    _, partition, _, region, account, _ = arn.split(":")
    if region != place.region or partition != place.partition:
        raise UsageError(
            f"{arn} is not in {place.region}",
            where="--kms-key",
            hint="use a key of the stack's region, or a replica of it there",
        )
    if account != place.account:
        # GetKeyPolicy does not work across accounts (docs/aws-facts.md#surprises).
        raise UsageError(
            f"{arn} is a key of the account {account}, not of {place.account}: KMS shows its policy to its own "
            "account alone, so nobody here can tell whether S3, SNS and CloudWatch may use it",
            where="--kms-key",
            hint=f"use a key of the account {place.account}",
        )


def _check_boundary(arn: str | None, place: Place) -> None:
    if arn is None:
        return
    _, partition, _, _, account, _ = arn.split(":", 5)
    if partition != place.partition or account not in (_AWS_OWN, place.account):
        raise UsageError(
            f"{arn} is not a policy of the account {place.account}; IAM takes no boundary of another one",
            where="--permissions-boundary",
            hint=f"make that policy in the account {place.account}, or use one of AWS's own",
        )
