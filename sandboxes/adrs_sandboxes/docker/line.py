"""How a container is given its files and joined to this process: two ways, chosen in `sandbox`."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from adrs import SandboxUnavailable
from adrs_sandboxes import _protocol, _readable
from adrs_sandboxes._container import FOLDER, NOT_SHOWN
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.hardening import Needs
from adrs_sandboxes.docker.parcel import Parcel
from adrs_sandboxes.docker.tunnel import Attached, Outside

_WITHIN_S = 20.0
_LOOK_S = 0.2
_PLACE = f"{FOLDER}/.line"
_START = "from adrs_sandboxes._container import main; main()"
_UNPACK = Path(__file__).parents[1] / "_unpack.py"
_DID_NOT_CALL = "a container was started, but did not call back"
# What comes of it where adrs and the engine share no files, or no kernel.
_NOT_SHARED = (_DID_NOT_CALL, "source path does not exist", "no such file or directory")


def is_not_shared(error: SandboxUnavailable) -> bool:
    """Whether a `SharedLine` failed as it does where adrs and the engine have not all in common."""
    return any(sign in str(error) for sign in _NOT_SHARED)


class Line(Protocol):
    """The way into one container.

    Attributes:
        needs: what the container is given when it is made.
    """

    needs: Needs

    def command(self, walls: str) -> list[str]:
        """What Python runs in the container, as arguments."""
        ...

    def attach(self, container: str) -> None:
        """Called when it is made, but not started."""
        ...

    def join(self, is_running: Callable[[], bool]) -> socket.socket:
        """The control socket of the zygote in a container that was started.

        Raises:
            SandboxUnavailable: none came.
        """
        ...

    def words(self) -> str:
        """What was printed inside."""
        ...

    def cut(self) -> None:
        """Called before the engine is asked to end the container."""
        ...

    def close(self) -> None:
        """Called when the container is gone."""
        ...


class SharedLine:
    """For an engine on this kernel that sees this machine's files: they are shown to the container.

    The zygote calls on a socket in a folder that is shown too, and over it go the ends of channels:
    judge and candidate then talk to each other directly.

    Raises:
        SandboxUnavailable: something cannot be read.
    """

    def __init__(self, shown: Mapping[str, Path]) -> None:
        self._copies = _readable.Copies()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  until close
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            folder = self._copies.folder("line")
            self._listener.bind(str(folder / "socket"))
            _readable.give(folder / "socket")
            self._listener.listen(1)
            places = {inside: self._copies.path(outside) for inside, outside in shown.items()}
            hidden = dict.fromkeys(NOT_SHOWN, self._copies.unreadable())
        except OSError as error:
            self.close()
            raise SandboxUnavailable(f"a room's files cannot be shown: {error}") from error
        self.needs = Needs(
            {_PLACE: folder, **places, **hidden}, calls=frozenset({"socket", "connect"})
        )

    def command(self, walls: str) -> list[str]:
        return ["-c", _START, walls, f"{_PLACE}/socket"]

    def attach(self, container: str) -> None:
        """Nothing of the engine's is needed."""

    def join(self, is_running: Callable[[], bool]) -> socket.socket:
        with self._listener:
            control = self._called(is_running)
        socket.send_fds(control, [b"e"], [self._errors.fileno()])
        return control

    def _called(self, is_running: Callable[[], bool]) -> socket.socket:
        self._listener.settimeout(_LOOK_S)
        deadline = time.monotonic() + _WITHIN_S
        while True:
            with suppress(TimeoutError):
                return self._listener.accept()[0]
            if not is_running() or time.monotonic() > deadline:
                raise SandboxUnavailable(
                    f"{_DID_NOT_CALL}: its image needs Python 3.11, and the engine this machine's "
                    "kernel and files"
                )

    def words(self) -> str:
        with suppress(OSError, ValueError):
            return os.pread(self._errors.fileno(), _protocol.OUTPUT_KEPT, 0).decode(
                errors="replace"
            )
        return ""

    def cut(self) -> None:
        """The session's socket is all that there is."""

    def close(self) -> None:
        self._listener.close()
        self._errors.close()
        self._copies.remove()


class StreamLine:
    """For an engine elsewhere: files are sent, and all is relayed over the container's streams.

    Args:
        parcel: the files, for all containers of a room.
        timed: told how long a message takes to the container and back, in seconds.
    """

    def __init__(self, engine: Engine, parcel: Parcel, timed: Callable[[float], None]) -> None:
        self._engine, self._parcel, self._timed = engine, parcel, timed
        self._attached: Attached | None = None
        self._tunnel: Outside | None = None
        size = parcel.unpacked, parcel.entries
        self.needs = Needs(
            folders={FOLDER: size}, calls=frozenset({"memfd_create"}), threads=1, stdin=True
        )

    def command(self, walls: str) -> list[str]:
        return ["-c", _UNPACK.read_text(), str(self._parcel.size), walls]

    def attach(self, container: str) -> None:
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        self._attached = Attached(self._engine.client.attach_socket(container, wanted))

    def join(self, is_running: Callable[[], bool]) -> socket.socket:
        assert self._attached is not None
        control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        tunnel = self._tunnel = Outside(self._attached, other, self._parcel.pieces())
        tunnel.start()
        moved, deadline = 0, time.monotonic() + _WITHIN_S
        while not tunnel.ready.wait(_LOOK_S):
            if tunnel.moved > moved:
                moved, deadline = tunnel.moved, time.monotonic() + _WITHIN_S
            if tunnel.ended.is_set() or time.monotonic() > deadline:
                control.close()
                words = self.words().strip() or "its image needs Python 3.11"
                raise SandboxUnavailable(f"a container was started, but not ready: {words}")
        self._timed(tunnel.round_trip_s)
        return control

    def words(self) -> str:
        return self._attached.words.decode(errors="replace") if self._attached else ""

    def cut(self) -> None:
        if self._attached:
            self._attached.cut()

    def close(self) -> None:
        if self._tunnel:
            self._tunnel.stop()
        elif self._attached:
            self._attached.close()
