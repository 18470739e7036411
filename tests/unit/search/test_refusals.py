"""Which candidates are not worth an evaluation."""

import pytest

from adrs import Brief, Direction, Limits, Metric, Objective, Program
from adrs.search.duplicates import normal_form
from adrs.search.editing import edit_fault

METRIC = Metric("cost", Direction.MINIMIZE, "1")
BRIEF = Brief("t", "t", "", ("src/*.py",), "src.a", Objective(METRIC), (METRIC,), (), Limits())


def form(text: str) -> str:
    return normal_form(Program({"a.py": text.encode()}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1 # note", "x=1"),
        ("def f(a):\n    return a + 1\n", "\n\n\ndef f( a ):\n\n  return (a+1)"),
        ("x = 'a'", 'x = "a"'),
        ("x = 1 is 1", "x = (1 is 1)"),  # which the compiler warns of
    ],
)
def test_spelling_makes_no_new_program(one: str, other: str) -> None:
    assert form(one) == form(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 0.0", "x = -0.0"),
        ("def f(a): return a < 1", "def f(a): return a <= 1"),
        ("def f(a): return a.b", "def f(a): return a.c"),
        ("def f(a, b=1): return a", "def f(a, b=2): return a"),
        ("x = {1, 2} ; y = 3 in {1, 2}", "x = {1, 2} ; y = 3 in {1, 3}"),
        ("class A:\n def f(self): return 1", "class A:\n def f(self): return 2"),
        ("assert x", "x"),
        ("a b", "a  b"),
    ],
)
def test_another_meaning_is_another_program(one: str, other: str) -> None:
    assert form(one) != form(other)


def test_a_file_name_is_part_of_a_program() -> None:
    assert normal_form(Program({"a.py": b"x"})) != normal_form(Program({"b.py": b"x"}))


def test_source_that_breaks_the_compiler_counts_by_content() -> None:
    deep = "(" * 5000 + ")" * 5000
    assert form(deep) == form(deep) != form(deep + " ")


def test_only_editable_files_may_change() -> None:
    seed = Program({"src/a.py": b"1", "lib.py": b"2"})
    assert edit_fault(seed.replacing({"src/a.py": b"9"}), seed, BRIEF) == ""
    assert edit_fault(seed.replacing({"src/new.py": b""}), seed, BRIEF) == ""
    assert "lib.py" in edit_fault(seed.replacing({"lib.py": b"9"}), seed, BRIEF)
    assert "lib.py" in edit_fault(Program({"src/a.py": b"1"}), seed, BRIEF)
    assert "x.py" in edit_fault(seed.replacing({"x.py": b""}), seed, BRIEF)


def test_marks_narrow_what_may_change() -> None:
    text = "a = 1\n# EVOLVE-BLOCK-START\nb = 2\n# EVOLVE-BLOCK-END\nc = 3\n"
    seed = Program({"src/a.py": text.encode()})

    def fault(new: str) -> str:
        return edit_fault(Program({"src/a.py": new.encode()}), seed, BRIEF)

    assert fault(text.replace("b = 2", "b = 5\nd = 6")) == ""
    assert "EVOLVE-BLOCK" in fault(text.replace("a = 1", "a = 2"))
    assert "EVOLVE-BLOCK" in fault(text.replace("c = 3", "c = 4"))
    assert "EVOLVE-BLOCK" in fault(text.replace("# EVOLVE-BLOCK-END\n", ""))
    assert "EVOLVE-BLOCK" in fault(text + text)
