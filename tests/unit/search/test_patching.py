"""Patches are applied to the byte, or refused with the line that does not fit."""

from __future__ import annotations

import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adrs import Program, ProgramError
from adrs.cli.diff import _changes
from adrs.search.patching import apply_patch

TEN = b"".join(b"line %d\n" % number for number in range(1, 11))
PARENT = Program({"main.py": TEN, "lib/a.py": b"x = 1\n", "end": b"no end", "empty": b""})

CHANGE = b"""\
--- a/main.py
+++ b/main.py
@@ -2,3 +2,4 @@ def f():
 line 2
-line 3
+line three
+line 3.5
 line 4
@@ -10 +11,2 @@
 line 10
+line 11
"""


def patched(patch: bytes, path: str = "main.py") -> bytes:
    return apply_patch(PARENT, patch).files[path]


def test_hunks_change_what_they_say() -> None:
    expected = TEN.replace(b"line 3\n", b"line three\nline 3.5\n") + b"line 11\n"
    assert patched(CHANGE) == expected


def test_names_may_be_bare_dated_quoted_or_after_a_letter() -> None:
    hunk = b"@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    for old, new in [
        (b"lib/a.py", b"lib/a.py"),
        (b"a/lib/a.py\t2026-01-01 10:00:00 +0000", b"b/lib/a.py\t2026-01-01"),
        (b'"a/lib/\\141.py"', b'"b/lib/a.py"'),
        (b"lib/a.py\ttoy-1/0", b"lib/a.py\ttoy-1/1"),
    ]:
        assert patched(b"--- %s\n+++ %s\n%s" % (old, new, hunk), "lib/a.py") == b"x = 2\n"


def test_files_are_made_and_removed() -> None:
    patch = b"""\
diff --git a/new.py b/new.py
new file mode 100644
index 0000000..1
--- /dev/null
+++ b/new.py
@@ -0,0 +1,2 @@
+one
+two
\\ No newline at end of file
diff --git a/lib/a.py b/lib/a.py
deleted file mode 100644
--- a/lib/a.py
+++ /dev/null
@@ -1 +0,0 @@
-x = 1
diff --git a/__init__.py b/__init__.py
new file mode 100644
index 0000000..e69de29
diff --git a/empty b/empty
deleted file mode 100644
index e69de29..0000000
diff --git a/end b/end
old mode 100644
new mode 100755
"""
    after = apply_patch(PARENT, patch)
    assert after.files == {
        "main.py": TEN, "end": b"no end", "new.py": b"one\ntwo", "__init__.py": b"",
    }  # fmt: skip


def test_ends_without_a_line_end_are_kept_and_changed() -> None:
    names = b"--- a/end\n+++ b/end\n"
    mark = b"\\ No newline at end of file\n"
    assert patched(names + b"@@ -1 +1 @@\n-no end\n" + mark + b"+an end\n", "end") == b"an end\n"
    kept = names + b"@@ -1 +1,2 @@\n+first\n no end\n" + mark
    assert patched(kept, "end") == b"first\nno end"
    with pytest.raises(ProgramError, match=r"expects 'no end\\n' at line 1 of 'end'"):
        patched(names + b"@@ -1 +1 @@\n-no end\n+an end\n", "end")


def test_what_surrounds_a_mailed_patch_is_left_alone() -> None:
    mail = b"From 1234\nSubject: faster\n\nWords.\n---\n main.py | 3 ++-\n\n" + CHANGE
    assert patched(mail + b"-- \n2.43.0\n\n") == patched(CHANGE)
    blank = CHANGE.replace(b"line 2", b"").replace(b" \n", b"\n")
    parent = Program({"main.py": TEN.replace(b"line 2\n", b"\n")})
    assert b"line three" in apply_patch(parent, blank).files["main.py"]


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        (b"", "no file is changed"),
        (b"hello\n", "no file is changed"),
        (CHANGE.replace(b"-line 3", b"-line 7"), "line 3 .* expects 'line 7.*' at line 3 .*line 3"),
        (CHANGE.replace(b"@@ -2", b"@@ -3"), "line 3 .* expects 'line 2.*' at line 3"),
        (CHANGE.replace(b"@@ -10 ", b"@@ -11 "), "line 9 .* at line 11 .* ends before it"),
        (CHANGE.replace(b"@@ -10 ", b"@@ -3 "), "line 9 .* before the end of the one above"),
        (CHANGE.replace(b"2,3 +2,4", b"2,4 +2,4"), r"line 9 .*1 old and 0 new .*'@@ -10"),
        (CHANGE.replace(b"2,3 +2,4", b"2,2 +2,3"), "line 8 .*expected a line of a hunk"),
        (CHANGE.replace(b"2,3 +2,4", b"2,3 +2,3"), "line 3 .*more lines than its head says"),
        (CHANGE.removesuffix(b"+line 11\n"), "line 11 .* there is the end"),
        (CHANGE.replace(b"@@ -2,3 +2,4 @@", b"@@ somewhere @@"), "line 3 .*expected @@ -LINE"),
        (CHANGE.replace(b"+++ b/main.py\n", b""), r"line 2 .*expected \+\+\+"),
        (CHANGE.partition(b"\n")[2].partition(b"\n")[2], "line 1 .*expected the names"),
        (b"--- a/main.py\n+++ b/main.py\n", "expected a hunk"),
        (CHANGE.replace(b"main.py", b"program/main.py"), "no file 'program/main.py'; paths are"),
        (CHANGE.replace(b"b/main.py", b"b/other.py"), "keeps its name"),
        (CHANGE + CHANGE, "line 12 .*'main.py' is changed a second time"),
        (CHANGE + b"garbage\n", "line 12 .*expected a line of a hunk, or the next file"),
        (CHANGE.replace(b"a/main.py", b"/dev/null"), "is there already"),
        (CHANGE.replace(b"b/main.py", b"/dev/null"), "leave some of it"),
        (b"diff --git a/x b/y\nsimilarity index 90%\nrename from x\n", "--no-renames"),
        (b"diff --git a/x b/x\nBinary files a/x and b/x differ\n", "hand in a folder"),
        (b"--- a/\xff\n+++ b/\xff\n@@ -1 +1 @@\n", "not UTF-8"),
        (b"--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n", r"must be relative"),
        (b"--- /dev/null\n+++ /etc/x\n@@ -0,0 +1 @@\n+x\n", r"must be relative"),
        (b"--- /dev/null\n+++ b/.git/config\n@@ -0,0 +1 @@\n+x\n", r"starts with '\.git'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_its_line(patch: bytes, says: str) -> None:
    with pytest.raises(ProgramError, match=f"(?s){says}"):
        apply_patch(PARENT, patch)


LINES = st.lists(
    st.sampled_from([b"a", b"b", b"", b"\r", b"-- ", b"+++ x", b"\xff", b"@@ -1 +1 @@"])
)
FILES = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n"]))
PROGRAMS = st.dictionaries(
    st.sampled_from(["a.py", "b c.py", "d/é.py"]), FILES.filter(bool), min_size=1
).map(Program)


@given(PROGRAMS, PROGRAMS)
def test_what_adrs_diff_writes_is_applied(old: Program, new: Program) -> None:
    patch = "".join(_changes(old, new, "toy-1/0", "toy-1/1")).encode("utf-8", "surrogateescape")
    if old != new:
        assert apply_patch(old, patch) == new


@pytest.mark.skipif(shutil.which("git") is None, reason="git writes the patches")
def test_what_git_writes_is_applied(tmp_path: Path) -> None:
    new = Program(
        {"main.py": TEN[7:] + b"more", "lib/\u00e9 x.py": b"new\n", "end": b"no\n", "none": b""}
    )
    for name, program in (("one", PARENT), ("two", new)):
        for path, data in program.files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
    git = ["git", "diff", "--no-index", "--no-renames", "--src-prefix=a/", "--dst-prefix=b/"]
    made = subprocess.run([*git, "one", "two"], cwd=tmp_path, capture_output=True, check=False)
    patch = re.sub(rb'(["\s])([ab])/(one|two)/', rb"\1\2/", made.stdout)
    assert apply_patch(PARENT, patch) == new


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from([*CHANGE.splitlines(True), b"diff --git a/x b/x\n", b"new file mode 1\n"])
        | st.binary(max_size=12)
    ).map(b"".join)
)
def test_whatever_comes_is_applied_or_refused(patch: bytes) -> None:
    with suppress(ProgramError):
        apply_patch(PARENT, patch)
