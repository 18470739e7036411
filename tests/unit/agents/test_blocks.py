"""Edits as language models write them, and what becomes of them."""

from __future__ import annotations

import time

import pytest
from adrs_agents.planner.blocks import Draft, draft
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adrs import Brief, Direction, Limits, Metric, Objective, Program

METRIC = Metric("cost", Direction.MINIMIZE, "1")
POLICY = '''"""A policy."""

LIMIT = 4


def decide(age, size):
    if age > LIMIT:
        return "run"
    return "wait"


def weigh(size):
    return size * 2
'''
LIB = "def twice(x):\n    return 2 * x\n"
FIXED = "LIMIT = 4\n"
MARKED = "A = 1\n# EVOLVE-BLOCK-START\nB = 2\n# EVOLVE-BLOCK-END\nC = 3\n"


def brief(*editable: str) -> Brief:
    return Brief("t", "t", "", editable, "policy", Objective(METRIC), (METRIC,), (), Limits())


def program(**files: str | bytes) -> Program:
    """Files by name, in which `__` stands for a slash and `_` before the extension for a dot."""
    return Program(
        {
            ".".join(name.replace("__", "/").rsplit("_", 1)): text.encode()
            if isinstance(text, str)
            else text
            for name, text in files.items()
        }
    )


# One editable file beside one that is not; and several.
ONE, ONE_BRIEF = program(policy_py=POLICY, fixed_py=FIXED), brief("policy.py", "new/*.py")
MANY = program(policy_py=POLICY, src__lib_py=LIB, fixed_py=FIXED)
MANY_BRIEF = brief("policy.py", "src/*")


def drafted(answer: str, many: bool = False) -> Draft:
    return draft(answer, MANY, MANY_BRIEF) if many else draft(answer, ONE, ONE_BRIEF)


def block(old: str, new: str, count: int = 7) -> str:
    def lines(text: str) -> list[str]:
        return text.removesuffix("\n").split("\n") if text else []

    opening, divider, closing = "<" * count + " SEARCH", "=" * count, ">" * count + " REPLACE"
    return "\n".join([opening, *lines(old), divider, *lines(new), closing, ""])


LIMIT = block("LIMIT = 4", "LIMIT = 9")
TWICE = block("    return 2 * x", "    return x + x")
LIMITED = POLICY.replace("LIMIT = 4", "LIMIT = 9")
TWICED = LIB.replace("2 * x", "x + x")
NEW = 'def decide(age, size):\n    return "run"\n'

GOOD: dict[str, tuple[str, dict[str, str | None]]] = {
    "bare name": (f"policy.py\n{LIMIT}", {"policy.py": LIMITED}),
    "name as heading": (f"### policy.py\n{LIMIT}", {"policy.py": LIMITED}),
    "name in bold": (f"**policy.py**\n\n{LIMIT}", {"policy.py": LIMITED}),
    "name in bold with colon": (f"**policy.py:**\n{LIMIT}", {"policy.py": LIMITED}),
    "name as code": (f"`policy.py`\n{LIMIT}", {"policy.py": LIMITED}),
    "name behind File": (f"File: policy.py\n{LIMIT}", {"policy.py": LIMITED}),
    "name behind bold File": (f"**File:** `policy.py`\n{LIMIT}", {"policy.py": LIMITED}),
    "name as comment": (f"# policy.py\n{LIMIT}", {"policy.py": LIMITED}),
    "numbered heading with remark": (
        f"#### 1. `policy.py` (raise the limit)\n\nIt is too low.\n\n{LIMIT}",
        {"policy.py": LIMITED},
    ),
    "name with ./": (f"./policy.py\n{LIMIT}", {"policy.py": LIMITED}),
    "item of a list right above": (f"- `policy.py`:\n{LIMIT}", {"policy.py": LIMITED}),
    "no name, one editable file": (f"I raise the limit.\n\n{LIMIT}", {"policy.py": LIMITED}),
    "name above a fence": (
        f"I raise it.\n\npolicy.py\n```python\n{LIMIT}```\n\nDone.",
        {"policy.py": LIMITED},
    ),
    "name first in a fence": (f"```\npolicy.py\n{LIMIT}```", {"policy.py": LIMITED}),
    "name as comment in a fence": (
        f"```python\n# policy.py\n# a higher limit\n{LIMIT}```",
        {"policy.py": LIMITED},
    ),
    "name behind the language": (f"```python policy.py\n{LIMIT}```", {"policy.py": LIMITED}),
    "name instead of the language": (f"```policy.py\n{LIMIT}```", {"policy.py": LIMITED}),
    "name as title": (f'```python title="policy.py"\n{LIMIT}```', {"policy.py": LIMITED}),
    "diff fence": (f"```diff\n{LIMIT}```", {"policy.py": LIMITED}),
    "tilde fence": (f"~~~python\n{LIMIT}~~~", {"policy.py": LIMITED}),
    "fence behind the block": (f"policy.py\n{LIMIT}```\n\nThat is all.", {"policy.py": LIMITED}),
    "fence never closed behind the block": (f"```python\n{LIMIT}", {"policy.py": LIMITED}),
    "five characters": (block("LIMIT = 4", "LIMIT = 9", 5), {"policy.py": LIMITED}),
    "nine characters": (block("LIMIT = 4", "LIMIT = 9", 9), {"policy.py": LIMITED}),
    "lower case, trailing spaces": (
        "<<<<<<< search  \nLIMIT = 4\n======= \nLIMIT = 9\n>>>>>>> Replace\t\n",
        {"policy.py": LIMITED},
    ),
    "CRLF answer": (LIMIT.replace("\n", "\r\n"), {"policy.py": LIMITED}),
    "indented markers": (
        "  <<<<<<< SEARCH\nLIMIT = 4\n  =======\nLIMIT = 9\n  >>>>>>> REPLACE",
        {"policy.py": LIMITED},
    ),
    "two blocks under one name": (
        f"policy.py\n{LIMIT}\nAnd:\n\n{block('    return size * 2', '    return size')}",
        {"policy.py": LIMITED.replace("size * 2", "size")},
    ),
    "the second block sees what the first did": (
        LIMIT + block("LIMIT = 9", "LIMIT = 10"),
        {"policy.py": POLICY.replace("= 4", "= 10")},
    ),
    "lines are removed": (
        block('    if age > LIMIT:\n        return "run"\n', ""),
        {"policy.py": POLICY.replace('    if age > LIMIT:\n        return "run"\n', "")},
    ),
    "trailing white space in SEARCH": (
        block('def decide(age, size):  \n    if age > LIMIT:\t\n        return "run"', "x = 1"),
        {
            "policy.py": POLICY.replace(
                'def decide(age, size):\n    if age > LIMIT:\n        return "run"', "x = 1"
            )
        },
    ),
    "blank lines around SEARCH": (
        block("\n\n\nLIMIT = 4\n\n\n\n\n", "\n\n\nLIMIT = 9\n\n\n\n\n"),
        {"policy.py": LIMITED},
    ),
    "a blank line is added": (
        block("\n\n\n\nLIMIT = 4", "\n\n\n\n\nLIMIT = 9"),
        {"policy.py": POLICY.replace("LIMIT = 4", "\nLIMIT = 9")},
    ),
    "code fences within a block": (
        block("LIMIT = 4", 'DOC = """\n```python\nx\n```\n"""'),
        {"policy.py": POLICY.replace("LIMIT = 4", 'DOC = """\n```python\nx\n```\n"""')},
    ),
    "a row of = of another length in the file": (
        "<<<<<<< SEARCH\nLIMIT = 4\n=======\nTitle\n=====\n>>>>>>> REPLACE",
        {"policy.py": POLICY.replace("LIMIT = 4", "Title\n=====")},
    ),
    "an indented row of = in the file": (
        "<<<<<<< SEARCH\nLIMIT = 4\n=======\n    Title\n    =======\n>>>>>>> REPLACE",
        {"policy.py": POLICY.replace("LIMIT = 4", "    Title\n    =======")},
    ),
    "prose with rows of =": (f"Plan\n=======\n\n{LIMIT}\nEnd\n=======\n", {"policy.py": LIMITED}),
    "code that is only shown": (
        f"Now it is\n```python\nLIMIT = 4\n```\nand becomes\n```python\n{LIMIT}```\n"
        "Try it:\n```bash\npython policy.py\n```",
        {"policy.py": LIMITED},
    ),
    "code that is only shown, with its name": (
        f"Now it is\n```python\n# policy.py\nLIMIT = 4\n```\nand becomes\n{LIMIT}",
        {"policy.py": LIMITED},
    ),
    "fence around everything": (
        f"```\n### policy.py\n```python\n{LIMIT}```\n```",
        {"policy.py": LIMITED},
    ),
    "new file by an empty SEARCH": (
        f"new/extra.py\n{block('', 'X = 1')}",
        {"new/extra.py": "X = 1\n"},
    ),
    "new empty file": (f"new/__init__.py\n{block('', '')}", {"new/__init__.py": ""}),
    "whole file": (f"FILE: policy.py\n```python\n{NEW}```\nDone.", {"policy.py": NEW}),
    "whole file, then prose": (
        f"FILE: policy.py\n\nRewritten:\n\n```python\n{NEW}```\nDone.",
        {"policy.py": NEW},
    ),
    "whole file under a heading": (f"## `policy.py`\n\n~~~\n{NEW}~~~", {"policy.py": NEW}),
    "whole file, name behind the language": (f"```python:policy.py\n{NEW}```", {"policy.py": NEW}),
    "whole file, name as comment": (f"```python\n# policy.py\n{NEW}```", {"policy.py": NEW}),
    "whole file without a name": (f"Here it is:\n```python\n{NEW}```\nDone.", {"policy.py": NEW}),
    "whole file in an indented fence": (
        "1. FILE: policy.py\n   ```python\n   def f():\n       return 1\n\n   ```\n",
        {"policy.py": "def f():\n    return 1\n\n"},
    ),
    "whole file with fences, longer fence": (
        "FILE: policy.py\n````python\nx = 1\n```python\ny\n```\n````",
        {"policy.py": "x = 1\n```python\ny\n```\n"},
    ),
    "whole file with indented fences": (
        'FILE: policy.py\n```\ndef f():\n    """\n    ```\n    y\n    ```\n    """\n```',
        {"policy.py": 'def f():\n    """\n    ```\n    y\n    ```\n    """\n'},
    ),
    "whole file, then blocks on it": (
        f"FILE: policy.py\n```\nLIMIT = 4\n```\n\n{LIMIT}",
        {"policy.py": "LIMIT = 9\n"},
    ),
    "blocks behind FILE": (f"FILE: policy.py\n```python\n{LIMIT}```", {"policy.py": LIMITED}),
    "new whole file": (f"FILE: new/a.py\n```\n{NEW}```", {"new/a.py": NEW}),
    "a new and a deleted file": (
        f"DELETE: policy.py\n\nFILE: new/a.py\n```\n{NEW}```",
        {"policy.py": None, "new/a.py": NEW},
    ),
}
GOOD_OF_MANY: dict[str, tuple[str, dict[str, str | None]]] = {
    "two files": (
        f"### policy.py\n```python\n{LIMIT}```\n### src/lib.py\n```python\n{TWICE}```\n",
        {"policy.py": LIMITED, "src/lib.py": TWICED},
    ),
    "two files in one fence": (
        f"```\npolicy.py\n{LIMIT}\nsrc/lib.py\n{TWICE}```\n",
        {"policy.py": LIMITED, "src/lib.py": TWICED},
    ),
    "two files without fences": (
        f"policy.py\n{LIMIT}src/lib.py\n{TWICE}",
        {"policy.py": LIMITED, "src/lib.py": TWICED},
    ),
    "blocks, a whole file, a deletion": (
        f"policy.py\n{LIMIT}\n**src/new.py**\n```\n{NEW}```\n\nDELETE: `src/lib.py`\n",
        {"policy.py": LIMITED, "src/new.py": NEW, "src/lib.py": None},
    ),
    "a fence behind a block, then a whole file": (
        f"policy.py\n{LIMIT}```\nFILE: src/new.py\n```\n{NEW}```\n",
        {"policy.py": LIMITED, "src/new.py": NEW},
    ),
    "two whole files, names as comments": (
        f"```python\n# policy.py\n{NEW}```\nand\n```python\n# src/lib.py\n{TWICED}```",
        {"policy.py": NEW, "src/lib.py": TWICED},
    ),
    "a new file without an extension": (
        "FILE: src/Makefile\n```\nall:\n\ttrue\n```",
        {"src/Makefile": "all:\n\ttrue\n"},
    ),
    "a deletion that is only shown": (
        f"policy.py\n{LIMIT}\n```\nDELETE: src/lib.py\n```\n",
        {"policy.py": LIMITED},
    ),
    "a list of files names none": (
        f"policy.py\n{LIMIT}\n- src/lib.py: stays\n\n{block('    return size * 2', '    pass')}",
        {"policy.py": LIMITED.replace("return size * 2", "pass")},
    ),
}


def check(done: Draft, parent: Program, files: dict[str, str | None]) -> None:
    wanted = dict(parent.files) | {
        path: text.encode() for path, text in files.items() if text is not None
    }
    for path, text in files.items():
        if text is None:
            del wanted[path]
    assert done == Draft(Program(wanted), (), tuple(sorted(files)))


@pytest.mark.parametrize("name", GOOD)
def test_an_answer_gives_the_program_that_it_means(name: str) -> None:
    answer, files = GOOD[name]
    check(drafted(answer), ONE, files)


@pytest.mark.parametrize("name", GOOD_OF_MANY)
def test_an_answer_may_edit_several_files(name: str) -> None:
    answer, files = GOOD_OF_MANY[name]
    check(drafted(answer, many=True), MANY, files)


BAD: dict[str, tuple[str, str]] = {
    "nothing": ("", "no edit was found"),
    "prose": ("I would raise the limit.", "<<<<<<< SEARCH\nlines as they stand"),
    "several fences without names": ("```\na\n```\n\n```\nb\n```", "no file name was found for 2"),
    "unified diff": (
        "```diff\n--- a/policy.py\n+++ b/policy.py\n@@ -3 +3 @@\n-LIMIT = 4\n+LIMIT = 9\n```",
        "is a diff, which is not read",
    ),
    "unified diff without its language": (
        "policy.py\n```\n--- a/policy.py\n+++ b/policy.py\n@@ -3 +3 @@\n-a\n+b\n```",
        "is a diff, which is not read",
    ),
    "markers of another tool": (
        "policy.py\n```python\n<<<<<<< ORIGINAL\na\n=======\nb\n>>>>>>> UPDATED\n```",
        "markers that are not read",
    ),
    "block cut": ("policy.py\n<<<<<<< SEARCH\nLIMIT = 4\n=======\nLIMIT", "block 1 (policy.py) is"),
    "block not closed before the next": (
        "<<<<<<< SEARCH\nLIMIT = 4\n=======\nLIMIT = 9\n```\n\n" + LIMIT,
        "block 1 (policy.py) is never closed",
    ),
    "no divider": ("<<<<<<< SEARCH\nLIMIT = 4\n>>>>>>> REPLACE", "has no line '======='"),
    "two dividers": (
        "<<<<<<< SEARCH\nLIMIT = 4\n=======\na\n=======\nb\n>>>>>>> REPLACE",
        "has 2 lines that could divide",
    ),
    "REPLACE without SEARCH": (">>>>>>> REPLACE\n" + LIMIT, "behind block 0 closes nothing"),
    "whole file cut": ("FILE: policy.py\n```python\ndef f():", "policy.py is never closed"),
    "nameless file cut": ("Here:\n```python\ndef f():", "a fenced block is never closed"),
    "whole file not closed before the next": (
        f"FILE: policy.py\n```python\n{NEW}\nFILE: new/a.py\n```python\n{NEW}```",
        "a fence opens within the fenced block of policy.py",
    ),
    "whole file not closed before blocks": (
        f"FILE: new/a.py\n```python\n{NEW}\npolicy.py\n{LIMIT}",
        "begins with 'def decide(age, size):', and then has SEARCH/REPLACE",
    ),
    "not there": (
        block("LIMIT = 5\n\n\ndef decide(age, size):", "x"),
        "copy them as they stand there. The most similar ones are:\n    3 | LIMIT = 4\n    4 | \n"
        "    5 | \n    6 | def decide(age, size):",
    ),
    "a line like it": (
        block("    return size * 3  # three times", "x"),
        "   13 |     return size * 2",
    ),
    "nothing like it": (block("@@@", "x"), "nor is anything like them"),
    "indentation": (
        block('  if age > LIMIT:\n    return "run"', "pass"),
        "the indentation differs: write SEARCH and REPLACE with the white space that the file has. "
        'Found at 7:\n    7 |     if age > LIMIT:\n    8 |         return "run"',
    ),
    "blank SEARCH on a file": (block("\n\n", "x"), "SEARCH is empty, which makes"),
    "a line that stands twice": (
        "FILE: policy.py\n```\na\nb\na\n```\n" + block("a", "c"),
        "in more than one place, at lines 1, 3; take in more",
    ),
    "applied already": (
        block("LIMIT = 5", "LIMIT = 4"),
        "the REPLACE lines already stand at 3, so it seems to be applied already",
    ),
    "SEARCH equals REPLACE": (block("LIMIT = 4", "LIMIT = 4") + LIMIT, "SEARCH equals REPLACE"),
    "there and back": (LIMIT + block("LIMIT = 9", "LIMIT = 4"), "the edits change nothing"),
    "the same whole file": (f"FILE: policy.py\n```\n{POLICY}```", "the edits change nothing"),
    "empty SEARCH on a file": (f"policy.py\n{block('', 'x')}", "SEARCH is empty, which makes"),
    "no such file": (f"new/a.py\n{LIMIT}", "there is no such file; leave SEARCH empty"),
    "not editable": (f"fixed.py\n{LIMIT}", "fixed.py is not editable; editable: policy.py, new/*."),
    "not editable, not there": (f"FILE: judge.py\n```\n{NEW}```", "judge.py is not editable"),
    "not editable, behind the language": (f"```python judge.py\n{NEW}```", "is not editable"),
    "not editable, to be deleted": ("DELETE: fixed.py", "fixed.py is not editable"),
    "deletes what is not there": ("DELETE: new/a.py", "no such file to delete"),
    "blocks on a deleted file": ("DELETE: policy.py\n" + LIMIT, "there is no such file"),
    "path outside": (f"FILE: ../policy.py\n```\n{NEW}```", "must be relative"),
    "absolute path": (f"/etc/policy.py\n{LIMIT}", "must be relative"),
    "git path": ("FILE: new/.git/a.py\n```\nx\n```", "starts with '.git'"),
    "a file as a folder": (
        "FILE: new/a.py\n```\nx\n```\nFILE: new/a.py/b.py\n```\nx\n```",
        "the edits together make no program: 'new/a.py' is a file and the folder of",
    ),
    "long path": (f"FILE: new/{'a' * 250}.py\n```\nx\n```", "1 to 240 are allowed"),
    "control character in a path": ("FILE: new/\x1b[31m.py\n```\nx\n```", "control character"),
    "too many": (LIMIT * 201, "more than 200 edits"),
    "too large": ("é" * (512 * 1024 + 1), "1048578 bytes; at most 1048576"),
}
BAD_OF_MANY = {
    "block without a name": (f"I raise it.\n\n{LIMIT}", "block 1 has no file name"),
    "fence without a name": (f"```python\n{NEW}```", "no file name was found for 1"),
    "one of two": (f"policy.py\n{LIMIT}\nsrc/lib.py\n{LIMIT}", "block 2 (src/lib.py, at 'LIMIT"),
    "all files deleted but one that stays": ("DELETE: src/lib.py\nDELETE: fixed.py", "fixed.py is"),
}


def check_fault(done: Draft, part: str) -> None:
    assert done.program is None
    assert done.changed == ()
    assert any(part in fault for fault in done.faults), done.faults


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_in_words(name: str) -> None:
    answer, part = BAD[name]
    check_fault(drafted(answer), part)


@pytest.mark.parametrize("name", BAD_OF_MANY)
def test_what_is_wrong_among_several_files_is_said(name: str) -> None:
    answer, part = BAD_OF_MANY[name]
    check_fault(drafted(answer, many=True), part)


def test_every_fault_of_an_answer_is_said_and_nothing_is_applied() -> None:
    done = drafted(LIMIT + block("gone", "x") + f"fixed.py\n{LIMIT}" + "FILE: new/a.py\n```\nx = 1")
    assert done.program is None
    assert [fault.partition(" (")[0] for fault in done.faults[1:]] == ["block 2", "block 3"]
    assert "new/a.py is never closed" in done.faults[0]


def test_only_what_stands_between_marks_may_change() -> None:
    parent, editable = program(policy_py=MARKED), brief("*.py")
    good = draft(block("B = 2", "B = 3"), parent, editable)
    check(good, parent, {"policy.py": MARKED.replace("B = 2", "B = 3")})
    check_fault(draft(block("A = 1", "A = 2"), parent, editable), "outside its EVOLVE-BLOCK marks")
    check_fault(draft("FILE: policy.py\n```\nx\n```", parent, editable), "outside its EVOLVE-BLOCK")
    more = block("B = 2", "# EVOLVE-BLOCK-START")
    check_fault(draft(more, parent, editable), "policy.py gets new EVOLVE-BLOCK marks")
    check_fault(draft("DELETE: policy.py\nFILE: a.py\n```\n```", parent, editable), "outside its")


@pytest.mark.parametrize(
    "answer",
    [
        block("a = 1\nb = 2", "a = 3\nb = 4\nc = 5"),
        "FILE: policy.py\n```\na = 3\nb = 4\nc = 5\n\nd = 6\n```",
        block("a = 1\nb = 2", "a = 3\nb = 4\nc = 5").replace("\n", "\r\n"),
    ],
)
def test_new_lines_take_the_line_ending_of_the_file(answer: str) -> None:
    parent = program(policy_py="a = 1\r\nb = 2\r\n\r\nd = 6\r\n")
    done = draft(answer, parent, brief("*"))
    check(done, parent, {"policy.py": "a = 3\r\nb = 4\r\nc = 5\r\n\r\nd = 6\r\n"})


def test_lines_that_stay_keep_their_bytes() -> None:
    odd = "a\x0cb\r\n\u2028c \t\nx\rd\n  e"
    parent = program(policy_py=odd)
    done = draft(block("\u2028c", "C"), parent, brief("*"))
    check(done, parent, {"policy.py": odd.replace("\u2028c \t", "C")})
    done = draft("<<<<<<< SEARCH\n  e\n=======\nE\nF\n>>>>>>> REPLACE", parent, brief("*"))
    check(done, parent, {"policy.py": odd.replace("  e", "E\nF")})


def test_a_file_that_is_not_utf8_is_replaced_as_a_whole() -> None:
    parent = program(policy_py=b"\xff\xfea = 1\n")
    check_fault(draft(block("a = 1", "a = 2"), parent, brief("*")), "is not UTF-8")
    done = draft("FILE: policy.py\n```\na = 2\n```", parent, brief("*"))
    check(done, parent, {"policy.py": "a = 2\n"})


def test_an_empty_search_fills_an_empty_file() -> None:
    parent = program(policy_py="")
    check(draft(block("", "a = 1"), parent, brief("*")), parent, {"policy.py": "a = 1\n"})


def test_a_naming_comment_that_the_file_has_itself_stays() -> None:
    parent = program(policy_py="# policy.py\na = 1\n")
    done = draft("```python\n# policy.py\na = 2\n```", parent, brief("*.py"))
    check(done, parent, {"policy.py": "# policy.py\na = 2\n"})


def test_the_other_indentation_is_named_if_it_is_tabs() -> None:
    parent = program(policy_py="if x:\n\ty\n")
    fault = draft(block("if x:\n    y", "z"), parent, brief("*")).faults[0]
    assert "the indentation differs (the file has tabs)" in fault
    assert "    1 | if x:\n    2 | \ty" in fault


def test_surrogates_are_no_text() -> None:
    done = drafted(block("LIMIT = 4", "LIMIT = '\ud800'"))
    check(done, ONE, {"policy.py": POLICY.replace("4", "'?'")})


def test_faults_are_bounded_and_hold_no_control_characters() -> None:
    wild = "".join(f"x{'é' * 400}{at}\x1b[2J\x9b\r\u0000\n" for at in range(100))
    parent = program(policy_py=wild)
    for answer in (
        block("y" + wild, "x"),
        block(" " + wild, "x") * 20,
        ("DELETE: " + "\x07" * 280 + "\n") * 150,
        f"policy.py\n{'<' * 7} SEARCH\n" * 5000,
        f"FILE: {'a' * 280}\n```\nx\n```",
    ):
        faults = draft(answer, parent, brief("*")).faults
        assert 0 < len(faults) <= 9
        for fault in faults:
            assert len(fault) <= 1500
            assert all(c.isprintable() or c in "\n\t" for c in fault), fault


WORDS = st.sampled_from(
    [
        *("<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "<<<<< search ", ">>>>>>>>> REPLACE"),
        *("```", "````", "~~~", "```python", "```diff", "```policy.py", "  ```", "`` `"),
        *("policy.py", "### fixed.py", "FILE: policy.py", "FILE: src/a.py", "FILE: ../x.py"),
        *("DELETE: src/lib.py", "DELETE: fixed.py", "# src/lib.py", "/etc/passwd", "src/.git/x"),
        *("LIMIT = 4", "LIMIT = 9", "", "    ", "    return 2 * x", "  return 2 * x", "x\ry"),
        *("# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END", "B = 2", "A = 1", "\x00\ud800\u2028"),
    ]
)
FRAGMENTS = st.lists(WORDS, max_size=40).map("\n".join)
ALL_GOOD = [answer for answer, _ in (*GOOD.values(), *GOOD_OF_MANY.values())]
WIDE = Program({**MANY.files, "src/marked.py": MARKED.encode(), "src/crlf.py": b"a\r\nb\r\n"})


def holds_its_promises(answer: str) -> None:
    done = draft(answer, WIDE, MANY_BRIEF)
    assert (done.program is None) == bool(done.faults)
    if done.program is None:
        assert done.changed == ()
        return
    paths = WIDE.files.keys() | done.program.files.keys()
    changed = {p for p in paths if WIDE.files.get(p) != done.program.files.get(p)}
    assert changed
    assert done.changed == tuple(sorted(changed))
    assert all(path == "policy.py" or path.startswith("src/") for path in changed)
    assert all(part not in {"", ".", "..", ".git"} for p in paths for part in p.split("/"))
    marked = done.program.text("src/marked.py")
    assert marked.startswith("A = 1\n# EVOLVE-BLOCK-START\n")
    assert marked.endswith("# EVOLVE-BLOCK-END\nC = 3\n")


@given(st.text())
@settings(deadline=None, max_examples=150)
def test_any_text_is_safe(answer: str) -> None:
    holds_its_promises(answer)


@given(FRAGMENTS)
@settings(deadline=None, max_examples=400)
def test_any_mixture_of_markers_is_safe(answer: str) -> None:
    holds_its_promises(answer)


@given(st.sampled_from(ALL_GOOD), st.data())
@settings(deadline=None, max_examples=300)
def test_a_good_answer_with_damage_is_safe(answer: str, data: st.DataObject) -> None:
    lines = answer.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines)))
        cut = data.draw(st.integers(0, 2))
        lines[at : at + cut] = data.draw(st.lists(WORDS, max_size=2))
    holds_its_promises("\n".join(lines))


LINE = st.one_of(
    st.sampled_from(["", " ", "a", "    a", "b  ", "```", "=====", "# x.py", "FILE: policy.py"]),
    st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=12),
)


def is_marker(line: str) -> bool:
    return any(mark in line for mark in ("<<<<<", "=======", ">>>>>"))


@given(st.lists(LINE, min_size=1, max_size=12), st.lists(LINE, max_size=12), st.booleans())
@settings(deadline=None, max_examples=300)
def test_a_block_turns_any_text_into_any_other(old: list[str], new: list[str], dos: bool) -> None:
    assume(old != new)
    assume(any(line.strip() for line in old))
    assume(not any(map(is_marker, old + new)))
    before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
    if dos:
        before, after = before.replace("\n", "\r\n"), after.replace("\n", "\r\n")
    parent = program(policy_py=before)
    lines = ["```", "<<<<<<< SEARCH", *old, "=======", *new, ">>>>>>> REPLACE", "```"]
    check(draft("\n".join(lines), parent, brief("*")), parent, {"policy.py": after})


@given(st.lists(LINE, max_size=12))
@settings(deadline=None, max_examples=200)
def test_a_whole_file_may_hold_any_lines(new: list[str]) -> None:
    assume(not any(map(is_marker, new)))
    text = "".join(f"{line}\n" for line in new)
    parent = program(policy_py="old\n")
    done = draft(f"FILE: policy.py\n`````\n{text}`````", parent, brief("*"))
    check(done, parent, {"policy.py": text})


SIZE = 1024 * 1024
LONG_FILE = "FILE: policy.py\n```\n" + "".join(f"{at}\n" for at in range(49_000)) + "```\n"
HEAVY = {
    "fences": "```\n",
    "fences with names": "``` " + "a.b " * 60 + "\n",
    "comments as names": "```\n# a.py\n```\n",
    "blank lines": "\n",
    "names": "a.py\n",
    "headings": "File: a\n",
    "SEARCH": "<<<<<<< SEARCH\n",
    "dividers": "<<<<<<< SEARCH\n" + "=======\n" * 130_000,
    "one long line of <": "<",
    "one long line of backticks": "`",
    "one long line of spaces": " ",
    "one long line of #": "# ",
    "one long name": "a.",
    "deletions": "DELETE: a.py\n",
    "marks": "FILE: policy.py\n```\n" + "# EVOLVE-BLOCK-START\n" * 40_000 + "```\n",
    "one line of marks": "FILE: policy.py\n```\n" + "EVOLVE-BLOCK-START " * 50_000 + "\n```\n",
    "a long SEARCH": block("a" * 500_000, "b"),
    "a SEARCH of many lines": block("LIMIT = 4\n" * 90_000 + "x", "b"),
    "a SEARCH that nearly is there": (
        "FILE: policy.py\n```\n" + "aaaa\n" * 49_000 + "```\n" + block("aaaa\n" * 20_000 + "b", "c")
    ),
    "blocks on a long file": (
        LONG_FILE + "".join(block(f"{at} ", f"x{at}") for at in range(199))
    ),
    "blocks that are not in a long file": (
        LONG_FILE + "".join(block(f"{'a ' * 100}{at}", "x") for at in range(199))
    ),
    "lines that are all alike": (
        "FILE: policy.py\n```\n"
        + ("a" * 199 + "b\n") * 3000
        + "```\n"
        + "".join(block("a" * 200 + f"{at}", "c") for at in range(100))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_answer_is_read_in_no_time(name: str) -> None:
    text = HEAVY[name]
    answer = text if len(text) > 1000 else text * (SIZE // len(text))
    assert len(answer) <= SIZE
    started = time.perf_counter()
    draft(answer, ONE, ONE_BRIEF)
    assert time.perf_counter() - started < 5  # a second here; quadratic work takes minutes
