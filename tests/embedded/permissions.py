"""One day that needs every permission of the functions, and what becomes of it when one is taken away."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from countagg.core.events import ObjectEvent, make_s3_message
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.values import SCALE
from countagg.data.limits import alerts_partition
from countagg.provision.functions import POLICY_NAME
from tests.embedded.world import DeployedStack, wait_until

_DENIED: Final = re.compile(r"not authorized to perform: ([\w:]+)")
_PATIENCE_SECONDS: Final = 300.0
_EVENT_TIME: Final = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True, order=True)
class Grant:
    """One action of one statement of a role's policy."""

    role: str
    sid: str
    action: str


@dataclass(frozen=True)
class Step:
    """What is done on the day, what must come of it, and what that is called."""

    outcome: str
    act: Callable[[], object]
    is_done: Callable[[], bool]


@dataclass(frozen=True)
class Stopped:
    """Where a day ended because a function was denied an action."""

    role: str
    action: str
    outcome: str


def grants_of(role: str, policy: dict[str, Any]) -> list[Grant]:
    """Return the actions of a policy, one by one."""
    return [
        Grant(role, statement["Sid"], action)
        for statement in policy["Statement"]
        for action in _listed(statement["Action"])
    ]


def without(policy: dict[str, Any], *taken: Grant) -> dict[str, Any]:
    """Return a policy without some actions; a statement without any goes as a whole."""
    gone = {(grant.sid, grant.action) for grant in taken}
    statements = [
        {**each, "Action": [action for action in _listed(each["Action"]) if (each["Sid"], action) not in gone]}
        for each in policy["Statement"]
    ]
    return {**policy, "Statement": [each for each in statements if each["Action"]]}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@dataclass(frozen=True)
class Roles:
    """The roles of a stack, whose policies can be exchanged."""

    stack: DeployedStack

    def policy(self, role: str) -> dict[str, Any]:
        """Return the policy as it is."""
        found: Any = self.stack.clients.iam.get_role_policy(RoleName=self._name(role), PolicyName=POLICY_NAME)
        return dict(found["PolicyDocument"])

    @contextmanager
    def exchanged(self, role: str, policy: dict[str, Any]) -> Iterator[None]:
        """Have a role work with another policy for as long as the block takes."""
        before = self.policy(role)
        self._put(role, policy)
        try:
            yield
        finally:
            self._put(role, before)

    def _put(self, role: str, policy: dict[str, Any]) -> None:
        self.stack.clients.iam.put_role_policy(
            RoleName=self._name(role), PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy)
        )

    def _name(self, role: str) -> str:
        return f"{self.stack.name}-{role}-us-east-1"


@dataclass(frozen=True)
class Day:
    """A day on which every call of every function is made at least once."""

    stack: DeployedStack
    date: str

    def steps(self) -> Iterator[Step]:
        """Yield what happens on the day, in order."""
        put, key = self.stack.put, self.stack.key
        yield Step("the total", lambda: put(self.date, "i-1", "A 10\n"), lambda: self._total_is(10))
        yield Step("the counter", lambda: None, lambda: self.stack.published(self.date).keys() == {"A"})
        yield Step("the object", lambda: None, lambda: self._object_says(10))
        yield Step("the alert", lambda: None, self._alert_is_sent)
        yield Step(
            "the tombstone",
            lambda: self.stack.publish_event(key(self.date, "i-gone"), "00F0", "ObjectRemoved:Delete"),
            lambda: self.stack.snapshot(self.date, "i-gone") is not None,
        )
        yield Step(
            "what follows an upload whose object went",
            self._tell_of_an_upload_whose_object_went,
            lambda: self.stack.snapshot(self.date, "i-gone-too") is not None,
        )
        yield Step("the refusal", self._overwrite_a_good_file, self._is_refused)
        yield Step("the rebuilt total", self._lose_links, lambda: self._total_is(20))
        yield Step("the new object", lambda: None, lambda: self._object_says(20))

    def run(self, role: str = "", action: str = "") -> Stopped | None:
        """Go through the day, and end it where a role is denied an action.

        Returns:
            None if all came of it that must.
        """
        begun = int(time.time() * 1_000)
        for step in self.steps():
            step.act()
            stopped: list[Stopped] = []

            def decided(step: Step = step, stopped: list[Stopped] = stopped) -> bool:
                denied = bool(action) and action in self._denials(role, begun)
                if step.is_done():
                    # What was denied then is needed only after this step.
                    return True
                if denied:
                    stopped.append(Stopped(role, action, step.outcome))
                return denied

            wait_until(f"{step.outcome} of {self.date}", decided, _PATIENCE_SECONDS)
            if stopped:
                return stopped[0]
        return None

    def wait_for(self, outcome: str) -> None:
        """Wait until the rest of a day that was stopped has come after all."""
        step = next(step for step in self.steps() if step.outcome == outcome)
        wait_until(f"{outcome} of {self.date}", step.is_done, _PATIENCE_SECONDS)

    def _denials(self, role: str, since: int) -> set[str]:
        pages = self.stack.clients.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.stack.names.log_group(f"{self.stack.name}-{role}"), startTime=since
        )
        return {action for page in pages for each in page["events"] for action in _DENIED.findall(each["message"])}

    def _total_is(self, value: float) -> bool:
        return self.stack.totals(self.date) == {"A": value}

    def _object_says(self, value: int) -> bool:
        return self.stack.published_object(self.date).totals == {"A": value * SCALE}

    def _alert_is_sent(self) -> bool:
        found = self.stack.clients.dynamodb.query(
            TableName=self.stack.names.counters,
            KeyConditionExpression="#counter = :partition",
            ExpressionAttributeNames={"#counter": "Counter"},
            ExpressionAttributeValues={":partition": {"S": alerts_partition(self.date)}},
        )
        return [item["State"]["S"] for item in found["Items"]] == ["sent"]

    def _tell_of_an_upload_whose_object_went(self) -> None:
        """Send one message of two events, so that the second one is taken only if the first one is understood."""
        bucket, key = self.stack.bucket, self.stack.key
        events = [
            ObjectEvent(bucket, key(self.date, "i-gone"), "00EF", removed=False, time=_EVENT_TIME),
            ObjectEvent(bucket, key(self.date, "i-gone-too"), "00F0", removed=True, time=_EVENT_TIME),
        ]
        records = [record for event in events for record in json.loads(make_s3_message(event))["Records"]]
        self.stack.publish(json.dumps({"Records": records}))

    def _overwrite_a_good_file(self) -> None:
        self.stack.put(self.date, "i-bad", "A 0\n")
        # Both events at once would find the bad file.
        wait_until("the good file", lambda: self.stack.snapshot(self.date, "i-bad") is not None, _PATIENCE_SECONDS)
        self.stack.put(self.date, "i-bad", "A x\n")

    def _is_refused(self) -> bool:
        return any(body.get("key") == self.stack.key(self.date, "i-bad") for body in self.stack.dead_letters())

    def _lose_links(self) -> None:
        """Make the ledger forget what it includes, so that the next link shows a gap; then upload."""
        version = self.stack.ledger_version(self.date) + 1
        self.stack.clients.dynamodb.update_item(
            TableName=self.stack.names.totals,
            Key={"Date": {"S": self.date}},
            UpdateExpression="SET #version = :version, #document = :document",
            ExpressionAttributeNames={"#version": "Version", "#document": "Document"},
            ExpressionAttributeValues={
                ":version": {"N": str(version)},
                ":document": {"B": encode_ledger(Ledger())},
            },
        )
        self.stack.put(self.date, "i-1", "A 20\n")
