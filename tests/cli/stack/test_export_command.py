"""`export cloudformation`: what it writes, with and without AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from countagg.provision.bundle import build_bundle
from tests.cli.account import BUCKET, set_up
from tests.cli.running import CommandLine
from tests.provision.export.templates import read_template

OFFLINE: Final = ("--offline", "--region", "eu-west-1", "--bucket", "b-1", "--out", "handover")
KEY: Final = "arn:aws:kms:eu-west-1:210987654321:key/k"


def exported(folder: str = "handover") -> dict[str, str]:
    """Return the files of a folder; of the zip what matters is its name."""
    return {path.name: path.read_text() if path.suffix != ".zip" else "" for path in Path(folder).iterdir()}


@pytest.mark.usefixtures("signed_out")
def test_template_zip_and_steps_are_written_without_credentials(countagg: CommandLine) -> None:
    ran = countagg("export", "cloudformation", *OFFLINE, "--create-bucket", "--memory", "processor=512")

    assert ran.code == 0, ran.err
    files = exported()
    template = read_template(files["template.yaml"])
    zip_name = template["Parameters"]["CodeKey"]["Default"]
    assert files.keys() == {"template.yaml", "README.md", zip_name}
    assert Path("handover", zip_name).read_bytes() == build_bundle().content
    assert template["Resources"]["ProcessorFunction"]["Properties"]["MemorySize"] == 512
    assert template["Parameters"]["BucketName"]["Default"] == "b-1"
    assert "aws cloudformation deploy --stack-name countagg" in files["README.md"]
    assert ran.out.startswith("cd handover\n")
    assert f'aws s3 cp {zip_name} "s3://$CODE_BUCKET/{zip_name}"\n' in ran.out
    assert ran.err.count("written: handover/") == 3


@pytest.mark.usefixtures("signed_out")
def test_json_has_files_and_steps(countagg: CommandLine) -> None:
    document = countagg("export", "cloudformation", *OFFLINE, "--kms-key", KEY, "--output", "json").document

    assert document.keys() == {"schema", "files", "steps"}
    assert {Path(each).name for each in document["files"]} == exported().keys()
    assert [list(step) for step in document["steps"]] == [["title", "reason", "commands"]] * 5
    assert KEY in document["steps"][0]["title"]


@pytest.mark.usefixtures("signed_out")
def test_without_credentials_and_without_offline_it_ends_as_others_do(countagg: CommandLine) -> None:
    asked = [word for word in OFFLINE if word != "--offline"]
    ran = countagg("export", "cloudformation", *asked)

    assert (ran.code, ran.out) == (3, "")
    assert not Path("handover").exists()


@pytest.mark.usefixtures("signed_out")
def test_what_cannot_work_there_is_refused_before_anything_is_written(countagg: CommandLine) -> None:
    elsewhere = KEY.replace("eu-west-1", "eu-central-1")
    ran = countagg("export", "cloudformation", *OFFLINE, "--kms-key", elsewhere)

    assert (ran.code, ran.out) == (2, "")
    assert "--kms-key" in ran.err
    assert not Path("handover").exists()


@pytest.mark.usefixtures("signed_out")
def test_a_folder_that_cannot_be_made_is_named(countagg: CommandLine) -> None:
    Path("handover").write_text("a file")
    ran = countagg("export", "cloudformation", *OFFLINE)

    assert ran.code == 2
    assert "--out handover: the folder cannot be made: File exists" in ran.err


@pytest.mark.usefixtures("account")
def test_the_choices_are_those_that_the_deployed_stack_remembers(countagg: CommandLine) -> None:
    set_up("--prefix", "in/", "--lanes", "2")

    assert countagg("export", "cloudformation", "--out", "handover").code == 0
    template = read_template(exported()["template.yaml"])
    variables = template["Resources"]["ProcessorFunction"]["Properties"]["Environment"]["Variables"]
    assert template["Parameters"]["BucketName"]["Default"] == BUCKET
    assert template["Parameters"]["Prefix"]["Default"] == "in/"
    assert json.loads(variables["COUNTAGG_CHOICES"])["lanes"] == 2
