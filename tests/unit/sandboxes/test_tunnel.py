"""A tunnel between an engine and a container, over a stream like the one that Docker attaches."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from adrs_sandboxes import _protocol
from adrs_sandboxes._tunnel import CREDIT, DATA, HEAD, HELLO, WINDOW, Inside, Pipes
from adrs_sandboxes.docker.tunnel import Attached, Outside

SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
WITHIN_S = 5.0


def packets() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.settimeout(WITHIN_S)
    return ends


def channel() -> tuple[socket.socket, socket.socket]:
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(WITHIN_S)
    return ends


def memory(content: bytes, seals: int) -> int:
    block = os.memfd_create("block", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(block, content)
    fcntl.fcntl(block, fcntl.F_ADD_SEALS, seals)
    return block


class Joined:
    """Both sides of a tunnel, and between them what an engine does to a container's streams.

    Attributes:
        session: the control socket as adrs has it.
        zygote: the control socket as it is inside.
    """

    def __init__(self) -> None:
        engine, self._engine = socket.socketpair()
        stdin, self._stdin = os.pipe()
        self._stdout, stdout = os.pipe()
        self.session, outside = packets()
        self.zygote, inside = packets()
        self.outside = Outside(Attached(engine), outside, iter(()))
        self._threads = [
            threading.Thread(target=work)
            for work in (self._bring, self._fetch, Inside(Pipes(stdin, stdout), inside).run)
        ]
        for thread in self._threads:
            thread.start()
        self.outside.start()
        assert self.outside.ready.wait(WITHIN_S)

    def send(self, sockets: list[socket.socket], files: list[int]) -> list[int]:
        """What descriptors become that travel with a packet; those of this side are closed."""
        passed = [*(one.detach() for one in sockets), *files]
        socket.send_fds(self.session, [b"packet"], passed)
        for one in passed:
            os.close(one)
        packet, received, _, _ = socket.recv_fds(self.zygote, 64, 8)
        assert packet == b"packet"
        return received

    def channel(self) -> tuple[socket.socket, socket.socket]:
        """One whose ends are on the two sides, this one's first."""
        ours, theirs = channel()
        [there] = self.send([theirs], [])
        end = socket.socket(fileno=there)
        end.settimeout(WITHIN_S)
        return ours, end

    def close(self) -> None:
        self.session.close()
        self.zygote.close()
        self.outside.stop()
        for thread in self._threads:
            thread.join(WITHIN_S)
            assert not thread.is_alive()
        self._engine.close()
        os.close(self._stdout)

    def _bring(self) -> None:
        with suppress(OSError):
            while data := self._engine.recv(1 << 15):
                at = 0
                while at < len(data):
                    at += os.write(self._stdin, data[at:])
        os.close(self._stdin)

    def _fetch(self) -> None:
        with suppress(OSError):
            while data := os.read(self._stdout, 1 << 15):
                words = struct.pack(">BxxxI", 2, 5) + b"words"
                self._engine.sendall(words + struct.pack(">BxxxI", 1, len(data)) + data)
            self._engine.shutdown(socket.SHUT_WR)


@pytest.fixture
def joined() -> Iterator[Joined]:
    made = Joined()
    yield made
    made.close()


def read_all(end: socket.socket) -> bytes:
    data = b""
    while piece := end.recv(1 << 16):
        data += piece
    return data


def flood(end: socket.socket) -> int:
    """Says as much as goes while nobody listens."""
    end.settimeout(0.3)
    said = 0
    with suppress(TimeoutError):
        while True:
            said += end.send(b"x" * 65536)
    return said


def test_packets_stay_packets(joined: Joined) -> None:
    for size in (1, 3, _protocol.LARGEST_PACKET):
        joined.session.send(b"o" * size)
        joined.zygote.send(b"z" * size)
    for size in (1, 3, _protocol.LARGEST_PACKET):
        assert joined.zygote.recv(1 << 17) == b"o" * size
        assert joined.session.recv(1 << 17) == b"z" * size


def test_a_file_travels_as_its_content(joined: Joined) -> None:
    content = os.urandom(300_000)
    files = [memory(one, SEALS | fcntl.F_SEAL_WRITE) for one in (content, b"")]
    [file, empty] = joined.send([], files)
    assert os.pread(file, 1 << 20, 0) == content
    assert os.fstat(empty).st_size == 0
    with pytest.raises(PermissionError):
        os.ftruncate(file, 0)
    os.close(file)
    os.close(empty)


def test_a_channel_goes_both_ways_and_ends_in_halves(joined: Joined) -> None:
    ours, theirs = joined.channel()
    with ours, theirs:
        ours.sendall(b"question")
        ours.shutdown(socket.SHUT_WR)
        assert read_all(theirs) == b"question"
        theirs.sendall(b"answer")
        theirs.close()
        assert read_all(ours) == b"answer"


def test_a_channel_travels_over_a_channel(joined: Joined) -> None:
    ours, judge = joined.channel()
    mine, other = channel()
    with ours, judge, mine:
        socket.send_fds(ours, [b"evaluate"], [other.fileno()])
        other.close()
        said, [passed], _, _ = socket.recv_fds(judge, 64, 8)
        assert said == b"evaluate"
        with socket.socket(fileno=passed) as candidate:
            candidate.sendall(b"from far inside")
            assert mine.recv(64) == b"from far inside"
            mine.sendall(b"and back")
            assert candidate.recv(64) == b"and back"
        assert mine.recv(64) == b""


def test_who_has_gone_is_not_written_to(joined: Joined) -> None:
    for near, far in (joined.channel(), joined.channel()[::-1]):
        with near:
            far.close()
            assert near.recv(1) == b""
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                near.sendall(b"x" * (1 << 24))


@pytest.mark.parametrize("way", ["out", "in"])
def test_a_stream_that_nobody_reads_holds_up_no_other(joined: Joined, way: str) -> None:
    ours, theirs = joined.channel()
    with ours, theirs:
        said = flood(theirs if way == "out" else ours)
        assert WINDOW < said < 4 * WINDOW
        joined.session.send(b"stop")
        assert joined.zygote.recv(64) == b"stop"
        joined.zygote.send(b"stopped")
        assert joined.session.recv(64) == b"stopped"
        other, there = joined.channel()
        with other, there:
            there.sendall(b"still here")
            assert other.recv(64) == b"still here"
        (theirs if way == "out" else ours).close()
        assert len(read_all(ours if way == "out" else theirs)) == said


def test_last_words_are_there_before_word_of_the_end(joined: Joined) -> None:
    ours, theirs = joined.channel()
    with ours:
        said = flood(theirs)
        theirs.close()
        joined.zygote.send(b"it has ended")
        assert joined.session.recv(64) == b"it has ended"
        joined.session.close()
        assert joined.outside.ended.wait(WITHIN_S)
        assert len(read_all(ours)) == said


def test_much_of_everything_arrives_as_it_was(joined: Joined) -> None:
    luck = random.Random(5)
    ends = [joined.channel() for _ in range(3)]
    sent = {end: luck.randbytes(luck.randrange(1 << 20)) for pair in ends for end in pair}
    heard: dict[socket.socket, bytes] = {}

    def talk(end: socket.socket) -> None:
        data, at = sent[end], 0
        while at < len(data):
            size = random.Random(at).choice([1, 100, 10_000, 100_000])
            end.sendall(data[at : at + size])
            at += size
        end.shutdown(socket.SHUT_WR)

    def listen(end: socket.socket) -> None:
        heard[end] = read_all(end)

    works: list[tuple[Callable[[socket.socket], None], socket.socket]] = [
        (work, end) for pair in ends for end in pair for work in (talk, listen)
    ]
    threads = [threading.Thread(target=work, args=(end,)) for work, end in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for ours, theirs in ends:
        assert heard[ours] == sent[theirs]
        assert heard[theirs] == sent[ours]
        ours.close()
        theirs.close()


def test_memory_that_both_write_cannot_cross(joined: Joined) -> None:
    ours, theirs = channel()
    ours.close()
    shared = memory(b"shared", SEALS)
    socket.send_fds(joined.session, [b"r"], [theirs.fileno(), shared])
    theirs.close()
    os.close(shared)
    kind, _, reason = _protocol.unpack(joined.session.recv(1 << 16))
    assert kind == _protocol.BROKEN
    assert b"share no memory" in reason
    assert joined.session.recv(1) == b""
    assert joined.outside.ended.wait(WITHIN_S)


def said(data: bytes, kind: int = 1) -> bytes:
    return struct.pack(">BxxxI", kind, len(data)) + data


@pytest.mark.parametrize(
    "junk",
    [
        said(b"x" * 64, kind=7),
        said(b"x" * 64),
        said(HEAD.pack(DATA, 0, 1 << 30)),
        said(HEAD.pack(DATA, 9, 1) + b"x"),
        said(HEAD.pack(CREDIT, 0, 4) + b"\xff" * 4),
        said(HEAD.pack(CREDIT, 0, 1) + b"\xff"),
        said(HEAD.pack(HELLO, 0, 0) * 2),
    ],
)
def test_junk_breaks_the_room(junk: bytes) -> None:
    engine, container = socket.socketpair()
    session, outside = packets()
    tunnel = Outside(Attached(engine), outside, iter([b"parcel"]))
    tunnel.start()
    with container, session:
        assert container.recv(6) == b"parcel"
        container.sendall(junk)
        kind, _, reason = _protocol.unpack(session.recv(1 << 16))
        assert kind == _protocol.BROKEN
        assert b"not of the protocol" in reason
        assert session.recv(1) == b""
        assert tunnel.ended.wait(WITHIN_S)
        assert not tunnel.ready.is_set()


def test_words_are_bounded() -> None:
    engine, container = socket.socketpair()
    attached = Attached(engine)
    with container:
        container.sendall(said(b"first " + b"x" * 20_000, kind=2) + said(b"output"))
        output = b""
        while output != b"output":
            output += attached.receive() or b""
        assert attached.words.startswith(b"first x")
        assert len(attached.words) == _protocol.OUTPUT_KEPT
        container.close()
        assert attached.receive() is None
    attached.close()
