from __future__ import annotations

from countagg.provision.place import Place

PLACE = Place("123456789012", "eu-central-1")


def test_arns_name_partition_region_and_account() -> None:
    assert PLACE.topic_arn("t") == "arn:aws:sns:eu-central-1:123456789012:t"
    assert PLACE.queue_arn("q") == "arn:aws:sqs:eu-central-1:123456789012:q"
    assert PLACE.table_arn("t") == "arn:aws:dynamodb:eu-central-1:123456789012:table/t"
    assert PLACE.function_arn("f") == "arn:aws:lambda:eu-central-1:123456789012:function:f"
    assert PLACE.log_group_arn("/aws/lambda/f") == "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/f"


def test_roles_have_no_region_and_buckets_neither_region_nor_account() -> None:
    assert PLACE.role_arn("r") == "arn:aws:iam::123456789012:role/r"
    assert PLACE.bucket_arn("b") == "arn:aws:s3:::b"


def test_other_partitions_reach_every_arn() -> None:
    china = Place("123456789012", "cn-north-1", partition="aws-cn")
    for arn in (
        china.topic_arn("x"),
        china.queue_arn("x"),
        china.table_arn("x"),
        china.function_arn("x"),
        china.log_group_arn("x"),
        china.role_arn("x"),
        china.bucket_arn("x"),
    ):
        assert arn.startswith("arn:aws-cn:")
