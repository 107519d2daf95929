"""The bill of materials, held against the standard's own schema and against the zip."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from countagg.provision.bundle import Component, bundle_components, pack_bundle
from countagg.provision.sbom import bill_of_materials


@pytest.fixture(scope="module")
def components() -> tuple[Component, ...]:
    return bundle_components()


@pytest.fixture(scope="module")
def document(components: tuple[Component, ...]) -> dict[str, Any]:
    return bill_of_materials(pack_bundle(components), components)


def objections(document: Mapping[str, Any]) -> object:
    """Return what the standard has against a document; None if nothing."""
    # They make a grammar when they are imported, which takes seconds wherever tests are collected.
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - see above
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - see above

    return JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document))


def test_it_is_what_the_standard_says(document: dict[str, Any]) -> None:
    assert objections(document) is None
    assert objections({**document, "version": "one"}) is not None


def test_it_names_every_file_of_the_zip_with_its_hash(
    components: tuple[Component, ...], document: dict[str, Any]
) -> None:
    code = pack_bundle(components)
    archive = zipfile.ZipFile(io.BytesIO(code.content))
    told = {
        file["name"]: file["hashes"][0]["content"]
        for each in document["components"]
        for file in each["components"]
    }
    assert told == {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}
    whole = document["metadata"]["component"]["hashes"][0]["content"]
    assert whole == hashlib.sha256(code.content).hexdigest()


def test_components_have_their_licences_and_addresses_and_what_needs_them(document: dict[str, Any]) -> None:
    licences = {each["name"]: each["licenses"][0]["expression"] for each in document["components"]}
    assert licences == {
        "countagg": "MIT",
        "aws-lambda-powertools": "MIT",
        "jmespath": "MIT",
        "typing-extensions": "PSF-2.0",
    }
    known = {each["bom-ref"] for each in document["components"]} | {document["metadata"]["component"]["bom-ref"]}
    for dependency in document["dependencies"]:
        assert {dependency["ref"], *dependency["dependsOn"]} <= known
    assert all(each["purl"].startswith(f"pkg:pypi/{each['name']}@") for each in document["components"])


def test_the_same_zip_gives_the_same_document(components: tuple[Component, ...], document: dict[str, Any]) -> None:
    assert bill_of_materials(pack_bundle(components), components) == document


def test_a_licence_that_is_not_named_is_left_out() -> None:
    unnamed = Component("a", "1", "", ())
    document = bill_of_materials(pack_bundle((unnamed,)), (unnamed,))
    assert document["components"][0]["licenses"] == []
    assert objections(document) is None
