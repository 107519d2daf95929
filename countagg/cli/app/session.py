"""A command's session: its options, where it writes, and its connection to AWS or to the embedded engine."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from countagg.cli.app.options import DEFAULT_STACK, Options
from countagg.cli.app.preferences import PROJECT_FILE, Preferences, Written
from countagg.cli.terminal.streams import printable_lines
from countagg.core.errors import ConnectionProblem, Declined, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable

# What reaches AWS is imported when a command does, so that its help and completion are quick; what draws, when
# something is drawn: it takes 0.03 s of CPU, which JSON in a script does without.
if TYPE_CHECKING:
    from rich.console import Console

    from countagg.aws.pipeline import Pipeline
    from countagg.aws.session import Caller, Clients

_COMMAND: Final = re.compile("`countagg (?!-|(?:local|demo|help|version)\\b)([^`]+)`")
"""A command in a text for people, as it is written where nobody knows of stack and place. Some have neither."""
_AWS_COMMAND: Final = re.compile("`aws (?!-|configure\\b)([^`]+)`")
_MOST_UNSAID: Final = 50
_SIGN_IN: Final = re.compile(r"(?:sso )?login\b")


def _settings(name: str, value: Written) -> list[str]:
    """Return a setting of a file in the form NAME=VALUE; of a table, each entry."""
    if isinstance(value, Mapping):
        return [f"{name}.{key}={each}" for key, each in value.items()]
    return [f"{name}={str(value).lower() if isinstance(value, bool) else value}"]


def _given(options: Mapping[str, str | None]) -> list[str]:
    """Return the options that have a value, as they are typed."""
    return [f"{name} {shlex.quote(value)}" for name, value in options.items() if value]


@dataclass
class Session:
    """What a command works with. Everything that reaches outside can be handed in."""

    options: Options
    preferences: Preferences
    given: frozenset[str] = frozenset()
    """Names of the global options that were on the command line."""
    stdin: TextIO = field(default_factory=lambda: sys.stdin)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    agreed: bool = False
    """Whether the command was given --yes."""
    reopen: Callable[[], Session] | None = None
    """Makes the session anew, out of the same flags."""
    _unsaid: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=_MOST_UNSAID), init=False)
    """Remarks that --quiet holds back, and their styles."""

    @cached_property
    def result_console(self) -> Console:
        """Writes results, for people; in a pipe no line is broken."""
        return self._console(self.stdout)

    @cached_property
    def progress_console(self) -> Console:
        """Writes progress, questions and remarks."""
        return self._console(self.stderr)

    def _console(self, file: TextIO) -> Console:
        from countagg.cli.terminal.console import make_console

        return make_console(file, no_color=self.options.no_color)

    def draws_on(self, file: TextIO) -> bool:
        """Tell whether lines have styles there, for which a console is needed."""
        return file.isatty() or bool(self.environ.get("FORCE_COLOR"))

    def reopened(self) -> Session:
        """Return a session with settings that are read anew, and clients that are made anew."""
        return self if self.reopen is None else self.reopen()

    def remark(self, text: str, style: str = "") -> None:
        """Write a line of progress, with --quiet not before a question that it leads to.

        Its commands work on the same stack in the same place.
        """
        if not self.options.quiet:
            self._tell(self.in_place(text), style)
        elif self.can_ask:
            self._unsaid.append((text, style))

    def speak_up(self) -> None:
        """Write the newest of what --quiet held back: whoever is asked has to know what about."""
        while self._unsaid:
            text, style = self._unsaid.popleft()
            self._tell(self.in_place(text), style)

    def _tell(self, text: str, style: str) -> None:
        if self.draws_on(self.stderr):
            self.progress_console.print(text, style=style)
        else:
            self.stderr.write(f"{printable_lines(text)}\n")

    def tell_project(self) -> None:
        """Show what the file in the working directory decides, so that nobody works by a file unawares.

        A file cannot ask for quiet about itself.
        """
        project = self.preferences.project()
        if self.options.quiet and "quiet" not in project:
            return
        decided = [part for name in sorted(project.keys() - self.given) for part in _settings(name, project[name])]
        if decided:
            self._tell(printable(f"{PROJECT_FILE}: {', '.join(decided)}"), "dim")

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Show on a terminal that something is being done, for as long as the block takes; unless --quiet."""
        if self.options.quiet or not self.stderr.isatty():
            return nullcontext()
        from countagg.cli.terminal.console import show_busy

        return show_busy(self.progress_console, printable(what))

    @cached_property
    def clients(self) -> Clients:
        """The AWS clients.

        Raises:
            EngineProblem: --local, and the embedded engine does not run.
            Declined: nor shall it be started.
        """
        from countagg.aws.session import Clients, ConnectionOptions

        if not self.options.local:
            return Clients(ConnectionOptions(self.options.profile, self.options.region, self.options.endpoint_url))
        # With psutil and filelock: 0.04 s of CPU, which AWS does without.
        from countagg.local import EngineState, LocalEngine, client_environment

        local = LocalEngine()
        if self.can_ask and local.status().state is EngineState.STOPPED:
            question = "The embedded engine is not running. Start it?"
            self.confirm(question, "yes", yes=self.agreed, otherwise="start it: `countagg local start`")
            if self.agreed:
                self.remark("the embedded engine is not running: starting it, as `countagg local start` does")
            local.start()
        engine = client_environment(local.require_running())
        return Clients(
            ConnectionOptions(
                region=self.options.region or engine["AWS_REGION"],
                endpoint_url=engine["AWS_ENDPOINT_URL"],
                credentials=(engine["AWS_ACCESS_KEY_ID"], engine["AWS_SECRET_ACCESS_KEY"]),
            )
        )

    @cached_property
    def caller(self) -> Caller:
        """Who acts, and where."""
        from countagg.aws.errors import aws_errors

        with aws_errors("sign-in"):
            return self.clients.caller()

    @cached_property
    def pipeline(self) -> Pipeline:
        """The deployed stack.

        Raises:
            StackNotFound: there is none.
        """
        from countagg.aws.errors import aws_errors
        from countagg.aws.pipeline import Pipeline

        with aws_errors("settings of the stack"):
            return Pipeline.deployed(self.clients, self.options.stack)

    def invocation(self, command: str) -> str:
        """Return a command line that works on the same stack in the same place, to be copied from a remark."""
        options = self.options
        named = {"--stack": options.stack if options.stack != DEFAULT_STACK else None, **self._place_options()}
        return " ".join(["countagg", *(["--local"] if options.local else []), *_given(named), command])

    def aws(self, command: str) -> str:
        """Return a command line of the AWS CLI that works in the same place; a sign-in knows profiles alone."""
        if _SIGN_IN.match(command):
            return " ".join(["aws", *_given({"--profile": self.options.profile}), command])
        if self.options.local:
            return f'eval "$(countagg local env)"; aws {command}'
        return " ".join(["aws", *_given(self._place_options()), command])

    def _place_options(self) -> dict[str, str | None]:
        options = self.options
        return {"--profile": options.profile, "--region": options.region, "--endpoint-url": options.endpoint_url}

    def in_place(self, text: str) -> str:
        """Return the text with each "`countagg ...`" and "`aws ...`" in it made to work in the same place.

        Commands of countagg are about the same stack.
        """
        text = _COMMAND.sub(lambda found: f"`{self.invocation(found[1])}`", text)
        return _AWS_COMMAND.sub(lambda found: f"`{self.aws(found[1])}`", text)

    def introduce(self, expected_account: str | None) -> None:
        """Show who is about to change what, where.

        Raises:
            ConnectionProblem: it is not the account that was expected.
        """
        caller = self.caller
        facts = {
            "account": caller.place.account,
            "region": caller.place.region,
            "principal": caller.principal,
            "endpoint": caller.endpoint,
            "stack": self.options.stack,
        }
        for name, value in facts.items():
            # A line end in what the endpoint answers would begin a line that looks like ours.
            self.remark(f"{name:<9}  {printable(value)}")
        if expected_account and expected_account != caller.place.account:
            raise ConnectionProblem(
                f"this is account {caller.place.account}, not {expected_account}",
                where="--expect-account",
                hint="check --profile and AWS_PROFILE; nothing was touched",
            )

    def save(self, path: Path, content: bytes, *, private: bool = False) -> None:
        """Write a file that an option names, whole or not at all.

        Args:
            path: of the file.
            content: all of it.
            private: for the owner alone.

        Raises:
            UsageError: it cannot be written.
        """
        from countagg.cli.app.target_file import unwritable
        from countagg.whole_file import write_whole

        if str(path) == "-":
            raise UsageError("stdout is no file to save to", where="-", hint="name a file")
        try:
            if private and path.exists() and not path.is_file():
                raise UsageError("it is there and no file", where=str(path), hint="name another file")
            write_whole(path, content, private=private)
        except OSError as error:
            raise unwritable(path, error) from error
        self.remark(f"written: {printable(str(path))}")

    @property
    def can_ask(self) -> bool:
        """Whether a question, which stands on stderr, is both seen and answered."""
        return self.stdin.isatty() and self.stderr.isatty()

    def confirm(
        self,
        question: str,
        answer: str,
        *,
        yes: bool,
        details: Callable[[], None] | None = None,
        otherwise: str = "run it again to answer otherwise, or with --yes",
    ) -> None:
        """Have the operator type the answer, unless --yes.

        Args:
            question: what is asked.
            answer: that agrees.
            yes: whether it was given beforehand.
            details: shows more, for who asks for it by `d`.
            otherwise: what to do next, for who declines.

        Raises:
            UsageError: nobody would see the question, or could answer it.
            Declined: another answer.
        """
        if yes:
            return
        if not self.can_ask:
            raise UsageError(
                "there is no terminal to ask on", where="--yes", hint="give --yes to agree beforehand"
            )
        self.speak_up()
        more = ", or 'd' for details" if details is not None else ""
        self.progress_console.print(f"{question} Type {answer!r} to go on{more}: ", end="")
        line = self.stdin.readline()
        if not line:
            self.progress_console.print()  # Ctrl-D leaves the cursor behind the question
        given = line.strip()
        if given == "d" and details is not None:
            details()
            self.confirm(question, answer, yes=False, otherwise=otherwise)
        elif given != answer:
            raise Declined(f"the answer was not {answer!r}; nothing was touched", hint=otherwise)
