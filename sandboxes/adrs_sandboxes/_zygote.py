"""The process that waits inside a room and forks itself for every job.

Standard library only. Started as `python -S -s -P -B -m adrs_sandboxes._zygote DESCRIPTOR`. It has
no threads, ever, since it forks.
"""

# Without pathlib, whose import every room would pay for.
# ruff: noqa: PTH102, PTH123

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import random
import resource
import select
import shutil
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn

from adrs_sandboxes import _linux, _meter, _protocol, _walls
from adrs_sandboxes._protocol import Opening, Ready, Report, Start

_FIRST_LOOK_S, _NEXT_LOOK_S = 0.05, 0.1
_PIECE = 1 << 16
_MB = 1 << 20


class Zygote:
    """Starts processes, one at a time, and holds each to its limits."""

    def __init__(
        self, control: socket.socket, own_figures: tuple[int, ...] = (), relay: int | None = None
    ) -> None:
        self.control = control
        self._relay = relay
        _, fields, figures = self._receive()
        self._cgroup = figures[:2] or own_figures[:2]
        opening = Opening(*fields)
        if opening.core is not None:
            with suppress(OSError):  # the engine may be a machine with fewer cores
                os.sched_setaffinity(0, {opening.core})
        self._paths = opening.paths
        self._folder = opening.folder
        self._boot = _load(opening)
        self._walls = _walls_of(opening)
        if not self._walls:
            _linux.adopt_orphans()
        with open("/proc/self/statm") as file:
            pages = [int(field) for field in file.read().split()]
        self._own_bytes = pages[0] * resource.getpagesize()
        self._used_mb = int(os.pread(own_figures[2], 64, 0)) / _MB if own_figures else 0.0
        self._own_resident_mb = pages[1] * resource.getpagesize() / _MB
        gc.collect()
        gc.freeze()

    def serve(self) -> None:
        """Runs jobs until the engine closes its end."""
        self.control.send(_protocol.pack(_protocol.READY, self._ready()))
        while True:
            kind, fields, descriptors = self._receive()
            if kind == _protocol.RUN:  # a STOP here is for a process that has ended by itself
                self._run(Start(*fields), *descriptors)

    def _ready(self) -> Ready:
        return Ready(sys.version.split()[0], self._used_mb)

    def _receive(self) -> tuple[bytes, list[Any], list[int]]:
        packet, descriptors, _, _ = socket.recv_fds(self.control, _protocol.LARGEST_PACKET, 2)
        if not packet:
            raise SystemExit
        kind, fields, _ = _protocol.unpack(packet)
        return kind, fields, descriptors

    def _run(self, start: Start, channel: int, files: int) -> None:
        output, written = os.pipe()
        os.set_blocking(output, False)
        cgroup = None
        if self._cgroup:
            cgroup = _meter.CgroupMeter(self._cgroup[0], self._cgroup[1], self._relay)
        started = time.monotonic()
        child = self._walls.fork() if self._walls else os.fork()
        if child == 0:
            self._become(start, channel, files, written)
        for descriptor in (channel, files, written):
            os.close(descriptor)
        watch = _Watch(start, self.control, child, output, cgroup or _meter.TreeMeter(child))
        reason = watch.until_over(started, start.memory_mb + self._own_resident_mb)
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
        if self._walls:
            self._walls.end_rest()
        else:
            end_orphans()
            shutil.rmtree(f"{self._folder}/{start.number}", ignore_errors=True)
        report = watch.report(reason, status, usage, time.monotonic() - started)
        self.control.send(_protocol.pack(_protocol.REPORT, report, watch.last_output()))
        watch.close()

    def _become(self, start: Start, channel: int, files: int, output: int) -> NoReturn:
        """The child's life; it never returns."""
        try:
            self._enter(start, channel, files, output)
        except BaseException:  # noqa: BLE001  the engine is told, and the job is not blamed
            text = traceback.format_exc()[-_protocol.OUTPUT_KEPT :]
            self.control.send(_protocol.pack(_protocol.BROKEN, start.number, text.encode()))
            os._exit(1)
        status = 1
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            random.seed(start.seed)
            self._boot.main(socket.socket(fileno=3), self._paths)
            status = 0
        except SystemExit:
            status = 0
        except BaseException:  # noqa: BLE001  whatever it raised belongs in its output
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
            finally:
                os._exit(status)

    def _enter(self, start: Start, channel: int, files: int, output: int) -> None:
        _linux.die_with_parent(signal.SIGKILL)
        os.setsid()  # else kill(0) would reach the zygote, across pid namespaces
        _walls.first_to_be_killed_for_memory()
        if self._walls:
            size = start.files_mb * _MB + os.fstat(files).st_size
            folder = self._walls.enter(size)
        else:
            folder = f"{self._folder}/{start.number}"
            os.mkdir(folder, 0o700)
        os.chdir(folder)
        _walls.write_files(files)
        space = None if self._cgroup else self._own_bytes + start.memory_mb * _MB
        counts = self._walls is not None and self._walls.counts_processes
        _walls.limit(start, space, count_processes=counts)
        if self._walls:
            self._walls.shut()
        _walls.arrange_descriptors(channel, output)


class _Watch:
    """Looks after one running process."""

    def __init__(
        self, start: Start, control: socket.socket, child: int, output: int, meter: _meter.Meter
    ) -> None:
        self._start = start
        self._control = control
        self._output = output
        self._meter = meter
        self._ended = os.pidfd_open(child)
        self._kept = bytearray()
        self._written = 0
        self._peak_mb = 0.0

    def until_over(self, started: float, memory_mb: float) -> str:
        """Waits for an end by itself, a STOP or a limit, and says which."""
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._ended, self._output):
            poll.register(descriptor, select.POLLIN)
        deadline = started + self._start.wall_s
        look = started + _FIRST_LOOK_S
        while True:
            now = time.monotonic()
            if now >= deadline:
                return "wall"
            if now >= look:
                look = now + _NEXT_LOOK_S
                if limit := self._limit_hit(memory_mb):
                    return limit
            events = dict(poll.poll(max(1.0, (min(look, deadline) - now) * 1000)))
            if self._output in events and not self._read_some():
                poll.unregister(self._output)
            if self._written > self._start.output_mb * _MB:
                return "output"
            if self._ended in events:
                return "ended"
            if self._control.fileno() in events and self._stopped():
                return "stopped"

    def report(
        self, reason: str, status: int, usage: resource.struct_rusage, wall_s: float
    ) -> Report:
        """What is known once nothing of it is alive."""
        while self._read_some():
            pass
        ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        cpu_s = max(usage.ru_utime + usage.ru_stime, self._meter.final_cpu_s())
        if reason in {"ended", "stopped"}:
            if self._meter.out_of_memory():
                reason = "memory"
            elif cpu_s > self._start.cpu_s:
                reason = "cpu"
            elif self._written > self._start.output_mb * _MB:
                reason = "output"
        peak_mb = max(usage.ru_maxrss / 1024, self._peak_mb)
        return Report(self._start.number, reason, ended, wall_s, cpu_s, peak_mb)

    def last_output(self) -> bytes:
        return bytes(self._kept)

    def close(self) -> None:
        os.close(self._output)
        os.close(self._ended)

    def _limit_hit(self, memory_mb: float) -> str:
        cpu_s, now_mb = self._meter.look(memory_mb)
        self._peak_mb = max(self._peak_mb, now_mb)
        if self._meter.out_of_memory() or now_mb > memory_mb:
            return "memory"
        return "cpu" if cpu_s > self._start.cpu_s else ""

    def _read_some(self) -> bool:
        """Reads a piece of what has been written; False if there is none."""
        try:
            piece = os.read(self._output, _PIECE)
        except BlockingIOError:
            return False
        self._written += len(piece)
        self._kept = (self._kept + piece)[-_protocol.OUTPUT_KEPT :]
        return bool(piece)

    def _stopped(self) -> bool:
        """Reads a STOP; one that was meant for an earlier process changes nothing."""
        packet = self._control.recv(_protocol.LARGEST_PACKET)
        if not packet:
            raise SystemExit  # the engine is gone, and with this process goes everything in here
        kind, fields, _ = _protocol.unpack(packet)
        return kind == _protocol.STOP and fields[0] == self._start.number


def end_orphans() -> None:
    """Ends what a process without walls left behind; this process has become its parent."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if ended == 0:
            for process in _meter.descendants(os.getpid()):
                if process.pid != os.getpid():
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(0.001)


def _load(opening: Opening) -> ModuleType:
    """Imports what was asked for, then the boot file."""
    sys.path.remove(os.environ.pop("PYTHONPATH"))
    os.environ.pop("MALLOC_ARENA_MAX")  # a compiled program may have as many as it likes
    if opening.packages:
        sys.path.append(opening.packages)
    for name in opening.modules:
        importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("boot", opening.boot)
    if spec is None or spec.loader is None:
        raise ImportError(f"{opening.boot} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["boot"] = module
    spec.loader.exec_module(module)
    return module


def _walls_of(opening: Opening) -> _walls.Walls | None:
    if opening.walls == _protocol.OWN_NAMESPACES:
        return _walls.Namespaces()
    if opening.walls == _protocol.CONTAINER:
        return _walls.OneContainer()
    return None


def main() -> None:
    """Serves on the socket whose descriptor is the last argument."""
    serve(socket.socket(fileno=int(sys.argv.pop())))


def serve(
    control: socket.socket, own_figures: tuple[int, ...] = (), relay: int | None = None
) -> None:
    """Answers READY, or BROKEN with the reason, and serves.

    Args:
        own_figures: files of the cgroup that this process found itself: CPU use, out-of-memory
            kills, memory in use. Used where the engine sends none.
        relay: the file with the CPU use of another process of ours in that cgroup.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        zygote = Zygote(control, own_figures, relay)
    except Exception:  # noqa: BLE001  the engine reads the reason
        text = traceback.format_exc()[-_protocol.OUTPUT_KEPT :]
        control.send(_protocol.pack(_protocol.BROKEN, [], text.encode()))
        raise SystemExit(1) from None
    try:
        zygote.serve()
    finally:
        end_orphans()
