"""What builds and commands in a sandbox may do, and what comes back of them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest
from adrs_evaluators.building import Build, Builds, Command, Finished, command_room, run_command

import adrs
from adrs import Limits, Program, Status
from adrs.testing.evaluator_contract import WatchedSandbox

LIMITS = Limits(wall_s=3, cpu_s=2, memory_mb=256, processes=8, output_mb=1, files_mb=4)
HELLO_C = b'#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
needs_compiler = pytest.mark.skipif(
    shutil.which("gcc") is None, reason="there is no gcc, so nothing about C was tried"
)
T = TypeVar("T")


def shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


@dataclass
class Workbench:
    """A room, and what is needed to build and to run in it."""

    loop: asyncio.Runner
    setting: adrs.Setting
    session: adrs.Session
    other: adrs.Session
    builds: Builds
    watched: WatchedSandbox

    def do(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            return await work

        return self.loop.run(done())

    def build(self, argv: tuple[str, ...], **files: bytes) -> Build:
        program = Program(files or {"input": b"1"})
        return self.do(self.builds.build(program, argv, self.setting, self.session))

    def run(self, argv: tuple[str, ...], **command: object) -> Finished:
        wanted = Command(argv, LIMITS, {"program.txt": b"text\n"})
        return self.do(run_command(self.session, replace(wanted, **command), "the program"))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    task = adrs.load_task(Path(__file__).parents[3] / "tasks/spot_single")
    task = replace(task, brief=replace(task.brief, limits=LIMITS))
    with asyncio.Runner() as loop:
        try:
            watched = WatchedSandbox(loop.run(adrs.choose_sandbox("bubblewrap")))
        except adrs.SandboxUnavailable as error:
            pytest.skip(f"no sandbox, so nothing about builds was tried: {error}")
        setting = adrs.Setting(task, watched)
        sessions = [loop.run(watched.open(command_room(setting))) for _ in range(2)]
        yield Workbench(loop, setting, *sessions, Builds(), watched)
        for session in sessions:
            loop.run(session.close())


@pytest.fixture
def bench(opened: Workbench) -> Iterator[Workbench]:
    opened.builds = Builds()
    yield opened
    assert opened.run(shell("echo well")).output == b"well\n", "the next one pays for this one"


# --- what is handed on ---------------------------------------------------------------------------


@needs_compiler
def test_a_c_program_is_compiled_once_and_runs_in_another_process(bench: Workbench) -> None:
    built = bench.build(("gcc", "-O2", "-o", "hello", "main.c"), **{"main.c": HELLO_C})
    assert built.failure is None
    assert built.files.keys() == {"main.c", "hello"}
    assert bench.run(("./hello",), files=built.files).output == b"hello\n"


@needs_compiler
def test_the_compilers_words_are_the_reason(bench: Workbench) -> None:
    built = bench.build(("gcc", "-c", "main.c"), **{"main.c": b"int main(void) { retrun 0; }"})
    assert built.failure is not None
    assert built.failure.status is Status.CRASHED
    assert built.failure.reason.startswith("the build ended with status 1\n")
    assert "retrun" in built.failure.reason


@needs_compiler
def test_source_that_never_ends_ends_at_a_limit(bench: Workbench) -> None:
    built = bench.build(("gcc", "-c", "main.c"), **{"main.c": b'#include "/dev/zero"\n'})
    assert built.failure is not None
    assert built.failure.status in {Status.TIMED_OUT, Status.OVER_MEMORY, Status.CRASHED}


@needs_compiler
def test_source_cannot_include_what_is_outside(bench: Workbench) -> None:
    for secret in ("/etc/passwd", "/proc/1/environ", "/proc/self/environ"):
        built = bench.build(
            ("gcc", "-c", "main.c"), **{"main.c": f'#include "{secret}"\n'.encode()}
        )
        assert built.failure is not None
        assert "No such file" in built.failure.reason


def test_new_and_changed_files_are_handed_on_with_the_programs(bench: Workbench) -> None:
    built = bench.build(
        shell("echo 2 > changed; mkdir -p a/b; echo 3 > a/b/new; rm gone"),
        kept=b"0\n",
        changed=b"1\n",
        gone=b"still part of the program\n",
    )
    assert built.files == {
        "a/b/new": b"3\n",
        "changed": b"2\n",
        "gone": b"still part of the program\n",
        "kept": b"0\n",
    }


def test_a_change_behind_the_clocks_back_is_seen(bench: Workbench) -> None:
    built = bench.build(
        shell("touch -r input then; printf 2 > input; touch -r then input; rm then")
    )
    assert built.files == {"input": b"2"}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ln -s /usr/bin/env link", "'link' is a link, a pipe or a device"),
        ("ln -s . folder", "'folder' is a link, a pipe or a device"),
        ("mkdir a; mkfifo a/pipe", "'a/pipe' is a link, a pipe or a device"),
        ("truncate -s 3M a b", "over 4 MiB of files, the limit files_mb"),
        ("for n in $(seq 1001); do : > $n; done", "over 1000 files"),
        ("for n in $(seq 1000); do : > $n; done", "1 to 1000 files, this one 1001"),
        ("echo > .gitconfig", "'.gitconfig'"),
        (r"echo > \\", "a backslash"),
        (r"printf x > $(printf '\377')", "not UTF-8"),
        ("rm input; mkdir input; echo > input/x", "'input' is a file and the folder"),
    ],
)
def test_what_no_program_may_hold_is_refused(bench: Workbench, command: str, words: str) -> None:
    built = bench.build(shell(command))
    assert built.failure is not None
    assert built.failure.status is Status.CRASHED
    assert words in built.failure.reason
    assert not built.files


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("while :; do :; done", Status.TIMED_OUT),
        ("sleep 60", Status.TIMED_OUT),
        ("yes", Status.OVER_OUTPUT),
        ("exit 7", Status.CRASHED),
        ("cat /dev/zero > large", Status.CRASHED),
        ("kill -9 $PPID; kill -9 -1; kill -9 $$", Status.CRASHED),
    ],
)
def test_a_build_is_held_to_the_limits(bench: Workbench, command: str, status: Status) -> None:
    built = bench.build(shell(command))
    assert built.failure is not None
    assert built.failure.status is status
    assert 0 < len(built.failure.reason) < 9000


def test_nothing_but_its_files_stays_of_a_build(bench: Workbench) -> None:
    outside = "/tmp/trace /tmp/job/trace ../trace /dev/shm/trace $HOME/trace"
    made = bench.build(shell(f"for f in {outside}; do echo > $f; done; (sleep 1; echo > late)&"))
    assert made.files == {"input": b"1"}
    found = bench.run(shell(f"sleep 1.2; ls -d {outside} late 2>/dev/null; exit 0"))
    assert found.output == b""
    for place in ("/usr/trace", "/trace", "/mnt/trace"):
        assert bench.build(shell(f"echo > {place}")).failure is not None


# --- what is kept --------------------------------------------------------------------------------


def test_a_build_is_made_once(bench: Workbench) -> None:
    first = bench.build(shell("date +%N > made"))
    assert bench.build(shell("date +%N > made")) == first
    assert bench.build(shell("date +%N  > made")) != first, "another command"
    assert bench.build(shell("date +%N > made"), input=b"2") != first, "another program"
    bench.builds = Builds()
    assert bench.build(shell("date +%N > made")) != first, "kept no longer than its evaluator"


def test_a_failed_build_is_not_tried_again_but_one_over_a_limit_is(bench: Workbench) -> None:
    for command, jobs in (("exit 1", 1), ("sleep 9", 2)):
        before = len(bench.watched.jobs)
        for _ in range(2):
            assert bench.build(shell(command)).failure is not None
        assert len(bench.watched.jobs) - before == jobs


def test_who_asks_at_the_same_time_waits_for_the_same_build(bench: Workbench) -> None:
    program = Program({"input": b"1"})
    argv = shell("sleep 0.3; date +%N > made")

    async def both() -> list[Build]:
        rooms = (bench.session, bench.other)
        work = [bench.builds.build(program, argv, bench.setting, room) for room in rooms]
        return list(await asyncio.gather(*work))

    before = len(bench.watched.jobs)
    one, other = bench.loop.run(both())
    assert one == other
    assert len(bench.watched.jobs) == before + 1


def test_a_build_that_is_given_up_is_made_by_who_waits_for_it(bench: Workbench) -> None:
    program = Program({"input": b"1"})
    argv = shell("sleep 0.3; echo > made")

    async def one_gives_up() -> Build:
        bench.watched.started.clear()
        first = asyncio.ensure_future(
            bench.builds.build(program, argv, bench.setting, bench.session)
        )
        await bench.watched.started.wait()
        second = asyncio.ensure_future(
            bench.builds.build(program, argv, bench.setting, bench.other)
        )
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert bench.loop.run(one_gives_up()).files.keys() == {"input", "made"}


def test_what_was_asked_for_longest_ago_is_forgotten_first(bench: Workbench) -> None:
    bench.builds = Builds(most_mb=5)

    def made(size: int) -> Build:
        return bench.build(shell(f"truncate -s {size}M made; date +%N > when"))

    first, second = made(1), made(2)
    assert made(1) == first
    third = made(3)
    assert (made(3), made(1)) == (third, first)
    assert made(2) != second


# --- commands ------------------------------------------------------------------------------------


def test_a_command_has_input_a_private_folder_and_nothing_else(bench: Workbench) -> None:
    listing = "cat; ls; env; ls -A /mnt /proc /root /home /etc 2>/dev/null; exit 0"
    finished = bench.run(shell(listing), given=b"data\n")
    lines = finished.output.decode().splitlines()
    assert lines[:2] == ["data", "program.txt"]
    names = {line.partition("=")[0] for line in lines if "=" in line}
    numbers = {"MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED"}
    assert names == {"HOME", "LC_ALL", "PATH", "PWD", "USER", *numbers}
    assert "passwd" not in lines


def test_a_command_is_looked_for_outside_the_program(bench: Workbench) -> None:
    files = {"echo": b"#!/bin/sh\necho mine\n", "sub/run": b"#!/bin/sh\ncat ../echo | wc -l\n"}
    assert bench.run(("echo", "theirs"), files=files).output == b"theirs\n"
    assert bench.run(("./echo",), files=files).output == b"mine\n"
    assert bench.run(("{python}", "-c", "print(6 * 7)")).output == b"42\n"
    assert bench.run(("echo", "$HOME", "a;b", "{task}")).output == b"$HOME a;b {task}\n"


def test_a_command_has_three_descriptors_and_cannot_end_who_watches_it(bench: Workbench) -> None:
    look = """
import os, signal
held = []
for number in range(256):
    try:
        os.fstat(number)
        held.append(number)
    except OSError:
        pass
for number in set(signal.Signals) - {signal.SIGCHLD}:
    os.kill(os.getppid(), number)
print(os.getppid(), held)
"""
    finished = bench.run(("{python}", "-c", look))
    assert finished.output == b"1 [0, 1, 2]\n", finished


@pytest.mark.parametrize(
    ("command", "cure"),
    [("no-such-compiler", "apt-get install no-such-compiler"), ("program.txt", "program.txt")],
)
def test_a_command_that_is_missing_is_nobodys_failure(
    bench: Workbench, command: str, cure: str
) -> None:
    with pytest.raises(adrs.SandboxUnavailable, match=cure):
        bench.run((command,))
    with pytest.raises(adrs.SandboxUnavailable, match=cure):
        bench.build((command,))


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("./missing",), "No such file or directory: './missing'"),
        (("./program.txt",), "Exec format error: './program.txt'"),
        (shell("echo why >&2; exit 3"), "the program ended with status 3\nwhy"),
        (shell("kill -SEGV $$"), "the program was ended by signal 11 (SIGSEGV)"),
    ],
)
def test_a_program_that_fails_says_why(
    bench: Workbench, command: tuple[str, ...], words: str
) -> None:
    failure = bench.run(command).failure
    assert failure is not None
    assert failure.status is Status.CRASHED
    assert words in failure.reason


def test_it_is_over_when_its_process_has_ended(bench: Workbench) -> None:
    finished = bench.run(shell("(sleep 2; echo late) & echo now"))
    assert finished.output == b"now\n"
    assert finished.end.wall_s < 1.5
    endless = bench.run(shell("(while :; do echo x; done) & sleep 0.1"))
    assert endless.failure is None or endless.failure.status is Status.OVER_OUTPUT


def test_output_is_counted(bench: Workbench) -> None:
    assert len(bench.run(shell("head -c 1048576 /dev/zero")).output) == 1 << 20
    for command in ("head -c 1048577 /dev/zero", "yes", "yes >&2"):
        failure = bench.run(shell(command)).failure
        assert failure is not None
        assert failure.status is Status.OVER_OUTPUT


def test_the_dead_of_others_do_not_use_up_its_processes(bench: Workbench) -> None:
    finished = bench.run(shell("for n in $(seq 40); do (sh -c : &); sleep 0.01; done; echo done"))
    assert finished.output == b"done\n", finished.end.output


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff\xff\xff\x7f",
        b"\x02\x00\x00\x00[]",
        b'\x0c\x00\x00\x00{"parts": 5}',
        b'\x23\x00\x00\x00{"code": 0, "parts": [["output", 9]]}x',
        b'\x24\x00\x00\x00{"code": 0, "parts": [["output", -9]]}x',
    ],
)
def test_an_answer_that_is_not_whole_is_a_crash(answer: bytes) -> None:
    class Room:
        isolation = adrs.Isolation("fake", adrs.IsolationLevel.PROCESS, {}, {})

        async def run(self, job: adrs.Job, channel):  # type: ignore[no-untyped-def]
            channel.sendall(answer)
            channel.close()
            return self

        def stop(self) -> None: ...

        async def wait(self) -> adrs.Exit:
            return adrs.Exit(adrs.ExitReason.ENDED, 0, 0.0, 0.0, 0.0)

    command = Command(("true",), LIMITS, {})
    finished = asyncio.run(run_command(Room(), command, "the program"))  # type: ignore[arg-type]
    assert finished.failure is not None
    assert finished.failure.status is Status.CRASHED
