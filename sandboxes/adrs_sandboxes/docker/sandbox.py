"""Rooms made of containers, by Docker or what speaks its protocol.

How containers are joined, and what each trap is: docs/decisions/docker-sandbox.md.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from threading import Event

from adrs import (
    Environment,
    Guarantee,
    IsolationLevel,
    Probe,
    Room,
    SandboxUnavailable,
    Session,
)
from adrs_sandboxes import _protocol, _seccomp
from adrs_sandboxes._container import NO_NAMESPACES
from adrs_sandboxes._probing import leaks
from adrs_sandboxes._session import ZygoteSession
from adrs_sandboxes.docker.container import NAME, Container, files_of
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.hardening import Bounds
from adrs_sandboxes.docker.images import Image, Images
from adrs_sandboxes.docker.line import Line, SharedLine, StreamLine, is_not_shared
from adrs_sandboxes.docker.owner import LABEL, is_gone
from adrs_sandboxes.docker.parcel import Parcel
from adrs_sandboxes.docker.pool import PoolSession

_BOOT = Path(__file__).parents[1] / "_probe.py"


class _CalledOff(Exception):
    """Nobody waits for a build any more."""


class Docker:
    """Rooms in containers.

    Where the engine lets a container make namespaces, one container is a room, in which a zygote
    gives each process namespaces of its own. Where not, each process gets a container of its own.

    Args:
        own_namespaces: False to have it as if no container could make namespaces.
        shared: whether the engine has this machine's kernel and files; None to find out.
    """

    name = NAME

    def __init__(self, *, own_namespaces: bool = True, shared: bool | None = None) -> None:
        self._walls = _protocol.OWN_NAMESPACES if own_namespaces else _protocol.CONTAINER
        self._why_not_own = "" if own_namespaces else "as was asked"
        self._shared = shared
        self._round_trip_s = 0.0
        self._probed: Probe | None = None

    async def probe(self) -> Probe:
        if self._probed is None:
            self._probed = await self._try()
        return self._probed

    async def open(self, room: Room) -> Session:
        image = await asyncio.to_thread(self._image, room.environment)
        if self._shared is not None or not await asyncio.to_thread(self._may_be_shared):
            return await self._open_in_walls(image, room, shared=bool(self._shared))
        try:
            session = await self._open_in_walls(image, room, shared=True)
            self._shared = True
        except SandboxUnavailable as error:
            if not is_not_shared(error):
                raise
            session = await self._open_in_walls(image, room, shared=False)
            self._shared = False
        return session

    async def lacking(self, environment: Environment) -> str:
        return await asyncio.to_thread(lambda: self._images.lacking(environment))

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        called_off = Event()

        def hear(line: str) -> None:
            if called_off.is_set():
                raise _CalledOff
            loop.call_soon_threadsafe(tell, line)

        work = asyncio.to_thread(lambda: self._images.prepare(environment, hear))
        building = asyncio.ensure_future(work)
        try:
            await asyncio.shield(building)
        except asyncio.CancelledError:
            called_off.set()
            with suppress(_CalledOff, SandboxUnavailable):
                await building
            raise

    async def sweep(self, unused: bool = False) -> Sequence[str]:
        return await asyncio.to_thread(self._sweep, unused)

    @cached_property
    def _engine(self) -> Engine:
        _check_machine()
        engine = Engine()
        _remove_left_over(engine)
        return engine

    @cached_property
    def _images(self) -> Images:
        return Images(self._engine)

    def _image(self, environment: Environment) -> Image:
        return self._images.of(environment)

    def _may_be_shared(self) -> bool:
        far = self._engine.address.startswith(("http://", "https://", "ssh://", "tcp://"))
        return not far and "Docker Desktop" not in self._engine.info.get("OperatingSystem", "")

    async def _open_in_walls(self, image: Image, room: Room, *, shared: bool) -> Session:
        make_line = await asyncio.to_thread(self._lines, image, room, shared)
        try:
            return await self._open(image, room, make_line)
        except SandboxUnavailable as error:
            if NO_NAMESPACES not in str(error) or self._walls == _protocol.CONTAINER:
                raise
            self._have_containers(NO_NAMESPACES)
            return await self._open(image, room, make_line)

    def _lines(self, image: Image, room: Room, shared: bool) -> Callable[[], Line]:
        """What makes the line to each container of a room."""
        shown = files_of(image, room)
        if shared:
            return partial(SharedLine, shown)
        return partial(StreamLine, self._engine, Parcel(shown), self._took)

    def _took(self, round_trip_s: float) -> None:
        self._round_trip_s = round_trip_s

    async def _open(self, image: Image, room: Room, make_line: Callable[[], Line]) -> Session:
        security = await asyncio.to_thread(lambda: self._engine.security)
        if not security.updates and security.memory:
            self._have_containers("the engine cannot change the limits of one that lives")
        make = partial(Container, self._engine, image, room, self._walls, make_line)
        if self._walls == _protocol.OWN_NAMESPACES:
            return await ZygoteSession.open(make(Bounds()))
        return await PoolSession.open(make)

    def _have_containers(self, why: str) -> None:
        self._walls, self._why_not_own = _protocol.CONTAINER, why

    def _sweep(self, unused: bool) -> list[str]:
        removed = _remove_left_over(self._engine)
        return removed + self._images.remove_unused() if unused else removed

    async def _try(self) -> Probe:
        """Opens a room, and has a process in it say whether the walls stand."""
        level = IsolationLevel.SEPARATE
        try:
            session = await self.open(Room(boot=_BOOT))
            try:
                found = set(await leaks(session))
            finally:
                await session.close()
            facts = self._facts()
        except SandboxUnavailable as error:
            return Probe(self.name, level, {}, {}, unavailable=str(error))
        if self._walls == _protocol.CONTAINER:
            found -= {"no pid namespace of its own", "/proc can be read"}  # the container's
        if found:
            return Probe(self.name, level, {}, {}, f"a wall is missing: {', '.join(found)}", facts)
        holds, missing = (
            {Guarantee(name): words for name, words in guarantees.items()}
            for guarantees in (session.isolation.enforced, session.isolation.missing)
        )
        return Probe(self.name, level, holds, missing, facts=facts)

    def _facts(self) -> dict[str, str]:
        engine, info = self._engine, self._engine.info
        own = self._walls == _protocol.OWN_NAMESPACES
        facts = {
            "engine": f"{engine.name} at {engine.address}",
            "apart": (
                "each process in namespaces of its own inside a container"
                if own
                else f"each process in a container of its own: {self._why_not_own}"
            ),
            "channels": (
                f"relayed through the engine: at least {2000 * self._round_trip_s:.2g} ms a call"
                if self._round_trip_s
                else "handed over"
            ),
            "cgroups": f"version {info.get('CgroupVersion') or 1}, {info.get('CgroupDriver')}",
            "storage": f"{info.get('Driver')} in {info.get('DockerRootDir')}",
        }
        security = engine.security
        if engine.is_rootless:
            facts["rootless"] = "a container's root is the user who runs the engine"
        if security.apparmor and own:
            facts["apparmor"] = "its profile is off for rooms, since it refuses every mount"
        if security.selinux:
            facts["selinux"] = "labels are off for rooms, since they hide what is shown"
        if not security.memory:
            facts["memory"] = "the engine limits none; it is held by limits of each process"
        return facts


def _remove_left_over(engine: Engine) -> list[str]:
    """Removes containers of engines that were killed."""
    removed = []
    with engine.asked("list containers"):
        found = engine.client.containers(all=True, filters={"label": LABEL})
    for container in found:
        if is_gone(container["Labels"].get(LABEL, "")):
            engine.remove(container["Id"])
            removed.append(f"container {container['Id'][:12]} of a run that was killed")
    return removed


def _check_machine() -> None:
    """Raises SandboxUnavailable where our walls are not known to stand."""
    system, machine = platform.system(), platform.machine()
    if system != "Linux" or machine not in _seccomp.machines():
        raise SandboxUnavailable(
            f"rooms in containers need adrs to run on Linux, on {' or '.join(_seccomp.machines())},"
            f" this is {system} on {machine}: run adrs in a Linux container that has the engine's "
            "socket, or in a virtual machine"
        )
