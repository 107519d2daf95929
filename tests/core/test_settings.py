from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import CountaggError
from countagg.core.partitions import Layout
from countagg.core.settings import FunctionSettings

OPTIONAL = {"COUNTAGG_LANES", "COUNTAGG_COUNTER_SHARDS", "COUNTAGG_MAX_COUNTERS"}
SETTINGS = FunctionSettings(
    stack="countagg",
    bucket="fleet-counters",
    bucket_owner="012345678901",
    prefix="counters/",
    output_prefix="totals/",
    dead_letters_url="https://sqs.us-east-1.amazonaws.com/012345678901/countagg-dead-letters",
    snapshot_retention_days=35,
    totals_retention_days=400,
    alerts_topic_arn="arn:aws:sns:us-east-1:012345678901:countagg-alerts",
)


@given(st.builds(FunctionSettings))
def test_settings_survive_the_way_through_the_environment(settings: FunctionSettings) -> None:
    assert FunctionSettings.from_environment(settings.to_environment()) == settings


def test_every_setting_is_a_variable_of_text() -> None:
    assert SETTINGS.to_environment() == {
        "COUNTAGG_STACK": "countagg",
        "COUNTAGG_BUCKET": "fleet-counters",
        "COUNTAGG_BUCKET_OWNER": "012345678901",
        "COUNTAGG_PREFIX": "counters/",
        "COUNTAGG_OUTPUT_PREFIX": "totals/",
        "COUNTAGG_DEAD_LETTERS_URL": "https://sqs.us-east-1.amazonaws.com/012345678901/countagg-dead-letters",
        "COUNTAGG_SNAPSHOT_RETENTION_DAYS": "35",
        "COUNTAGG_TOTALS_RETENTION_DAYS": "400",
        "COUNTAGG_ALERTS_TOPIC_ARN": "arn:aws:sns:us-east-1:012345678901:countagg-alerts",
        "COUNTAGG_LANES": "1",
        "COUNTAGG_COUNTER_SHARDS": "1",
        "COUNTAGG_MAX_COUNTERS": "20000",
    }


def test_account_ids_keep_their_leading_zero() -> None:
    assert FunctionSettings.from_environment(SETTINGS.to_environment()).bucket_owner == "012345678901"


def test_other_variables_do_not_matter() -> None:
    environment = SETTINGS.to_environment() | {"PATH": "/bin", "COUNTAGG_LOCAL": "1"}
    assert FunctionSettings.from_environment(environment) == SETTINGS


def test_a_stack_that_says_nothing_of_its_layout_has_whole_days() -> None:
    environment = replace(SETTINGS, lanes=4, counter_shards=2).to_environment()
    assert FunctionSettings.from_environment(environment).layout == Layout(4, 2)
    del environment["COUNTAGG_LANES"], environment["COUNTAGG_COUNTER_SHARDS"]
    assert FunctionSettings.from_environment(environment).layout == Layout()


@pytest.mark.parametrize("variable", sorted(SETTINGS.to_environment().keys() - OPTIONAL))
def test_a_missing_variable_is_named(variable: str) -> None:
    environment = SETTINGS.to_environment()
    del environment[variable]
    with pytest.raises(CountaggError, match=f"^{variable} is not set$") as wrong:
        FunctionSettings.from_environment(environment)
    assert wrong.value.hint == "run `countagg setup` again"


@pytest.mark.parametrize("text", ["", "many", "3.5"])
def test_a_number_that_is_none_is_named(text: str) -> None:
    environment = SETTINGS.to_environment() | {"COUNTAGG_TOTALS_RETENTION_DAYS": text}
    message = re.escape(f"COUNTAGG_TOTALS_RETENTION_DAYS is not a number: {text!r}")
    with pytest.raises(CountaggError, match=f"^{message}$"):
        FunctionSettings.from_environment(environment)
