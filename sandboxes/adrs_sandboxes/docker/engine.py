"""The container engine that is in use, and what went wrong when it does not do what it should."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adrs import SandboxUnavailable
from adrs_sandboxes.docker.hardening import Security

if TYPE_CHECKING:
    from docker import APIClient

OLDEST_API = (1, 41)  # Docker 20.10
_TIMEOUT_S = 60
_REMOVAL_LOOKS = 200
_INSTEAD = "or use --sandbox bubblewrap, which needs none"


class Engine:
    """A connection to Docker, or to what speaks its protocol.

    Args:
        address: as in DOCKER_HOST; "" for what is set there, else the first socket that exists of
            a system's engine, a rootless one, Docker Desktop and Podman.

    Raises:
        SandboxUnavailable: none answers, this user may not use it, what answers is something else,
            or it is too old.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address or os.environ.get("DOCKER_HOST") or _first_socket()
        oldest = ".".join(map(str, OLDEST_API))
        with self.asked("greet it"):
            # Not left to docker-py, whose clients leave a socket open where no engine listens.
            if self.address.startswith("unix://"):
                with socket.socket(socket.AF_UNIX) as there:
                    there.connect(self.address.removeprefix("unix://"))
            greeter = self._connect(oldest)
            try:
                self.version: dict[str, Any] = greeter.version(api_version=False)
            finally:
                greeter.close()
        if self._api() < OLDEST_API:
            raise SandboxUnavailable(
                f"the engine at {self.address} is {self.name}, which speaks version "
                f"{self.version['ApiVersion']} of the protocol; {oldest} (Docker 20.10) is the "
                f"oldest that has what is needed: update it, {_INSTEAD}"
            )

        with self.asked("greet it"):
            self.client = self._connect(str(self.version["ApiVersion"]))

    def _connect(self, version: str) -> APIClient:
        from docker import APIClient
        from docker.utils import kwargs_from_env

        given = kwargs_from_env() | {"base_url": self.address}
        return APIClient(version=version, timeout=_TIMEOUT_S, **given)

    def _api(self) -> tuple[int, ...]:
        """The version of the protocol that it speaks."""
        try:
            return tuple(map(int, self.version["ApiVersion"].split(".")))
        except (AttributeError, LookupError, TypeError, ValueError):
            raise SandboxUnavailable(
                f"what answers at {self.address} is no container engine (it says "
                f"{str(self.version)[:100]!r}): say in DOCKER_HOST where one is, {_INSTEAD}"
            ) from None

    @property
    def name(self) -> str:
        """What it calls itself, with its version."""
        parts = [one.get("Name", "") for one in self.version.get("Components") or ()]
        kind = "Podman" if any("Podman" in part for part in parts) else "Docker"
        return f"{kind} {self.version.get('Version', 'of unknown version')}"

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman, which speaks the same protocol with differences."""
        return self.name.startswith("Podman")

    @cached_property
    def info(self) -> dict[str, Any]:
        """What it says of itself: cgroups, security options, storage."""
        with self.asked("say what it can do"):
            found: dict[str, Any] = self.client.info()
        return found

    def has_security(self, name: str) -> bool:
        """Whether a security option ("rootless", "apparmor", "selinux") is in force."""
        options = self.info.get("SecurityOptions") or ()
        return any(f"name={name}" in str(option).split(",") for option in options)

    @property
    def is_rootless(self) -> bool:
        """Whether it runs without root: its containers' root is then an ordinary user outside."""
        return self.has_security("rootless")

    @cached_property
    def security(self) -> Security:
        """What it has in force, and what it can limit."""
        # Podman gives a container more than it may if it is not root of the whole machine.
        ulimits = {"nofile": 1024, "nproc": 4096} if self.is_podman else {}
        return Security(
            apparmor=self.has_security("apparmor"),
            selinux=self.has_security("selinux"),
            memory=bool(self.info.get("MemoryLimit")),
            updates=self._can_update(),
            entries=not self.is_podman,
            profiles=not self.is_podman,
            ulimits=ulimits,
        )

    def _can_update(self) -> bool:
        """Whether it knows the question; older Podman does not."""
        from docker.errors import NotFound

        with self.asked("say whether it changes limits"):
            try:
                self.client.update_container("adrs-none", mem_limit="1g")
            except NotFound as error:
                return "such container" in str(error.explanation)
        return True

    def remove(self, container: str) -> None:
        """Ends and removes a container, and returns when it is gone; harmless if it is.

        Raises:
            SandboxUnavailable: the engine did not.
        """
        from docker.errors import APIError, NotFound

        with self.asked("remove a container"), suppress(NotFound):
            try:
                self.client.remove_container(container, force=True, v=True)
            except APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise
                for _ in range(_REMOVAL_LOOKS):  # the engine is removing it already
                    self.client.inspect_container(container)
                    time.sleep(0.05)

    @contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Turns whatever goes wrong between here and the engine into SandboxUnavailable.

        Args:
            what: what the engine was asked to do, for the message.
        """
        from docker.errors import DockerException
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (DockerException, RequestException, HTTPError, OSError) as error:
            raise SandboxUnavailable(self._explained(what, error)) from error

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()

    def _explained(self, what: str, error: Exception) -> str:
        text = str(getattr(error, "explanation", None) or error)
        place = f"the container engine at {self.address}"
        if _caused_by(error, PermissionError):
            return (
                f"user {os.geteuid()} may not use {place}: sudo usermod -aG docker $USER and log "
                f"in again (members can become root on this machine), run a rootless engine, "
                f"{_INSTEAD}"
            )
        if "no space left" in text.lower():
            root = getattr(self, "info", {}).get("DockerRootDir", "its folder")
            return (
                f"{place} has no space left on its disk ({root}): free some, for instance with "
                f"docker system prune and adrs store gc --environments"
            )
        if _caused_by(error, (FileNotFoundError, ConnectionError)) or "Connection" in text:
            return (
                f"no container engine answers at {self.address} ({_short(text)}): start one "
                f"(sudo systemctl start docker), say in DOCKER_HOST where it is, {_INSTEAD}"
            )
        return f"{place} did not {what}: {_short(text)}; its log may say more, {_INSTEAD}"


def _short(text: str) -> str:
    return text.strip()[-1000:]


def _caused_by(error: BaseException | None, kind: Any) -> bool:
    """Whether an error, what caused it, or what it wraps is of a kind."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, kind):
            return True
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return False


def _first_socket() -> str:
    """Where engines usually listen."""
    own = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    usual = Path("/var/run/docker.sock")
    places = (
        usual,
        own / "docker.sock",
        Path.home() / ".docker" / "run" / "docker.sock",
        own / "podman" / "podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return f"unix://{next((place for place in places if place.exists()), usual)}"
