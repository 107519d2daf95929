from __future__ import annotations

from countagg.provision.choices import Remembered
from countagg.provision.consequences import consequence_of, consequences, cost_of
from countagg.provision.differences import FieldChange
from countagg.provision.settings import StackSettings
from tests.provision.stacks import IDS

BEFORE = Remembered("bucket", "counters/", "totals/")


def test_a_new_prefix_tells_what_becomes_of_the_files_below_the_old_one() -> None:
    found = consequences(BEFORE, StackSettings("countagg", "bucket", prefix="new/"))
    assert list(found) == ["notification/uploads"]
    assert "below counters/ go on counting" in found["notification/uploads"]
    assert "repair" in found["notification/uploads"]


def test_a_new_output_prefix_tells_what_becomes_of_what_is_published() -> None:
    found = consequences(BEFORE, StackSettings("countagg", "bucket", output_prefix="out/"))
    assert list(found) == ["function/publisher"]
    assert "below totals/ stays as it is" in found["function/publisher"]


def test_a_first_setup_and_one_that_moves_nothing_have_no_such_consequences() -> None:
    assert consequences(Remembered(), StackSettings("countagg", "bucket", prefix="new/")) == {}
    assert consequences(BEFORE, StackSettings("countagg", "bucket")) == {}


def test_versioning_that_is_enabled_on_a_bucket_in_use_says_what_to_expect() -> None:
    enabled, suspended = (
        FieldChange("versioning", current=not desired, desired=desired) for desired in (True, False)
    )
    said = consequence_of("bucket", [enabled])
    assert said is not None
    assert said.startswith("for up to 15 minutes S3 may answer 404")
    assert said.endswith("they are tried again, and nothing is lost")
    assert consequence_of("bucket", [suspended]) is consequence_of("bucket", []) is None
    assert consequence_of("table/snapshots", [enabled]) is None


def test_of_what_is_created_a_dashboard_alone_says_its_price() -> None:
    assert [name for name in (*IDS, "dashboard") if cost_of(name)] == ["dashboard"]
    assert cost_of("dashboard") == "it costs 3 USD a month beyond three in the account"
