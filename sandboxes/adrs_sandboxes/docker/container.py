"""One container with a zygote in it, seen from the engine's side."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from adrs import Guarantee, Isolation, IsolationLevel, Limits, Room, SandboxUnavailable
from adrs_sandboxes import _protocol, _python, _readable
from adrs_sandboxes._protocol import Opening, Ready
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.hardening import Bounds, host_config
from adrs_sandboxes.docker.images import Image
from adrs_sandboxes.docker.owner import LABEL, owner

NAME = "docker"

_MB = 1 << 20
_SLACK_MB = 8
_CALLS_WITHIN_S = 20.0
_LOOK_S = 0.2
_LINE = "/mnt/.line"
_HOME = "/mnt/.zygote"
_START = "from adrs_sandboxes._container import main; main()"
_FILES = (*_python.ZYGOTE_FILES, "_container")
# Every container is given these, with its number and the machine's name servers in them.
_NOT_SHOWN = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_PACKAGE = Path(__file__).parents[1]


class Container:
    """Starts a container whose zygote calls back over a socket that is shown to it.

    The ends of channels travel over that socket, so that judge and candidate talk to each other
    directly. Why not over the engine's own streams: docs/decisions/docker-sandbox.md.

    Args:
        walls: what each process gets inside, a word of `_protocol`.
        bounds: what the container is given when it is made.
    """

    def __init__(
        self, engine: Engine, image: Image, room: Room, walls: str, bounds: Bounds
    ) -> None:
        self._engine, self._image, self._room = engine, image, room
        self._walls, self._bounds = walls, bounds
        self._memory_mb = bounds.memory_mb
        self.own_mb = 0
        self._id = ""
        self._copies = _readable.Copies()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  until remove

    async def start(self) -> socket.socket:
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:  # the engine goes on all the same
            with suppress(SandboxUnavailable):
                (await starting).close()
                await asyncio.to_thread(self.remove)
            raise

    def opening(self) -> Opening:
        return Opening(
            walls=self._walls,
            boot="/mnt/.boot.py",
            paths={name: f"/mnt/{name}" for name in self._room.mounts},
            packages=self._image.packages,
            modules=list(self._image.modules),
            core=self._room.core,
            folder="",
        )

    def figures(self) -> tuple[int, ...]:
        return ()

    def ready(self, ready: Ready) -> Isolation:
        self.own_mb = int(ready.used_mb) + _SLACK_MB
        how = self._how(has_cgroup=ready.used_mb > 0)
        enforced = {str(guarantee): words for guarantee, words in how.items()}
        root = {**self._image.root, "engine": self._engine.name}
        return Isolation(NAME, IsolationLevel.SEPARATE, enforced, {}, root)

    async def limit(self, limits: Limits) -> None:
        """Sets the memory; a container for one job has all of its limits from the start."""
        if self._walls == _protocol.CONTAINER or limits.memory_mb == self._memory_mb:
            return
        if self._engine.security.memory:
            await asyncio.to_thread(self._update, (self.own_mb + limits.memory_mb) * _MB)
        self._memory_mb = limits.memory_mb

    def words(self) -> str:
        with suppress(OSError, ValueError):
            return os.pread(self._errors.fileno(), _protocol.OUTPUT_KEPT, 0).decode(
                errors="replace"
            )
        return ""

    def kill(self) -> None:
        with suppress(SandboxUnavailable), self._engine.asked("kill a container"):
            self._engine.client.kill(self._id)

    def wait(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while self._state().get("Running"):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel ended the container for its memory."""
        return bool(self._state().get("OOMKilled"))

    def remove(self) -> None:
        if self._id:
            with suppress(SandboxUnavailable):
                self._engine.remove(self._id)
        self._errors.close()
        self._copies.remove()

    def _start(self) -> socket.socket:
        try:
            folder = self._copies.folder("line")
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(str(folder / "socket"))
                _readable.give(folder / "socket")
                listener.listen(1)
                with self._engine.asked("start a container"):
                    self._id = self._create(folder)
                    self._engine.client.start(self._id)
                return self._called(listener)
        except BaseException:
            self.remove()
            raise

    def _create(self, folder: Path) -> str:
        made = self._engine.client.create_container_from_config(
            {
                "Image": self._image.id,
                "Entrypoint": [self._image.python, "-S", "-s", "-P", "-B", "-c", _START],
                "Cmd": [f"{_LINE}/socket", self._walls],
                "Env": [f"{name}={value}" for name, value in self._environment().items()],
                "HostConfig": host_config(
                    self._walls, self._bounds, self._binds(folder), self._engine.security
                ),
                "Hostname": "room",
                "Labels": {LABEL: owner()},
                "NetworkDisabled": True,
                "User": self._user(),
                "WorkingDir": "/",
            }
        )
        return str(made["Id"])

    def _called(self, listener: socket.socket) -> socket.socket:
        """Waits for the zygote's call, and gives it a place to print to."""
        listener.settimeout(_LOOK_S)
        deadline = time.monotonic() + _CALLS_WITHIN_S
        while True:
            try:
                control, _ = listener.accept()
            except TimeoutError:
                if self._state().get("Running") and time.monotonic() < deadline:
                    continue
                raise SandboxUnavailable(
                    f"a container was started by the engine at {self._engine.address}, but did "
                    "not call back: the engine must run on this machine's own kernel (not in a "
                    "virtual machine, nor on another host) and see this machine's files, and its "
                    "image needs Python 3.11; run adrs where the engine runs, or use another "
                    "sandbox"
                ) from None
            socket.send_fds(control, [b"e"], [self._errors.fileno()])
            return control

    def _state(self) -> dict[str, Any]:
        """What the engine says of it; nothing if it is gone."""
        from docker.errors import NotFound

        with suppress(SandboxUnavailable, NotFound), self._engine.asked("look at a container"):
            state: dict[str, Any] = self._engine.client.inspect_container(self._id)["State"]
            return state
        return {}

    def _update(self, size: int) -> None:
        with self._engine.asked("limit a container's memory"):
            self._engine.client.update_container(self._id, mem_limit=size, memswap_limit=size)

    def _environment(self) -> dict[str, str]:
        return {**_python.environment(self._room), "PYTHONPATH": _HOME}

    def _user(self) -> str:
        """Who owns nothing outside; in a rootless engine its root is the user who runs it."""
        if self._engine.is_rootless:
            return "0:0"
        user = _readable.dropped_user()
        return f"{os.getuid()}:{os.getgid()}" if user is None else f"{user}:{user}"

    def _binds(self, folder: Path) -> dict[str, str]:
        """Place inside to place outside."""
        shown = {
            _LINE: folder,
            f"{_HOME}/adrs_sandboxes": _zygote_files(),
            "/mnt/.boot.py": self._copies.path(self._room.boot),
            **dict.fromkeys(_NOT_SHOWN, self._copies.unreadable()),
        }
        if self._image.mount:
            shown[self._image.packages] = self._image.mount
        for name, source in self._room.mounts.items():
            shown[f"/mnt/{name}"] = self._copies.path(source.resolve())
        return {inside: str(outside) for inside, outside in shown.items()}

    def _how(self, has_cgroup: bool) -> dict[Guarantee, str]:
        cgroup = f"cgroup v{self._engine.info.get('CgroupVersion') or 1} of the container"
        own = self._walls == _protocol.OWN_NAMESPACES
        each = "user, pid, mount, ipc of each process" if own else "one container for each process"
        return {
            Guarantee.NAMESPACES: f"{each}; net, uts of the container",
            Guarantee.SECCOMP: "the container's profile, and that of each process",
            Guarantee.WALL: "clock outside of the process",
            Guarantee.CPU: f"RLIMIT_CPU, and the tree by {cgroup if has_cgroup else '/proc'}",
            Guarantee.MEMORY: cgroup if has_cgroup else "NPROC x AS, polled",
            Guarantee.PROCESSES: (
                "RLIMIT_NPROC in a user namespace of its own" if own else "pids cgroup"
            ),
            Guarantee.OUTPUT: "pipe, counted",
            Guarantee.FILES: "tmpfs",
        }


def _zygote_files() -> Path:
    """A folder with the files of ours that run inside, and no others."""
    files = [_PACKAGE / f"{name}.py" for name in _FILES]

    def fill(folder: Path) -> None:
        for file in files:
            _readable.show(file, folder / file.name)

    marks = [f"{file} {file.stat().st_mtime_ns} {file.stat().st_size}" for file in files]
    return _readable.cached("\n".join(["zygote", *marks]), fill)
