"""What a teardown leaves, listed again: by name, by tag, and what others have on the bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from countagg.aws.kinds.context import Forced
from countagg.aws.session import Clients
from countagg.aws.waiting import Patience
from countagg.core.errors import AwsCallFailed
from countagg.core.polling import Polling
from countagg.operate.stack.deployment import Deployment, Plan, Receipt, apply, remove
from countagg.provision.choices import Chosen
from countagg.provision.reconcile import Change, Holds
from tests.aws.kept_accounts import once
from tests.aws.world import BUCKET, PLACE, Calls, answer
from tests.fakes.provisioning import silent
from tests.operate.conftest import CALLER

GROUP = "/aws/lambda/countagg-processor"


@dataclass
class Pauses:
    """A clock that goes by pauses alone; something may happen in one of them.

    Attributes:
        happening: what happens, by the number of the pause.
        taken: the pauses so far, in seconds.
        announced: what was waited for.
    """

    happening: dict[int, Callable[[], object]] = field(default_factory=dict)
    taken: list[float] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.happening.get(len(self.taken), lambda: None)()

    def patience(self) -> Patience:
        return Patience(self.announced.append, Polling(600, self.sleep, lambda: sum(self.taken)))


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def deployment(clients: Clients, pauses: Pauses) -> Deployment:
    return Deployment(clients, CALLER, pauses.patience())


@dataclass(frozen=True)
class Removed:
    """A teardown that was carried out."""

    deployment: Deployment
    plan: Plan
    changes: tuple[Change, ...]

    def receipt(self) -> Receipt:
        return self.deployment.receipt("countagg", self.plan, self.changes)


@pytest.fixture
def tear_down(deployment: Deployment, pauses: Pauses) -> Callable[..., Removed]:
    """Give what sets up and tears down."""

    def tear_down(*keep: Holds, between: Callable[[], object] = lambda: None, **said: Any) -> Removed:
        chosen = Chosen("countagg", BUCKET, **({"create_bucket": True} | said))

        def set_up() -> None:
            tuple(apply(deployment.plan(chosen), silent))

        if said:
            set_up()
        else:
            once("stack and bucket of a deployment", set_up)
        between()
        planned = deployment.plan_removal("countagg", None, frozenset(keep), Forced())
        changes = tuple(remove(planned, frozenset(keep), silent))
        pauses.taken.clear()
        pauses.announced.clear()
        return Removed(deployment, planned, changes)

    return tear_down


# By name


def test_a_clean_teardown_leaves_nothing_and_pauses_once_for_late_log_lines(
    tear_down: Callable[..., Removed], pauses: Pauses
) -> None:
    receipt = tear_down().receipt()
    assert receipt == Receipt(left_over=(), searched_by_tag=True, foreign=0, foreign_unchanged=True)
    assert pauses.taken == [3.0]
    assert pauses.announced == ["late log lines, which could make a log group anew"]


def test_a_log_group_that_a_late_line_made_anew_is_deleted_again(
    tear_down: Callable[..., Removed], pauses: Pauses, clients: Clients
) -> None:
    removed = tear_down()
    # As Lambda would make it: without our tag.
    pauses.happening[1] = lambda: clients.logs.create_log_group(logGroupName=GROUP)
    assert removed.receipt().left_over == ()
    assert clients.logs.describe_log_groups()["logGroups"] == []
    assert pauses.taken == [3.0]


def test_log_groups_that_are_kept_are_neither_waited_for_nor_deleted(
    tear_down: Callable[..., Removed], pauses: Pauses, clients: Clients
) -> None:
    assert tear_down(Holds.LOGS).receipt().left_over == ()
    assert len(clients.logs.describe_log_groups()["logGroups"]) == 3
    assert pauses.taken == []


def test_a_log_group_of_others_under_our_name_stays(tear_down: Callable[..., Removed], clients: Clients) -> None:
    def make_it_theirs() -> None:
        arn = PLACE.log_group_arn(GROUP)
        clients.logs.untag_resource(resourceArn=arn, tagKeys=["countagg:stack"])

    assert tear_down(between=make_it_theirs).receipt().left_over == ()
    groups = clients.logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [GROUP]


@pytest.mark.parametrize("after", [2, 5])
def test_what_aws_goes_on_listing_for_a_while_is_waited_out(
    tear_down: Callable[..., Removed], pauses: Pauses, clients: Clients, after: int
) -> None:
    removed = tear_down(Holds.LOGS)
    clients.sns.create_topic(Name="countagg-alerts", Tags=[{"Key": "countagg:stack", "Value": "countagg"}])
    pauses.happening[after] = lambda: clients.sns.delete_topic(TopicArn=PLACE.topic_arn("countagg-alerts"))
    assert removed.receipt().left_over == ()
    assert len(pauses.taken) == after
    assert pauses.announced == ["what was deleted, until AWS no longer lists it"]


def test_what_stays_is_named_after_two_minutes(
    tear_down: Callable[..., Removed], pauses: Pauses, clients: Clients
) -> None:
    removed = tear_down(Holds.LOGS)
    clients.sns.create_topic(Name="countagg-alerts", Tags=[{"Key": "countagg:stack", "Value": "countagg"}])
    assert removed.receipt().left_over == ("topic/alerts countagg-alerts",)
    assert 120 <= sum(pauses.taken) < 140


# By tag


def test_something_else_that_bears_the_tag_is_named_by_its_arn(
    tear_down: Callable[..., Removed], clients: Clients
) -> None:
    removed = tear_down()
    clients.sns.create_topic(Name="copied-by-hand", Tags=[{"Key": "countagg:stack", "Value": "countagg"}])
    clients.sns.create_topic(Name="of-another-stack", Tags=[{"Key": "countagg:stack", "Value": "other"}])
    assert removed.receipt().left_over == (PLACE.topic_arn("copied-by-hand"),)


def test_a_search_that_fails_for_another_reason_is_no_success(
    tear_down: Callable[..., Removed], calls: Calls
) -> None:
    removed = tear_down()
    calls.errors["GetResources"] = [answer("InternalServiceException", "no", "GetResources")]
    with pytest.raises(AwsCallFailed):
        removed.receipt()


# Of others


def test_without_a_bucket_nothing_is_told_of_notifications(
    tear_down: Callable[..., Removed], clients: Clients
) -> None:
    def lose_the_bucket() -> None:
        clients.s3.delete_bucket(Bucket=BUCKET)

    receipt = tear_down(between=lose_the_bucket).receipt()
    assert (receipt.foreign, receipt.foreign_unchanged) == (None, True)
