"""Untrusted text has no power over a terminal, and figures read well."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adrs.cli._text import (
    bounds,
    duration,
    gain,
    harmless,
    harmless_lines,
    measured,
    percent,
    significant,
)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain words", "plain words"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("one\n\ttwo\r three", "one two three"),
        ("\x9b2J", "\\x9b2J"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\ud800", "\\ud800"),
        ("line\u2028line", "line line"),
        ("größer, 大きい", "größer, 大きい"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
    ],
)
def test_harmless(written: str, shown: str) -> None:
    assert harmless(written) == shown


@given(st.text(st.characters()))
def test_nothing_active_is_left(text: str) -> None:
    for line in (harmless(text), *harmless_lines(text)):
        assert not {unicodedata.category(c) for c in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        line.encode()


def test_a_limit_cuts_and_says_so() -> None:
    assert harmless("abcdefgh", 5) == "abcd…"
    assert harmless("abcde", 5) == "abcde"


def test_lines_keep_their_indentation() -> None:
    assert harmless_lines("if x:\n\treturn\x1b[2J") == ["if x:", "    return\\x1b[2J"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (107.912, "107.9"),
        (0.0012345, "0.001234"),
        (1234567.0, "1,234,567"),
        (-4.5, "-4.500"),
        (0, "0"),
        (3.2e-9, "3.200e-09"),
        (float("nan"), "nan"),
    ],
)
def test_significant(value: float, words: str) -> None:
    assert significant(value) == words


def test_words_for_figures() -> None:
    assert measured(12.0, "USD") == "12.00 USD"
    assert measured(12.0, "1") == "12.00"
    assert bounds(101.12, 114.74) == "[101, 115]"
    assert bounds(45.0233, 45.0666) == "[45.023, 45.067]"
    assert bounds(-0.5, 1234.5) == "[-0, 1,234]"
    assert bounds(7.0, 7.0) == "[7.00, 7.00]"
    assert bounds(2.1e-7, 2.4e-7) == "[2.10e-07, 2.40e-07]"
    assert bounds(None, None) == ""
    assert percent(0.1537) == "15.4 %"
    assert percent(0.0004) == "0.04 %"
    assert percent(12.5) == "1,250 %"
    assert gain(0.1) == "10.0 % better"
    assert gain(-0.1) == "10.0 % worse"
    assert gain(1e-9) == "no change"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.7, "1:00 min"), (187, "3:07 min"), (7500, "2:05 h")],
)
def test_duration(seconds: float, words: str) -> None:
    assert duration(seconds) == words
