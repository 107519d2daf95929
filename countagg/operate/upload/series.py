"""Names of counters for what has names of another kind: series with labels, and keys with white space.

`requests_total{code="200",path="/a%20b"}`: the metric's name, then its labels by name. White space, control
characters, `%`, quotes and backslashes are percent-encoded as UTF-8, in names of metrics and labels also `{}=,`.
So a name has no white space, and says which series it is of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_BYTE_ORDER_MARK: Final = "\ufeff"
_VALUE = re.compile(rf"[\s\x00-\x1f\x7f-\x9f%\"\\{_BYTE_ORDER_MARK}]")
_NAME = re.compile(rf"[\s\x00-\x1f\x7f-\x9f%\"\\{{}}=,{_BYTE_ORDER_MARK}]")


def series_name(metric: str, labels: Mapping[str, str]) -> str:
    """Return the counter's name of a series."""
    name = _encode(metric, _NAME)
    if not labels:
        return name
    pairs = (f'{_encode(label, _NAME)}="{_encode(labels[label], _VALUE)}"' for label in sorted(labels))
    return f"{name}{{{','.join(pairs)}}}"


def plain_name(text: str) -> str:
    """Return the counter's name for a key of another format: what a name cannot hold is percent-encoded."""
    return _encode(text, _VALUE)


def _encode(text: str, unsafe: re.Pattern[str]) -> str:
    return unsafe.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)
