"""Commands that subscribe others to what a stack finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import ExpectAccountOption, YesOption
from countagg.cli.stack.carrying_out import ask, prepare_patience, write_changes
from countagg.cli.terminal.render import write_table
from countagg.cli.terminal.result import write_result
from countagg.core.printable import printable

# What they do is imported when they do it, so that help and completion are quick.
if TYPE_CHECKING:
    from countagg.cli.stack.setup_progress import Reporter
    from countagg.operate.stack.deployment import Plan
    from countagg.operate.stack.subscribed import Subscribed
    from countagg.operate.stack.subscribing import Subscribing
    from countagg.provision.subscriptions import Subscriber

_HEADER = ("TYPE", "ENDPOINT", "COUNTERS", "STATE", "BY")
_CounterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--counter",
        metavar="GLOB",
        help="Only this counter: a name, NAME* or *NAME; may be repeated.",
    ),
]


@command("subscribe function", changes=True)
def subscribe_function(
    session: Session,
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="ARN or name, with :ALIAS if it has one.")],
    counter: _CounterOption = None,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Call a function of yours with each change of a total, from now on.

    Its role gets an inline policy, by which it may read the stream of the table STACK-counters. Limits and alerts
    are left out. What fails at every try goes to the dead letters. To subscribe it again changes its counters.

    Example: countagg subscribe function my-function --counter 'http_*'
    """
    from countagg.provision.subscriptions import read_function, read_patterns

    patterns = read_patterns(counter or ())
    session.introduce(expect_account)
    name = read_function(function, session.caller.place)
    subscribing, reporter = _prepare(session)
    _add(session, subscribing, reporter, subscribing.of_function(name, patterns), yes=yes)


@command("subscribe queue", changes=True)
def subscribe_queue(
    session: Session,
    queue: Annotated[str, typer.Argument(metavar="QUEUE", help="ARN of a standard SQS queue.")],
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Send alerts to a queue of yours: of limits that were passed, and of the stack's alarms.

    The queue gets the message alone, without SNS's envelope. The policy of a queue in the stack's account and
    region gets a statement that lets the topic send to it; of any other, the statement is shown.

    Example: countagg subscribe queue arn:aws:sqs:eu-central-1:123456789012:on-call
    """
    from countagg.provision.subscriptions import Subscriber, SubscriptionKind, read_queue

    subscription = Subscriber(SubscriptionKind.QUEUE, read_queue(queue))
    session.introduce(expect_account)
    _add(session, *_prepare(session), subscription, yes=yes)


@command("subscribe email", changes=True)
def subscribe_email(
    session: Session,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address.")],
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Send alerts to an address, besides that of `setup --alarm-email`.

    Nothing is sent before its owner follows the link in SNS's message.

    Example: countagg subscribe email on-call@example.org
    """
    from countagg.provision.subscriptions import Subscriber, SubscriptionKind, read_address

    subscription = Subscriber(SubscriptionKind.EMAIL, read_address(address))
    session.introduce(expect_account)
    _add(session, *_prepare(session), subscription, yes=yes)


@command("subscribe https", changes=True)
def subscribe_https(
    session: Session,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where alerts are posted to.")],
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Post alerts to a URL, in SNS's signed envelope.

    Nothing is sent before the receiver has visited the address in SNS's first message.

    Example: countagg subscribe https https://example.org/alerts
    """
    from countagg.provision.subscriptions import Subscriber, SubscriptionKind, read_url

    session.introduce(expect_account)
    subscription = Subscriber(SubscriptionKind.HTTPS, read_url(url, session.caller.place))
    _add(session, *_prepare(session), subscription, yes=yes)


@command("subscribe list")
def list_subscriptions(session: Session) -> None:
    """List who is subscribed, and which subscriptions wait to be confirmed.

    Example: countagg subscribe list
    """
    from countagg.operate.stack.subscribed import PENDING, list_subscribed

    subscribing, _ = _prepare(session)
    found = list_subscribed(session.clients, session.caller.place, subscribing.settings)
    document = {
        "stack": session.options.stack,
        "subscriptions": [
            {
                "type": each.kind,
                "endpoint": each.endpoint,
                "counters": list(each.counters),
                "state": each.state,
                "last_result": each.last_result,
                "by_countagg": each.by_countagg,
            }
            for each in found
        ],
    }
    rows = [_row(each) for each in found]
    write_result(session, document, _HEADER, rows, lambda: _write_text(session, rows))
    for each in found:
        if each.state == PENDING:
            session.remark(f"{printable(each.endpoint)}: {_CONFIRMATION[each.kind]}")


def _row(each: Subscribed) -> tuple[str, ...]:
    by = "countagg" if each.by_countagg else "hand"
    return each.kind, printable(each.endpoint), printable(" ".join(each.counters)), each.state, by


def _write_text(session: Session, rows: list[tuple[str, ...]]) -> None:
    if rows:
        write_table(session.result_console, _HEADER, rows)
    else:
        session.result_console.print("nobody is subscribed")


@command("subscribe remove", changes=True)
def remove_subscription(
    session: Session,
    end: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Function, queue, address or URL, as listed.")],
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """End a subscription, and take back what it put into a role or a queue of yours.

    Example: countagg subscribe remove on-call@example.org
    """
    session.introduce(expect_account)
    subscribing, reporter = _prepare(session)
    subscription = subscribing.find(end)
    if subscription is None:
        session.remark(f"{printable(end)} is not subscribed; `countagg subscribe list` shows who is")
        write_changes(session, (), None, {})
        return
    planned = subscribing.plan_removing(subscription)
    _carry_out(session, reporter, planned, "End the subscription", subscription, yes=yes)


def _prepare(session: Session) -> tuple[Subscribing, Reporter]:
    from countagg.operate.stack.subscribing import Subscribing

    patience, reporter = prepare_patience(session)
    return Subscribing(session.clients, session.caller, patience, session.options.stack), reporter


def _add(
    session: Session, subscribing: Subscribing, reporter: Reporter, subscription: Subscriber, *, yes: bool
) -> None:
    from countagg.operate.stack.subscribed import PENDING, list_subscribed
    from countagg.provision.deliveries import queue_statement
    from countagg.provision.policies import compact
    from countagg.provision.subscriptions import SubscriptionKind

    place, names = session.caller.place, subscribing.settings.names
    if subscription.kind is SubscriptionKind.QUEUE and not subscription.is_settable_queue(place):
        session.remark("the queue is not in the stack's account and region: its policy needs this statement")
        session.remark(compact(queue_statement(subscription.endpoint, place.topic_arn(names.alerts))))
    _carry_out(session, reporter, subscribing.plan_adding(subscription), "Subscribe", subscription, yes=yes)
    if not subscription.is_of_alerts:
        session.remark("Lambda begins to call it within some minutes; the changes before that are not told")
        return
    states = {each.endpoint: each.state for each in list_subscribed(session.clients, place, subscribing.settings)}
    if states.get(subscription.endpoint) == PENDING:
        session.remark(f"{printable(subscription.endpoint)}: {_CONFIRMATION[subscription.kind]}")


def _carry_out(
    session: Session, reporter: Reporter, planned: Plan, doing: str, subscription: Subscriber, *, yes: bool
) -> None:
    """Show what is due and have it agreed to, do it, and tell what was done."""
    from countagg.operate.stack.deployment import apply

    changes, began = planned.changes, session.now()
    if planned.is_pending:
        ask(session, planned, f"{doing}: {subscription.kind} {printable(subscription.endpoint)}?", "yes", yes=yes)
        began = session.now()
        changes = reporter.carry_out(apply(planned, reporter.begun, anything=yes), len(changes))
    told = {"type": str(subscription.kind), "endpoint": subscription.endpoint}
    write_changes(session, changes, session.now() - began, {"subscription": told})


_BY_RECEIVER = "not confirmed yet: the receiver has to visit the SubscribeURL that SNS posted to it"
_BY_OWNER = "not confirmed yet: its owner has to visit the SubscribeURL in the message that SNS sent to it"
_CONFIRMATION = {
    "email": "not confirmed yet: its owner has to follow the link in the message that SNS sent",
    "https": _BY_RECEIVER,
    "http": _BY_RECEIVER,
    "queue": _BY_OWNER,
    "sqs": _BY_OWNER,
}
"""What a subscription waits for, by its kind, or by its protocol where others made it."""
