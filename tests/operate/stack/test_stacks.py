"""Stacks by what bears their tag."""

from __future__ import annotations

from countagg.operate.stack.stacks import FoundStack, find_stacks

_ARN = "arn:aws:{}:eu-west-1:123456789012:{}"


def test_stacks_are_told_by_name_with_what_they_have() -> None:
    tagged = {
        "two": [_ARN.format("dynamodb", "table/two-totals"), _ARN.format("sqs", "two-uploads")],
        "one": [
            _ARN.format("lambda", "function:one-processor"),
            _ARN.format("lambda", "function:one-publisher"),
            "arn:aws:s3:::counters",
        ],
    }

    assert find_stacks(tagged) == [
        FoundStack("one", resources=3, functions=2, tables=0, bucket="counters"),
        FoundStack("two", resources=2, functions=0, tables=1, bucket=None),
    ]


def test_no_stack_is_no_error() -> None:
    assert find_stacks({}) == []
