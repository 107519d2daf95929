"""Text that two people, or a person and a terminal, could take for something else."""

from __future__ import annotations

import unicodedata

import pytest

from countagg.core.printable import printable, without_controls

UNSEEN = {
    "combining grapheme joiner": "\u034f",
    "Hangul fillers": "\u115f\u1160\u3164\uffa0",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "Mongolian variation selectors": "\u180b\u180c\u180d\u180e\u180f",
    "variation selectors": "\ufe00\ufe0e\ufe0f\U000e0100\U000e01ef",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "zero widths": "\u200b\u200c\u200d\u2060\ufeff\u00ad",
    "bidirectional controls": "\u061c\u200e\u200f\u202a\u202e\u2066\u2069",
    "unassigned and ignorable": "\u2065\ufff0\U000e0fff",
    "blank signs": "\u2800\u2d7f\U0001107f\U00013441\U00016fe4\U0001d159",
    "blanks": "\u00a0\u1680\u2003\u3000",
    "private and lone": "\ue000\ud800",
}


@pytest.mark.parametrize("characters", UNSEEN.values(), ids=UNSEEN)
def test_what_nobody_sees_is_shown_as_an_escape(characters: str) -> None:
    for character in characters:
        shown = printable(f"a{character}b")
        assert shown == f"a{character.encode('unicode_escape').decode()}b"
        assert printable(shown) == shown


@pytest.mark.parametrize("text", ["http_get", "größe-数", "naïve", "ไทย", "हिन्दी", "⣀⠤⠒", "😀", "\\x1b"])
def test_what_everybody_sees_stays(text: str) -> None:
    assert printable(text) == text


def test_controls_alone_are_taken_out_of_what_programs_read() -> None:
    controls = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
    assert len(controls) == 65
    for control in controls:
        assert without_controls(f"a{control}b") == printable(f"a{control}b")
    assert without_controls("größe\u202e\ufe0f 数") == "größe\u202e\ufe0f 数"
