"""The command that writes a stack down for other tools."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from countagg import __version__
from countagg.aws.environments import read_environment
from countagg.aws.session import configured_place
from countagg.cli.app.choice_options import complete_settings, taking_choices
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import for_reader
from countagg.cli.terminal.result import write_result
from countagg.core.errors import UsageError
from countagg.provision.bundle import build_bundle
from countagg.provision.choices import Remembered
from countagg.provision.export.cloudformation import stack_template
from countagg.provision.export.steps import DeploymentStep, deployment_steps, readme
from countagg.provision.export.yaml_text import yaml_text
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings

_TEMPLATE: Final = "template.yaml"
_README: Final = "README.md"
_OutOption = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; made if it is missing.")]
_OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Do not ask AWS what a deployed stack of that name remembers.")
]


@command("export cloudformation")
@taking_choices()
def export_cloudformation(
    session: Session, flags: Mapping[str, Any], out: _OutOption, offline: _OfflineOption = False
) -> None:
    """Write the whole stack as a CloudFormation template, with the functions' zip and the steps beside it.

    The template is what setup would make, in any account and region. What is not said is what the deployed stack
    of that name remembers. With --offline, --region and --bucket it takes no credentials.

    Example: countagg export cloudformation --bucket my-counters --create-bucket --out handover
    """
    remembered = {} if offline else read_environment(session.clients, session.options.stack)
    settings = complete_settings(session, flags, Remembered.from_environment(remembered))
    place = _unknown_place(session, settings) if offline else session.caller.place
    code = build_bundle()
    template = stack_template(settings, place, code, __version__)
    text = yaml_text(template.document).encode()
    steps = deployment_steps(template, _TEMPLATE, len(text), settings)
    files = {
        _TEMPLATE: text,
        template.zip_name: code.content,
        _README: readme(settings, steps, _TEMPLATE).encode(),
    }
    _save_all(session, out, files)
    _write(session, out, files, steps)


def _unknown_place(session: Session, settings: StackSettings) -> Place:
    """Return a place in the configured region; the account is the one that the settings name, or any."""
    named = (arn.split(":")[4] for arn in (settings.kms_key, settings.permissions_boundary) if arn)
    return configured_place(session.clients, next(filter(str.isdecimal, named), "0" * 12))


def _save_all(session: Session, folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made: {error.strerror}", where=f"--out {folder}", hint="name another folder"
        ) from error
    for name, content in files.items():
        session.save(folder / name, content)


def _write(session: Session, folder: Path, files: Mapping[str, bytes], steps: Sequence[DeploymentStep]) -> None:
    def write_text() -> None:
        for line in _lines(folder, steps):
            session.stdout.write(for_reader(session.stdout, line) + "\n")

    document = {"files": [str(folder / name) for name in files], "steps": [asdict(step) for step in steps]}
    rows = [(number, step.title, "\n".join(step.commands)) for number, step in enumerate(steps, start=1)]
    write_result(session, document, ("step", "title", "commands"), rows, write_text)


def _lines(folder: Path, steps: Sequence[DeploymentStep]) -> Iterator[str]:
    yield f"cd {shlex.quote(str(folder))}"
    for number, step in enumerate(steps, start=1):
        yield ""
        yield f"# {number}. {step.title}"
        yield f"# {step.reason}"
        for each in step.commands:
            yield from each.splitlines()
