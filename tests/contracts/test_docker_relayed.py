"""The Docker sandbox where the engine does not share this machine's kernel or files."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from adrs_evaluators.judge import JudgeEvaluator
from adrs_sandboxes.bubblewrap import Bubblewrap
from adrs_sandboxes.docker import Docker
from contracts.engines import engine_or_skip
from contracts.test_docker import InContainers
from contracts.test_docker_single_use import OTHERS_PROC
from end_to_end.test_cli_run import make_task

import adrs
from adrs import ExitReason, Job, Request, Room, SandboxUnavailable, Setting, Split
from adrs.testing.sandbox_contract import LIMITS, Stage

TASKS = Path(__file__).parents[2] / "tasks"
# Sees an empty /var/tmp, in which the engine should find what adrs put there.
ELSEWHERE = """
import asyncio
from adrs_sandboxes import _linux
from adrs_sandboxes.docker import Docker
_linux.mount("tmpfs", "/var/tmp", 0)
probe = asyncio.run(Docker().probe())
print(probe.unavailable or probe.facts["channels"])
"""


class Proxy:
    """Has the engine's socket answer at an address of the network, as a machine elsewhere would."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._calls: set[asyncio.Task[None]] = set()
        self._server = self._do(self._serve())
        port = self._server.sockets[0].getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"

    def close(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._call, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._calls.add(task)
        engine_reader, engine_writer = await asyncio.open_unix_connection(self._path)
        try:
            await asyncio.gather(
                self._relay(reader, engine_writer), self._relay(engine_reader, writer)
            )
        finally:
            for one in (writer, engine_writer):
                one.close()
                with suppress(OSError):
                    await one.wait_closed()
            self._calls.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
            writer.write_eof()


@pytest.fixture
def far_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    address = engine_or_skip()
    if not address.startswith("unix://"):
        pytest.skip("NOT TESTED: the engine is elsewhere as it is")
    proxy = Proxy(address.removeprefix("unix://"))
    monkeypatch.setenv("DOCKER_HOST", proxy.address)
    yield proxy.address
    proxy.close()


@pytest.fixture(scope="module")
def sandbox(request: pytest.FixtureRequest) -> Docker:
    engine_or_skip()
    return Docker(shared=False, own_namespaces=getattr(request, "param", True))


@pytest.fixture
def stage(sandbox: Docker, tmp_path: Path) -> Stage:
    return Stage(sandbox, tmp_path)


@pytest.mark.slow
class TestRelayed(InContainers):
    pass


@pytest.mark.slow
@pytest.mark.parametrize("sandbox", [False], ids=["single use"], indirect=True)
class TestRelayedSingleUse(InContainers):
    # With nothing of the machine in them.
    spare_descriptors = 9  # of the containers that wait; a leak would be twenty
    own_paths = frozenset({"/sys", "/etc/hostname", "/dev/mqueue"})

    def test_proc(self, stage: Stage) -> None:
        """A process sees its container's, in which there is nobody but itself and the zygote."""
        assert stage.attack(OTHERS_PROC).said == [[]]


def test_ordinary_things_work(stage: Stage) -> None:
    assert stage.probe.facts["channels"].startswith("relayed through the engine")
    played = stage.play(
        "say([os.listdir(paths['mounted']), open('a').read(), attempt(os.mkdir, '/mnt/new')])",
        files={"a": b"b"},
    )
    assert played.said == [[["answer"], "b", "EROFS"]]
    assert played.exit.reason is ExitReason.ENDED


def test_a_flood_that_nobody_reads_is_stopped(stage: Stage) -> None:
    async def act(session: adrs.Session) -> adrs.Exit:
        ours, theirs = socket.socketpair()
        with ours:
            source = b"say(1)\nwhile True: channel.sendall(b'x' * 65536)"
            process = await session.run(Job({"main.py": source}, LIMITS), theirs)
            ours.setblocking(False)
            await asyncio.get_running_loop().sock_recv(ours, 1)
            await asyncio.sleep(0.2)
            process.stop()
            ended = await asyncio.wait_for(process.wait(), 2)
        assert (await stage.run(session, "say('next')")).said == ["next"]
        return ended

    assert stage.inside(act).reason is ExitReason.STOPPED


def test_relaying_costs_a_program_nothing(stage: Stage) -> None:
    """Its CPU seconds are its own, though a relay works for it in the same container."""
    source = "while channel.recv(1) != b'q': channel.sendall(b'x')\nsay(time.process_time())"

    def ask(ours: socket.socket) -> float:
        with ours:
            ours.setblocking(True)
            for _ in range(1500):
                ours.sendall(b"x")
                ours.recv(1)
            ours.sendall(b"q")
            return float(ours.recv(64))

    async def act(session: adrs.Session) -> tuple[float, float]:
        ours, theirs = socket.socketpair()
        process = await session.run(Job({"main.py": source.encode()}, LIMITS), theirs)
        own_s = await asyncio.to_thread(ask, ours)
        return own_s, (await process.wait()).cpu_s

    own_s, counted_s = stage.inside(act)
    assert own_s <= counted_s < own_s + 0.02


def test_memory_that_two_share_ends_the_room_with_words(stage: Stage) -> None:
    async def visit() -> None:
        session = await stage.sandbox.open(stage.room)
        ours, theirs = socket.socketpair()
        with ours:
            job = Job({"main.py": b"time.sleep(60)"}, LIMITS)
            process = await session.run(job, theirs)
            block = os.memfd_create("shared")
            socket.send_fds(ours, [b"x"], [block])
            os.close(block)
            with pytest.raises(SandboxUnavailable, match=r"share no memory.*bubblewrap"):
                await asyncio.wait_for(process.wait(), 5)
        await session.close()

    asyncio.run(visit())
    assert stage.alive() == []


def test_links_lead_where_they_would(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "script").write_text("#!/bin/sh\necho ran\n")
    (folder / "deep" / "script").chmod(0o700)
    (folder / "near").symlink_to("deep/script")
    (folder / "far").symlink_to(stage.secret)
    os.mkfifo(folder / "pipe")
    room = replace(stage.room, mounts={**stage.room.mounts, "linked": folder})
    source = """
import subprocess
os.chdir(paths["linked"])
say([sorted(os.listdir()), os.readlink("far"), attempt(open, "far")])
say(subprocess.run(["./near"], capture_output=True, text=True).stdout)
"""
    seen, ran = stage.inside(lambda session: stage.run(session, source), room).said
    assert seen == [["deep", "far", "near"], str(stage.secret), "ENOENT"]
    assert ran == "ran\n"


def test_what_cannot_be_read_is_said(sandbox: Docker, tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="gone"):
        asyncio.run(sandbox.open(Room(boot=tmp_path / "gone.py")))


def test_an_engine_with_other_files_is_relayed_to() -> None:
    engine_or_skip()
    if shutil.which("unshare") is None:
        pytest.skip("NOT TESTED: there is no unshare")
    own = [] if os.geteuid() == 0 else ["--map-current-user"]
    done = subprocess.run(
        ["unshare", "--mount", *own, sys.executable, "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip(f"NOT TESTED: {done.stderr.strip()}")
    assert done.stdout.startswith("relayed through the engine"), done.stderr


def test_a_far_engine_gives_the_same_figures(far_engine: str) -> None:
    task = adrs.load_task(TASKS / "telemetry")

    async def measured(sandbox: adrs.Sandbox) -> adrs.Evaluation:
        bench = await JudgeEvaluator().open(Setting(task, sandbox))
        try:
            return await bench.measure(task.seed, Request(Split.SMOKE))
        finally:
            await bench.close()

    docker = Docker()
    far = asyncio.run(measured(docker))
    near = asyncio.run(measured(Bubblewrap()))
    assert far.status is adrs.Status.SCORED, far.reason
    assert [sample.metrics for sample in far.samples] == [one.metrics for one in near.samples]
    probe = asyncio.run(docker.probe())
    assert far_engine in probe.facts["engine"]
    assert probe.facts["channels"].startswith("relayed")


@pytest.mark.slow
def test_a_search_at_a_far_engine(far_engine: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "adrs", "run", str(make_task(tmp_path)), "--trials", "8"),
            *("--sandbox", "docker", "--store", str(tmp_path / "store"), "--json"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["status"], summary["trials"]) == ("finished", 8)
    assert set(summary["by_status"]) == {"SCORED"}
    assert summary["isolation"]["sandbox"] == "docker"
