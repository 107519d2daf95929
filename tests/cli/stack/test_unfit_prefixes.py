"""A stack that an earlier version deployed with a prefix that is no longer taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest

from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.names import Names
from countagg.operate.doctor.checks import State
from countagg.operate.doctor.doctor import Examination, examine
from countagg.provision.choices import Chosen
from tests.cli.account import moto_account, set_up
from tests.cli.app.test_outputs import evaluated
from tests.cli.running import CommandLine

UNFIT = "it's/counters/"


@pytest.fixture(scope="module", autouse=True)
def _deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give such a stack; the tests share it, and the last ones mend it and take it away."""
    with moto_account(tmp_path_factory.mktemp("account")):
        set_up()
        functions = boto3.client("lambda")
        for name in Names("countagg").functions.values():
            found = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**found, "COUNTAGG_PREFIX": UNFIT}}
            )
        yield


@pytest.mark.parametrize("name", ["plan", "setup"])
def test_plan_and_setup_say_what_is_wrong_and_what_to_do(name: str, countagg: CommandLine) -> None:
    ran = countagg(name)

    assert (ran.code, ran.out) == (2, "")
    assert f'countagg: --prefix: the stack was deployed with "{UNFIT}", which is no longer taken: S3\'s' in ran.err
    assert "try: choose another folder by --prefix" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "--date", "today"),
        ("verify", "--date", "today"),
        ("outputs",),
        ("limits", "list"),
        ("permissions", "print", "--role", "reader"),
    ],
    ids=" ".join,
)
def test_reading_goes_on(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*arguments)

    assert ran.code == 0, ran.err
    assert "no longer taken" not in ran.err


def test_a_shell_reads_its_prefix_as_it_is(countagg: CommandLine) -> None:
    out = countagg("outputs", "--output", "env").out

    assert evaluated(out, "COUNTAGG_PREFIX") == UNFIT


def test_doctor_names_it_and_goes_on() -> None:
    clients = Clients(ConnectionOptions())
    patient = Examination(
        stack="countagg",
        connect=lambda: clients,
        choose=Chosen("countagg").settings,
        commands=(),
        engine_version=None,
        now=lambda: datetime.now(UTC),
        on_step=lambda *_: None,
    )
    checks = {}
    for check in examine(patient):
        checks[check.name] = check
        if check.name == "bucket":
            break
    assert checks["settings"].state is State.PROBLEM
    assert "which is no longer taken" in checks["settings"].detail
    assert "--prefix" in checks["settings"].fix
    assert checks["bucket"].state is State.OK


def test_another_prefix_mends_the_stack(countagg: CommandLine) -> None:
    assert countagg("setup", "--prefix", "mended", "--yes").code == 0

    assert json.loads(countagg("outputs", "--output", "json").out)["outputs"]["prefix"] == "mended/"
    assert countagg("plan", "--detailed-exitcode").code == 0


def test_it_can_be_torn_down(countagg: CommandLine) -> None:
    function = Names("countagg").processor
    environment = {"COUNTAGG_PREFIX": UNFIT, "COUNTAGG_BUCKET": "counters-of-somebody"}
    boto3.client("lambda").update_function_configuration(
        FunctionName=function, Environment={"Variables": environment}
    )

    assert countagg("teardown", "--yes").code == 0
