"""Answers of moto that need no second computation: a read costs moto 2 ms, and a plan of a stack has a hundred.

A read is answered from here if the same was asked before and nothing changed meanwhile what it reads: every other
call to its service drops its answers, and so does a call to a service that changes it in moto.
"""

from __future__ import annotations

import functools
import pickle
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.session
import moto.backend_index as moto_services
import moto.core.responses as moto_responses
import moto.core.utils as moto_utils
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import Loader, create_loader
from botocore.model import OperationModel
from botocore.useragent import UserAgentString
from moto.core.base_backend import BaseBackend
from moto.core.models import MockAWS
from moto.moto_api._internal.moto_random import MotoRandom

from countagg.aws.service_models import PlainFiles, read_model

READING: Final = ("Get", "List", "Describe", "Head")
"""How the names of operations begin that change nothing."""
_CHANGES_TOO: Final = {
    "s3": ("sns", "sqs"),
    "sns": ("sqs",),
    "cloudwatch": ("sns", "sqs"),
    "lambda": ("logs", "sqs", "dynamodb"),
}
"""Which services moto changes with another: a notification is a message, a function writes to its log."""
_READS_OTHERS: Final = ("resourcegroupstaggingapi", "sts")
_OF_ITS_TIME: Final = ("GetObject", "GetMetricData", "GetMetricStatistics", "GetSessionToken", "GetShardIterator")
"""Reads that are never remembered: what they answer is a stream, or depends on when they are asked."""
_ASKED: Final = frozenset(
    {
        *("awslambda", "cloudwatch", "dynamodb", "dynamodbstreams", "iam", "kms", "logs"),
        *("resourcegroupstaggingapi", "s3", "sns", "sqs", "sts"),
    }
)
"""Services that countagg calls, by moto's names: of all others moto knows nothing here."""
_OF_THE_CALL: Final = frozenset({"User-Agent", "X-Amzn-Trace-Id", "amz-sdk-invocation-id", "amz-sdk-request"})

_Key = tuple[str, ...]


class ReadCache:
    """Remembers answers, for all clients of this process.

    Attributes:
        served: reads that were answered from here.
    """

    def __init__(self) -> None:
        self.served = 0
        self._on = True
        self._answers: dict[str, dict[_Key, tuple[Any, bytes]]] = {}
        self._changes = 0

    def clear(self) -> None:
        """Forget everything: the account is another one."""
        self._answers.clear()
        self._changes += 1

    @contextmanager
    def off(self) -> Iterator[None]:
        """Ask for everything, for a test that spoils requests on their way."""
        self._on = False
        try:
            yield
        finally:
            self._on = True

    def make_request(
        self,
        make: Callable[..., tuple[Any, Any]],
        client: BaseClient,
        operation_model: OperationModel,
        request_dict: dict[str, Any],
        request_context: dict[str, Any],
    ) -> tuple[Any, Any]:
        """Stand in for botocore's method that sends a request and parses what comes; `make` is that method."""

        def ask() -> tuple[Any, Any]:
            return make(client, operation_model, request_dict, request_context)

        service, operation = operation_model.service_model.service_name, operation_model.name
        if not operation.startswith(READING):
            self._forget(service)
            try:
                return ask()
            finally:
                self._forget(service)
        if not self._on or not _is_lasting(service, operation, request_dict["url"]):
            return ask()
        key = _key(operation, request_dict)
        if found := self._answers.get(service, {}).get(key):
            self.served += 1
            http, parsed = found
            return http, pickle.loads(parsed)  # noqa: S301 - pickled by us
        changes = self._changes
        http, parsed = ask()
        if changes == self._changes:
            self._answers.setdefault(service, {})[key] = (http, pickle.dumps(parsed))
        return http, parsed

    def _forget(self, service: str) -> None:
        self._changes += 1
        for each in (service, *_CHANGES_TOO.get(service, ())):
            self._answers.pop(each, None)


def _is_motos(url: str | None) -> bool:
    """Tell whether moto answers: no engine that listens on this machine."""
    return url is not None and ".amazonaws.com" in url


def _is_lasting(service: str, operation: str, url: str) -> bool:
    """Tell whether an answer of moto's stays as it is until the next change of its service."""
    return _is_motos(url) and service not in _READS_OTHERS and operation not in _OF_ITS_TIME


def _key(operation: str, params: dict[str, Any]) -> _Key:
    headers = sorted((name, value) for name, value in params["headers"].items() if name not in _OF_THE_CALL)
    return operation, params["url"], repr(params["body"]), repr(headers)


@functools.cache
def read_cache() -> ReadCache:
    """Return the one of this process."""
    return ReadCache()


class _Paths(list[str]):
    """Folders of which each is there once: every session of boto3 adds its own."""

    def append(self, path: str, /) -> None:
        if path not in self:
            super().append(path)


@functools.cache
def _shared_loader(search_path: str | None = None) -> Loader:
    loader = create_loader(search_path)
    loader._search_paths = _Paths(loader.search_paths)  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other way in
    return loader


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let botocore and moto do once what they do for every session, client or call; answer reads from memory."""
    patch.setattr(botocore.session, "create_loader", _shared_loader)
    # Tests call more than commands do, to break what these mend.
    patch.setattr(PlainFiles, "load_file", staticmethod(functools.cache(read_model)))
    # Each client looks up the present names of the same hundreds of events.
    alias = functools.cache(EventAliaser(HierarchicalEmitter())._alias_event_name)  # type: ignore[attr-defined]  # noqa: SLF001 - the same
    patch.setattr(EventAliaser, "_alias_event_name", lambda _, name: alias(name))
    patch.setattr(UserAgentString, "to_string", functools.cache(UserAgentString.to_string))
    patch.setattr(UserAgentString, "rebuild_and_replace_user_agent_handler", lambda *_, **__: None)
    method_names = moto_utils.method_names_from_class
    patch.setattr(moto_responses, "method_names_from_class", functools.cache(method_names))
    # moto lists all services for each account, tries them for each call, and makes up their addresses each time.
    patterns = [entry for entry in moto_services.backend_url_patterns if entry[0] in _ASKED]
    patch.setattr(moto_services, "backend_url_patterns", patterns)
    patch.setattr(BaseBackend, "urls", property(_once_a_kind(BaseBackend.urls.fget)))  # type: ignore[attr-defined]  # it is a property, which moto's types hide
    patch.setattr(MotoRandom, "get_random_string", _random_string)
    _sign_for_others_alone(patch)
    _remember_reads(patch)


def _once_a_kind(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a method that answers for all things of a kind what it answered for the first."""
    answers: dict[type, Any] = {}

    def answer(asked: object) -> Any:
        if type(asked) not in answers:
            answers[type(asked)] = method(asked)
        return answers[type(asked)]

    return answer


def _random_string(
    source: MotoRandom,
    length: int = 20,
    include_digits: bool = True,  # noqa: FBT001, FBT002 - as moto calls it
    lower_case: bool = False,  # noqa: FBT001, FBT002 - the same
) -> str:
    """Stand in for moto's method: the id of each request is one."""
    pool = string.ascii_letters + (string.digits if include_digits else "")
    found = "".join(source.choices(pool, k=length))
    return found.lower() if lower_case else found


def _sign_for_others_alone(patch: pytest.MonkeyPatch) -> None:
    """Let requests to moto bear a signature of nothing: moto reads who signed and for where, and checks none."""
    canonical_request, signature = SigV4Auth.canonical_request, SigV4Auth.signature

    def canonical(signer: SigV4Auth, request: AWSRequest) -> str:
        return "" if _is_motos(request.url) else canonical_request(signer, request)

    def signed(signer: SigV4Auth, text: str, request: AWSRequest) -> str:
        return "0" * 64 if _is_motos(request.url) else signature(signer, text, request)

    patch.setattr(SigV4Auth, "canonical_request", canonical)
    patch.setattr(SigV4Auth, "signature", signed)


def _remember_reads(patch: pytest.MonkeyPatch) -> None:
    make = BaseClient._make_request  # type: ignore[attr-defined]  # noqa: SLF001 - the one place all calls go through

    def make_request(client: BaseClient, *arguments: Any) -> tuple[Any, Any]:
        return read_cache().make_request(make, client, *arguments)

    patch.setattr(BaseClient, "_make_request", make_request)
    for name in ("start", "stop"):
        patch.setattr(MockAWS, name, _forgetting(getattr(MockAWS, name)))


def _forgetting(method: Callable[..., None]) -> Callable[..., None]:
    """Return the method of moto that begins or ends an account, so that it drops the answers of the one before."""

    def changed(*arguments: Any, **named: Any) -> None:
        read_cache().clear()
        method(*arguments, **named)

    return changed
