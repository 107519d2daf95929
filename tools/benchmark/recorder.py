"""Goes into the functions' zips, and wraps their handlers: a line of JSON for each invocation.

It counts the calls where they are made, in the client, whatever the engine makes of them. `BENCHMARK_HANDLER`
names the handler, `BENCHMARK_RECORDS` the file.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections import Counter
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

_REFUSED = "ConditionalCheckFailedException"

calls: Counter[str] = Counter()
refused: Counter[str] = Counter()
_running: list[float] = []


def _remember_table(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["table"] = params.get("TableName", "")


def _count(model: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    calls[model.name] += 1
    if parsed.get("Error", {}).get("Code") == _REFUSED:
        refused[context["table"]] += 1
    if model.name == "BatchExecuteStatement":
        calls["statements"] += len(parsed["Responses"])
        refused["statements"] += sum("Error" in answer for answer in parsed["Responses"])


# Every session that is made from here on has them.
BUILTIN_HANDLERS.extend([("before-parameter-build.dynamodb", _remember_table), ("after-call", _count)])

_module, _, _name = os.environ["BENCHMARK_HANDLER"].rpartition(".")
_handler = getattr(importlib.import_module(_module), _name)


def handler(event: Any, context: Any) -> Any:
    """Run the wrapped handler and write down what it took."""
    # The first invocation of a process bears what it took to start it.
    began = time.process_time() if _running else 0.0
    _running.append(began)
    try:
        return _handler(event, context)
    finally:
        line = {
            "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            "records": len(event["Records"]),
            "cpu_seconds": time.process_time() - began,
            "calls": dict(calls),
            "refused": dict(refused),
        }
        calls.clear()
        refused.clear()
        # One short write to a file opened for appending is whole, whoever else writes.
        with open(os.environ["BENCHMARK_RECORDS"], "a", encoding="utf-8") as file:  # noqa: PTH123 - without pathlib
            file.write(json.dumps(line) + "\n")
