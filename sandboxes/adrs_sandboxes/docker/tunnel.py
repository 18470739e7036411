"""The engine's side of a tunnel into a container, over the streams that the engine attaches."""

from __future__ import annotations

import fcntl
import os
import socket
import ssl
import stat
import struct
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from adrs_sandboxes import _protocol, _tunnel
from adrs_sandboxes._tunnel import CONTROL, NUMBER, PIECE, Junk, Stream, Tunnel

_FRAME = struct.Struct(">BxxxI")
_OUTPUT, _ERRORS = 1, 2
_ECHOES = 5
_AHEAD = 1 << 20
_STOPS_WITHIN_S = 5.0
_MOST_DESCRIPTORS = 253  # that the kernel lets travel together
_SPACE = socket.CMSG_SPACE(_MOST_DESCRIPTORS * array("i").itemsize)
_NOTHING_NOW = (BlockingIOError, TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class CannotCross(Exception):
    """A descriptor was passed that means nothing beyond this machine."""


class Attached:
    """A container's standard streams: its input as it is, its output and errors in frames.

    Args:
        attached: what docker-py gives, over whatever it is connected by.

    Attributes:
        words: the first bytes of its standard error.
    """

    def __init__(self, attached: Any) -> None:
        self._attached = attached
        self._socket = getattr(attached, "_sock", attached)
        self._socket.setblocking(False)
        self._pending = getattr(self._socket, "pending", lambda: 0)
        self.incoming = self.outgoing = self._socket.fileno()
        self.words = b""
        self._head = b""
        self._kind = self._left = 0

    def receive(self) -> bytes | None:
        pieces = []
        try:
            while True:
                piece = self._socket.recv(PIECE)
                if not piece:
                    return None
                pieces.append(piece)
                if not self._pending():  # bytes that TLS holds back, and that no poll would show
                    break
        except _NOTHING_NOW:
            pass
        except (OSError, ValueError):  # TLS says the latter of what is cut meanwhile
            return None
        return self._output(b"".join(pieces))

    def send(self, data: bytes) -> int:
        try:
            return int(self._socket.send(data))
        except _NOTHING_NOW:
            return 0

    def cut(self) -> None:
        """Ends both directions; harmless when they are ended, and from any thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """From the thread that receives: TLS is not to be closed under it."""
        self.cut()
        getattr(self._attached, "_response", self._attached).close()
        self._socket.close()

    def _output(self, data: bytes) -> bytes:
        """What of it is standard output; what is standard error is kept."""
        data = self._head + data
        output = []
        at = 0
        while True:
            if self._left:
                part = data[at : at + self._left]
                at += len(part)
                self._left -= len(part)
                if self._kind == _OUTPUT:
                    output.append(part)
                else:
                    self.words += part[: _protocol.OUTPUT_KEPT - len(self.words)]
            if self._left or len(data) - at < _FRAME.size:
                break
            self._kind, self._left = _FRAME.unpack_from(data, at)
            if self._kind not in {_OUTPUT, _ERRORS}:
                raise Junk(f"a frame of kind {self._kind} from the engine")
            at += _FRAME.size
        self._head = data[at:]
        return b"".join(output)


class Outside(Tunnel):
    """The engine's side, in a thread of its own; it begins once the container has said hello.

    Args:
        control: this side's end of the pair whose other end the session holds.
        parcel: what the container reads before it says hello.

    Attributes:
        ready: set when the container is.
        ended: set when the wire is closed.
        round_trip_s: how long a question takes to come back.
        moved: grows as long as something goes over the wire.
    """

    def __init__(self, wire: Attached, control: socket.socket, parcel: Iterator[bytes]) -> None:
        super().__init__(wire, control)
        self._attached = wire
        self._parcel = parcel
        self._answers |= {_tunnel.HELLO: self._on_hello, _tunnel.ECHO: self._on_echo}
        self._asked = 0.0
        self._echoes = _ECHOES
        self.ready = threading.Event()
        self.ended = threading.Event()
        self.round_trip_s = float("inf")
        self.moved = 0

    def start(self) -> None:
        threading.Thread(target=self._run, name="adrs tunnel", daemon=True).start()

    def stop(self) -> None:
        """Returns when nothing goes over the wire any more, and nothing of it is open."""
        self._attached.cut()
        self.ended.wait(_STOPS_WITHIN_S)

    def _run(self) -> None:
        try:
            self.serve()
        except Junk as error:
            self._tell(f"what came from the container is not of the protocol: {error}")
        except CannotCross as error:
            self._tell(str(error))
        finally:
            self._attached.close()
            self.ended.set()
            try:
                self._deliver()
            finally:
                self.close()

    def _tell(self, reason: str) -> None:
        """Tells the session that the room is broken."""
        with suppress(OSError):
            message = _protocol.pack(_protocol.BROKEN, [], reason.encode())
            self._control.end.send(message, socket.MSG_DONTWAIT)

    def _deliver(self) -> None:
        """Hands on what dead processes have said, to whoever still listens."""
        for descriptor in self._wire_watched:
            self._poll.unregister(descriptor)
        for stream in list(self._streams.values()):
            stream.reads, stream.ending = False, True
            self._write(stream)
            self._settle(stream)
        while self._polled:
            for descriptor, _ in self._poll.poll():
                stream = self._polled[descriptor]
                self._write(stream)
                self._settle(stream)

    def _turn(self) -> None:
        while len(self._unsent) < _AHEAD and (piece := next(self._parcel, b"")):
            self._unsent += piece
        super()._turn()

    def _flush(self) -> None:
        before = len(self._unsent)
        super()._flush()
        self.moved += before - len(self._unsent)

    def _receive(self, stream: Stream) -> bytes | None:
        try:
            data, ancillary, _, _ = stream.end.recvmsg(
                PIECE, _SPACE, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        except OSError:
            return b""
        passed = array("i")
        for level, kind, rights in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                passed.frombytes(rights)
        try:
            while passed:
                self._pass(stream, passed.pop(0))
        finally:
            for descriptor in passed:
                os.close(descriptor)
        return data

    def _pass(self, stream: Stream, descriptor: int) -> None:
        """Has something made there that does what this descriptor does here."""
        if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            new = self._add(self._newest + 1, socket.socket(fileno=descriptor))
            self._say(_tunnel.STREAM, stream.number, NUMBER.pack(new.number))
            return
        with os.fdopen(descriptor, "rb", buffering=0):
            if not _is_sealed(descriptor):
                raise CannotCross(
                    "this engine's containers share no memory with each other or with adrs, which "
                    "the task's evaluator needs: use --sandbox bubblewrap, or an engine on this "
                    "machine"
                )
            size = os.fstat(descriptor).st_size
            for at in range(0, size or 1, PIECE):
                self._say(_tunnel.FILE, stream.number, os.pread(descriptor, PIECE, at))
            self._say(_tunnel.FILED, stream.number)

    def _on_hello(self, number: int, data: bytes) -> None:
        if self._asked:
            raise Junk("a second hello")
        self._ask()

    def _on_echo(self, number: int, data: bytes) -> None:
        if not self._echoes:
            raise Junk("an echo of nothing")
        self._echoes -= 1
        self.round_trip_s = min(self.round_trip_s, time.perf_counter() - self._asked)
        if self._echoes:
            self._ask()
        else:
            self._settle(self._control)
            self.ready.set()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._say(_tunnel.ECHO, CONTROL)


def _is_sealed(descriptor: int) -> bool:
    """Whether it is memory that nobody will ever write, of which a copy is as good."""
    try:
        seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
    except OSError:
        return False
    return bool(seals & fcntl.F_SEAL_WRITE)
