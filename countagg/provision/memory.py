"""What a function remembers of the stack's subscriptions, as a resource of its own.

A setup writes a function whole. Who subscribes somebody changes this and nothing else of it: neither code that is
newer here nor a setting that somebody changed by hand comes along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Final

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.provision.choices import Remembered, remember_too
from countagg.provision.differences import FieldChange
from countagg.provision.functions import check_size
from countagg.provision.policies import compact
from countagg.provision.reconcile import Observed, Resource
from countagg.provision.settings import SETTINGS
from countagg.provision.states import FunctionState
from countagg.provision.subscriptions import Subscriber, SubscriberList

ALARM_EMAIL: Final = "alarm_email"
SUBSCRIPTIONS: Final = "subscriptions"
"""The choices that say who is subscribed."""


@dataclass(frozen=True, slots=True)
class MemoryState:
    """What a function remembers of who is subscribed, by who it is: of what, and for a function with which role.

    `choices` is what its memory then holds, by the names of the choices; None is nothing.
    """

    subscribed: Mapping[str, str]
    choices: Mapping[str, Any] = field(default_factory=dict, compare=False)


def memory_of(subscribers: SubscriberList) -> MemoryState:
    """Return the state in which these are remembered."""
    said = {f"{each.kind} {each.endpoint}": _told(each) for each in subscribers.others}
    stored = SETTINGS[SUBSCRIPTIONS].to_memory(subscribers.others)
    return MemoryState(
        {**said, ALARM_EMAIL: subscribers.alarm_email or ""},
        {ALARM_EMAIL: subscribers.alarm_email, SUBSCRIPTIONS: stored},
    )


def _told(subscription: Subscriber) -> str:
    if subscription.is_of_alerts:
        return "alerts"
    return compact({"counters": list(subscription.counters) or "all", "role": subscription.role})


class Memory:
    """The memory of one function.

    Args:
        name: of the function.
        function: the function.
    """

    def __init__(self, name: str, function: Resource[FunctionState]) -> None:
        self._name = name
        self._function = function
        self._seen = SubscriberList(None, ())

    def read(self) -> Observed[MemoryState] | None:
        """Return it as it is."""
        observed = self._function.read()
        if observed is None:
            return None
        remembered = Remembered.from_environment(observed.state.environment)
        choices = remembered.choices
        self._seen = SubscriberList(choices.get(ALARM_EMAIL), choices.get(SUBSCRIPTIONS, ()))
        return Observed(memory_of(self._seen), owned=observed.owned)

    def after(self, change: Callable[[SubscriberList], SubscriberList]) -> MemoryState:
        """Return what it is to be after a change of what was read last: what others subscribed meanwhile stays."""
        return memory_of(change(self._seen))

    def create(self, _desired: MemoryState) -> None:
        """Refuse: a function is made by setup.

        Raises:
            CountaggError: always.
        """
        raise CountaggError("the function is gone", where=self._name, hint="run `countagg setup` first")

    def update(self, desired: MemoryState, _changes: Sequence[FieldChange]) -> None:
        """Have the function remember it besides all else that it does."""
        observed = self._function.read()
        if observed is None:
            self.create(desired)
            return
        state = observed.state
        environment = remember_too(state.environment, **desired.choices)
        check_size(environment)
        change = FieldChange("environment", state.environment, environment)
        self._function.update(replace(state, environment=environment), (change,))

    def delete(self) -> None:
        """Leave it: it goes with the function."""
