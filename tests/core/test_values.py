from __future__ import annotations

import decimal
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.values import SCALE, format_value, parse_sum, parse_value, round_value, to_number
from tests.core.strategies import LARGEST_VALUE, value_texts, values

BIG_ROUNDING = decimal.Context(prec=1_000)
BIG = decimal.Context(prec=100, traps=[decimal.Inexact, decimal.InvalidOperation])


@given(values())
@example(LARGEST_VALUE)
@example(-LARGEST_VALUE)
def test_what_is_written_reads_back_as_the_same_value(value: int) -> None:
    assert parse_value(format_value(value)) == value


@given(value_texts())
@example("-0")
@example("+000.000000001")
def test_reading_agrees_with_decimal_arithmetic(text: str) -> None:
    assert parse_value(text) == Decimal(text).scaleb(9, BIG)


@given(values())
def test_writing_agrees_with_decimal_arithmetic(value: int) -> None:
    expected = Decimal(value).scaleb(-9, BIG).normalize(BIG)
    assert format_value(value) == f"{expected:f}"


@given(value_texts())
def test_every_spelling_of_a_value_has_one_written_form(text: str) -> None:
    written = format_value(parse_value(text))
    assert format_value(parse_value(written)) == written
    assert Decimal(written) == Decimal(text)


@given(st.text("0123456789+-._eExNaInf \u0663\uff11\n", max_size=40))
def test_any_text_is_either_refused_or_read_exactly(text: str) -> None:
    try:
        value = parse_value(text)
    except ValueError:
        return
    assert value == Decimal(text).scaleb(9, BIG)
    assert abs(value) <= LARGEST_VALUE
    assert text.isascii()
    assert not set(text) & set("_xNaInf \n")


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("0", 0),
        ("-0", 0),
        ("42", 42 * SCALE),
        ("+42", 42 * SCALE),
        ("-7", -7 * SCALE),
        ("007", 7 * SCALE),
        ("0.25", SCALE // 4),
        ("-0.000000001", -1),
        ("1.10", 11 * SCALE // 10),
        (".5", SCALE // 2),
        ("-5.", -5 * SCALE),
        ("1e5", 100_000 * SCALE),
        ("1.5E+2", 150 * SCALE),
        ("25e-1", 25 * SCALE // 10),
        ("1e-9", 1),
        ("-10e-10", -1),
        ("1.000000000000", SCALE),
        ("0.1234567890", 123_456_789),
        ("0e9999", 0),
        ("0e-9999", 0),
        ("0" * 30 + "7", 7 * SCALE),
        ("0." + "0" * 240 + "1e241", SCALE),
        ("9" * 24 + "e0", (10**24 - 1) * SCALE),
        ("9" * 24, (10**24 - 1) * SCALE),
        ("-" + "9" * 24 + "." + "9" * 9, -LARGEST_VALUE),
    ],
)
def test_decimal_numbers_are_read_in_units_of_a_billionth(text: str, units: int) -> None:
    assert parse_value(text) == units


@pytest.mark.parametrize(
    "text", ["1" + "0" * 24, "-1" + "0" * 24, "1" + "0" * 24 + ".5", "1e24", "1e9999", "-.1e25"]
)
def test_more_than_24_digits_before_the_point_are_out_of_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"^value '.{1,27}' is out of range: at most 24 digits before the point$"):
        parse_value(text)


@pytest.mark.parametrize("text", ["0.0000000001", "-1.0000000001", "1e-10", "1e-9999", "12.5e-9"])
def test_more_than_9_decimals_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^value '{text}' has more than 9 decimals$"):
        parse_value(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-",
        "+",
        ".",
        "-.",
        "e5",
        ".e5",
        "1e",
        "1e+",
        "1e5.",
        "1e5e5",
        "1e10000",
        "0x10",
        "1_000",
        "1,5",
        "--1",
        "+-1",
        "1.2.3",
        " 1",
        "1 ",
        # What Python takes for a number all the same.
        *("NaN", "nan", "Infinity", "-inf", "1\n", "\u0661\u0662", "\uff11", "\u00b2", "\u221212"),
    ],
)
def test_what_is_no_decimal_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a decimal number$"):
        parse_value(text)


@pytest.mark.parametrize("text", ["9" * 5_000, "0" * 256, "x" * 1_000_000])
def test_a_value_has_at_most_255_characters(text: str) -> None:
    with pytest.raises(ValueError, match=r"^value '.{27}' has more than 255 characters$"):
        parse_value(text)


def test_a_long_text_is_cut_in_the_complaint() -> None:
    with pytest.raises(ValueError, match=rf"^value '{'x' * 24}\.\.\.' is not a decimal number$"):
        parse_value("x" * 100)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0"),
        (100 * SCALE, "100"),
        (-SCALE, "-1"),
        (1, "0.000000001"),
        (-SCALE // 2, "-0.5"),
        (-1, "-0.000000001"),
    ],
)
def test_values_are_written_in_their_shortest_form(units: int, text: str) -> None:
    assert format_value(units) == text


@given(st.lists(values(), max_size=30))
@example([LARGEST_VALUE, LARGEST_VALUE])
def test_a_sum_reads_back_however_many_digits_it_has(summands: list[int]) -> None:
    assert parse_sum(format_value(sum(summands))) == sum(summands)


@pytest.mark.parametrize("text", ["", "+1", "1.", "1.0000000000", "1e5", "one", "1 ", "\u0661"])
def test_what_no_sum_is_written_like_is_refused_as_a_sum(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a decimal number$"):
        parse_sum(text)


@given(values())
def test_a_number_for_output_is_an_int_exactly_when_it_is_whole(value: int) -> None:
    number = to_number(value)
    assert isinstance(number, int) == (value % SCALE == 0)
    assert (Decimal(number) if isinstance(number, int) else number) == Decimal(value).scaleb(-9, BIG)


def test_the_callers_decimal_context_does_not_matter() -> None:
    with decimal.localcontext(prec=2):
        assert to_number(123456789_123456789) == Decimal("123456789.123456789")
        assert parse_value("123456789.123456789") == 123456789_123456789


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**23), max_value=10**23))
@example(Decimal("0.0000000005"))
@example(Decimal("0.0000000015"))
@example(Decimal("-0.0000000025"))
@example(Decimal("1e-300"))
def test_what_goes_beyond_the_ninth_decimal_is_rounded_half_to_even(value: Decimal) -> None:
    whole = value.scaleb(9, BIG_ROUNDING)
    expected = whole.to_integral_value(decimal.ROUND_HALF_EVEN)
    assert round_value(str(value)) == (int(expected), expected != whole)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1e24", "9" * 24 + ".9999999999", "1" * 256])
def test_what_is_no_number_or_too_large_is_not_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="value"):
        round_value(text)
