"""Events of logs as lines for people."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from typing import Any, Final

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from countagg.operate.logs.log_lines import Level, LogLine, Speaker, read_line, utc_text
from tests.operate.log_events import PROCESSOR, START, event

JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN_KEYS: Final = st.sampled_from(
    ["level", "log_level", "message", "service", "exception", "stackTrace", "errorType", "_aws", "type", "record"]
)
REPORT: Final = {
    "requestId": "r-1",
    "metrics": {"durationMs": 12.5, "billedDurationMs": 13},
    "status": "success",
}


def written_by_powertools(write: Callable[[Logger], None]) -> list[LogLine]:
    """Return what the functions' own logger writes, as lines."""
    stream = io.StringIO()
    # The library has one logger for each name, for as long as the process lives.
    name = f"{PROCESSOR}-{uuid.uuid4()}"
    write(Logger(service=name, use_rfc3339=True, utc=True, stream=stream))
    return [read_line(event(text, function=name)) for text in stream.getvalue().splitlines()]


def platform(kind: str, record: dict[str, Any]) -> LogLine:
    return read_line(event({"time": "2026-11-20T21:18:20.000Z", "type": f"platform.{kind}", "record": record}))


# Lines of the functions


def test_a_line_of_the_logger_has_its_level_message_and_other_keys() -> None:
    [line] = written_by_powertools(
        lambda logger: logger.warning(
            "file refused", bucket="b", key="a key", reason='"', line=None, n={"a": [1]}
        ),
    )

    assert (line.kind, line.level, line.message, line.trace) == (
        Speaker.FUNCTION,
        Level.WARNING,
        "file refused",
        (),
    )
    assert [pair for pair in line.pairs() if not pair.startswith("location=")] == [
        "bucket=b",
        'key="a key"',
        'reason="\\""',
        'n={"a":[1]}',
    ]
    assert not line.folded


def test_an_exception_of_the_logger_becomes_the_lines_below() -> None:
    def write(logger: Logger) -> None:
        try:
            int("bad\nthing")
        except ValueError:
            logger.exception("message left for another try", extra={"message_id": "m-1"})

    [line] = written_by_powertools(write)

    assert (line.level, line.message) == (Level.ERROR, "message left for another try")
    assert line.trace[0] == "Traceback (most recent call last):"
    assert line.trace[-1] == r"ValueError: invalid literal for int() with base 10: 'bad\nthing'"
    assert "message_id=m-1" in line.pairs()
    assert not [name for name, _ in line.fields if name in {"exception", "exception_name", "stack_trace"}]


def test_an_uncaught_error_that_the_runtime_writes_has_its_trace() -> None:
    line = read_line(
        event(
            {
                "timestamp": "2026-11-20T21:18:20Z",
                "log_level": "ERROR",
                "errorMessage": "no\nway",
                "errorType": "KeyError",
                "requestId": "r-1",
                "stackTrace": ['  File "/var/task/a.py", line 1, in f\n    g()\n', "  more\n"],
            }
        )
    )

    assert (line.level, line.message) == (Level.ERROR, "KeyError: no")
    assert line.trace == ("way", '  File "/var/task/a.py", line 1, in f', "    g()", "  more")
    assert line.pairs() == ["requestId=r-1"]


def test_errors_named_beside_a_message_stay_keys() -> None:
    line = read_line(event({"level": "INFO", "message": "told", "errorType": "E", "errorMessage": "m m"}))

    assert (line.level, line.message) == (Level.INFO, "told")
    assert line.pairs() == ["errorType=E", 'errorMessage="m m"']


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("TRACE", Level.DEBUG),
        ("debug", Level.DEBUG),
        ("Info", Level.INFO),
        ("WARN", Level.WARNING),
        ("WARNING", Level.WARNING),
        ("ERROR", Level.ERROR),
        ("FATAL", Level.CRITICAL),
        ("CRITICAL", Level.CRITICAL),
        ("strange", Level.INFO),
        (None, Level.INFO),
        (7, Level.INFO),
    ],
)
def test_levels_are_known_by_the_names_of_all_loggers(name: Any, level: Level) -> None:
    assert read_line(event({"level": name, "message": "m"})).level is level
    assert read_line(event({"log_level": name, "message": "m"})).level is level


def test_the_service_is_a_key_only_where_it_is_another_than_the_function() -> None:
    assert read_line(event({"message": "m", "service": PROCESSOR})).pairs() == []
    assert read_line(event({"message": "m", "service": "other"})).pairs() == ["service=other"]


def test_numbers_stay_exact() -> None:
    line = read_line(event('{"message":"m","a":0.10,"b":12345678901234567890123.000000001,"c":true}'))

    assert line.pairs() == ["a=0.10", "b=12345678901234567890123.000000001", "c=true"]


@pytest.mark.parametrize(
    ("message", "first", "rest"),
    [
        ("one\ntwo", "one", ("two",)),
        ({"a": 1}, '{"a":1}', ()),
        ("", "", ()),
        (None, "null", ()),
    ],
)
def test_a_message_may_be_anything(message: Any, first: str, rest: tuple[str, ...]) -> None:
    line = read_line(event({"message": message}))

    assert (line.message, line.trace) == (first, rest)


# Lines of the platform


@pytest.mark.parametrize(
    "text",
    [
        "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:eu::runtime:1\n",
        "START RequestId: 8f Version: $LATEST\n",
        "END RequestId: 8f\n",
        "REPORT RequestId: 8f\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\t\n",
        "EXTENSION\tName: e\tState: Ready\tEvents: [INVOKE]\n",
        "TELEMETRY\tName: e\tState: Subscribed\tTypes: [Platform, Function]\n",
        "LOGS\tName: e\tState: Subscribed\tTypes: [Function]\n",
        "RESTORE_REPORT Restore Duration: 300.10 ms\n",
    ],
)
def test_the_platforms_text_lines_are_folded(text: str) -> None:
    line = read_line(event(text))

    assert (line.kind, line.level, line.folded) == (Speaker.PLATFORM, Level.INFO, True)
    assert "\t" not in line.message


@pytest.mark.parametrize("kind", ["initStart", "start", "report", "runtimeDone", "initReport"])
def test_the_platforms_json_lines_are_folded(kind: str) -> None:
    line = platform(kind, REPORT)

    assert (line.kind, line.level, line.folded, line.message) == (
        Speaker.PLATFORM,
        Level.INFO,
        True,
        f"platform.{kind}",
    )
    assert line.pairs() == ["requestId=r-1", "status=success", "durationMs=12.5", "billedDurationMs=13"]


@pytest.mark.parametrize("status", ["timeout", "error", "failure"])
def test_an_invocation_that_failed_is_never_folded(status: str) -> None:
    text = f"REPORT RequestId: 8f\tDuration: 3000.00 ms\tMemory Size: 128 MB\tStatus: {status}\n"

    for line in (platform("report", REPORT | {"status": status}), read_line(event(text))):
        assert (line.kind, line.level, line.folded) == (Speaker.PLATFORM, Level.ERROR, False)


def test_lost_logs_and_faults_of_the_platform_are_never_folded() -> None:
    dropped, fault = platform("logsDropped", {"reason": "too fast"}), platform("fault", {})

    assert (dropped.level, dropped.folded) == (Level.WARNING, False)
    assert (fault.level, fault.folded) == (Level.ERROR, False)


def test_a_fault_of_the_platform_shows_its_text() -> None:
    text = "RequestId: 8f Process exited before completing request\nmore"
    line = read_line(event({"time": "2026-11-20T21:18:20.000Z", "type": "platform.fault", "record": text}))

    assert (line.kind, line.level, line.folded) == (Speaker.PLATFORM, Level.ERROR, False)
    assert line.message == "platform.fault RequestId: 8f Process exited before completing request"
    assert line.trace == ("more",)


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("runtimeDone", {"requestId": "8f", "status": "timeout", "spans": []}),
        ("runtimeDone", {"requestId": "8f", "status": "failure", "errorType": "Runtime.ExitError"}),
        ("initRuntimeDone", {"phase": "init", "status": "error", "errorType": "Runtime.ImportModuleError"}),
        ("initReport", {"phase": "init", "status": "error", "metrics": {"durationMs": 12.5}}),
        ("restoreRuntimeDone", {"status": "failure"}),
        ("extension", {"name": "e", "state": "LaunchError", "events": [], "errorType": "PermissionDenied"}),
    ],
)
def test_whatever_failed_before_within_or_beside_a_function_is_an_error(kind: str, record: dict[str, Any]) -> None:
    line = platform(kind, record)

    assert (line.kind, line.level, line.folded, line.message) == (
        Speaker.PLATFORM,
        Level.ERROR,
        False,
        f"platform.{kind}",
    )
    assert line.fields[0][0] == next(iter(record))


def test_a_status_that_is_null_is_no_failure() -> None:
    assert platform("runtimeDone", {"requestId": "8f", "status": None}).level is Level.INFO


@pytest.mark.parametrize("text", ["just told", ""])
def test_other_texts_of_the_platform_are_folded(text: str) -> None:
    line = read_line(event({"type": "platform.telemetrySubscription", "record": text}))

    assert (line.kind, line.level, line.folded) == (Speaker.PLATFORM, Level.INFO, True)
    assert line.message == f"platform.telemetrySubscription {text}".rstrip()


@pytest.mark.parametrize(
    "text",
    [
        "EXTENSION\tName: e\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n",
        "INIT_REPORT Init Duration: 9999.60 ms\tPhase: init\tStatus: timeout\n",
        "INIT_REPORT Init Duration: 90.10 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError\n",
        "REPORT RequestId: 8f\tDuration: 3 ms\tMemory Size: 1 MB\tStatus: error\tError Type: Runtime.ExitError\n",
    ],
)
def test_failures_in_the_platforms_text_lines_are_never_folded(text: str) -> None:
    line = read_line(event(text))

    assert (line.kind, line.level, line.folded) == (Speaker.PLATFORM, Level.ERROR, False)


@pytest.mark.parametrize(
    "message",
    [
        "2026-11-20T21:18:20.123Z 8f Task timed out after 60.00 seconds",
        "RequestId: 8f Process exited before completing request",
        "RequestId: 8f Error: Runtime exited with error: signal: killed",
        "RequestId: 8f Error: Runtime.ExitError",
        "Runtime.OutOfMemory",
        "Extension.Crash",
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "json with a level"])
def test_a_function_that_came_to_no_end_is_an_error_in_either_format(message: str, form: str) -> None:
    document = {"message": message} | ({"level": "INFO"} if form == "json with a level" else {})
    line = read_line(event(message + "\n" if form == "text" else document))

    assert (line.kind, line.level, line.message) == (Speaker.FUNCTION, Level.ERROR, message)


def test_a_function_that_cannot_be_imported_is_an_error_in_either_format() -> None:
    reason = "Unable to import module 'countagg.functions.processor': No module named 'countagg'"
    text = read_line(event(f"[ERROR] Runtime.ImportModuleError: {reason}\nTraceback (most recent call last):"))
    line = read_line(event({"errorType": "Runtime.ImportModuleError", "errorMessage": reason, "stackTrace": []}))

    assert (text.level, text.trace) == (Level.ERROR, ("Traceback (most recent call last):",))
    assert (line.level, line.message) == (Level.ERROR, f"Runtime.ImportModuleError: {reason}")


@pytest.mark.parametrize("message", [{"type": "platform.start"}, {"type": "platform.start", "record": 1}])
def test_what_only_looks_like_the_platforms_is_the_functions(message: dict[str, Any]) -> None:
    assert read_line(event(message)).kind is Speaker.FUNCTION


# Metrics and text


def test_metrics_are_folded_and_name_their_values() -> None:
    line = read_line(
        event(
            {
                "_aws": {"Timestamp": START, "CloudWatchMetrics": []},
                "service": PROCESSOR,
                "FilesApplied": [3.0],
                "Sizes": [1.0, 2.0],
            }
        )
    )

    assert (line.kind, line.folded, line.message) == (Speaker.METRICS, True, "metrics")
    assert line.pairs() == ["FilesApplied=3.0", "Sizes=[1.0,2.0]"]


@pytest.mark.parametrize(
    ("text", "level", "message", "rest"),
    [
        ("plain\ttext\n", Level.INFO, "plain text", ()),
        ("", Level.INFO, "", ()),
        ("42", Level.INFO, "42", ()),
        ("[1, 2]", Level.INFO, "[1, 2]", ()),
        ("{not json", Level.INFO, "{not json", ()),
        (
            "[WARNING]\t2026-11-20T21:18:20Z\tr-1\tslow\n",
            Level.WARNING,
            "[WARNING] 2026-11-20T21:18:20Z r-1 slow",
            (),
        ),
        ("[ERROR] KeyError: 'a'\nTraceback ...", Level.ERROR, "[ERROR] KeyError: 'a'", ("Traceback ...",)),
        ("[tag] text", Level.INFO, "[tag] text", ()),
        ("Traceback (most recent call last):\n  f", Level.ERROR, "Traceback (most recent call last):", ("  f",)),
        (
            "2026 8f Task timed out after 60.00 seconds\n\n",
            Level.ERROR,
            "2026 8f Task timed out after 60.00 seconds",
            (),
        ),
        (
            "RequestId: 8f Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
            Level.ERROR,
            "RequestId: 8f Error: Runtime exited with error: signal: killed",
            ("Runtime.ExitError",),
        ),
        ("STARTED something", Level.INFO, "STARTED something", ()),
        ("LOGS are written", Level.INFO, "LOGS are written", ()),
        ("my Runtime.Error count", Level.INFO, "my Runtime.Error count", ()),
    ],
)
def test_text_is_shown_as_it_is_with_the_level_it_tells(
    text: str, level: Level, message: str, rest: tuple[str, ...]
) -> None:
    line = read_line(event(text))

    assert (line.kind, line.level, line.message, line.trace) == (Speaker.FUNCTION, level, message, rest)
    assert not line.folded


def test_nesting_that_no_parser_follows_is_text() -> None:
    text = '{"a":' + "[" * 100_000

    assert read_line(event(text)).message == text


@given(st.text() | st.dictionaries(KNOWN_KEYS | st.text(), JSON_VALUES, max_size=5).map(json.dumps))
def test_whatever_an_event_holds_makes_a_line(message: str) -> None:
    line = read_line(event(message))

    assert "\n" not in line.message
    assert all("\n" not in each for each in line.trace)
    assert all(isinstance(value, str) for _, value in line.fields)
    assert line.contains(message)


@given(st.dictionaries(st.from_regex(r"[a-z]{3,9}x", fullmatch=True), JSON_VALUES, max_size=4))
def test_no_key_of_a_line_is_lost(values: dict[str, Any]) -> None:
    line = read_line(event(json.dumps({"level": "INFO", "message": "m", **values})))

    assert [name for name, _ in line.fields] == list(values)


# Texts and times


def test_a_text_is_found_in_the_event_and_in_the_line() -> None:
    line = read_line(event({"level": "INFO", "message": "batch done", "FilesApplied": 1}))

    assert line.contains("FilesApplied=1")
    assert line.contains('"FilesApplied": 1')
    assert line.contains("done FilesApplied")
    assert not line.contains("filesapplied")
    assert not line.contains("FilesApplied=2")
    assert read_line(event({"message": "m", "exception": 'f\n  "g"'})).contains('  "g"')


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (START + 7, "2026-11-20T21:18:20.007Z"),
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_209_500_999, "2026-11-20T21:18:20.999Z"),
        (10**18, f"{10**18} ms"),
    ],
)
def test_times_are_utc_to_the_millisecond(milliseconds: int, text: str) -> None:
    assert utc_text(milliseconds) == text
