from __future__ import annotations

import json
from datetime import UTC, timedelta
from typing import Any

import pytest

from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS, make_clients, make_sns_client
from countagg.functions.telemetry import make_telemetry, report, utc_now
from tests.functions.world import REGION, NetworkReached


def test_logs_and_metrics_bear_the_functions_name(capsys: pytest.CaptureFixture[str]) -> None:
    logger, metrics = make_telemetry("countagg-test-telemetry")
    report(logger, metrics, {"FilesApplied": 2, "FilesRefused": 0}, retried=1)
    line, document = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["service"], line["message"], line["level"]) == ("countagg-test-telemetry", "batch done", "INFO")
    assert (line["FilesApplied"], line["MessagesRetried"]) == (2, 1)
    assert "FilesRefused" not in line
    assert line["timestamp"].endswith("+00:00")
    assert document["service"] == "countagg-test-telemetry"
    assert (document["FilesApplied"], document["MessagesRetried"]) == ([2.0], [1.0])
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "countagg"
    assert "FilesRefused" not in document


def test_nothing_to_count_gives_a_log_line_and_no_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    logger, metrics = make_telemetry("countagg-test-nothing")
    report(logger, metrics, {"FilesApplied": 0})
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert line["message"] == "batch done"


def test_counts_of_one_invocation_are_not_counted_again_in_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    logger, metrics = make_telemetry("countagg-test-twice")
    report(logger, metrics, {"FilesApplied": 2})
    capsys.readouterr()
    report(logger, metrics, {"FilesApplied": 3})
    document = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(document)["FilesApplied"] == [3.0]


def test_the_clock_is_aware_and_utc() -> None:
    assert utc_now().tzinfo is UTC
    assert abs(utc_now() - utc_now()) < timedelta(seconds=1)


def test_a_client_gives_up_before_the_time_that_is_kept_for_a_call() -> None:
    clients = make_clients()
    for client in (clients.s3, clients.sqs, clients.dynamodb, make_sns_client()):
        config: Any = client.meta.config  # Config's members are not in the stubs.
        attempts = config.retries["total_max_attempts"]
        assert attempts > 1
        assert config.retries["mode"] == "standard"
        assert attempts * (config.connect_timeout + config.read_timeout) * 1_000 < SLOWEST_CALL_MILLISECONDS
        assert client.meta.region_name == REGION


def test_no_test_of_this_folder_reaches_the_network() -> None:
    with pytest.raises(NetworkReached):
        make_clients().s3.list_buckets()
