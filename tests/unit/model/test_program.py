"""The gate that every program passes, whoever hands it in."""

import pickle

import pytest

from adrs import Program, ProgramError


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up.py",
        "a/../b.py",
        "./a.py",
        "a//b.py",
        ".git/config",
        "deep/.gitmodules",
        ".GIT/hooks",
        "line\nbreak.py",
        "bell\x07.py",
        "c1\x9b.py",
        "back\\slash.py",
        "lone\ud800.py",
        "x" * 241,
    ],
)
def test_a_bad_path_is_refused(path: str) -> None:
    with pytest.raises(ProgramError):
        Program({path: b""})


def test_a_file_cannot_be_a_folder_too() -> None:
    with pytest.raises(ProgramError, match="folder"):
        Program({"a": b"", "a/b": b""})


def test_size_and_count_are_capped() -> None:
    with pytest.raises(ProgramError, match="bytes"):
        Program({"a": bytes(8 * 1024 * 1024 + 1)})
    with pytest.raises(ProgramError, match="files"):
        Program({f"f{n}": b"" for n in range(1001)})
    with pytest.raises(ProgramError, match="files"):
        Program({})


def test_the_id_is_of_the_content_alone() -> None:
    one = Program({"b.py": b"2", "a.py": b"1"})
    other = Program({"a.py": b"1", "b.py": b"2"})
    assert one.id == other.id
    assert one.id != Program({"a.py": b"2", "b.py": b"1"}).id
    assert one.id != Program({"a.py": b"1"}).id


def test_a_program_cannot_be_changed_and_survives_pickling() -> None:
    program = Program({"a.py": b"1"})
    with pytest.raises(TypeError):
        program.files["a.py"] = b"2"  # type: ignore[index]
    assert pickle.loads(pickle.dumps(program)) == program
    assert program.replacing({"a.py": b"2"}).files["a.py"] == b"2"
    assert program.files["a.py"] == b"1"
