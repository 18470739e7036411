"""Runs inside a sandbox: starts one command and sends back what became of it.

Standard library only. All that it needs lies in the working folder: `command` (JSON: argv, what to
send back, how much at most), `input` for standard input, and below `work/` what the command finds.
What comes back is a 4-byte little-endian length, a JSON header, and the parts that it lists.

As process 1 of its namespace it cannot be ended from within and hands nobody the channel. Still,
what it sends is no more than a program could have said of itself.
"""

# Without pathlib: each file of a program is looked at in every fresh process.
# ruff: noqa: PTH101, PTH103, PTH108, PTH120, PTH123

import hashlib
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
from typing import Any

_PIECE = 1 << 16
_MOST_FILES = 1000
# Ignored here, the first so that no program can interrupt this process; not in what is started.
_IGNORED = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


class _Refused(Exception):
    """What a build left in its folder cannot be handed on."""


def main(channel: socket.socket, paths: dict[str, str]) -> None:
    with open("command", encoding="utf-8") as file:
        command = json.load(file)
    given = os.open("input", os.O_RDONLY)
    os.unlink("command")
    os.unlink("input")
    os.makedirs("work", exist_ok=True)
    os.chdir("work")
    for path in _files():
        os.chmod(path, 0o700)  # a program's files have no modes, and any may be a command
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    header, parts = _outcome(command, given, paths)
    header["parts"] = [[name, len(data)] for name, data in parts.items()]
    head = json.dumps(header).encode()
    channel.sendall(len(head).to_bytes(4, "little") + head)
    for data in parts.values():
        channel.sendall(data)


def _outcome(
    command: dict[str, Any], given: int, paths: dict[str, str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The header and the parts of the answer."""
    argv = [_filled(argument, paths) for argument in command["argv"]]
    collects, most = command["collects"], command["most"]
    if "/" not in argv[0] and shutil.which(argv[0]) is None:
        return {"missing": argv[0]}, {}
    before = _digests() if collects else {}
    try:
        code, output = _run(argv, given, None if collects else most)
        if code is None:
            return {"flooded": True}, {}
        made = _changed(before, most) if collects and code == 0 else {}
    except (OSError, _Refused) as error:
        return {"fault": str(error)}, {}
    return {"code": code}, made if collects else {"output": output}


def _filled(argument: str, paths: dict[str, str]) -> str:
    for name, path in {"python": sys.executable, **paths}.items():
        argument = argument.replace(f"{{{name}}}", path)
    return argument


def _run(argv: list[str], given: int, most: int | None) -> tuple[int | None, bytes]:
    """Exit status and output. The status is None if that is over `most`, None for no capture.

    What holds the output open after the command has ended is not waited for.
    """
    woken = _woken_when_a_child_ends()
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    actions = [(os.POSIX_SPAWN_DUP2, given, 0)]
    output = -1
    if most is not None:
        output, written = os.pipe()
        os.set_blocking(output, False)
        poll.register(output, select.POLLIN)
        actions.append((os.POSIX_SPAWN_DUP2, written, 1))
    child = os.posix_spawnp(argv[0], argv, _environment(), file_actions=actions, setsigdef=_IGNORED)
    if most is not None:
        os.close(written)
    printed = bytearray()
    code = None
    while code is None:
        events = dict(poll.poll())
        if woken in events:
            code = _reap(child)
        if most is not None and (output in events or code is not None):
            while piece := _read(output):
                printed += piece
                if len(printed) > most:
                    return None, b""
            if events.get(output, 0) & select.POLLHUP:
                poll.unregister(output)
    return code, bytes(printed)


def _environment() -> dict[str, str]:
    """Ours, and for Python the distributions that the task declares, which we have last."""
    library = os.path.dirname(os.__file__)
    declared = [place for place in sys.path[-1:] if not place.startswith(library)]
    return {**os.environ, "PYTHONPATH": declared[0]} if declared else dict(os.environ)


def _woken_when_a_child_ends() -> int:
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    return woken


def _reap(child: int) -> int | None:
    """The exit status of the command, if it has ended; the dead of others count as processes."""
    code = None
    while True:
        try:
            ended, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if ended == 0:
            return code
        if ended == child:
            code = os.waitstatus_to_exitcode(status)


def _read(output: int) -> bytes:
    try:
        return os.read(output, _PIECE)
    except BlockingIOError:
        return b""


# --- what a build made -------------------------------------------------------------------------


def _files() -> list[str]:
    """Regular files of the working folder, in order.

    Raises:
        _Refused: something that is neither a regular file nor a folder.
    """
    found = []
    folders = ["."]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found.append(entry.path.removeprefix("./"))
                else:
                    raise _not_regular(entry.path.removeprefix("./"))
    return sorted(found)


def _not_regular(path: str) -> _Refused:
    return _Refused(
        f"{path!a} is a link, a pipe or a device; a build hands on regular files only, "
        "so have it put a copy there or remove it"
    )


def _digests() -> dict[str, bytes]:
    return {path: hashlib.sha256(_content(path)).digest() for path in _files()}


def _changed(before: dict[str, bytes], most: int) -> dict[str, bytes]:
    """Files that are new or others than before, at most so many bytes of them."""
    changed: dict[str, bytes] = {}
    left = most
    for path in _files():
        data = _content(path)
        if before.get(path) == hashlib.sha256(data).digest():
            continue
        changed[path] = data
        left -= len(data)
        if left < 0:
            raise _Refused(f"it made over {most >> 20} MiB of files, the limit files_mb")
        if len(changed) > _MOST_FILES:
            raise _Refused(f"it made over {_MOST_FILES} files; have it remove what no run needs")
    return changed


def _content(path: str) -> bytes:
    """What a file holds, but never what a link leads to or a pipe gives.

    No file is larger than the kernel's limit for this process, holes in it included.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _not_regular(path)
        return file.read()
