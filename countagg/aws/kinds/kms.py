"""KMS: the operator's key. It is never ours: it must be there, usable, and open to the services that need it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from countagg.core.errors import CountaggError
from countagg.provision.differences import FieldChange
from countagg.provision.policies import load_policy, statements_of
from countagg.provision.reconcile import Observed
from countagg.provision.states import KeyState
from countagg.provision.storage import KEY_USERS

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

# In lower case: IAM does not tell the cases of actions apart.
_NEEDED = ("kms:generatedatakey", "kms:decrypt")


class Key:
    """A key. Without the services in its policy S3 could not publish, and nobody would hear of it.

    See docs/aws-facts.md#sns.
    """

    def __init__(self, kms: KMSClient, arn: str) -> None:
        self._kms = kms
        self._arn = arn

    def read(self) -> Observed[KeyState] | None:
        """Check it.

        Raises:
            CountaggError: it is disabled, or its policy leaves a service out; the missing statement is named.
        """
        metadata = self._kms.describe_key(KeyId=self._arn)["KeyMetadata"]
        if metadata.get("KeyState") != "Enabled":
            raise CountaggError(
                f"the key is {metadata.get('KeyState')}",
                where=f"key {self._arn}",
                hint="enable it, or give another --kms-key",
            )
        self._check_services()
        return Observed(KeyState(), owned=False)

    def _check_services(self) -> None:
        policy = json.loads(self._kms.get_key_policy(KeyId=self._arn, PolicyName="default")["Policy"])
        missing = [service for service in KEY_USERS if not _may_use(policy, service)]
        if missing:
            statement = load_policy("with-key/key", {})["Statement"][0]
            raise CountaggError(
                f"the key's policy does not let {', '.join(missing)} use it",
                where=f"key {self._arn}",
                hint=f"add this statement to the key's policy:\n{json.dumps(statement, indent=2)}",
            )

    def create(self, desired: KeyState) -> None:
        """Do nothing: a key is never made here."""

    def update(self, desired: KeyState, changes: Sequence[FieldChange]) -> None:
        """Do nothing: a key is never changed here."""

    def delete(self) -> None:
        """Do nothing: a key is never deleted here."""


def _may_use(policy: dict[str, Any], service: str) -> bool:
    return all(
        any(
            statement["Effect"] == "Allow"
            and service in _listed(statement.get("Principal", {}).get("Service", []))
            and any(fnmatchcase(action, pattern.lower()) for pattern in _listed(statement.get("Action", [])))
            for statement in statements_of(policy)
            if isinstance(statement.get("Principal"), dict)
        )
        for action in _NEEDED
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
