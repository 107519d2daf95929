"""The two formats: what a reader of each understands of them, and which one it gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as parse_text

from countagg.core.printable import without_controls
from countagg.core.values import SCALE, to_number
from countagg.operate.serve.exposition import (
    ExpositionForm,
    FamilyType,
    MetricFamily,
    MetricSample,
    negotiate,
    render_whole,
)
from countagg.operate.serve.families import totals_families
from countagg.operate.totals.query import TotalsOfDay

parse_openmetrics: Callable[[str], Iterable[Metric]] = openmetrics_parser.text_string_to_metric_families
OPENMETRICS, TEXT = ExpositionForm.OPENMETRICS, ExpositionForm.TEXT
FAMILIES = [
    MetricFamily("a", FamilyType.INFO, "Of 'a\\b'.", [MetricSample("1", {"version": "1"})]),
    MetricFamily(
        "b", FamilyType.COUNTER, 'Of "b".', [MetricSample("3", {"part": "x"}), MetricSample("4", {"part": "y"})]
    ),
    MetricFamily("c_seconds", FamilyType.GAUGE, "Of c.", [MetricSample("-1.5")], unit="seconds"),
    MetricFamily("d", FamilyType.GAUGE, "Of d.", []),
]


def test_openmetrics_has_types_units_help_and_an_end() -> None:
    assert render_whole(FAMILIES, OPENMETRICS).splitlines() == [
        "# TYPE a info",
        "# HELP a Of 'a\\\\b'.",
        'a_info{version="1"} 1',
        "# TYPE b counter",
        '# HELP b Of \\"b\\".',
        'b_total{part="x"} 3',
        'b_total{part="y"} 4',
        "# TYPE c_seconds gauge",
        "# UNIT c_seconds seconds",
        "# HELP c_seconds Of c.",
        "c_seconds -1.5",
        "# TYPE d gauge",
        "# HELP d Of d.",
        "# EOF",
    ]


def test_the_text_format_is_called_by_the_samples_names() -> None:
    assert render_whole(FAMILIES[:3], TEXT).splitlines() == [
        "# HELP a_info Of 'a\\\\b'.",
        "# TYPE a_info gauge",
        'a_info{version="1"} 1',
        '# HELP b_total Of "b".',
        "# TYPE b_total counter",
        'b_total{part="x"} 3',
        'b_total{part="y"} 4',
        "# HELP c_seconds Of c.",
        "# TYPE c_seconds gauge",
        "c_seconds -1.5",
    ]


def test_the_strict_parser_reads_what_is_written() -> None:
    found = list(parse_openmetrics(render_whole(FAMILIES, OPENMETRICS)))

    told = [(each.name, each.type, each.unit, each.documentation) for each in found]
    assert told == [(each.name, each.type, each.unit, each.help) for each in FAMILIES]
    with pytest.raises(ValueError, match="EOF"):
        list(parse_openmetrics(render_whole(FAMILIES, OPENMETRICS).removesuffix("# EOF\n")))


STRANGE = (
    'quo"te',
    "back\\slash",
    "\\n",
    "{a=1},",
    "größe",
    "#",
    "x\\",
    "e\x1b[31m",
    "e\\x1b[31m",
    "\\\x1b",
    "\\\\x1b",
)


@pytest.mark.parametrize(("parse", "form"), [(parse_openmetrics, OPENMETRICS), (parse_text, TEXT)])
def test_every_counter_has_a_label_of_its_own_that_a_parser_reads(
    parse: Callable[[str], Iterable[Metric]], form: ExpositionForm
) -> None:
    totals = TotalsOfDay("2026-11-20", 7, None, {name: n * SCALE for n, name in enumerate(STRANGE)})

    text = render_whole(totals_families(totals), form)

    family = next(iter(parse(text)))
    labels = [sample.labels["counter"] for sample in family.samples]
    assert (family.name, family.type) == ("countagg_total", "gauge")
    assert labels[:7] == list(STRANGE[:7])
    assert labels[7:] == ["e\\x1b[31m (escaped)", "e\\x1b[31m", "\\\\\\x1b (escaped)", "\\\\x1b"]
    assert [sample.value for sample in family.samples] == list(range(len(STRANGE)))
    assert "\x1b" not in text


def _is_plain(name: str) -> bool:
    return without_controls(name) == name


NAMES: Final = st.text(max_size=12) | st.text(alphabet='\\\\"{}#,=n\x1b1b', max_size=12)


@given(
    st.dictionaries(NAMES.filter(lambda text: text.split() == [text]), st.integers(-(10**33), 10**33), max_size=6)
)
def test_whatever_counters_are_called_both_parsers_tell_them_apart(totals: dict[str, int]) -> None:
    families = totals_families(TotalsOfDay("2026-11-20", 7, None, totals))

    for parse, form in ((parse_openmetrics, OPENMETRICS), (parse_text, TEXT)):
        family = next(iter(parse(render_whole(families, form))))
        labels = [sample.labels["counter"] for sample in family.samples]
        assert len(set(labels)) == len(totals)
        assert [label for label in labels if not label.endswith(" (escaped)")] == list(filter(_is_plain, totals))
        values = [float(sample.value) for sample in family.samples]
        assert values == [float(to_number(each)) for each in totals.values()]


def test_values_are_exact() -> None:
    values = ["12345678901234567890123456.000000001", "-0.1", "0", "191122"]
    exact = {f"c{number}": int(Decimal(text).scaleb(9)) for number, text in enumerate(values[1:])}
    exact["long"] = 12_345_678_901_234_567_890_123_456 * SCALE + 1

    text = render_whole(totals_families(TotalsOfDay("2026-11-20", 7, None, exact)), OPENMETRICS)

    lines = [line for line in text.splitlines() if line.startswith("countagg_total{")]
    assert [line.rpartition(" ")[2] for line in lines] == [*values[1:], values[0]]


def test_day_and_moment_are_told_in_seconds_since_1970() -> None:
    totals = TotalsOfDay("2026-11-20", 7, "2026-11-20T10:00:00.250000+00:00", {})

    text = render_whole(totals_families(totals), OPENMETRICS)

    assert "\ncountagg_day_timestamp_seconds 1795132800\n" in text
    assert "\ncountagg_totals_updated_timestamp_seconds 1795168800.250\n" in text
    assert all(family.type == "gauge" for family in parse_openmetrics(text))


PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.4,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("Application/OpenMetrics-Text; Version=1.0.0", OPENMETRICS),
        ('application/openmetrics-text; version="1.0.0"; escaping=allow-utf-8', OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", TEXT),
        (PROMETHEUS_2, OPENMETRICS),
        ("application/openmetrics-text;q=0.3,text/plain;version=0.0.4;q=0.5", TEXT),
        ("text/plain,application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;q=0,*/*", TEXT),
        ("application/openmetrics-text;q=nan,text/plain", TEXT),
        ("application/openmetrics-text;q=x", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", TEXT),
        (",;,=;q=;", TEXT),
    ],
)
def test_a_reader_gets_the_format_that_it_likes_best(accept: str, form: ExpositionForm) -> None:
    assert negotiate(accept) is form
