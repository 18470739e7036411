"""Rooms made of containers, by Docker or what speaks its protocol.

How containers are joined, and what each trap is: docs/decisions/docker-sandbox.md.
"""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

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
from adrs_sandboxes.docker.container import NAME, Container
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.hardening import Bounds
from adrs_sandboxes.docker.images import Image, Images
from adrs_sandboxes.docker.owner import LABEL, is_gone
from adrs_sandboxes.docker.pool import PoolSession

_BOOT = Path(__file__).parents[1] / "_probe.py"


class Docker:
    """Rooms in containers.

    Where the engine lets a container make namespaces, one container is a room, in which a zygote
    gives each process namespaces of its own. Where not, each process gets a container of its own.
    """

    name = NAME

    def __init__(self, *, own_namespaces: bool = True) -> None:
        self._walls = _protocol.OWN_NAMESPACES if own_namespaces else _protocol.CONTAINER
        self._probed: Probe | None = None

    async def probe(self) -> Probe:
        if self._probed is None:
            self._probed = await self._try()
        return self._probed

    async def open(self, room: Room) -> Session:
        image = await asyncio.to_thread(self._image, room.environment)
        try:
            return await self._open(image, room)
        except SandboxUnavailable as error:
            if NO_NAMESPACES not in str(error) or self._walls == _protocol.CONTAINER:
                raise
            self._walls = _protocol.CONTAINER
            return await self._open(image, room)

    async def lacking(self, environment: Environment) -> str:
        return await asyncio.to_thread(lambda: self._images.lacking(environment))

    async def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        await asyncio.to_thread(lambda: self._images.prepare(environment, tell))

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

    async def _open(self, image: Image, room: Room) -> Session:
        make = partial(Container, self._engine, image, room, self._walls)
        if self._walls == _protocol.OWN_NAMESPACES:
            return await ZygoteSession.open(make(Bounds()))
        return await PoolSession.open(make)

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
        enforced = session.isolation.enforced
        holds = {Guarantee(name): how for name, how in enforced.items()}
        return Probe(self.name, level, holds, {}, facts=facts)

    def _facts(self) -> dict[str, str]:
        engine, info = self._engine, self._engine.info
        own = self._walls == _protocol.OWN_NAMESPACES
        facts = {
            "engine": f"{engine.name} at {engine.address}",
            "processes": (
                "each in namespaces of its own inside one container"
                if own
                else "each in a container of its own: the engine lets containers make no namespaces"
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
            f" this is {system} on {machine}: run adrs in a Linux virtual machine, beside its engine"
        )
