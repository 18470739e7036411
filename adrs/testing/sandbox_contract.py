"""What every sandbox must hold, tried with hostile programs.

A sandbox may be unable to hold something, but then it must say so: what its probe declares missing
is not tried, what it declares held is. A sandbox that holds namespaces is tried with programs that
would harm the machine without them; those open what they attack, and never write it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from adrs.errors import SandboxUnavailable
from adrs.model.isolation import Guarantee
from adrs.model.task import Environment, Limits
from adrs.ports.sandbox import Exit, ExitReason, Job, Process, Room, Sandbox, Session
from adrs.testing import _hostile

_Result = TypeVar("_Result")

OVERRUN_S = 1.0
LIMITS = Limits(wall_s=20.0, cpu_s=10.0, memory_mb=256, processes=8, output_mb=1, files_mb=8)
_MOST_HEARD = 1 << 20


@dataclass(frozen=True)
class Played:
    """What a program said, how it ended, and what was there for the next one.

    Attributes:
        took_s: elapsed seconds, measured by the contract.
        before: what a harmless program saw in the same room before it.
        after: what a harmless program saw in the same room after it.
    """

    said: list[Any]
    exit: Exit
    took_s: float
    before: Any = None
    after: Any = None


class Stage:
    """Plays programs in rooms of one sandbox, and looks at the machine from outside."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.probe = asyncio.run(sandbox.probe())
        if self.probe.unavailable:
            pytest.skip(self.probe.unavailable)
        self.mounted = folder / "mounted"
        self.mounted.mkdir()
        (self.mounted / "answer").write_text("42")
        self.secret = folder / "secret"
        self.secret.write_text("the engine's own")
        self._marker = f"adrs-{secrets.token_hex(4)}"
        self.room = self._room(folder / "boot.py", self._marker)
        self._next_door = self._room(folder / "next_door.py", f"next-{secrets.token_hex(4)}")

    def needs(self, guarantee: Guarantee) -> None:
        """Goes on if it is held; if not, makes sure that this is declared, and skips."""
        if guarantee not in self.probe.holds:
            why = self.probe.missing.get(guarantee)
            assert why, f"{guarantee} is neither held nor declared missing"
            pytest.skip(f"declares {guarantee} missing: {why}")

    def inside(
        self, act: Callable[[Session], Awaitable[_Result]], room: Room | None = None
    ) -> _Result:
        """Opens a room, acts in it, closes it; nothing may be left alive."""

        async def visit() -> _Result:
            session = await self.sandbox.open(room or self.room)
            try:
                return await act(session)
            finally:
                await session.close()

        result = asyncio.run(visit())
        assert self.alive() == []
        return result

    def play(self, source: str, limits: Limits = LIMITS, **job: Any) -> Played:
        """Runs one program in a room of its own."""
        return self.inside(lambda session: self.run(session, source, limits, **job))

    def attack(self, source: str, limits: Limits = LIMITS) -> Played:
        """Runs a hostile program while a neighbour lives, and a successor after it."""

        async def act(session: Session) -> Played:
            next_door = await self.sandbox.open(self._next_door)
            try:
                listen = "say(channel.recv(5).decode())"
                line, neighbour = await _start(next_door, _job(listen, LIMITS))
                with line:
                    before = (await self.run(session, _hostile.INSPECT)).said
                    played = await self.run(session, source, limits)
                    assert self.alive() == []
                    after = (await self.run(session, _hostile.INSPECT)).said
                    with suppress(BrokenPipeError):
                        line.sendall(b"alive")
                    heard, end = await _hear(line), await neighbour.wait()
                    assert heard == ["alive"], f"the neighbour was harmed: {end}"
                    assert end.reason is ExitReason.ENDED
            finally:
                await next_door.close()
            return replace(played, before=before, after=after)

        played = self.inside(act)
        assert played.after == played.before, "the successor sees something of it"
        assert len(played.after) == 1
        assert (self.mounted / "answer").read_text() == "42"
        assert [path.name for path in self.mounted.iterdir()] == ["answer"]
        return played

    async def run(
        self, session: Session, source: str, limits: Limits = LIMITS, **job: Any
    ) -> Played:
        """Runs a program to its end, and hears what it says."""
        started = time.monotonic()
        line, process = await _start(session, _job(source, limits, **job))
        with line:
            said = await _hear(line)
            ended = await process.wait()
        return Played(said, ended, time.monotonic() - started)

    def alive(self) -> list[int]:
        """Host numbers of processes that were started in this stage's own rooms."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                name = (process / "comm").read_text().strip()
            except OSError:  # it has just ended
                continue
            if name == self._marker:
                found.append(int(process.name))
        return found

    def _room(self, boot: Path, marker: str) -> Room:
        boot.write_text(_hostile.BOOT.replace("MARKER", marker))
        return Room(boot=boot, mounts={"mounted": self.mounted})


class SandboxContract:
    """Derive from it, and give a fixture `sandbox`, best with scope "module".

    Override `break_session` if what holds a session is not a process below the engine's.

    Attributes:
        own_paths: paths that are looked for as the machine's, but that rooms have of their own.
        spare_descriptors: how far the number that a pool of rooms keeps open may vary.
    """

    own_paths: ClassVar[frozenset[str]] = frozenset()
    spare_descriptors: ClassVar[int] = 0

    @pytest.fixture
    def stage(self, sandbox: Sandbox, tmp_path: Path) -> Stage:
        return Stage(sandbox, tmp_path)

    def break_session(self, processes: Sequence[int]) -> None:
        """Kills what holds an open session, as an administrator or the kernel might.

        Args:
            processes: those below this one that came with the session.
        """
        for process in processes:
            with suppress(ProcessLookupError):  # one can take the others with it
                os.kill(process, signal.SIGKILL)

    # What it is for

    def test_probe_speaks_of_every_guarantee_once(self, stage: Stage) -> None:
        held, missing = set(stage.probe.holds), set(stage.probe.missing)
        assert held | missing == set(Guarantee)
        assert not held & missing
        assert all([*stage.probe.holds.values(), *stage.probe.missing.values()])
        assert stage.probe.sandbox == stage.sandbox.name

    def test_a_session_reports_what_the_probe_promised(self, stage: Stage) -> None:
        async def act(session: Session) -> Any:
            return session.isolation

        isolation = stage.inside(act)
        assert isolation.level is stage.probe.level
        assert set(isolation.enforced) == set(stage.probe.holds)
        assert set(isolation.missing) == set(stage.probe.missing)

    def test_program_finds_its_files_channel_and_mounts(self, stage: Stage) -> None:
        source = """
mounted = open(paths["mounted"] + "/answer").read()
say([open("deep/er/data").read(), sorted(os.listdir(".")), mounted])
say(attempt(lambda: open("new", "w").write("x")))
"""
        played = stage.play(source, files={"deep/er/data": b"content"})
        assert played.said == [["content", ["deep", "main.py"], "42"], "done"]
        assert played.exit.reason is ExitReason.ENDED
        assert played.exit.signal == 0
        assert 0 < played.exit.wall_s <= played.took_s
        assert 0 < played.exit.cpu_s < 1
        assert 1 < played.exit.peak_mb < 200

    def test_output_and_traceback_are_kept(self, stage: Stage) -> None:
        output = stage.play("print('out'); os.write(2, b'err'); 1 / 0").exit.output
        assert b"out" in output
        assert b"err" in output
        assert b"ZeroDivisionError" in output
        assert stage.play("print('x' * 100000 + 'end')").exit.output.endswith(b"xend\n")
        assert len(stage.play("print('x' * 100000 + 'end')").exit.output) <= 8192

    def test_stop_ends_it_and_is_harmless_twice(self, stage: Stage) -> None:
        async def act(session: Session) -> tuple[Exit, Exit]:
            line, process = await _start(session, _job("say(1); time.sleep(60)", LIMITS))
            with line:
                await _first_line(line)
                process.stop()
                process.stop()
                stopped = await process.wait()
                process.stop()
                again = await process.wait()
            assert (await stage.run(session, "say(2)")).said == [2]
            return stopped, again

        stopped, again = stage.inside(act)
        assert stopped.reason is ExitReason.STOPPED
        assert stopped == again
        assert stopped.wall_s < 5

    def test_eight_mebibytes_of_files(self, stage: Stage) -> None:
        files = {"large": os.urandom(7 << 20)}
        files |= {f"many/{number}": b"%d" % number * 1000 for number in range(256)}
        source = """
import hashlib
say(hashlib.sha256(open("large", "rb").read()).hexdigest())
say(sum(os.path.getsize("many/" + name) for name in os.listdir("many")))
"""
        said = stage.play(source, files=files).said
        assert said[0] == hashlib.sha256(files["large"]).hexdigest()
        assert said[1] == sum(map(len, files.values())) - len(files["large"])

    def test_seed_decides_the_stream(self, stage: Stage) -> None:
        async def act(session: Session) -> list[Any]:
            source = "say([random.random(), hash('text'), list({'a', 'b', 'c', 'd'})])"
            return [(await stage.run(session, source, seed=seed)).said[0] for seed in (1, 1, 2)]

        first, again, other = stage.inside(act)
        assert first == again
        assert first[0] != other[0]
        assert first[1:] == other[1:]

    def test_boot_that_does_not_load_is_the_sandbox_s_fault(
        self, stage: Stage, tmp_path: Path
    ) -> None:
        boot = tmp_path / "broken.py"
        boot.write_text("import no_such_module_anywhere")
        with pytest.raises(SandboxUnavailable, match="no_such_module_anywhere"):
            asyncio.run(stage.sandbox.open(Room(boot=boot)))

    def test_requirement_that_is_not_installed(self, stage: Stage) -> None:
        room = replace(
            stage.room, environment=Environment(python=("no-such-distribution-anywhere",))
        )
        with pytest.raises(SandboxUnavailable, match="no-such-distribution-anywhere"):
            asyncio.run(stage.sandbox.open(room))

    def test_hash_seed(self, stage: Stage) -> None:
        orders = [
            stage.inside(
                lambda session: stage.run(session, "say(hash('the order of a set'))"),
                replace(stage.room, hash_seed=seed),
            ).said
            for seed in (0, 7, 0)
        ]
        assert orders[0] == orders[2] != orders[1]

    def test_core(self, stage: Stage) -> None:
        core = max(os.sched_getaffinity(0))
        room = replace(stage.room, core=core)
        said = stage.inside(
            lambda session: stage.run(session, "say(list(os.sched_getaffinity(0)))"), room
        ).said
        assert said == [[core]]

    def test_many_runs_leak_nothing(self, stage: Stage) -> None:
        async def act(session: Session) -> tuple[int, int]:
            counts = []
            for _ in range(2):
                for _ in range(20):
                    await stage.run(session, "say(1)")
                counts.append(await _descriptors_at_rest())
            return counts[0], counts[1]

        before, after = stage.inside(act)
        assert after <= before + self.spare_descriptors

    def test_broken_session_is_no_result(self, stage: Stage) -> None:
        async def visit() -> None:
            others = _descendants(os.getpid())
            session = await stage.sandbox.open(stage.room)
            line, process = await _start(session, _job("say(1); time.sleep(60)", LIMITS))
            with line:
                await _first_line(line)
                self.break_session([one for one in _descendants(os.getpid()) if one not in others])
                with pytest.raises(SandboxUnavailable):
                    await asyncio.wait_for(process.wait(), 10)
            with pytest.raises(SandboxUnavailable):
                await stage.run(session, "say(2)")
            await session.close()

        asyncio.run(visit())

    def test_closing_ends_what_runs(self, stage: Stage) -> None:
        async def act(session: Session) -> Process:
            line, process = await _start(session, _job("say(1); time.sleep(60)", LIMITS))
            with line:
                await _first_line(line)
                assert len(stage.alive()) == 1
            return process

        stage.inside(act)

    def test_ordinary_programs_work(self, stage: Stage) -> None:
        assert stage.play(_hostile.ORDINARY).said == [["threads", [1, 2], "shell\n", "written"]]

    # Limits

    @pytest.mark.parametrize("kind", sorted(_hostile.ENDLESS))
    def test_wall_limit(self, stage: Stage, kind: str) -> None:
        stage.needs(Guarantee.WALL)
        limits = replace(LIMITS, wall_s=0.4)
        played = stage.attack(_hostile.ENDLESS[kind], limits)
        assert played.exit.reason is ExitReason.WALL
        assert 0.4 <= played.exit.wall_s <= 0.4 + OVERRUN_S
        assert played.took_s <= 0.4 + OVERRUN_S + 0.5

    @pytest.mark.parametrize("kind", ["python", "c"])
    def test_cpu_limit(self, stage: Stage, kind: str) -> None:
        stage.needs(Guarantee.CPU)
        played = stage.play(_hostile.ENDLESS[kind], replace(LIMITS, cpu_s=0.3))
        assert played.exit.reason is ExitReason.CPU
        assert 0.3 <= played.exit.cpu_s <= 0.3 + OVERRUN_S

    def test_cpu_limit_of_a_tree(self, stage: Stage) -> None:
        stage.needs(Guarantee.CPU)
        source = "for _ in range(3): os.fork()\nwhile True: pass"
        played = stage.attack(source, replace(LIMITS, cpu_s=0.5))
        assert played.exit.reason is ExitReason.CPU
        assert played.exit.cpu_s <= 0.5 + OVERRUN_S

    def test_cpu_of_children_is_counted(self, stage: Stage) -> None:
        source = """
for _ in range(2):
    if os.fork() == 0:
        while time.process_time() < 0.15: pass
        os._exit(0)
    os.wait()
"""
        assert 0.3 <= stage.play(source).exit.cpu_s < 1

    def test_memory_in_one_process(self, stage: Stage) -> None:
        stage.needs(Guarantee.MEMORY)
        played = stage.attack(_hostile.MEMORY_IN_ONE, replace(LIMITS, memory_mb=64))
        assert played.said == ["MemoryError"] or played.exit.reason is ExitReason.MEMORY
        assert played.exit.peak_mb < 64 + 64

    def test_memory_in_many_processes(self, stage: Stage) -> None:
        stage.needs(Guarantee.MEMORY)
        source = _hostile.MEMORY_IN_MANY.replace("SHARE", "40")
        played = stage.attack(source, replace(LIMITS, memory_mb=100))
        assert played.exit.reason is ExitReason.MEMORY
        assert played.said == []

    def test_memory_shared_after_a_fork_counts_once(self, stage: Stage) -> None:
        source = """
held = bytearray(b"x" * (60 << 20))
for _ in range(4):
    if os.fork() == 0:
        time.sleep(0.4)
        os._exit(0)
for _ in range(4):
    os.wait()
say("fine")
"""
        played = stage.play(source, replace(LIMITS, memory_mb=128))
        assert played.said == ["fine"]
        assert played.exit.reason is ExitReason.ENDED

    def test_processes(self, stage: Stage) -> None:
        stage.needs(Guarantee.PROCESSES)
        limits = replace(LIMITS, wall_s=1.0, processes=8)
        played = stage.attack(_hostile.FORK_BOMB, limits)
        assert played.said == [7]
        assert played.exit.reason is ExitReason.WALL
        assert played.exit.wall_s <= 1.0 + OVERRUN_S

    def test_output(self, stage: Stage) -> None:
        stage.needs(Guarantee.OUTPUT)
        played = stage.attack("for _ in range(16384): os.write(1, b'x' * 65536)")
        assert played.exit.reason is ExitReason.OUTPUT
        assert len(played.exit.output) <= 8192

    def test_files(self, stage: Stage) -> None:
        stage.needs(Guarantee.FILES)
        played = stage.attack(_hostile.FILL_FOLDERS)
        assert 1 <= played.said[0] <= LIMITS.files_mb + 1

    def test_one_huge_file(self, stage: Stage) -> None:
        played = stage.attack(_hostile.HUGE_FILE)
        assert played.said == [["done", "EFBIG", "EFBIG"]]

    def test_many_files(self, stage: Stage) -> None:
        stage.needs(Guarantee.FILES)
        assert stage.attack(_hostile.MANY_FILES).said[0] < 100_000

    # Attacks

    def test_sockets(self, stage: Stage) -> None:
        stage.needs(Guarantee.SECCOMP)
        opened, (stream, datagram, packets) = stage.attack(_hostile.SOCKETS).said[0]
        assert opened == []
        assert (stream, datagram, packets) == ("done", "EPERM", "done")

    def test_system_calls(self, stage: Stage) -> None:
        stage.needs(Guarantee.SECCOMP)
        answers = stage.attack(_hostile.FORBIDDEN_CALLS).said[0]
        wrong = {
            name: answer for name, answer in answers.items() if answer not in {"EPERM", "ENOSYS"}
        }
        assert wrong == {}
        assert {answers[name] for name in ("clone3", "unknown", "x32")} == {"ENOSYS"}

    def test_files_outside(self, stage: Stage) -> None:
        stage.needs(Guarantee.NAMESPACES)
        python = Path(sys.base_prefix)
        paths = [
            stage.secret, stage.room.boot, stage.mounted, Path.cwd(), Path(__file__),
            *(path for path in Path.home().iterdir() if not python.is_relative_to(path)),
            *map(Path, ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/home", "/var", "/run")),
            *map(Path, ("/root/.ssh", "/sys", "/boot", "/opt", "/srv", "/dev/sda")),
            *map(Path, ("/dev/mem", "/dev/kmsg", "/dev/kvm", "/dev/fuse", "/dev/net/tun")),
        ]  # fmt: skip
        paths = [path for path in paths if str(path) not in self.own_paths]
        for place in (Path("/usr"), Path("/usr/local"), python):
            paths += place.glob("lib*/python3*/*-packages/*")
        source = f"PATHS = {[str(path) for path in paths]!r}\n{_hostile.OUTSIDE_FILES}"
        assert stage.attack(source).said == [[]]

    def test_environment(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ADRS_TEST_API_KEY", "a secret that is not to be seen")
        said = stage.play("say(dict(os.environ))").said[0]
        assert "a secret" not in str(said)
        assert said["PYTHONHASHSEED"] == "0"

    def test_library_is_not_to_be_seen(self, stage: Stage) -> None:
        said = stage.play("say([attempt(__import__, one) for one in ('adrs', 'pytest', 'pip')])")
        assert said.said == [["ModuleNotFoundError"] * 3]

    def test_proc(self, stage: Stage) -> None:
        stage.needs(Guarantee.NAMESPACES)
        assert stage.attack(_hostile.PROC_TRICKS).said == [[]]

    def test_kill_everything(self, stage: Stage) -> None:
        stage.needs(Guarantee.NAMESPACES)
        limits = replace(LIMITS, wall_s=2.0)  # it may end up asleep
        assert stage.attack(_hostile.KILL_EVERYTHING, limits).said == ["alive"]

    def test_daemons(self, stage: Stage) -> None:
        played = stage.attack(_hostile.DAEMON)
        assert played.said == ["started"]
        assert played.exit.reason is ExitReason.ENDED

    def test_junk_on_every_descriptor(self, stage: Stage) -> None:
        played = stage.attack(_hostile.JUNK_ON_DESCRIPTORS)
        assert played.exit.reason is ExitReason.ENDED

    def test_things_left_behind(self, stage: Stage) -> None:
        stage.needs(Guarantee.NAMESPACES)
        assert stage.attack(_hostile.LEAVE_THINGS).said == ["left"]

    def test_nothing_else_can_be_written(self, stage: Stage) -> None:
        stage.needs(Guarantee.NAMESPACES)
        said = stage.attack(_hostile.OPEN_FOLDERS).said[0]
        assert set(said) <= self.own_paths

    @pytest.mark.parametrize("way", ["os._exit(0)", "sys.exit(0)", "os.kill(os.getpid(), 9)"])
    def test_leaving_early(self, stage: Stage, way: str) -> None:
        played = stage.attack(f"say('leaving'); {way}")
        assert played.said == ["leaving"]
        assert played.exit.reason is ExitReason.ENDED

    def test_channel_is_not_inherited_by_other_programs(self, stage: Stage) -> None:
        source = """
import subprocess
say(subprocess.run(["/bin/sh", "-c", "echo x >&3"], capture_output=True).returncode != 0)
"""
        assert stage.play(source).said == [True]


def _job(source: str, limits: Limits, seed: int = 0, files: dict[str, bytes] | None = None) -> Job:
    return Job({**(files or {}), "main.py": source.encode()}, limits, seed)


async def _start(session: Session, job: Job) -> tuple[socket.socket, Process]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        return ours, await session.run(job, theirs)
    except BaseException:
        ours.close()
        raise


async def _hear(line: socket.socket) -> list[Any]:
    """All that a program says until nobody is left to say anything; junk is left out."""
    heard = b""
    loop = asyncio.get_running_loop()
    while chunk := await _receive(loop, line):
        heard = (heard + chunk)[:_MOST_HEARD]
    said = []
    for text in heard.splitlines():
        try:
            said.append(json.loads(text))
        except ValueError:
            continue
    return said


async def _first_line(line: socket.socket) -> None:
    while not (await asyncio.get_running_loop().sock_recv(line, 1)).endswith(b"\n"):
        pass


async def _receive(loop: asyncio.AbstractEventLoop, line: socket.socket) -> bytes:
    try:
        return await loop.sock_recv(line, 65536)
    except ConnectionResetError:  # it ended without reading what it was sent
        return b""


def _descendants(root: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{root}/task").glob("*/children"):
        try:
            direct = [int(process) for process in children.read_text().split()]
        except OSError:
            continue
        for process in direct:
            found += [process, *_descendants(process)]
    return found


async def _descriptors_at_rest() -> int:
    """The fewest that are seen open while what has just ended is put away."""
    counts = []
    for _ in range(20):
        await asyncio.sleep(0.05)
        counts.append(_open_descriptors())
        if len(counts) > 1 and counts[-1] >= counts[-2] == min(counts):
            break
    return min(counts)


def _open_descriptors() -> int:
    """Of this process and, where they can be read, of those below it."""
    count = 0
    for process in (os.getpid(), *_descendants(os.getpid())):
        try:
            count += len(list(Path(f"/proc/{process}/fd").iterdir()))
        except PermissionError:
            continue
    return count
