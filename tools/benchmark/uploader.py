"""What `countagg upload --every 60s` takes of a machine: memory, and the share of a core: `make uploader`.

A process of the command line's own code uploads 100 counters, all of which change each minute, to a server that
stands in for S3. Its clock is made up, so that a day of 1,440 minutes passes in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

ROUNDS: Final = 1_440
COUNTERS: Final = 100
_SETTLED: Final = 10
_MB: Final = 1_000_000
_MINUTE: Final = 60


@dataclass(frozen=True)
class Taken:
    """What a day took.

    Attributes:
        uploads: that were made.
        settled_mb: resident memory after ten of them.
        end_mb: the same at the end.
        share: of a core, at an upload a minute.
    """

    uploads: int
    settled_mb: float
    end_mb: float
    share: float


class _Storage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.puts.append(self.path)  # type: ignore[attr-defined]  # of the server below
        self.send_response(200)
        self.send_header("ETag", '"e"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Say nothing."""


@contextmanager
def storage() -> Iterator[tuple[str, list[str]]]:
    """Take files for as long as the block takes; yield the address, and what was put."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Storage)
    server.daemon_threads = True
    puts: list[str] = []
    server.puts = puts  # type: ignore[attr-defined]  # the handler's
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", puts
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write_source(path: Path, form: str, number: int) -> None:
    """Write a source whose counters all differ from those before."""
    head = "# TYPE requests_{0} counter\n" if form == "prometheus" else ""
    lines = (f"{head.format(index)}requests_{index} {number * index}\n" for index in range(1, COUNTERS + 1))
    path.write_text("".join(lines))


def resident_mb() -> float:
    """Return the resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


def upload_all_day(folder: Path, form: str, rounds: int) -> dict[str, float]:
    """Run the service in this process, on the server that the environment names; return the fields of `Taken`."""
    # What a process of the command line loads, and nothing more.
    import countagg.cli.main  # noqa: F401, PLC0415 - see above
    from countagg.cli.app.options import DOCUMENT_FORMS, merge_flags  # noqa: PLC0415 - see above
    from countagg.cli.app.registry import open_session  # noqa: PLC0415 - see above
    from countagg.cli.upload.upload_job import UploadFlags  # noqa: PLC0415 - see above
    from countagg.cli.upload.upload_service import serve  # noqa: PLC0415 - see above
    from countagg.operate.upload.day_sums import Values  # noqa: PLC0415 - see above
    from countagg.operate.upload.formats import Format  # noqa: PLC0415 - see above
    from countagg.operate.upload.readings import Selection  # noqa: PLC0415 - see above

    source = folder / "source"
    session = open_session(merge_flags({}, {"quiet": True}), "upload", DOCUMENT_FORMS)
    moment, begun = datetime(2026, 11, 20, 12, tzinfo=UTC), 0.0
    marks: dict[int, float] = {}
    minute = 0
    write_source(source, form, minute)

    def wait(seconds: float) -> signal.Signals | None:
        nonlocal moment, minute, begun
        moment += timedelta(seconds=seconds)
        minute += 1
        if minute in {_SETTLED, rounds}:
            marks[minute] = resident_mb()
        if minute == _SETTLED:
            begun = time.process_time()
        write_source(source, form, minute)
        return signal.SIGTERM if minute == rounds else None

    session.now = lambda: moment
    flags = UploadFlags(
        sources=(str(source),),
        bucket="counters",
        prefix=None,
        instance_id="i-1",
        date=None,
        form=Format.AUTO,
        selection=Selection(),
        values=Values.TODAY,
        state=folder / "state",
        always=False,
    )
    serve(session, flags, f"{_MINUTE}s", wait)
    share = (time.process_time() - begun) / (rounds - _SETTLED) / _MINUTE
    return {"settled_mb": marks[_SETTLED], "end_mb": marks[rounds], "share": share}


def measure(form: str = "counters", rounds: int = ROUNDS) -> Taken:
    """Run the service in a process of its own; return what it took."""
    with TemporaryDirectory() as folder, storage() as (address, puts):
        variables = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "COUNTAGG_ENDPOINT_URL": address,
            "XDG_CONFIG_HOME": folder,
        }
        command = (sys.executable, "-m", "tools.benchmark.uploader", "--within", folder, "--format", form)
        ran = subprocess.run(
            (*command, "--rounds", str(rounds)),
            env={**os.environ, **variables},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            check=True,
        )
    found: dict[str, Any] = json.loads(ran.stdout)
    return Taken(uploads=len(puts), **found)


def main() -> None:
    """Measure a day with each kind of source and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--format", default="counters", help=argparse.SUPPRESS)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.within:
        sys.stdout.write(json.dumps(upload_all_day(options.within, options.format, options.rounds)))
        return
    for form in ("counters", "prometheus"):
        taken = measure(form, options.rounds)
        sys.stdout.write(
            f"{form:<11} {taken.uploads:,} uploads: {taken.settled_mb:.1f} MB after {_SETTLED}, "
            f"{taken.end_mb:.1f} MB at the end, {taken.share:.3%} of a core at one a minute\n"
        )


if __name__ == "__main__":
    main()
