"""The id of the EC2 instance that this runs on, out of its metadata (EC2 User Guide, instance metadata)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import METADATA_BASE_URL, BadIMDSRequestError, IMDSFetcher

_ENDPOINT_VARIABLE: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_PATH: Final = "latest/meta-data/instance-id"
_INSTANCE: Final = re.compile(r"i-[0-9a-f]{8,17}")
_TIMEOUT_SECONDS: Final = 1


class _NoMetadataError(Exception):
    """Nobody answers, or another than the metadata service."""


class _InstanceIdFetcher(IMDSFetcher):
    """Asks once, with a token (version 2) or not at all, and past every proxy: it is the machine's own."""

    _RETRIES_EXCEEDED_ERROR_CLS: Any = _NoMetadataError

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(
            timeout=_TIMEOUT_SECONDS,
            num_attempts=1,
            base_url=environ.get(_ENDPOINT_VARIABLE) or METADATA_BASE_URL,
            env=dict(environ),
            config={"ec2_metadata_v1_disabled": True},
        )
        self._session = URLLib3Session(timeout=_TIMEOUT_SECONDS, proxies={})

    def fetch(self) -> str:
        """Return what the service answers."""
        # Its stubs leave out what its subclasses use.
        fetcher: Any = self
        return str(fetcher._get_request(_PATH, None, token=fetcher._fetch_metadata_token()).text)  # noqa: SLF001 - its own


def fetch_instance_id(environ: Mapping[str, str]) -> str | None:
    """Return the id of the EC2 instance; None if this is none, or its metadata may not be asked.

    It takes two seconds at most. `AWS_EC2_METADATA_DISABLED` turns it off, as everywhere.

    Args:
        environ: variables of the environment.
    """
    try:
        found = _InstanceIdFetcher(environ).fetch().strip()
    except (_NoMetadataError, BadIMDSRequestError, BotoCoreError):
        return None
    return found if _INSTANCE.fullmatch(found) else None
