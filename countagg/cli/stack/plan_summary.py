"""A plan on one screen: what is asked about before setup and teardown. The plan itself has every field."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from countagg.cli.stack.plan_view import tally_line
from countagg.core.printable import printable
from countagg.operate.stack.plan_document import ROLES
from countagg.operate.stack.plan_fields import leaves
from countagg.provision.reconcile import Action, Change

_KINDS: Final = {
    "logs": "log group",
    "mapping": "event source mapping",
    "email": "mail address",
    "notification": "bucket notification",
}
"""Where the kind of a resource's id is not the word for it."""
_READING: Final = ("BatchGet", "Describe", "Get", "Head", "List", "Query", "Receive", "Scan")
_VERBS: Final[Mapping[str, Callable[[str], bool]]] = {
    "read": lambda action: action.startswith((*_READING, "*")),
    "write": lambda action: not action.startswith(_READING),
}
"""Which actions count as what; a pattern of all as both."""
_MOST_NAMED: Final = 12
_WIDTH: Final = 80


def summary_lines(changes: Sequence[Change]) -> list[str]:
    """Return what would be done: by kind, what the roles may, and what is lost: far less than a screen."""
    lines: list[str] = []
    for action, word in ((Action.CREATE, "create"), (Action.UPDATE, "update"), (Action.DELETE, "delete")):
        touched = [change for change in changes if change.action is action]
        if touched:
            lines += _folded(f"{word} {len(touched)}:", _named(touched, by_kind=action is not Action.UPDATE))
    lines += _roles(changes)
    losing = [change for change in changes if change.holds and change.action is not Action.KEEP]
    if losing:
        lines += _folded("deletes what cannot be brought back:", ", ".join(map(_loss, losing)))
    return [*map(printable, lines), f"plan: {tally_line(changes, done=False)}"]


def _named(changes: Sequence[Change], *, by_kind: bool) -> str:
    names = [change.resource for change in changes]
    if not by_kind and len(names) <= _MOST_NAMED:
        return ", ".join(names)
    kinds = Counter(name.partition("/")[0] for name in names)
    return ", ".join(f"{count} {_plural(_KINDS.get(kind, kind), count)}" for kind, count in kinds.items())


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}{'es' if word.endswith('s') else 's'}"


def _roles(changes: Sequence[Change]) -> Iterator[str]:
    """Yield a line for each role that gets rights: which services it may read from and write to."""
    rights = {
        change.resource: text
        for change in changes
        if change.resource.startswith(ROLES) and (text := _rights(change))
    }
    width = max(map(len, rights), default=0)
    for resource, text in rights.items():
        yield f"{resource:<{width}}  may {text}"


def _rights(change: Change) -> str:
    """Return what a role may do from now on, in words; empty if nothing more."""
    services: defaultdict[str, set[str]] = defaultdict(set)
    if change.action is not Action.DELETE:
        for leaf in (leaf for field in change.fields for leaf in leaves(field)):
            for service, _, action in (each.partition(":") for each in _allowed(leaf.desired)):
                for verb, begins in _VERBS.items():
                    if begins(action):
                        services[verb].add(service)
    return "; ".join(f"{verb} {', '.join(sorted(services[verb]))}" for verb in _VERBS if services[verb])


def _allowed(statement: Any) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the actions that a statement of a role's policy allows."""
    if not isinstance(statement, Mapping) or statement.get("Effect") != "Allow" or "Principal" in statement:
        return []
    actions = statement.get("Action", [])
    return [actions] if isinstance(actions, str) else list(actions)


def _loss(change: Change) -> str:
    return f"{change.resource} ({change.contents})" if change.contents else change.resource


def _folded(beginning: str, text: str) -> list[str]:
    return wrap(
        f"{beginning} {text}", _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
