"""Running one command in a sandbox's room, with bytes in and bytes out."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adrs import Exit, Job, Limits, Room, SandboxUnavailable, Session, Setting
from adrs_evaluators.outcome import Outcome, broken_limit, crashed, flooded

_MB = 1 << 20
_MAX_HEADER = 4 * _MB
_MAX_REASON = 4000
_PACKAGES = {"cc": "gcc", "c++": "g++", "go": "golang-go", "node": "nodejs", "javac": "default-jdk"}


def command_room(setting: Setting, mounts: Mapping[str, Path] | None = None) -> Room:
    """A room for `run_command`.

    Args:
        mounts: what is read-only inside; `{name}` in an argument is its path there.
    """
    boot = Path(__file__).parent / "command_boot.py"
    environment = setting.task.environment
    return Room(boot, mounts or {}, environment, setting.core, setting.hash_seed)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Attributes:
        argv: looked for on PATH, which the working folder is not part of; no shell is involved.
            `{python}` in it is the interpreter inside, `{name}` the path of a mount.
        files: what lies in the private working folder; all of it may be executed.
        given: standard input.
        collects: whether the files that it makes or changes are wanted, and not what it prints.
    """

    argv: tuple[str, ...]
    limits: Limits
    files: Mapping[str, bytes]
    given: bytes = b""
    collects: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended. All that a program made or said is untrusted.

    Attributes:
        failure: why what it made is not to be used, None if it ended with status 0.
        output: what it printed on standard output; b"" for a command that collects.
        made: the files that it made or changed, if it collects.
    """

    end: Exit
    failure: Outcome | None
    output: bytes = b""
    made: Mapping[str, bytes] | None = None


async def run_command(session: Session, command: Command, noun: str) -> Finished:
    """Runs a command in a room made with `command_room`, and ends all that it has started.

    It is over when its main process has ended: nothing in the background is waited for.

    Args:
        noun: what reasons call it, such as "the build".

    Raises:
        SandboxUnavailable: there is no such command in the sandbox; the message has the cure.
        SandboxUnavailable: the sandbox broke.
    """
    collects, limits = command.collects, command.limits
    most = (limits.files_mb if collects else limits.output_mb) * _MB
    wanted = {"argv": command.argv, "collects": collects, "most": most}
    files = {f"work/{path}": data for path, data in command.files.items()}
    files |= {"command": json.dumps(wanted).encode(), "input": command.given}
    ours, theirs = socket.socketpair()
    with ours:
        process = await session.run(Job(files, limits), theirs)
        try:
            answer = await _read_all(ours, most + _MAX_HEADER)
        finally:
            process.stop()
            end = await process.wait()
    header, parts = _parse(answer)
    if missing := header.get("missing"):
        raise SandboxUnavailable(_missing(str(missing), session))
    failure = broken_limit(limits, end) or _failure(header, end, noun, limits)
    if failure is not None:
        return Finished(end, failure)
    if collects:
        return Finished(end, None, made=parts)
    return Finished(end, None, output=parts.get("output", b""))


async def _read_all(ours: socket.socket, most: int) -> bytes:
    """What comes until the other end closes; cut where it is more than anything right can be."""
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    answer = bytearray()
    while len(answer) <= most:
        try:
            piece = await loop.sock_recv(ours, _MB)
        except ConnectionResetError:
            break
        if not piece:
            break
        answer += piece
    return bytes(answer)


def _parse(answer: bytes) -> tuple[Mapping[str, object], dict[str, bytes]]:
    """Header and parts; nothing of an answer that is not whole."""
    start = int.from_bytes(answer[:4], "little") + 4
    try:
        if start > _MAX_HEADER:
            return {}, {}
        header = json.loads(answer[4:start])
        parts = {}
        for name, size in header["parts"]:
            parts[str(name)] = answer[start : start + size]
            start += size
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}, {}
    return (header, parts) if start == len(answer) else ({}, {})


def _failure(header: Mapping[str, object], end: Exit, noun: str, limits: Limits) -> Outcome | None:
    if header.get("flooded"):
        return flooded(limits)
    code = header.get("code")
    if code == 0:
        return None
    if fault := header.get("fault"):
        how = f"failed: {fault}"
    elif not isinstance(code, int):
        how = "was gone before it had ended"
    elif code < 0:
        how = f"was ended by signal {-code} ({_signal(-code)})"
    else:
        how = f"ended with status {code}"
    said = end.output.decode("utf-8", "replace").strip()
    reason = f"{noun} {how}"[:_MAX_REASON]
    return crashed(f"{reason}\n{said[-_MAX_REASON:]}" if said else reason)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "of no name"


def _missing(name: str, session: Session) -> str:
    package = _PACKAGES.get(name, name)
    return (
        f"there is no command {name!r} in the sandbox {session.isolation.sandbox}, which has what "
        f"is below /usr; apt-get install {package}, or whatever package has it"
    )
