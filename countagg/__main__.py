"""`python -m countagg`."""

from countagg.cli.main import run

run()
