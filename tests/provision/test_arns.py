from __future__ import annotations

from countagg.provision.stack import stack_nodes
from tests.provision.stacks import PLACE, make_stack


def test_the_arns_of_a_stack() -> None:
    found = {node.id: PLACE.arn_of(node.id, node.name) for node in stack_nodes(make_stack())}
    known = {name: arn for name, arn in found.items() if arn}
    regional = f"{PLACE.region}:{PLACE.account}"
    assert known["topic/uploads"] == f"arn:aws:sns:{regional}:countagg-uploads"
    assert known["queue/dead-letters"] == f"arn:aws:sqs:{regional}:countagg-dead-letters"
    assert known["table/totals"] == f"arn:aws:dynamodb:{regional}:table/countagg-totals"
    assert known["logs/processor"] == f"arn:aws:logs:{regional}:log-group:/aws/lambda/countagg-processor"
    assert known["role/processor"] == f"arn:aws:iam::{PLACE.account}:role/countagg-processor-eu-central-1"
    assert known["function/processor"] == f"arn:aws:lambda:{regional}:function:countagg-processor"
    assert known["alarm/dead-letters"] == f"arn:aws:cloudwatch:{regional}:alarm:countagg-dead-letters"
    assert known["bucket"] == "arn:aws:s3:::fleet-counters"
    assert len(set(known.values())) == len(known)
    assert all(
        name.startswith(("subscription/", "mapping/", "notification/")) for name in found.keys() - known.keys()
    )
