"""What a container starts: it calls the engine, puts up its walls and becomes a zygote.

Standard library only: it runs inside. Arguments: what each process will get (a word of
`_protocol`), and the path of the engine's socket. Without that, the engine is at the other end of
standard input and output, and a relay is needed. It is the container's first process, where the
zygote is another. In a container for one job it is a thread of the zygote: any other process could
be killed by the job, and of earlier jobs, which a fork could find in its memory, there are none.
"""

# Without pathlib, whose import every room would pay for.
# ruff: noqa: PTH110, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from adrs_sandboxes import _linux, _protocol, _zygote

if TYPE_CHECKING:
    from adrs_sandboxes._tunnel import Inside

FOLDER = "/mnt"
NOTHING = "/mnt/.nothing"  # which nobody may read
NO_NAMESPACES = "the engine lets a container make no namespaces"
# Every container is given these, with its number and the names of machines in them.
NOT_SHOWN = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")

_CGROUP = "/sys/fs/cgroup"
_FIGURES = (
    ("cpu.stat", "memory.events", "memory.current"),
    ("cpuacct/cpuacct.usage", "memory/memory.oom_control", "memory/memory.usage_in_bytes"),
    ("cpu,cpuacct/cpuacct.usage", "memory/memory.oom_control", "memory/memory.usage_in_bytes"),
)
# What the engine puts into every container, and no program needs.
_COVERED = ("/sys", "/dev/mqueue")
_QUIET = _linux.MS_NOSUID | _linux.MS_NODEV


def main() -> None:
    """Never returns normally before the engine is gone."""
    walls, *line = sys.argv[1:]
    sys.argv[1:] = []
    figures = _own_figures()
    control, relay = (_called(*line), None) if line else _relayed()
    if walls == _protocol.OWN_NAMESPACES:
        _enter_namespaces(*line)
        _serve_in_child(control, relay, figures)
    else:
        if relay:
            from threading import Thread

            Thread(target=relay.run).start()
        with control:  # without which the relay ends, having sent what there is
            _zygote.serve(control, figures)


def _serve_in_child(control: socket.socket, relay: Inside | None, figures: tuple[int, ...]) -> None:
    """Becomes what waits for the zygote and holds nothing of it, or the relay."""
    relay_cpu = None
    if relay and figures:
        with suppress(FileNotFoundError):  # a kernel without it: the relay's use is the program's
            relay_cpu = os.open("/proc/self/schedstat", os.O_RDONLY)
    child = os.fork()
    if child:
        control.close()
        if relay:
            relay.run()
        else:
            os.waitpid(child, 0)
        os._exit(0)
    if relay:
        relay.close()
    if not figures:  # processes are watched through /proc, which has to know them
        _linux.mount("proc", "/proc", _QUIET | _linux.MS_NOEXEC)
    _zygote.serve(control, figures, relay_cpu)


def _called(line: str) -> socket.socket:
    """The control socket, after a call to the engine, which sends a place to print to."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(line)
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    os.dup2(descriptors[0], 2)
    os.close(descriptors[0])
    return control


def _relayed() -> tuple[socket.socket, Inside]:
    """The control socket, and what relays between it and standard input and output."""
    from adrs_sandboxes._tunnel import Inside, Pipes

    control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    wire = Pipes(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what is printed belongs among the errors
    os.close(nothing)
    return control, Inside(wire, other)


def _own_figures() -> tuple[int, ...]:
    """Files of this container's cgroup, where it has one."""
    for names in _FIGURES:
        paths = [os.path.join(_CGROUP, name) for name in names]
        if all(map(os.path.exists, paths)):
            return tuple(os.open(path, os.O_RDONLY) for path in paths)
    return ()


def _enter_namespaces(line: str = "") -> None:
    """Makes this process the root of namespaces of its own, in which its children can make more."""
    user, group = os.getuid(), os.getgid()
    kinds = _linux.CLONE_NEWUSER | _linux.CLONE_NEWNS | _linux.CLONE_NEWIPC | _linux.CLONE_NEWPID
    try:
        _linux.unshare(kinds)
        for file, text in (
            ("setgroups", "deny"),
            ("uid_map", f"0 {user} 1"),
            ("gid_map", f"0 {group} 1"),
        ):
            with open(f"/proc/self/{file}", "w") as map_:
                map_.write(text)
        if line:
            _cover(os.path.dirname(line))
        else:
            _hide_names()
        for path in _COVERED:
            if os.path.exists(path):
                _cover(path)
    except OSError as error:
        raise SystemExit(f"{NO_NAMESPACES} ({error})") from None


def _hide_names() -> None:
    """What the engine added cannot be read."""
    for path in NOT_SHOWN:
        if os.path.exists(path):
            _linux.mount("", path, _linux.MS_BIND, source=NOTHING)


def _cover(folder: str) -> None:
    """Hides a folder.

    Read-only, since what is mounted here belongs to the user that candidates have.
    """
    flags = _QUIET | _linux.MS_NOEXEC | _linux.MS_RDONLY
    _linux.mount("tmpfs", folder, flags, "size=4k,mode=0000")
