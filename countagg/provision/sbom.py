"""The zip's bill of materials, as CycloneDX 1.6 has it in JSON (ECMA-424).

The same zip gives the same document: it bears no time, and its serial number follows from the zip's hash.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any, Final

from countagg.provision.bundle import BundledFile, Component
from countagg.provision.code import Code

_SPECIFICATION: Final = "1.6"
_ZIP: Final = "countagg-functions"


def bill_of_materials(code: Code, components: Sequence[Component]) -> dict[str, Any]:
    """Return the document.

    Args:
        code: the zip.
        components: what it holds; the first is countagg itself, which uses the others.
    """
    ours, *libraries = components
    digest = hashlib.sha256(code.content or b"").hexdigest()
    whole = {
        "type": "application",
        "bom-ref": _ZIP,
        "name": _ZIP,
        "version": ours.version,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": _SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {"component": whole},
        "components": [_component(each) for each in components],
        "dependencies": [
            {"ref": _ZIP, "dependsOn": [_reference(ours)]},
            {"ref": _reference(ours), "dependsOn": [_reference(each) for each in libraries]},
        ],
    }


def _component(component: Component) -> dict[str, Any]:
    licences = [{"expression": component.licence}] if component.licence else []
    return {
        "type": "library",
        "bom-ref": _reference(component),
        "name": component.name,
        "version": component.version,
        "purl": _reference(component),
        "licenses": licences,
        "components": [_file(file) for file in component.files],
    }


def _file(file: BundledFile) -> dict[str, Any]:
    return {"type": "file", "name": file.name, "hashes": [{"alg": "SHA-256", "content": file.sha256}]}


def _reference(component: Component) -> str:
    return f"pkg:pypi/{component.name}@{component.version}"
