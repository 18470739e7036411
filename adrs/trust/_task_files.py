"""The files of a task that a certificate speaks for."""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from adrs.config import deciding_files, digest_listing, read_program
from adrs.errors import ConfigError, ProgramError
from adrs.model.program import check_path
from adrs.model.task import Task

MAX_TASK_BYTES = 64 * 1024 * 1024
MAX_TASK_FILES = 2000
_STATEMENT = "README.md"


def read_task_files(folder: Path) -> dict[str, bytes]:
    """What decides a measurement, and the statement: by relative path, to bytes.

    Raises:
        ConfigError: something is missing, cannot be read, or is not a regular file.
        ConfigError: more than MAX_TASK_FILES or MAX_TASK_BYTES.
        ProgramError: a file name that a program may not have either.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"the task's folder {folder} is not there any more; put it back, since a certificate "
            "holds the task's files"
        )
    names = {path.relative_to(folder).as_posix() for path in deciding_files(folder)}
    names.add(_STATEMENT)
    # Programs keep files whose names start with a dot, which the task's digest leaves out.
    programs = [PurePosixPath(program_root(folder))]
    references = folder / "references"
    if references.is_dir():
        programs += [PurePosixPath("references", one.name) for one in references.iterdir()]
    for program in programs:
        if (folder / program).is_dir() and not program.name.startswith("."):
            names |= {str(program / path) for path in read_program(folder / program).files}
    if len(names) > MAX_TASK_FILES:
        raise ConfigError(
            f"the task in {folder} has {len(names)} files and a certificate holds at most "
            f"{MAX_TASK_FILES}; hand data in with --workloads"
        )
    files: dict[str, bytes] = {}
    room = MAX_TASK_BYTES
    for name in sorted(names):
        check_path(name)
        files[name] = _read(folder / name, room)
        room -= len(files[name])
    return files


def recorded_task_files(task: Task) -> dict[str, bytes]:
    """The files of a task (see `read_task_files`) as they were when it was read.

    Raises:
        ConfigError: the folder is gone, was changed since, or cannot be read.
    """
    files = read_task_files(task.folder)
    if task_digest(digests_of(files)) != task.digest:
        raise ConfigError(
            f"the task in {task.folder} was changed since the run was started, and the record has "
            "only the digests of its files; put the folder back as it was"
        )
    return files


def _read(path: Path, room: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(f"{path} is not a regular file; put a copy of the file there")
            data = file.read(room + 1)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > room:
        raise ConfigError(
            f"the task has more than the {MAX_TASK_BYTES >> 20} MiB that a certificate holds, as "
            f"{path} shows; hand large data in with --workloads"
        )
    return data


def program_root(folder: Path) -> str:
    """Where task.toml says the seed is, relative to the task.

    Raises:
        ConfigError: there is no readable task.toml, or it names no folder inside the task.
    """
    file = folder / "task.toml"
    try:
        declared = tomllib.loads(file.read_text(encoding="utf-8"))
        root = declared["program"].get("root", "program")
        normal = str(PurePosixPath(root))
        check_path(normal)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ProgramError) as error:
        raise ConfigError(f"{file} names no folder with the seed program: {error}") from error
    return normal


def digests_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path to the SHA-256 of the file's bytes, in hexadecimal."""
    return {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


def file_kind(path: str, root: str) -> str:
    """What a task's file belongs to: "task", "seed", "reference" or "judge"."""
    if path in ("task.toml", _STATEMENT):
        return "task"
    if path.startswith(f"{root}/"):
        return "seed"
    return "reference" if path.startswith("references/") else "judge"


def judge_digest(digests: Mapping[str, str], root: str) -> str:
    """SHA-256 over what judges: neither declaration, statement, seed nor reference."""
    return digest_listing({p: d for p, d in digests.items() if file_kind(p, root) == "judge"})


def task_digest(digests: Mapping[str, str]) -> str:
    """A task's digest, made of the digests of its files."""
    deciding = {
        path: digest
        for path, digest in digests.items()
        if path != _STATEMENT and not any(part.startswith(".") for part in path.split("/"))
    }
    return digest_listing(deciding)


def digest_source(path: Path) -> str:
    """SHA-256 of real workloads: of a file's bytes, or over all files of a folder.

    Raises:
        ConfigError: it is not there, or cannot be read.
    """
    try:
        if not path.is_dir():
            return _hash(path)
        found = [one for one in path.rglob("*") if one.is_file()]
        return digest_listing({one.relative_to(path).as_posix(): _hash(one) for one in found})
    except OSError as error:
        raise ConfigError(
            f"the workloads {error.filename or path} cannot be read: {error.strerror}; a "
            "certificate names real workloads by their hash"
        ) from error


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def differences(
    certified: Mapping[str, str], found: Mapping[str, str], kind: Callable[[str], str]
) -> list[str]:
    """Every file that is not as certified, in words that start with what it belongs to."""
    words = []
    for path in sorted(certified.keys() | found.keys()):
        name = f"{kind(path)}: {plain(path)}"
        if path not in found:
            words.append(f"{name} is missing")
        elif path not in certified:
            words.append(f"{name} is not part of what was certified")
        elif certified[path] != found[path]:
            words.append(name)
    return words


def plain(name: str) -> str:
    """A name that anybody may have chosen, in a few printable characters."""
    return ascii(name)[1:-1][:120]
