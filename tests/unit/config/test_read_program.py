import os
import socket
from pathlib import Path

import pytest

from adrs import Program, ProgramError, read_program


def refused(folder: Path) -> str:
    with pytest.raises(ProgramError) as caught:
        read_program(folder)
    return str(caught.value)


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "__pycache__" / "a.pyc").write_bytes(b"compiled")
    (tmp_path / "pkg" / "a.py").write_bytes(b"a = 1\r\n")
    (tmp_path / "Größe.txt").write_bytes(b"\xff\x00")
    assert read_program(tmp_path) == Program({"Größe.txt": b"\xff\x00", "pkg/a.py": b"a = 1\r\n"})
    assert read_program(str(tmp_path)).id == read_program(tmp_path).id


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / "hosts").symlink_to("/etc/hosts")
    assert "'hosts' is a link, a pipe or a device" in refused(tmp_path)
    (tmp_path / "hosts").unlink()
    (tmp_path / "all").symlink_to("/etc", target_is_directory=True)
    assert "'all' is a link" in refused(tmp_path)


def test_a_pipe_and_a_socket_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "'pipe' is a link, a pipe" in refused(tmp_path)
    (tmp_path / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "'s' is a link, a pipe" in refused(tmp_path)


def test_a_file_that_becomes_a_link_between_looking_and_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text("a")
    really_open = os.open

    def swapping_open(path: str, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if path == "a.py":
            (tmp_path / "a.py").unlink()
            (tmp_path / "a.py").symlink_to("/etc/hostname")
        return really_open(path, flags, *rest, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", swapping_open)
    assert "cannot be read" in refused(tmp_path)


@pytest.mark.parametrize("name", [b".git", b".gitignore", b"a\nb", b"\xff.py", b"a\\b"])
def test_names_that_a_program_may_not_have(tmp_path: Path, name: bytes) -> None:
    Path(os.fsdecode(bytes(tmp_path) + b"/" + name)).write_bytes(b"")
    assert "file name" in refused(tmp_path)


def test_reading_stops_at_the_caps(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert "at most 8388608 bytes" in refused(tmp_path)
    (tmp_path / "huge").unlink()
    for number in range(1001):
        (tmp_path / str(number)).touch()
    assert "1 to 1000 files" in refused(tmp_path)
    for number in range(1000):
        (tmp_path / f"folder{number}").mkdir()
    assert "at most 1000 files" in refused(tmp_path)


def test_what_is_not_a_folder_of_files(tmp_path: Path) -> None:
    assert "has no file" in refused(tmp_path)
    assert "No such file" in refused(tmp_path / "absent")
    (tmp_path / "a.py").touch()
    assert "Not a directory" in refused(tmp_path / "a.py")


def test_descriptors_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.py").touch()
    before = len(os.listdir("/proc/self/fd"))
    read_program(tmp_path)
    (tmp_path / "a" / "link").symlink_to("/etc")
    refused(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before
