"""An AWS that delays: what was created, changed or deleted a moment ago is denied some times, and then shown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.aws.world import answer


@dataclass(frozen=True, slots=True)
class NotYet:
    """An answer that AWS may give to a call for some time after another one on the same resource.

    Attributes:
        call: the operation that is answered so, after its service.
        after: the operation after which it may be.
        code: of the answer; empty if the answer is a list without what was created.
        text: of the answer, or the name of that list.
        source: where it is told of.
        alike: an answer of the same code that does not pass; empty if the code has only this meaning.
    """

    call: str
    after: str
    code: str
    text: str
    source: str
    alike: str = ""

    @property
    def pair(self) -> str:
        """The two calls."""
        return f"{self.call} after {self.after}"

    @property
    def name(self) -> str:
        """What pytest calls it."""
        return f"{self.pair}: {self.code or 'not listed'}, {self.text[:40]}"


_NAMES: Final = (
    *("RoleName", "FunctionName", "TableName", "Name", "QueueName", "Bucket", "logGroupName", "AlarmName"),
    "DashboardName",
    *("TopicArn", "QueueUrl", "UUID", "SubscriptionArn", "FunctionArn"),
)
"""Parameters and parts of answers that name the resource which a call is about."""
_UUID = re.compile(r"[0-9a-f-]{36}")


@dataclass
class Delays:
    """Gives the answers, and notes which calls follow which on one resource.

    Attributes:
        answers: those that are given.
        times: how often each is given after each call.
        given: how often each was given.
        followed: pairs of a call and one on the same resource before it.
    """

    answers: tuple[NotYet, ...] = ()
    times: int = 0
    given: Counter[NotYet] = field(default_factory=Counter)
    followed: set[tuple[str, str]] = field(default_factory=set)
    _pending: dict[tuple[NotYet, frozenset[str]], int] = field(default_factory=dict)
    _made: dict[tuple[str, frozenset[str]], None] = field(default_factory=dict)

    def refuse(self, call: str, params: Any) -> ClientError | None:
        """Return the error that a call is answered with; None if it is answered as usual."""
        for (entry, names), left in self._pending.items():
            if left and entry.code and entry.call == call and _is_about(params, names):
                self._give(entry, names)
                return answer(entry.code, entry.text, call.partition(".")[2])
        for before, names in self._made:
            if before.partition(".")[0] == call.partition(".")[0] and _is_about(params, names):
                self.followed.add((before, call))
        return None

    def answered(self, call: str, params: Any, parsed: dict[str, Any]) -> None:
        """Note a call that was answered without an error, and hide what it lists if it shall not be shown yet."""
        for (entry, names), left in self._pending.items():
            # A list that is empty as it is hides nothing.
            if left and not entry.code and entry.call == call and parsed.get(entry.text):
                self._give(entry, names)
                parsed[entry.text] = []
        found = {**params, **{key: value for key, value in parsed.items() if key in _NAMES}}
        names = frozenset(_short(found[key]) for key in _NAMES if isinstance(found.get(key), str))
        if not call.partition(".")[2].startswith(("Get", "List", "Describe", "Head")):
            self._made[call, names] = None
            for entry in self.answers:
                if entry.after == call:
                    self._pending[entry, names] = self.times

    def _give(self, entry: NotYet, names: frozenset[str]) -> None:
        self._pending[entry, names] -= 1
        self.given[entry] += 1


def _short(name: str) -> str:
    """Return the last part of an ARN or URL; a log group has slashes of its own."""
    return name if name.startswith("/") else name.rpartition(":" if name.startswith("arn:") else "/")[2] or name


def _is_about(params: Any, names: Iterable[str]) -> bool:
    texts = list(_texts(params))
    # By its ARN a mapping is named by its id alone, and a function by its name.
    ids = [name for name in names if _UUID.fullmatch(name)]
    names = ids if ids and "Resource" in params else names
    return any(_names_it(text, name) for text in texts for name in names)


def _names_it(text: str, name: str) -> bool:
    return text == name or text.endswith((f"/{name}", f":{name}")) or f":{name}:" in text or f':{name}"' in text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
