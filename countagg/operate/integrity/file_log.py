"""What the functions wrote about one file, around its upload."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from countagg.aws.log_events import LogReader, Period, milliseconds
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.core.object_keys import FILE_NAME_PREFIX, CounterFileKey
from countagg.operate.logs.log_lines import LogLine
from countagg.operate.logs.logs import Wanted, read_logs
from countagg.operate.permitted import NotAllowed, attempt

BEFORE: Final = timedelta(minutes=1)
AFTER: Final = timedelta(minutes=15)
"""How far around an upload logs are read: its hops take seconds. Retries may go on for longer."""


@dataclass(frozen=True, slots=True)
class LogExcerpt:
    """The lines that mention a file, of a period around its upload; or what is not allowed."""

    since: datetime
    until: datetime
    lines: tuple[LogLine, ...] | NotAllowed


@dataclass(frozen=True, slots=True)
class FileLog:
    """The logs of a stack.

    Attributes:
        reader: of the log groups.
        names: of the stack.
        now: the current time, aware.
    """

    reader: LogReader
    names: Names
    now: datetime

    def around(self, uploaded_at: datetime, key: str, file_key: CounterFileKey | None) -> LogExcerpt:
        """Return the lines about a file, oldest first.

        Args:
            uploaded_at: aware.
            key: the object's.
            file_key: whose file of which day it is; None if its key is refused.
        """
        since, until = uploaded_at - BEFORE, min(uploaded_at + AFTER, self.now)
        period = Period(milliseconds(since), milliseconds(until))
        functions = tuple(self.names.functions.values())
        is_about = mentions(key, file_key)
        lines = attempt(
            "logs:FilterLogEvents",
            lambda: tuple(filter(is_about, read_logs(self.reader, functions, period, Wanted()))),
        )
        return LogExcerpt(since, until, lines)


def mentions(key: str, file_key: CounterFileKey | None) -> Callable[[LogLine], bool]:
    """Return what tells whether a line is about a file: it names its key, or instance and day apart."""
    # As it is, and as JSON has it, where a key has what is not printed.
    whole = [_word(key), _word(json.dumps(key)[1:-1])]
    apart = [] if file_key is None else [_word(file_key.instance), _word(file_key.day)]

    def is_about(line: LogLine) -> bool:
        text = "\n".join([line.event.message, line.message, *line.pairs(), *line.trace])
        if any(each.search(text) for each in whole):
            return True
        # Another day's file of the instance has a key of its own.
        return bool(apart) and FILE_NAME_PREFIX not in text and all(each.search(text) for each in apart)

    return is_about


def _word(text: str) -> re.Pattern[str]:
    """Return a pattern that finds the text where it is not part of a longer name."""
    return re.compile(rf"(?<![A-Za-z0-9._-]){re.escape(text)}(?![A-Za-z0-9._-])")
