from __future__ import annotations

import pytest

from countagg.core.errors import InvalidCounterFile
from countagg.operate.upload.formats import MAX_SOURCE_BYTES, Format, read_document, recognise
from tests.gzipped import gzipped

EXPOSITION = b"""# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",path="/a b"} 12 1700000000000
requests_total{code="500",path="\\"x\\\\"} 3
# TYPE hits counter
hits 7
# TYPE latency histogram
latency_bucket{le="0.1"} 1
latency_bucket{le="+Inf"} 2
latency_sum 0.30000000000000004
latency_count 2
# TYPE size summary
size{quantile="0.5"} 10
size_sum 20
size_count 4
# TYPE temperature gauge
temperature 21.5
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1.7e9
untyped 4
moved_total 5
"""


def read(content: bytes, form: Format = Format.AUTO, *, gauges: bool = False, kind: str = "") -> dict[str, str]:
    document = read_document(content, form, gauges=gauges, kind=kind)
    return {each.name: each.number for each in document.entries}


def test_what_an_exporter_counts_is_taken_and_timestamps_are_not() -> None:
    assert read(EXPOSITION) == {
        'requests_total{code="200",path="/a%20b"}': "12",
        'requests_total{code="500",path="%22x%5C"}': "3",
        "hits": "7",
        'latency_bucket{le="0.1"}': "1",
        'latency_bucket{le="+Inf"}': "2",
        "latency_sum": "0.30000000000000004",
        "latency_count": "2",
        "size_sum": "20",
        "size_count": "4",
        "moved_total": "5",
    }


def test_gauges_are_taken_when_they_are_asked_for_and_else_counted() -> None:
    more = read(EXPOSITION, gauges=True).keys() - read(EXPOSITION).keys()

    assert more == {'size{quantile="0.5"}', "temperature", "process_start_time_seconds", "untyped"}
    assert list(read_document(EXPOSITION).left_out.values()) == [4]


@pytest.mark.parametrize(
    ("more", "started"),
    [(b"", 1.7e9), (b"node_boot_time_seconds 1.6e9\n", 1.6e9), (b"node_boot_time_seconds 1.8e9\n", 1.7e9)],
)
def test_the_earlier_start_of_process_and_machine_counts(more: bytes, started: float) -> None:
    assert read_document(EXPOSITION + more).started == started


def test_openmetrics_is_read_without_the_times_of_creation() -> None:
    text = b'# TYPE a counter\na_total 1.0 # {id="x"} 1.0\na_created 1.7e9\n# TYPE b gauge\nb 2\n# EOF\n'

    assert read(text) == {"a_total": "1.0"}
    assert read(text, kind="application/openmetrics-text; version=1.0.0") == {"a_total": "1.0"}


def test_a_large_whole_number_of_an_exporter_stays_exact() -> None:
    assert read(b"# TYPE a counter\na 9007199254740993\n") == {"a": "9007199254740993"}


def test_json_is_joined_by_dots_and_its_numbers_stay_as_they_are_written() -> None:
    text = b'{"a": {"b c": 1.10, "d": {"e": -2e3}}, "f": 12345678901234567890123, "g": "x", "h": null, "i": [1]}'
    document = read_document(text)

    assert read(text) == {"a.b%20c": "1.10", "a.d.e": "-2e3", "f": "12345678901234567890123"}
    assert list(document.left_out.values()) == [3]


def test_pairs_have_either_sign_and_comments_are_no_pairs() -> None:
    text = b"# Server\nversion:7.0.1\nbytes read: 12\nkeys=3\nratio = .5\nname=\n"

    assert read(text) == {"bytes%20read": "12", "keys": "3", "ratio": ".5"}


def test_lines_of_header_and_values_are_read_as_the_kernel_means_them() -> None:
    text = b"Ip: Forwarding InReceives\nIp: 1 12\nTcp: MaxConn CurrEstab OutSegs\nTcp: -1 4 5\n"

    assert read(text) == {"Ip.InReceives": "12", "Tcp.OutSegs": "5"}
    assert read(text, gauges=True)["Tcp.CurrEstab"] == "4"


def test_gzip_of_any_is_read_also_in_several_members() -> None:
    assert read(gzipped(b"A 1\n") + gzipped(b"B 2\n")) == {"A": "1", "B": "2"}
    assert read(gzipped(EXPOSITION)) == read(EXPOSITION)


@pytest.mark.parametrize(
    ("text", "kind", "form"),
    [
        ("A 1\n", "", Format.COUNTERS),
        ("\ufeff\n\nA 1\n".removeprefix("\ufeff"), "", Format.COUNTERS),
        ('a{b="c"} 1\n', "", Format.COUNTERS),
        ("http://x:80/ 1\n", "", Format.COUNTERS),
        ("a=b 1\n", "", Format.COUNTERS),
        ("#a 1\nb 2\n", "", Format.COUNTERS),
        ("a=1\n", "", Format.KEYVALUE),
        ("a: 1\n", "", Format.KEYVALUE),
        ("total bytes: 1\n", "", Format.KEYVALUE),
        ("# Server\na:1\n", "", Format.KEYVALUE),
        ("# HELP a b\na 1\n", "", Format.PROMETHEUS),
        ("a 1 1700000000000\n", "text/plain; version=0.0.4; charset=utf-8", Format.PROMETHEUS),
        ("a 1\n# EOF\n", "application/openmetrics-text; version=1.0.0", Format.PROMETHEUS),
        (' {"a": 1}', "", Format.JSON),
        ("Ip: A B\nIp: 1 2\n", "", Format.PROC),
        ("", "", Format.COUNTERS),
    ],
)
def test_a_format_is_recognised_by_its_first_lines(text: str, kind: str, form: Format) -> None:
    assert recognise(text, kind) is form


@pytest.mark.parametrize(
    ("content", "form", "line", "reason"),
    [
        (b"A 1\nB\n", Format.AUTO, 2, "'B' is not NAME VALUE; it was read as counters"),
        (b"a=1\nb\n", Format.AUTO, 2, "neither name=value nor name: value"),
        (b"A 1\n\xff\n", Format.AUTO, 2, "it is not UTF-8"),
        (b'{"a": 1,\n}', Format.AUTO, 2, "it was read as json"),
        (b'{"a": 1, "a": 2}', Format.AUTO, None, "the key 'a' is repeated"),
        (b"[1]", Format.JSON, None, "the JSON is not an object"),
        (b'{"a":' * 60 + b"1" + b"}" * 60, Format.AUTO, None, "nested more than 50 deep"),
        (b'{"a":' * 100_000, Format.AUTO, None, "nested more than 50 deep"),
        (b"Ip: A B\nIp: 1\n", Format.AUTO, 2, "no line of as many values below it"),
        (b"Ip: A B\nTcp: 1 2\n", Format.AUTO, 2, "no line of as many values below it"),
        (b"Ip: A B\n", Format.AUTO, 1, "no line of as many values below it"),
        (b"# TYPE a counter\na x\n", Format.AUTO, 2, "it was read as prometheus"),
        (b"# TYPE a counter\na 1\n# EOF\nb", Format.PROMETHEUS, 4, "it was read as prometheus"),
        (b"\x1f\x8bgarbage", Format.AUTO, None, "damaged"),
        (gzipped(b"A 1\n" * 1000)[:-9], Format.AUTO, None, "cut short"),
        (gzipped(b"0" * (MAX_SOURCE_BYTES + 1)), Format.AUTO, None, "more bytes than are read"),
    ],
    ids=lambda value: None if not isinstance(value, bytes) else repr(value[:20]),
)
def test_what_cannot_be_read_is_refused_with_its_line(
    content: bytes, form: Format, line: int | None, reason: str
) -> None:
    with pytest.raises(InvalidCounterFile) as caught:
        read_document(content, form)

    assert reason in caught.value.reason
    assert caught.value.line == line
