"""Metric families, and how the two formats that Prometheus reads write them.

OpenMetrics 1.0 names a counter without the `_total` of its sample and an info without `_info`, tells units, and
ends with `# EOF`. The text format 0.0.4 has neither units nor infos, and is called by the sample's name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Final

from countagg.core.lazy_dataclass import dataclass


class ExpositionForm(StrEnum):
    """A format, by the content type that names it."""

    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    TEXT = "text/plain; version=0.0.4; charset=utf-8"


class FamilyType(StrEnum):
    """Types of families, as both formats call them; the text format knows no info."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"


SUFFIXES: Final[Mapping[FamilyType, str]] = {
    FamilyType.GAUGE: "",
    FamilyType.COUNTER: "_total",
    FamilyType.INFO: "_info",
}
"""What the name of a sample has beyond that of its family."""
END: Final = "# EOF\n"
"""The last line in OpenMetrics, by which a reader sees that nothing was cut off."""
_LABEL_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_TEXT_HELP_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n"})
_MEDIA_TYPES: Final[Mapping[str, tuple[ExpositionForm, str | None]]] = {
    "application/openmetrics-text": (ExpositionForm.OPENMETRICS, "1.0.0"),
    "text/plain": (ExpositionForm.TEXT, "0.0.4"),
    "text/*": (ExpositionForm.TEXT, None),
    "*/*": (ExpositionForm.TEXT, None),
}
"""The media types that a reader may ask for, and their one version, where they have versions."""


@dataclass(frozen=True, slots=True)
class MetricSample:
    """A number: its decimal text, so that it stays exact, and its labels."""

    value: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricFamily:
    """Samples of one meaning.

    Attributes:
        name: without a suffix of `SUFFIXES`.
        type: of all samples.
        help: one sentence.
        samples: no two with the same labels.
        unit: the last word of the name, if that is a unit.
    """

    name: str
    type: FamilyType
    help: str
    samples: Sequence[MetricSample]
    unit: str = ""


def render(families: Iterable[MetricFamily], form: ExpositionForm) -> str:
    """Write families in a format, without its end: more may follow."""
    return "".join(f"{line}\n" for family in families for line in _lines(family, form))


def render_whole(families: Iterable[MetricFamily], form: ExpositionForm) -> str:
    """Write families in a format, with its end."""
    return render(families, form) + end_of(form)


def end_of(form: ExpositionForm) -> str:
    """Return how a format ends."""
    return END if form is ExpositionForm.OPENMETRICS else ""


def _lines(family: MetricFamily, form: ExpositionForm) -> Iterator[str]:
    sample_name = family.name + SUFFIXES[family.type]
    if form is ExpositionForm.OPENMETRICS:
        yield f"# TYPE {family.name} {family.type}"
        if family.unit:
            yield f"# UNIT {family.name} {family.unit}"
        yield f"# HELP {family.name} {family.help.translate(_LABEL_ESCAPES)}"
    else:
        # An info is a gauge there, of the value 1.
        yield f"# HELP {sample_name} {family.help.translate(_TEXT_HELP_ESCAPES)}"
        yield f"# TYPE {sample_name} {FamilyType.GAUGE if family.type is FamilyType.INFO else family.type}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{value.translate(_LABEL_ESCAPES)}"' for name, value in sample.labels.items())
        yield f"{sample_name}{{{labels}}} {sample.value}" if labels else f"{sample_name} {sample.value}"


def negotiate(accept: str) -> ExpositionForm:
    """Return the format that a reader likes best, by its header Accept; the text format if it likes neither.

    Of two that it likes the same, OpenMetrics: it tells more.
    """
    best, form = 0.0, ExpositionForm.TEXT
    for media_range in accept.split(","):
        offered, quality = _offered(media_range)
        if offered and (quality > best or (quality == best and offered is ExpositionForm.OPENMETRICS)):
            best, form = quality, offered
    return form


def _offered(media_range: str) -> tuple[ExpositionForm | None, float]:
    """Return which of our formats a media range takes, and how much it is liked; None and 0 if it takes none."""
    media_type, *parameters = (part.strip() for part in media_range.split(";"))
    named = {name.strip().lower(): value.strip().strip('"') for name, _, value in map(_partition, parameters)}
    form, version = _MEDIA_TYPES.get(media_type.lower(), (None, None))
    quality = _quality(named.get("q", "1"))
    is_ours = form is not None and (version is None or named.get("version", version) == version)
    return (form, quality) if is_ours and quality > 0 else (None, 0.0)


def _partition(parameter: str) -> tuple[str, str, str]:
    return parameter.partition("=")


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if math.isfinite(quality) else 0.0
