"""Functions invoked by hand."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from countagg.aws.errors import aws_errors
from countagg.core.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from countagg.aws.session import Clients


@dataclass(frozen=True, slots=True)
class Invocation:
    """What came of an invocation.

    Attributes:
        error: how AWS calls the function's failure; None if it ended well.
        answer: of the function, JSON.
        tail: the last lines of its log.
    """

    error: str | None
    answer: str
    tail: tuple[str, ...]


def invoke(clients: Clients, function: str, event: Mapping[str, Any]) -> Invocation:
    """Invoke a function, wait for its answer and take the end of its log (Lambda API, Invoke, LogType)."""
    with aws_errors(f"function {function}"):
        answer = clients.lambda_.invoke(FunctionName=function, Payload=json.dumps(event), LogType="Tail")
        payload = answer["Payload"].read().decode()
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    return Invocation(answer.get("FunctionError"), payload, tuple(log.splitlines()))
