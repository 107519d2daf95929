"""Commands for what failed: look at it, feed it back, delete it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from countagg.aws.stream_records import dates_of_records
from countagg.cli.app.options import DOCUMENT_FORMS, OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import ExpectAccountOption, YesOption
from countagg.cli.dead_letters.letters_view import SHORT, letter_document, write_letters
from countagg.cli.integrity.repair_command import make_repairer
from countagg.cli.terminal.progress import stepwise
from countagg.cli.terminal.render import (
    describe_moment,
    write_table,
)
from countagg.cli.terminal.result import write_document, write_result, write_sentence
from countagg.core.errors import AccessDenied, CountaggError, LeftOver, UsageError
from countagg.data.queues import DeadLetterQueue, EventQueue
from countagg.operate.dead_letters.dead_letters import DeadLetter, decode, name_missing_objects, table_of
from countagg.operate.dead_letters.redrive import Redriven, RedriveOutcome, Redriver, select
from countagg.operate.integrity.repair_plan import check_day

IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids, or their first characters.")]
AllOption = Annotated[bool, typer.Option("--all", help="All of them.")]


@command("dead-letters list")
def list_letters(session: Session) -> None:
    """List refused files, events and stream records that failed at every try, and days that are not published.

    Looking at a message counts as receiving it once more; nothing follows from that.

    Example: countagg dead-letters list
    """
    with _held(session) as (_, letters):
        write_letters(session, _with_missing_objects(session, letters))


@command("dead-letters show", DOCUMENT_FORMS)
def show(
    session: Session,
    id: Annotated[str, typer.Argument(metavar="ID", help="The id, or its first characters.")],  # noqa: A002
) -> None:
    """Show one dead letter with everything that is known of it.

    Example: countagg dead-letters show 5fea7756
    """
    with _held(session) as (_, letters):
        (letter,) = _with_missing_objects(session, select(letters, [id]))
        document = letter_document(letter, session.now()) | {"body": letter.message.body}
        if session.options.output is OutputForm.JSON:
            write_document(session, document)
        else:
            told = {"age_seconds": None, "sent_at": describe_moment(str(document["sent_at"]), session.now())}
            rows = [(name, str(value)) for name, value in (document | told).items() if value is not None]
            write_table(session.result_console, ("FIELD", "VALUE"), rows)


@command("dead-letters redrive", changes=True)
def redrive(
    session: Session,
    ids: IdsArgument = None,
    all_: AllOption = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Feed dead letters back to where they belong, and delete those that were taken there.

    The processor looks at files as they are now, so a refused file that was mended since is taken. Days whose
    stream records failed are rebuilt, and days that could not be published are published. Interrupted, it goes on
    where it stopped.

    Example: countagg dead-letters redrive --all
    """
    session.introduce(expect_account)
    with _held(session) as (dead, letters):
        chosen = _chosen(letters, ids, everything=all_)
        if chosen:
            session.confirm(f"Redrive {len(chosen)} of {len(letters)} dead letters?", "yes", yes=yes)
            dead.hold([letter.message for letter in chosen])
        with stepwise(session) as tell:
            done: list[Redriven] = []
            for each in _redriver(session, dead, tell).redrive(chosen):
                done.append(each)
                tell("dead letters", len(done), len(chosen))
    _write_redriven(session, done)
    left = [each for each in done if each.outcome is RedriveOutcome.LEFT]
    if left:
        notes = "; ".join(dict.fromkeys(each.note for each in left if each.note))
        raise LeftOver(
            f"{len(left)} of {len(done)} dead letters are left: {notes}",
            where="dead letters",
            hint="`countagg dead-letters show ID` says more about one; remove the cause, then redrive again",
        )


@command("dead-letters purge", DOCUMENT_FORMS, changes=True)
def purge(
    session: Session,
    ids: IdsArgument = None,
    all_: AllOption = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Delete dead letters.

    The files that they are about stay as they are; `verify` tells what that means for the totals.

    Example: countagg dead-letters purge 5fea7756
    """
    session.introduce(expect_account)
    with _held(session) as (dead, letters):
        chosen = _chosen(letters, ids, everything=all_)
        if chosen:
            session.confirm(f"Delete {len(chosen)} of {len(letters)} dead letters?", "yes", yes=yes)
            dead.hold([letter.message for letter in chosen])
        deleted = dead.delete([letter.message for letter in chosen])
    document = {"stack": session.options.stack, "purged": [message.id for message in deleted]}
    write_sentence(session, document, f"{len(deleted)} deleted")
    if len(deleted) < len(chosen):
        raise LeftOver(
            f"{len(chosen) - len(deleted)} of {len(chosen)} are left", where="dead letters", hint="purge again"
        )


@contextmanager
def _held(session: Session) -> Iterator[tuple[DeadLetterQueue, list[DeadLetter]]]:
    """Hold all dead letters, oldest first, and give back in the end what was not deleted."""
    dead = DeadLetterQueue(session.clients, session.pipeline.settings.dead_letters_url)
    letters: list[DeadLetter] = []
    try:
        uploads = session.pipeline.names.uploads
        letters.extend(decode(message, uploads) for message in dead.receive())
        letters.sort(key=lambda letter: letter.message.sent_at)
        yield dead, letters
    finally:
        dead.give_back([letter.message for letter in letters])


def _with_missing_objects(session: Session, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Look which uploads have no object; without the right to list the bucket, leave the letters as they are."""
    try:
        return list(name_missing_objects(letters, lambda key: session.pipeline.listed(key) is not None))
    except AccessDenied:
        return list(letters)


def _chosen(letters: Sequence[DeadLetter], ids: list[str] | None, *, everything: bool) -> list[DeadLetter]:
    if bool(ids) == everything:
        hint = "`countagg dead-letters list` shows the ids"
        raise UsageError("give either ids or --all", where="ID, --all", hint=hint)
    return select(letters, ids or [])


def _redriver(session: Session, dead: DeadLetterQueue, tell: Callable[[str, int, int], None]) -> Redriver:
    settings = session.pipeline.settings
    return Redriver(
        dead=dead,
        uploads=EventQueue(session.clients, settings.stack),
        dates_of=lambda batch: dates_of_records(
            session.clients, batch.stream, batch.shard, batch.first, batch.last
        ),
        rebuild=partial(_rebuild, session, tell),
        publish=partial(_publish, session, tell),
    )


def _rebuild(session: Session, tell: Callable[[str, int, int], None], stream: str, day: str) -> str | None:
    """Bring a day right whose records a function failed on; return why that cannot be, or None."""
    # To leave out what somebody deleted is for `repair`, which shows it before.
    repairer = replace(make_repairer(session, 0, 0, tell), may_leave_out=False)
    names = session.pipeline.names
    try:
        if table_of(stream) == names.totals:
            repairer.write_outputs(day)
        elif table_of(stream) == names.snapshots:
            check_day(session.pipeline.settings, session.pipeline.expiry(day), day, session.now())
            repairer.rebuild_ledger(day)
        else:
            return f"{stream} is not a stream of this stack"
    except CountaggError as error:
        return str(error)
    return None


def _publish(session: Session, tell: Callable[[str, int, int], None], day: str) -> str | None:
    """Bring the outputs of a day to what its totals are; return why that cannot be, or None."""
    try:
        make_repairer(session, 0, 0, tell).write_outputs(day)
    except CountaggError as error:
        return str(error)
    return None


def _write_redriven(session: Session, done: Sequence[Redriven]) -> None:
    header = ("ID", "OUTCOME", "KEY", "NOTE")
    rows = [(each.letter.message.id, str(each.outcome), each.letter.key or "", each.note or "") for each in done]
    documents = [
        {"id": name, "outcome": outcome, "key": key or None, "note": note or None}
        for name, outcome, key, note in rows
    ]

    def write_text() -> None:
        if rows:
            shown = [(name[:SHORT], *others) for name, *others in rows]
            write_table(session.result_console, header, shown, titles=header.index("KEY"))
        else:
            session.result_console.print("no dead letters")

    write_result(session, {"stack": session.options.stack, "redriven": documents}, header, rows, write_text)
