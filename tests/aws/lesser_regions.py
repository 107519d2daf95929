"""Regions that do not offer everything: they refuse in the words in which AWS is recorded to refuse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

from countagg.aws.session import Clients

ARM64: Final = "arm64"
JSON_LOGS: Final = "logs in JSON"
MAPPING_TAGS: Final = "tags of event source mappings"
TAGS_OF_NEW_MAPPINGS: Final = "tags of event source mappings, which are listed as none"
BUCKET_TAGS: Final = "tags of a bucket at its creation"
FEATURES: Final = (ARM64, JSON_LOGS, MAPPING_TAGS, TAGS_OF_NEW_MAPPINGS, BUCKET_TAGS)

_ARCHITECTURE: Final = (
    'Architecture "arm64" is not supported in {}. Please select "x86_64" or remove the Architectures value from '
    "your request and try again"
)
_LOGGING: Final = (
    "LoggingConfig is not supported in {}. Remove LoggingConfig value from your request and try again"
)
_ARGUMENT: Final = "The request contained an unsupported argument."
_ON_TAGS: Final = ("ListTags", "TagResource", "UntagResource")


@dataclass
class LesserRegion:
    """Refuses what it does not offer.

    Attributes:
        region: its name.
        lacks: what it does not offer.
        refused: the operations that it refused.
    """

    region: str
    lacks: frozenset[str]
    refused: list[str] = field(default_factory=list)

    def watch(self, clients: Clients) -> None:
        """Answer the calls of these clients, none of which was made yet."""
        clients.session.events.register("before-call.lambda", self._lambda)
        clients.session.events.register("before-call.s3.CreateBucket", self._bucket)

    def _lambda(self, model: Any, params: Mapping[str, Any], **_: object) -> Any:
        asked = json.loads(params["body"]) if params.get("body") else {}
        for text in self._refusals(model.name, params["url_path"], asked):
            return self._refuse(model.name, "InvalidParameterValueException", text)
        return None

    def _refusals(self, operation: str, path: str, asked: Mapping[str, Any]) -> Iterable[str]:
        if ARM64 in self.lacks and "arm64" in asked.get("Architectures", []):
            yield _ARCHITECTURE.format(self.region)
        if JSON_LOGS in self.lacks and "LoggingConfig" in asked:
            yield _LOGGING.format(self.region)
        known = MAPPING_TAGS in self.lacks or (TAGS_OF_NEW_MAPPINGS in self.lacks and operation != "ListTags")
        tagging = operation in _ON_TAGS and "event-source-mapping" in path
        if known and (tagging or (operation == "CreateEventSourceMapping" and "Tags" in asked)):
            yield f"Unsupported resource type for tagging or invalid arn: {path.rpartition('/')[2]}"

    def _bucket(self, model: Any, params: Mapping[str, Any], **_: object) -> Any:
        if BUCKET_TAGS in self.lacks and b"<Tags>" in (params.get("body") or b""):
            return self._refuse(
                model.name, "UnsupportedArgument", "The request contained an unsupported argument."
            )
        return None

    def _refuse(self, operation: str, code: str, text: str) -> tuple[SimpleNamespace, dict[str, Any]]:
        self.refused.append(operation)
        metadata = {"HTTPStatusCode": 400, "RequestId": "r", "HTTPHeaders": {}, "RetryAttempts": 0}
        return SimpleNamespace(status_code=400), {
            "Error": {"Code": code, "Message": text},
            "ResponseMetadata": metadata,
        }
