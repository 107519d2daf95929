"""Events of logs as lines for people: what wrote them, how grave they are, what they say.

Three kinds of event stand in a function's log. Its own lines are JSON (powertools, or the runtime's own), or text
where something wrote past the logger. The platform's lines tell of each invocation, as JSON or in the older text
form (docs/aws-facts.md#logs-metrics-and-alarms). Metrics are JSON in the embedded metric format. Whatever cannot
be read as one of these is shown as the text that it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Any, Final

import simplejson

from countagg.core.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from countagg.aws.log_events import LogEvent


class Level(IntEnum):
    """How grave a line is."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class Speaker(Enum):
    """Who speaks in a line."""

    FUNCTION = "function"
    PLATFORM = "platform"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class LogLine:
    """What an event says.

    Attributes:
        event: the event itself.
        kind: who speaks.
        level: how grave it is.
        message: its first line.
        fields: whatever else it names, in its order, values as text.
        trace: lines that follow the first: a stack trace, or the rest of a text.
    """

    event: LogEvent
    kind: Speaker
    level: Level
    message: str
    fields: tuple[tuple[str, str], ...] = ()
    trace: tuple[str, ...] = ()

    @property
    def time(self) -> str:
        """When it happened: UTC, ISO 8601, to the millisecond."""
        return utc_text(self.event.timestamp)

    @property
    def folded(self) -> bool:
        """Whether it is of use only to those who want to see everything."""
        return self.kind is Speaker.METRICS or (self.kind is Speaker.PLATFORM and self.level <= Level.INFO)

    def contains(self, text: str) -> bool:
        """Tell whether the text stands in the event as it was written, or in the line as it is shown."""
        return text in self.event.message or text in "\n".join(
            [" ".join([self.message, *self.pairs()]), *self.trace]
        )

    def pairs(self) -> list[str]:
        """Return the fields as `key=value`."""
        return [f"{name}={value}" for name, value in self.fields]


_UNSHOWN: Final = frozenset({"level", "log_level", "message", "timestamp"})
_TRACES: Final = frozenset({"exception", "exception_name", "stack_trace", "stackTrace"})
_RUNTIME_ERROR: Final = frozenset({"errorType", "errorMessage"})
_LEVELS: Final = {
    **Level.__members__,
    "TRACE": Level.DEBUG,
    "WARN": Level.WARNING,
    "FATAL": Level.CRITICAL,
}

_PLATFORM_TEXT = re.compile(
    r"(INIT_START|INIT_REPORT|START|END|REPORT|EXTENSION|RESTORE_START|RESTORE_REPORT|(TELEMETRY|LOGS)\s+Name:)\s"
)
_FAILED_TEXT = re.compile(r"\bStatus: (timeout|error|failure)\b|\bError Type: \S")
_BRACKETED_LEVEL = re.compile(r"\[([A-Z]+)\]")
# What the service says of a function that came to no end, in logs of either format.
_GRAVE_TEXT = re.compile(
    r"Task timed out after|Traceback \(most recent call last\)|Process exited before completing request"
    r"|Error: Runtime exited|^(RequestId: \S+ )?(Error: )?(Runtime|Extension|Sandbox|Init)\.[A-Z]\w+"
)
_GRAVE_PLATFORM: Final = {"platform.fault": Level.ERROR, "platform.logsDropped": Level.WARNING}
_PLAIN_VALUE = re.compile(r"[^\s\"=]+")


def read_line(event: LogEvent) -> LogLine:
    """Read an event. Whatever it holds, it makes a line."""
    document = _load(event.message)
    if document is None:
        return _text_line(event)
    if isinstance(document.get("_aws"), dict):
        return _metrics_line(event, document)
    if str(document.get("type", "")).startswith("platform.") and isinstance(document.get("record"), dict | str):
        return _platform_line(event, str(document["type"]), document["record"])
    return _function_line(event, document)


def _load(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        document = simplejson.loads(text, use_decimal=True, allow_nan=True)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _function_line(event: LogEvent, document: Mapping[str, Any]) -> LogLine:
    error = ": ".join(str(document[name]) for name in ("errorType", "errorMessage") if document.get(name))
    message, *rest = _lines(_text(document["message"]) if "message" in document else error)
    level = _LEVELS.get(str(document.get("level", document.get("log_level", ""))).upper())
    trace = _trace(document)
    hidden = _UNSHOWN | _own_service(event, document)
    if trace:
        hidden |= _TRACES
    if "message" not in document:
        hidden |= _RUNTIME_ERROR
    fields = tuple((name, _value(value)) for name, value in document.items() if name not in hidden)
    level = level or (Level.ERROR if error else Level.INFO)
    if _GRAVE_TEXT.search(message):
        level = max(level, Level.ERROR)
    return LogLine(event, Speaker.FUNCTION, level, message, fields, (*rest, *trace))


def _trace(document: Mapping[str, Any]) -> list[str]:
    """Return the stack trace: a text of the logger's, or the runtime's list of pieces."""
    text, pieces = document.get("exception"), document.get("stackTrace")
    if isinstance(text, str) and text:
        return _lines(text)
    if isinstance(pieces, list):
        return [line for piece in pieces for line in _lines(_text(piece)) if line]
    return []


def _platform_line(event: LogEvent, kind: str, record: Mapping[str, Any] | str) -> LogLine:
    level = _GRAVE_PLATFORM.get(kind, Level.INFO)
    if isinstance(record, str):
        # Such as that of a fault: "RequestId: 8f Process exited before completing request".
        first, *rest = _lines(record)
        if _GRAVE_TEXT.search(record):
            level = max(level, Level.ERROR)
        return LogLine(event, Speaker.PLATFORM, level, f"{kind} {first}".rstrip(), (), tuple(rest))
    if record.get("status") not in {None, "success"} or record.get("errorType"):
        level = max(level, Level.ERROR)
    metrics = record.get("metrics")
    if isinstance(metrics, dict):
        record = {name: value for name, value in record.items() if name != "metrics"} | metrics
    fields = tuple((name, _value(value)) for name, value in record.items())
    return LogLine(event, Speaker.PLATFORM, level, kind, fields)


def _metrics_line(event: LogEvent, document: Mapping[str, Any]) -> LogLine:
    hidden = {"_aws"} | _own_service(event, document)
    fields = tuple((name, _value(_single(value))) for name, value in document.items() if name not in hidden)
    return LogLine(event, Speaker.METRICS, Level.INFO, "metrics", fields)


def _own_service(event: LogEvent, document: Mapping[str, Any]) -> set[str]:
    """Return the key that only repeats which function it is."""
    return {"service"} if document.get("service") == event.function else set()


def _single(value: object) -> object:
    """Return the only one of a list: a metric is a list of its values."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _text_line(event: LogEvent) -> LogLine:
    text = event.message.rstrip()
    message, *rest = _lines(text.replace("\t", " "))
    if _PLATFORM_TEXT.match(text):
        level = Level.ERROR if _FAILED_TEXT.search(text) else Level.INFO
        return LogLine(event, Speaker.PLATFORM, level, message, (), tuple(rest))
    bracketed = _BRACKETED_LEVEL.match(text)
    level = _LEVELS.get(bracketed[1], Level.INFO) if bracketed else Level.INFO
    if _GRAVE_TEXT.search(text):
        level = max(level, Level.ERROR)
    return LogLine(event, Speaker.FUNCTION, level, message, (), tuple(rest))


def _lines(text: str) -> list[str]:
    return text.splitlines() or [""]


def _text(value: object) -> str:
    return value if isinstance(value, str) else _compact(value)


def _value(value: object) -> str:
    """Return a value as it stands behind `key=`: plain where that cannot be misread, else as JSON."""
    if isinstance(value, str) and _PLAIN_VALUE.fullmatch(value):
        return value
    return _compact(value)


def _compact(value: object) -> str:
    text = simplejson.dumps(value, use_decimal=True, allow_nan=True, ensure_ascii=False, separators=(",", ":"))
    return str(text)


def utc_text(milliseconds: int) -> str:
    """Return milliseconds since 1970 as UTC, ISO 8601."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
