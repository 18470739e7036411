"""Many streams over one, between an engine and a container that share neither kernel nor files.

Standard library only: one end of it runs inside. Frames go both ways: a head (what it is, the
number of a stream, a size) and so many bytes. Stream 0 is the control socket, whose packets stay
packets. The others are channels; the engine numbers them when they travel along with a packet, or
with the bytes of another channel. No side has more than a window on its way that the other did not
pass on yet, so a stream that nobody reads holds up no other, and what is kept has a bound.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from adrs_sandboxes import _protocol

# From inside, once: it is ready. A question of the engine's, which comes back as it is. Bytes of a
# stream; how many were passed on; no more come; no more are wanted.
HELLO, ECHO, DATA, CREDIT, END, DEAF = range(1, 7)
# To the inside, before the bytes that they travel with: a new stream's number; content of a file,
# and its end.
STREAM, FILE, FILED = range(7, 10)

CONTROL = 0
PIECE = _protocol.LARGEST_PACKET
WINDOW = 1 << 18
HEAD = struct.Struct("<BII")
NUMBER = struct.Struct("<I")

_PAID_AT = WINDOW // 4
# What the kernel keeps for a socket whose other end has closed it; sent without asking.
_LAST_WORDS = 1 << 18
_MOST_HELD = WINDOW + PIECE + _LAST_WORDS
_SEND_BUFFER = 106496  # which the kernel doubles: its usual size, whatever this machine has set
_SENT_AT_ONCE = 1 << 18
_RETRY_MS = 20
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


class Junk(Exception):
    """What came is not of this protocol."""


class Wire(Protocol):
    """The one stream; nothing of it blocks.

    Attributes:
        incoming: a descriptor that can be polled for bytes that come.
        outgoing: one that can be polled for room for bytes that go; may be the same.
    """

    incoming: int
    outgoing: int

    def receive(self) -> bytes | None:
        """What has come, b"" for nothing so far, None if nothing more will.

        Raises:
            Junk: what came cannot be of the other side.
        """
        ...

    def send(self, data: bytes) -> int:
        """How many of the first bytes were sent.

        Raises:
            OSError: nobody is there any more.
        """
        ...


class Pipes:
    """Standard input and output of a container's first process."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming, self.outgoing = incoming, outgoing
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)

    def receive(self) -> bytes | None:
        try:
            return os.read(self.incoming, PIECE) or None
        except BlockingIOError:
            return b""

    def send(self, data: bytes) -> int:
        try:
            return os.write(self.outgoing, data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        os.close(self.incoming)
        os.close(self.outgoing)


class Stream:
    """One socket on this side.

    Attributes:
        credit: bytes that the other side still takes.
        unpaid: bytes passed on here since the other side was last told.
        waiting: bytes to pass on, with descriptors that travel along.
        passed: descriptors that travel with the bytes that come next.
        file: the one that is being received; -1 for none.
        reads: whether more may come out of the socket for the other side.
        writes: whether more may go into it.
        ending: the other side has said all.
        watched: the events that it is polled for; None while it is not polled.
    """

    def __init__(self, number: int, end: socket.socket) -> None:
        self.number, self.end = number, end
        self.credit = WINDOW
        self.unpaid = 0
        self.held = 0
        self.waiting: deque[tuple[memoryview, list[int]]] = deque()
        self.passed: list[int] = []
        self.file = -1
        self.reads = self.writes = True
        self.ending = False
        self.watched: int | None = None

    def close(self) -> None:
        self.end.close()
        self.forget()

    def forget(self) -> None:
        """Gives up what waits."""
        for descriptor in (*self.passed, *(one for _, passed in self.waiting for one in passed)):
            os.close(descriptor)
        if self.file >= 0:
            os.close(self.file)
        self.waiting.clear()
        self.passed, self.file, self.held = [], -1, 0


class Tunnel:
    """One side: what both have in common."""

    def __init__(self, wire: Wire, control: socket.socket) -> None:
        self._wire = wire
        self._control = Stream(CONTROL, control)
        self._streams = {CONTROL: self._control}
        self._polled: dict[int, Stream] = {}
        self._newest = CONTROL
        self._poll = select.poll()
        self._wire_watched: dict[int, int] = {}
        self._came = bytearray()
        self._unsent = bytearray()
        self._cut = False  # nothing goes over the wire any more
        self._answers: dict[int, Callable[[int, bytes], None]] = {
            DATA: self._on_data,
            CREDIT: self._on_credit,
            END: self._on_end,
            DEAF: self._on_deaf,
        }

    def serve(self) -> None:
        """Relays until the control socket's other end is closed, or the wire is cut.

        Raises:
            Junk: the other side is not what it should be.
        """
        while not self._cut and (self._control.reads or self._unsent):
            self._turn()

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()

    def _turn(self) -> None:
        """Waits for something to do, and does it.

        The control socket comes after the channels: what a process said goes before word of its
        end. The wire comes last: it makes new streams, whose descriptors may have had others'
        numbers when the events were collected.
        """
        self._watch_wire()
        # A wire that cannot be polled for room (one inside of SSH) is tried again after a while.
        events = dict(self._poll.poll(_RETRY_MS if self._unsent else None))
        came = [events.pop(one, 0) for one in {self._wire.incoming, self._wire.outgoing}]
        spoke = events.pop(self._control.end.fileno(), 0)
        for descriptor, event in events.items():
            if stream := self._polled.get(descriptor):
                self._attend(stream, event)
        if spoke:
            self._attend(self._control, spoke)
        if any(came):
            self._listen(broken=any(event & select.POLLERR for event in came))
        self._flush()

    def _attend(self, stream: Stream, event: int) -> None:
        if stream.waiting:
            self._write(stream)
        if stream.reads and stream.credit > 0:
            self._read(stream)
        if event & select.POLLHUP:
            self._left(stream)
        self._settle(stream)

    def _read(self, stream: Stream) -> int:
        """Relays a piece of what a socket has; returns its size."""
        data = self._receive(stream)
        if data:
            stream.credit -= len(data)
            self._say(DATA, stream.number, data)
        elif data is not None:
            stream.reads = False
            if stream is not self._control:
                self._say(END, stream.number)
        return len(data or b"")

    def _receive(self, stream: Stream) -> bytes | None:
        """A piece of what a socket has: b"" for its end, None for nothing now."""
        try:
            return stream.end.recv(PIECE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:  # its other end was closed without reading all
            return b""

    def _left(self, stream: Stream) -> None:
        """Nobody holds a socket's other end any more."""
        if not stream.reads and stream.writes:
            self._stop_writing(stream)

    def _write(self, stream: Stream) -> None:
        """Puts what waits into a socket, as far as it goes."""
        while stream.waiting:
            data, passed = stream.waiting[0]
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", passed))] if passed else []
            try:
                sent = stream.end.sendmsg([data], rights, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                self._stop_writing(stream)
                return
            for descriptor in passed:
                os.close(descriptor)
            stream.held -= sent
            stream.unpaid += sent
            if sent == len(data):
                stream.waiting.popleft()
            else:
                stream.waiting[0] = data[sent:], []
        if stream.unpaid >= _PAID_AT:
            self._say(CREDIT, stream.number, NUMBER.pack(stream.unpaid))
            stream.unpaid = 0
        if stream.ending and not stream.waiting:
            stream.writes = False
            with suppress(OSError):
                stream.end.shutdown(socket.SHUT_WR)

    def _stop_writing(self, stream: Stream) -> None:
        stream.writes = False
        stream.forget()
        if stream is self._control:
            stream.reads = False
        else:
            self._say(DEAF, stream.number)

    def _add(self, number: int, end: socket.socket) -> Stream:
        stream = self._streams[number] = Stream(number, end)
        self._newest = number
        self._settle(stream)
        return stream

    def _settle(self, stream: Stream) -> None:
        """Polls a socket for what is of interest now; closes it once nothing is."""
        over = not (stream.reads or stream.writes)
        events = None if over else self._events(stream)
        descriptor = stream.end.fileno()
        if events != stream.watched:
            if events is None:
                self._poll.unregister(descriptor)
                del self._polled[descriptor]
            else:
                self._poll.register(descriptor, events)
                self._polled[descriptor] = stream
            stream.watched = events
        if over and stream is not self._control:
            del self._streams[stream.number]
            stream.close()

    def _events(self, stream: Stream) -> int | None:
        events = select.POLLIN if stream.reads and stream.credit > 0 else 0
        if stream.waiting:
            events |= select.POLLOUT
        return events or None

    def _say(self, kind: int, number: int, data: bytes = b"") -> None:
        self._unsent += HEAD.pack(kind, number, len(data))
        self._unsent += data

    def _watch_wire(self) -> None:
        wanted = {self._wire.outgoing: select.POLLOUT if self._unsent else 0}
        wanted[self._wire.incoming] = wanted.get(self._wire.incoming, 0) | select.POLLIN
        if wanted != self._wire_watched:
            for descriptor, events in wanted.items():
                self._poll.register(descriptor, events)
            self._wire_watched = wanted

    def _flush(self) -> None:
        while self._unsent and not self._cut:
            try:
                sent = self._wire.send(bytes(self._unsent[:_SENT_AT_ONCE]))
            except OSError:
                self._cut = True
                return
            if not sent:
                return
            del self._unsent[:sent]

    def _listen(self, broken: bool) -> None:
        data = self._wire.receive()
        if data is None or (broken and not data):
            self._cut = True
            return
        self._came += data
        at = 0
        while len(self._came) >= at + HEAD.size:
            kind, number, size = HEAD.unpack_from(self._came, at)
            if kind not in self._answers or size > PIECE:
                raise Junk(f"a frame of kind {kind} and {size} bytes")
            start, end = at + HEAD.size, at + HEAD.size + size
            if len(self._came) < end:
                break
            self._answers[kind](number, bytes(self._came[start:end]))
            at = end
        del self._came[:at]

    def _stream(self, number: int) -> Stream | None:
        """A stream; None if it is over, of which the other side may not know yet."""
        if number > self._newest:
            raise Junk(f"a frame of stream {number}, and there were {self._newest}")
        return self._streams.get(number)

    def _on_data(self, number: int, data: bytes) -> None:
        stream = self._stream(number)
        if stream is None or not stream.writes:
            return
        stream.held += len(data)
        if stream.ending or not data or stream.held > _MOST_HELD:
            raise Junk(f"more of stream {number} than there may be")
        passed, stream.passed = stream.passed, []
        stream.waiting.append((memoryview(data), passed))
        self._write(stream)
        self._settle(stream)

    def _on_credit(self, number: int, data: bytes) -> None:
        if stream := self._stream(number):
            stream.credit += _number(data)
            if stream.credit > WINDOW:
                raise Junk(f"stream {number} was paid too much")
            self._settle(stream)

    def _on_end(self, number: int, data: bytes) -> None:
        stream = self._stream(number)
        if stream is self._control:
            raise Junk("the control socket ends with the wire")
        if stream and stream.writes:
            stream.ending = True
            self._write(stream)
            self._settle(stream)

    def _on_deaf(self, number: int, data: bytes) -> None:
        stream = self._stream(number)
        if stream is self._control:
            raise Junk("the control socket ends with the wire")
        if stream:
            stream.reads = False
            with suppress(OSError):
                stream.end.shutdown(socket.SHUT_RD)
            self._settle(stream)


class Inside(Tunnel):
    """The container's side: has sockets and files made here that were sent from there."""

    def __init__(self, wire: Pipes, control: socket.socket) -> None:
        super().__init__(wire, control)
        self._pipes = wire
        self._answers |= {
            ECHO: self._on_echo,
            STREAM: self._on_stream,
            FILE: self._on_file,
            FILED: self._on_filed,
        }

    def run(self) -> None:
        """Says that all is ready, and serves."""
        self._settle(self._control)
        self._say(HELLO, CONTROL)
        self._flush()
        try:
            self.serve()
        finally:
            self.close()

    def close(self) -> None:
        super().close()
        self._pipes.close()

    def _events(self, stream: Stream) -> int | None:
        """Polls what has no credit, too, so that an end is seen."""
        events = super()._events(stream)
        return 0 if events is None and stream.reads else events

    def _left(self, stream: Stream) -> None:
        """Sends all that a process left, so that it is there before word of the process's end."""
        if stream is not self._control:
            left = _LAST_WORDS
            while stream.reads and left > 0 and (size := self._read(stream)):
                left -= size
            if stream.reads:  # it had made the buffer larger
                stream.reads = False
                self._say(END, stream.number)
        super()._left(stream)

    def _on_echo(self, number: int, data: bytes) -> None:
        self._say(ECHO, number, data)

    def _on_stream(self, number: int, data: bytes) -> None:
        near, far = socket.socketpair()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._add(_number(data), near)
        self._hand_over(number, far.detach())

    def _on_file(self, number: int, data: bytes) -> None:
        if stream := self._stream(number):
            if stream.file < 0:
                stream.file = os.memfd_create("sent", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.write(stream.file, data)

    def _on_filed(self, number: int, data: bytes) -> None:
        if stream := self._stream(number):
            fcntl.fcntl(stream.file, fcntl.F_ADD_SEALS, _SEALS)
            file, stream.file = stream.file, -1
            self._hand_over(number, file)

    def _hand_over(self, number: int, descriptor: int) -> None:
        """Has a descriptor travel with what comes next of a stream, if anybody still reads it."""
        stream = self._stream(number)
        if stream and stream.writes:
            stream.passed.append(descriptor)
        else:
            os.close(descriptor)


def _number(data: bytes) -> int:
    if len(data) != NUMBER.size:
        raise Junk(f"a number of {len(data)} bytes")
    number: int = NUMBER.unpack(data)[0]
    return number
