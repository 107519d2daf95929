"""The report of a self-test: no name gets into it, whatever the steps came upon."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from countagg.operate.selftest.report import anonymise, report
from countagg.operate.selftest.selftest import Finding, SelfTest, Step, StepOutcome, StepResult

NAMES: Final = {
    "acme-counters-eu": "<bucket>",
    "acme": "<stack>",
    "123456789012": "<account>",
    "jane.doe": "<principal>",
    "127.0.0.1:4566": "<endpoint>",
    "secret-project/": "<prefix>",
    "": "<nothing>",
}
SECRETS: Final = (
    "acme",
    "123456789012",
    "210987654321",
    "jane",
    "4566",
    "secret",
    "9f3c",
    "QWERTY",
    "corp",
    "AKIA",
)
CIRCUMSTANCES: Final = {"countagg": "1.2.3", "region": "eu-central-1"}


def made(*results: StepResult) -> dict[str, Any]:
    return report(SelfTest(results), CIRCUMSTANCES, NAMES)


def result(
    outcome: StepOutcome, finding: Finding | None = None, got: str | None = None, name: str = "a"
) -> StepResult:
    step = Step(name, "it works", Finding, "look")
    failed = outcome is StepOutcome.FAILED
    return StepResult(
        step, outcome, 1.25, finding or Finding(), "3" if failed else None, got, "look" if failed else None
    )


def test_a_report_has_these_keys_and_no_other() -> None:
    finding = Finding({"ledger": 1.234}, {"item_in_error": False})
    found = made(result(StepOutcome.PASSED, finding), result(StepOutcome.FAILED, got="2"))

    assert found == {
        "countagg": "1.2.3",
        "region": "eu-central-1",
        "ok": False,
        "interrupted": False,
        "left_over": False,
        "seconds": 2.5,
        "steps": [
            {
                "step": "a",
                "shows": "it works",
                "outcome": "passed",
                "seconds": 1.2,
                "hops": {"ledger": 1.234},
                "facts": {"item_in_error": False},
                "expected": None,
                "got": None,
                "next": None,
            },
            {
                "step": "a",
                "shows": "it works",
                "outcome": "failed",
                "seconds": 1.2,
                "hops": {},
                "facts": {},
                "expected": "3",
                "got": "2",
                "next": "look",
            },
        ],
    }


@pytest.mark.parametrize(
    "text",
    [
        "no permission for s3:PutObject on arn:aws:s3:::acme-counters-eu/secret-project/2026-11-20/values_x",
        "User: arn:aws-cn:sts::210987654321:assumed-role/acme/jane.doe is not authorized",
        "role of acme-processor, until Lambda can assume it",
        "upload of secret-project/2026-11-20/values_selftest-1: it failed",
        "account 210987654321 is not 123456789012",
        'Could not connect to the endpoint URL: "https://acme-counters-eu.s3.eu-central-1.amazonaws.com/"',
        "127.0.0.1:4566 refused; 10.20.30.40 too; sqs.corp.amazonaws.com.cn as well",
        "request id 9f3c1a2b-0000-4000-8000-1234567890ab, RequestId: QWERTY9f3c, host id: QWERTY/+9f3c=",
        "InvalidAccessKeyId AKIAQWERTYQWERTY1234",
        "alerts go to jane.doe@corp.example.com",
        "[Errno 2] No such file: '/home/jane.doe/corp/countagg.toml'",
        "https://sqs.eu-central-1.amazonaws.com/210987654321/acme-dead-letters",
    ],
)
def test_no_name_stays_in_any_text(text: str) -> None:
    finding = Finding(facts={"waits": {text: 1.5}, "lines": [text]})
    found = made(result(StepOutcome.FAILED, finding, got=text))

    written = json.dumps(found, default=str)
    assert [secret for secret in SECRETS if secret.lower() in written.lower()] == []
    assert found["steps"][0]["got"] != text


def test_what_names_nobody_stays_as_it_is() -> None:
    text = (
        "ledger 0.3, table -, object 12345678901; 0.3 is due after 600 s in eu-central-1 on 2026-11-20 (404/200)"
    )

    assert anonymise({text: [text, 3, None, True]}, NAMES) == {text: [text, 3, None, True]}
