"""What a command takes of a CPU, beside `aws dynamodb get-item` in the same place: `make start-up`.

All of it runs on an embedded engine with the sample's totals, one program after the other, many rounds. What is
counted is the CPU time of the process and of those that it started, not the engine's: so it tells little of what
else the machine does, and the ratios still less. With `--tls` the engine is reached as AWS is, by TLS and with the
certificates of as many authorities.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import urlsplit

from countagg.cli.app.completion import PATIENCE_VARIABLE
from countagg.core.names import Names
from countagg.interpreter import isolated
from tools.tls import LOOPBACK, make_bundle, make_certificate, served

ROUNDS: Final = 15
STACK: Final = "countagg"
COUNTAGG: Final = str(Path(sys.executable).with_name("countagg"))
_PREFIXES: Final = ("AWS_", "COUNTAGG_", "XDG_", "PYTHON")
"""Of variables that would have a program do something else; one would have Python compile ours at each start."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is measured.

    Attributes:
        name: in the report.
        command: its words.
        variables: of the environment, beside those of the place.
    """

    name: str
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)


def programs(aws: str, day: str) -> list[Measured]:
    """Return the programs; the first is the one that the others stand beside."""
    key = json.dumps({"Date": {"S": day}})
    get_item = (aws, "dynamodb", "get-item", "--table-name", Names(STACK).totals, "--key", key)
    lines = ("query", "status", "plan")
    return [
        Measured("aws dynamodb get-item", get_item),
        *(
            Measured(f"countagg {line}{more}", (COUNTAGG, *f"{line}{more}".split()))
            for line in lines
            for more in ("", " --output json")
        ),
        Measured("countagg --local query", (COUNTAGG, "--local", "query")),
        completion("TAB on a command's name", "countagg qu"),
        completion("TAB on a counter's name", "countagg query --counter "),
        *(
            Measured(f"countagg {line}", (COUNTAGG, *line.split()))
            for line in ("--help", "query --help", "--version")
        ),
        Measured("python -c pass", (sys.executable, "-c", "pass")),
    ]


def completion(name: str, line: str) -> Measured:
    """Return what bash runs when TAB is pressed at the end of a line."""
    last = str(len(line.split(" ")) - 1)
    protocol = {"_COUNTAGG_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": last}
    return Measured(name, (COUNTAGG,), {**protocol, PATIENCE_VARIABLE: "300"})


@contextmanager
def place() -> Iterator[dict[str, str]]:
    """Yield the environment of an engine with a stack that holds the sample's totals."""
    with TemporaryDirectory(prefix="countagg-start-up-") as folder:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}
        environment = kept | {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder}

        def countagg(*arguments: str) -> str:
            command = isolated("countagg", *arguments)
            return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout

        countagg("local", "start", "--quiet")
        try:
            countagg("--local", "setup", "--bucket", "counters-start-up", "--create-bucket", "--yes", "--quiet")
            countagg("--local", "upload-sample", "--wait", "--quiet")
            yield environment | json.loads(countagg("local", "env", "--output", "json"))["environment"]
        finally:
            countagg("local", "stop", "--quiet")


@contextmanager
def encrypted(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yield the environment in which the engine of another is reached by TLS."""
    with TemporaryDirectory(prefix="countagg-start-up-") as folder:
        certificate = make_certificate(Path(folder))
        with served(certificate, urlsplit(environment["AWS_ENDPOINT_URL"]).port or 0) as port:
            here = {
                "AWS_ENDPOINT_URL": f"https://{LOOPBACK}:{port}",
                "AWS_CA_BUNDLE": str(make_bundle(certificate)),
            }
            yield {**environment, **here}


def cpu_seconds(program: Measured, environment: Mapping[str, str]) -> float:
    """Run a program; return the CPU time of its process and of those that it waited for.

    Raises:
        RuntimeError: it failed, or said nothing.
    """
    variables = {**environment, **program.variables}
    with subprocess.Popen(
        program.command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as ran:
        said = ran.stdout.read() if ran.stdout else b""
        _, status, usage = os.wait4(ran.pid, 0)
        ran.returncode = os.waitstatus_to_exitcode(status)
    if ran.returncode or not (said or program.name.startswith("python")):
        raise RuntimeError(f"{program.name} ended with {ran.returncode} and said {said!r}")
    return usage.ru_utime + usage.ru_stime


def measure(chosen: Sequence[Measured], environment: Mapping[str, str], rounds: int) -> dict[str, float]:
    """Return the median of each program's CPU seconds; each runs once a round, after one that does not count."""
    taken: dict[str, list[float]] = {each.name: [] for each in chosen}
    for number in range(rounds + 1):
        for each in chosen:
            seconds = cpu_seconds(each, environment)
            if number:
                taken[each.name].append(seconds)
    return {name: median(seconds) for name, seconds in taken.items()}


def report(found: Mapping[str, float]) -> str:
    """Return a table in Markdown: each program's CPU seconds, and how many times those of the first these are."""
    first = next(iter(found.values()))
    rows = [f"| `{name}` | {seconds:.3f} s | {seconds / first:.2f} |" for name, seconds in found.items()]
    return "\n".join(["| | CPU | beside `aws` |", "|---|---|---|", *rows, ""])


def main() -> None:
    """Measure what the command line says, and print the table."""
    parser = argparse.ArgumentParser(description="CPU time of commands beside that of the AWS CLI")
    parser.add_argument("--aws", default="aws", help="the AWS CLI's program")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--tls", action="store_true", help="reach the engine by TLS")
    arguments = parser.parse_args()
    version = subprocess.run((arguments.aws, "--version"), stdout=subprocess.PIPE, text=True, check=True).stdout
    sys.stdout.write(f"{version.strip()}; countagg beside it, median of {arguments.rounds} rounds\n\n")
    way = encrypted if arguments.tls else nullcontext
    with place() as environment, way(environment) as reached:
        chosen = programs(arguments.aws, datetime.now(UTC).date().isoformat())
        sys.stdout.write(report(measure(chosen, reached, arguments.rounds)))


if __name__ == "__main__":
    main()
