"""A bucket's notifications: whose entries they are, and which of them S3 would refuse beside ours.

S3 takes no two entries for the same event type whose prefixes and whose suffixes both overlap, and answers with a
sentence that names neither (docs/aws-facts.md#s3-events).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from countagg.core.errors import CountaggError, UsageError
from countagg.core.names import Names
from countagg.provision.place import Place
from countagg.provision.states import NotificationState

DESTINATIONS: Final = {
    "TopicConfigurations": "TopicArn",
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
}
"""Kinds of entries, and where each says what it notifies."""


def foreign_entries(configuration: Mapping[str, Any], entry: str, topic: str) -> dict[str, Any]:
    """Return the configuration without our entries, with everything else as it is."""
    others = {kind: found for kind, found in configuration.items() if kind not in DESTINATIONS}
    for kind in DESTINATIONS:
        kept = [each for each in configuration.get(kind, []) if not is_ours(kind, each, entry, topic)]
        if kept:
            others[kind] = kept
    return others


def is_ours(kind: str, found: Mapping[str, Any], entry: str, topic: str) -> bool:
    """Tell whether an entry is ours: one with our id, or for our topic.

    An entry that CloudFormation or Terraform made for our topic has an id that S3 or they picked.
    """
    return kind == "TopicConfigurations" and (found.get("Id") == entry or found["TopicArn"] == topic)


def our_entry(configuration: Mapping[str, Any], entry: str, topic: str) -> NotificationState | None:
    """Return what our entries say together; None if there is none.

    CloudFormation makes an entry for each event. Entries that do not agree on all else say several things at once.
    """
    kind = "TopicConfigurations"
    ours = [each for each in configuration.get(kind, []) if is_ours(kind, each, entry, topic)]
    if not ours:
        return None
    return NotificationState(
        topic=_together(each["TopicArn"] for each in ours),
        events=tuple(sorted({event for each in ours for event in each["Events"]})),
        prefix=_together(filter_of(each, "prefix") for each in ours),
        suffix=_together(filter_of(each, "suffix") for each in ours),
    )


def entry_of(name: str, state: NotificationState) -> dict[str, Any]:
    """Return our entry as S3 takes it."""
    return {
        "Id": name,
        "TopicArn": state.topic,
        "Events": list(state.events),
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": state.prefix}]}},
    }


def _together(values: Iterable[str]) -> str:
    return " and ".join(sorted(set(values)))


def stacks_on(configuration: Mapping[str, Any], place: Place) -> list[str]:
    """Return the names of the stacks of a place that a bucket notifies, each by the name of its topic."""
    stacks: dict[str, None] = {}
    for found in configuration.get("TopicConfigurations", []):
        stack = str(found["TopicArn"]).rpartition(":")[2].removesuffix("-uploads")
        with suppress(UsageError):
            if found["TopicArn"] == place.topic_arn(Names(stack).uploads):
                stacks[stack] = None
    return list(stacks)


def count_entries(configuration: Mapping[str, Any]) -> int:
    """Count the entries; the switch for EventBridge is one."""
    return sum(len(configuration.get(kind, [])) for kind in DESTINATIONS) + (
        "EventBridgeConfiguration" in configuration
    )


def check_overlaps(ours: NotificationState, entry: str, configuration: str) -> None:
    """Refuse an entry beside which S3 would not take ours.

    Args:
        ours: what our entry should be.
        entry: its id.
        configuration: the bucket's notifications, as JSON.

    Raises:
        CountaggError: one overlaps; it is named, with what to do.
    """
    others = foreign_entries(json.loads(configuration), entry, ours.topic)
    for kind, destination in DESTINATIONS.items():
        for found in others.get(kind, []):
            shared = sorted(_shared_events(ours.events, found["Events"]))
            prefix, suffix = filter_of(found, "prefix"), filter_of(found, "suffix")
            if (
                shared
                and _overlap(ours.prefix, prefix, str.startswith)
                and _overlap(ours.suffix, suffix, str.endswith)
            ):
                raise CountaggError(
                    f"the bucket already notifies {found[destination]} (entry {found.get('Id', '')!r}) of "
                    f"{', '.join(shared)} for {_filtered(prefix, suffix)}; S3 takes no second entry for "
                    f"{ours.prefix!r} beside it",
                    where="notification/uploads",
                    hint=f"{'choose another --prefix, ' if prefix else ''}narrow that entry, or let its consumer "
                    "subscribe to our topic",
                )


def _filtered(prefix: str, suffix: str) -> str:
    filters = {"prefix": prefix, "suffix": suffix}
    return " and ".join(f"the {name} {text!r}" for name, text in filters.items() if text) or "all keys"


def filter_of(entry: Mapping[str, Any], name: str) -> str:
    """Return the prefix or the suffix of an entry; S3 gives the names of the rules back capitalised."""
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return next((str(rule["Value"]) for rule in rules if rule["Name"].lower() == name), "")


def _shared_events(ours: tuple[str, ...], theirs: list[str]) -> Iterator[str]:
    """Yield the narrower of each two event types of which one includes the other."""
    for mine in ours:
        for other in theirs:
            wide, narrow = sorted((mine, other), key=lambda event: not event.endswith("*"))
            if narrow == wide or (wide.endswith("*") and narrow.startswith(wide[:-1])):
                yield narrow


def _overlap(one: str, other: str, covers: Any) -> bool:  # noqa: ANN401 - an unbound method of str
    return bool(covers(one, other) or covers(other, one))
