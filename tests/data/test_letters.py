from __future__ import annotations

import json

import pytest

from countagg.data.letters import REFUSED_FILE, Refusal, UnpublishedDay, parse_letter


def test_a_refusal_is_a_versioned_document_with_every_fact() -> None:
    refusal = Refusal(
        bucket="fleet-counters",
        key="counters/2026-11-20/values_caf\u00e9",
        sequencer="0" * 32,
        reason="'b' is not COUNTER VALUE",
        line=2,
        etag="d41d8cd9",
        request_id="req-1",
        refused_at="2026-11-20T10:00:00+00:00",
        before="there is no version before it",
    )
    assert json.loads(refusal.to_message()) == {
        "schema": 1,
        "kind": "refused-file",
        "hop": "processor",
        "bucket": "fleet-counters",
        "key": "counters/2026-11-20/values_caf\u00e9",
        "sequencer": "0" * 32,
        "reason": "'b' is not COUNTER VALUE",
        "line": 2,
        "etag": "d41d8cd9",
        "request_id": "req-1",
        "refused_at": "2026-11-20T10:00:00+00:00",
        "before": "there is no version before it",
    }
    assert REFUSED_FILE == "refused-file"


def test_a_refusal_about_the_whole_file_has_no_line() -> None:
    message = Refusal("b", "k", "0", "too large", None, "", "r", "t").to_message()
    assert json.loads(message)["line"] is None


@pytest.mark.parametrize(
    "letter",
    [
        Refusal("b", "k", "0" * 32, "too large", None, "", "req-1", "2026-11-20T10:00:00+00:00"),
        UnpublishedDay("2026-11-20", "denied", "req-1", "2026-11-20T10:00:00+00:00"),
    ],
    ids=lambda letter: type(letter).__name__,
)
def test_what_is_written_is_read_back(letter: Refusal | UnpublishedDay) -> None:
    assert parse_letter(json.loads(letter.to_message())) == letter


def test_another_message_is_no_letter_and_half_a_letter_is_refused() -> None:
    assert parse_letter({"kind": "event"}) is None
    with pytest.raises(TypeError):
        parse_letter({"kind": "refused-file", "bucket": "b"})
