"""One container with a zygote in it, seen from the engine's side."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from adrs import Guarantee, Isolation, IsolationLevel, Limits, Room, SandboxUnavailable
from adrs_sandboxes import _protocol, _python, _readable
from adrs_sandboxes._container import FOLDER
from adrs_sandboxes._protocol import Opening, Ready
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.hardening import Bounds, host_config
from adrs_sandboxes.docker.images import Image
from adrs_sandboxes.docker.line import Line
from adrs_sandboxes.docker.owner import LABEL, owner

NAME = "docker"

_MB = 1 << 20
_SLACK_MB = 8
_BOOT = f"{FOLDER}/.boot.py"
_HOME = f"{FOLDER}/.zygote"
_FILES = (*_python.ZYGOTE_FILES, "_container", "_tunnel")
_PACKAGE = Path(__file__).parents[1]


def files_of(image: Image, room: Room) -> dict[str, Path]:
    """What every container of a room finds: place inside to file or folder outside."""
    found = {
        f"{_HOME}/adrs_sandboxes": _zygote_files(),
        _BOOT: room.boot.resolve(),
        **{f"{FOLDER}/{name}": source.resolve() for name, source in room.mounts.items()},
    }
    return {**found, image.packages: image.mount} if image.mount else found


class Container:
    """Starts a container, and joins the zygote in it.

    Args:
        walls: what each process gets inside, a word of `_protocol`.
        make_line: how the container is given its files, and joined.
        bounds: what the container is given when it is made.
    """

    def __init__(
        self,
        engine: Engine,
        image: Image,
        room: Room,
        walls: str,
        make_line: Callable[[], Line],
        bounds: Bounds,
    ) -> None:
        self._engine, self._image, self._room = engine, image, room
        self._walls, self._bounds = walls, bounds
        self._make_line = make_line
        self._line: Line | None = None
        self._memory_mb = bounds.memory_mb
        self.own_mb = 0
        self._id = ""

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
            boot=_BOOT,
            paths={name: f"{FOLDER}/{name}" for name in self._room.mounts},
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
        missing = {}
        if not (self._engine.security.entries or self._walls == _protocol.OWN_NAMESPACES):
            del how[Guarantee.FILES]
            missing[str(Guarantee.FILES)] = (
                f"{self._engine.name} limits the bytes of a folder in memory, not the number of "
                "its files; use Docker, or --sandbox bubblewrap"
            )
        enforced = {str(guarantee): words for guarantee, words in how.items()}
        root = {**self._image.root, "engine": self._engine.name}
        return Isolation(NAME, IsolationLevel.SEPARATE, enforced, missing, root)

    async def limit(self, limits: Limits) -> None:
        """Sets the memory; a container for one job has all of its limits from the start."""
        if self._walls == _protocol.CONTAINER or limits.memory_mb == self._memory_mb:
            return
        if self._engine.security.memory:
            await asyncio.to_thread(self._update, (self.own_mb + limits.memory_mb) * _MB)
        self._memory_mb = limits.memory_mb

    def words(self) -> str:
        return self._line.words() if self._line else ""

    def kill(self) -> None:
        if self._line:
            self._line.cut()
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
        if self._line:
            self._line.cut()
        if self._id:
            with suppress(SandboxUnavailable):
                self._engine.remove(self._id)
        if self._line:
            self._line.close()

    def _start(self) -> socket.socket:
        try:
            line = self._line = self._make_line()
            with self._engine.asked("start a container"):
                self._id = self._create(line)
                line.attach(self._id)
                self._engine.client.start(self._id)
            return line.join(lambda: bool(self._state().get("Running")))
        except BaseException:
            self.remove()
            raise

    def _create(self, line: Line) -> str:
        has_stdin, user = line.needs.stdin, self._user()
        config = host_config(
            self._walls,
            self._bounds,
            line.needs,
            self._engine.security,
            architecture=self._engine.info["Architecture"],
            user=user,
        )
        made = self._engine.client.create_container_from_config(
            {
                "AttachStdin": has_stdin,
                "Image": self._image.id,
                "Entrypoint": [self._image.python, "-S", "-s", "-P", "-B"],
                "Cmd": line.command(self._walls),
                "Env": [f"{name}={value}" for name, value in self._environment().items()],
                "HostConfig": config,
                "Hostname": "room",
                "Labels": {LABEL: owner()},
                "NetworkDisabled": True,
                "OpenStdin": has_stdin,
                "StdinOnce": has_stdin,
                "User": user,
                "WorkingDir": "/",
            }
        )
        return str(made["Id"])

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
    sources = [_PACKAGE / f"{name}.py" for name in _FILES]

    def fill(folder: Path) -> None:
        for file in sources:
            _readable.show(file, folder / file.name)

    marks = [f"{file} {file.stat().st_mtime_ns} {file.stat().st_size}" for file in sources]
    return _readable.cached("\n".join(["zygote", *marks]), fill)
