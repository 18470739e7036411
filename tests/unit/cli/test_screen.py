"""Tables keep their figures, and nothing in untrusted text is markup."""

import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from adrs.cli._screen import Screen

ROWS = [
    ((("0", "bold")), "seed", "107.9", ""),
    (("12", "mutate", "91.34 (15.4 % better)", "a plan of many words, " * 9)),
]
HEADERS = ["trial", "proposer", "cost", "plan"]


def on_a_terminal(width: int, headers: Sequence[str] = HEADERS, rows: Sequence = ROWS) -> list[str]:
    screen = Screen()
    written = io.StringIO()
    screen.console = Console(  # type: ignore[misc]
        file=written, width=width, force_terminal=True, color_system=None, markup=False
    )
    screen.table(headers, rows)
    return written.getvalue().splitlines()


def test_on_a_terminal_only_the_last_column_gives_way() -> None:
    lines = on_a_terminal(80)
    assert all(len(line) <= 80 for line in lines)
    assert "91.34 (15.4 % better)" in lines[2]
    assert lines[2].rstrip().endswith("…")
    assert lines[1].startswith("    0  seed")


def test_a_table_too_wide_for_a_terminal_loses_no_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    headers = [f"metric_{n}" for n in range(12)]
    rows = [[f"{n}.25" for n in range(12)]]
    on_a_terminal(60, headers, rows)
    assert capsys.readouterr().out.split() == [*headers, *rows[0]]


def test_in_a_pipe_nothing_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().table(HEADERS, ROWS)
    out = capsys.readouterr().out
    assert ROWS[1][3].strip() in out
    assert "\x1b" not in out


def test_brackets_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().line("[red]plan[/red] :smile: [/]")
    assert capsys.readouterr().out == "[red]plan[/red] :smile: [/]\n"


def test_with_json_people_read_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(as_json=True)
    screen.line("for people")
    screen.table(["a"], [["b"]])
    screen.json({"for": "scripts"})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"for": "scripts"}
    assert err == "for people\na\nb\n"
