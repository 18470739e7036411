"""What a container starts: it calls the engine, puts up its walls and becomes a zygote.

Standard library only: it runs inside. Arguments: the path of the engine's socket, and what each
process will get (a word of `_protocol`).
"""

# Without pathlib, whose import every room would pay for.
# ruff: noqa: PTH110, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import socket
import sys

from adrs_sandboxes import _linux, _protocol, _zygote

NO_NAMESPACES = "the engine lets a container make no namespaces"

_CGROUP = "/sys/fs/cgroup"
_FIGURES = (
    ("cpu.stat", "memory.events", "memory.current"),
    ("cpuacct/cpuacct.usage", "memory/memory.oom_control", "memory/memory.usage_in_bytes"),
    ("cpu,cpuacct/cpuacct.usage", "memory/memory.oom_control", "memory/memory.usage_in_bytes"),
)
# What the engine puts into every container, and no program needs.
_COVERED = ("/sys", "/dev/mqueue")


def main() -> None:
    """Never returns normally before the engine is gone."""
    line, walls = sys.argv[1:]
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect(line)
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    os.dup2(descriptors[0], 2)
    os.close(descriptors[0])
    sys.argv[1:] = []
    figures = _own_figures()
    if walls == _protocol.OWN_NAMESPACES:
        _enter_namespaces(line, has_cgroup=bool(figures))
        child = os.fork()
        if child:  # process 1 of the container holds nothing, and waits for process 1 of the room
            control.close()
            os.waitpid(child, 0)
            os._exit(0)
        if not figures:  # processes are watched through /proc, which has to know them
            _linux.mount("proc", "/proc", _linux.MS_NOSUID | _linux.MS_NODEV | _linux.MS_NOEXEC)
    _zygote.serve(control, figures)


def _own_figures() -> tuple[int, ...]:
    """Files of this container's cgroup, where it has one."""
    for names in _FIGURES:
        paths = [os.path.join(_CGROUP, name) for name in names]
        if all(map(os.path.exists, paths)):
            return tuple(os.open(path, os.O_RDONLY) for path in paths)
    return ()


def _enter_namespaces(line: str, has_cgroup: bool) -> None:
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
        _cover(os.path.dirname(line))
    except OSError as error:
        raise SystemExit(f"{NO_NAMESPACES} ({error})") from None


def _cover(folder: str) -> None:
    """Hides the engine's socket and what the container is given.

    Read-only, since what is mounted here belongs to the user that candidates have.
    """
    flags = _linux.MS_NOSUID | _linux.MS_NODEV | _linux.MS_NOEXEC | _linux.MS_RDONLY
    for path in (folder, *_COVERED):
        if os.path.exists(path):
            _linux.mount("tmpfs", path, flags, "size=4k,mode=0000")
