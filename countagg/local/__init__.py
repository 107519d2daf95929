"""The embedded engine: `ministack`, a server on 127.0.0.1 that stands in for AWS.

This package starts it, finds it again, explains what is wrong with it and stops it.
It knows nothing of the pipeline, of boto3 or of the terminal.
Using it needs the extra `local` (`pip install 'countagg[local]'`); importing it does not.
"""

from countagg.local.engine import EngineState, EngineStatus, Host, LocalEngine
from countagg.local.environment import client_environment, export_lines, variables_to_clear
from countagg.local.state import EngineRecord, default_state_dir

__all__ = [
    "EngineRecord",
    "EngineState",
    "EngineStatus",
    "Host",
    "LocalEngine",
    "client_environment",
    "default_state_dir",
    "export_lines",
    "variables_to_clear",
]
