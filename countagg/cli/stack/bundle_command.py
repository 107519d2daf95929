"""The command that shows what runs in AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.provision.bundle import Component, bundle_components, pack_bundle
from countagg.provision.code import Code
from countagg.provision.sbom import bill_of_materials

_COMPONENTS = ("COMPONENT", "VERSION", "LICENCE", "FILES", "BYTES")
_FILES = ("FILE", "COMPONENT", "BYTES", "SHA256")
_NUMBERS = frozenset({"FILES", "BYTES"})


@command("bundle")
def bundle(
    session: Session,
    files: Annotated[bool, typer.Option("--files", help="Show each file with its hash.")] = False,
    save: Annotated[Path | None, typer.Option(help="Write the zip to this file.")] = None,
    sbom: Annotated[
        Path | None, typer.Option(help="Write the bill of materials to this file, as CycloneDX in JSON.")
    ] = None,
) -> None:
    """Show what the functions' zip holds, with versions, licences and hashes.

    Nothing is asked of AWS.

    Example: countagg bundle --sbom countagg.cdx.json
    """
    components = bundle_components()
    code = pack_bundle(components)
    if save is not None:
        session.save(save, code.content)
    if sbom is not None:
        document = json.dumps(bill_of_materials(code, components), indent=2)
        session.save(sbom, f"{document}\n".encode())
    _show(session, code, components, files=files)


def _show(session: Session, code: Code, components: tuple[Component, ...], *, files: bool) -> None:
    header, rows = (_FILES, _file_rows(components)) if files else (_COMPONENTS, _component_rows(components))

    def write_text() -> None:
        shown = [[grouped(cell) if isinstance(cell, int) else cell for cell in row] for row in rows]
        write_table(session.result_console, header, shown, _NUMBERS)
        session.remark(f"{len(code.content):,} bytes, CodeSha256 {code.sha256}", style="dim")

    write_result(session, _document(code, components), header, rows, write_text)


def _component_rows(components: tuple[Component, ...]) -> list[tuple[str | int, ...]]:
    return [(each.name, each.version, each.licence, len(each.files), each.size) for each in components]


def _file_rows(components: tuple[Component, ...]) -> list[tuple[str | int, ...]]:
    return [(file.name, each.name, len(file.content), file.sha256) for each in components for file in each.files]


def _document(code: Code, components: tuple[Component, ...]) -> dict[str, Any]:
    return {
        "code_sha256": code.sha256,
        "bytes": len(code.content),
        "components": [
            {
                "name": each.name,
                "version": each.version,
                "licence": each.licence,
                "bytes": each.size,
                "files": [
                    {"name": file.name, "bytes": len(file.content), "sha256": file.sha256} for file in each.files
                ],
            }
            for each in components
        ],
    }
