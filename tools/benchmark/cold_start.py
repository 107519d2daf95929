"""What a cold start costs: the size of the zip, and what each function imports before its first event."""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from countagg.provision.bundle import build_bundle

_RUNS = 7
_MEASURE = "import time; began = time.process_time(); import {module}; print(time.process_time() - began)"


@dataclass(frozen=True)
class ColdStart:
    """What is loaded.

    Attributes:
        zip_bytes: size of the zip, the same for all functions.
        boto3_seconds: CPU time to import boto3, which the runtime brings.
        seconds: by function, CPU time to import its module with all that it needs, boto3 included.
    """

    zip_bytes: int
    boto3_seconds: float
    seconds: Mapping[str, float]


def measure_cold_start() -> ColdStart:
    """Import out of the unpacked zip, as Lambda does, with nothing else on the path but boto3."""
    code = build_bundle().content
    with tempfile.TemporaryDirectory(prefix="countagg-cold-") as folder:
        zipfile.ZipFile(io.BytesIO(code)).extractall(folder)
        functions = ("processor", "aggregator", "publisher")
        return ColdStart(
            zip_bytes=len(code),
            boto3_seconds=_import_seconds("boto3", folder),
            seconds={name: _import_seconds(f"countagg.functions.{name}", folder) for name in functions},
        )


def _import_seconds(module: str, folder: str) -> float:
    path = os.pathsep.join([folder, sysconfig.get_path("purelib")])
    times = [
        float(
            subprocess.run(
                [sys.executable, "-S", "-P", "-c", _MEASURE.format(module=module)],
                env={"PYTHONPATH": path},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(_RUNS)
    ]
    # The first run compiles.
    return statistics.median(times[1:])
