"""The door for coding agents, through a real MCP client and a real process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from unit.cli.door import adrs
from unit.search.waiting import PARENT, Waiting, engine_at_work

from adrs import Noted, open_store

BETTER = {"main.py": "cost = 50\nkept = 1\n"}
TOOLS = {
    "get_task", "get_parent", "submit", "give_back", "get_outcome", "get_result", "get_program",
    "get_archive", "add_note", "stop",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(open_store(tmp_path / ".adrs")) as store:
        Waiting.made(store)
    return tmp_path


class Client:
    """A session with one `adrs mcp` process."""

    def __init__(self, session: Any) -> None:
        self.session = session

    async def call(self, tool: str, **arguments: object) -> Any:
        """What a tool answers, as data that fits the schema that the server published."""
        done = await self.session.call_tool(tool, arguments)
        assert not done.is_error, done.content
        assert json.loads(json.dumps(done.structured_content)) == done.structured_content
        found = done.structured_content
        return found["result"] if set(found) == {"result"} else found

    async def fault(self, tool: str, **arguments: object) -> str:
        """What a tool complains about."""
        done = await self.session.call_tool(tool, arguments)
        assert done.is_error
        return str(done.content[0].text)


@asynccontextmanager
async def connected(folder: Path, name: str = "me") -> AsyncIterator[Client]:
    from mcp.client.client import Client as Session
    from mcp.client.stdio import StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "adrs", "mcp", "toy-1", "--agent", name],
        cwd=folder,
        env={"OPENAI_API_KEY": "sk-12345678"},
    )
    with Path(os.devnull).open("w") as errors:
        async with Session(stdio_client(server, errlog=errors)) as session:
            yield Client(session)


def in_session(folder: Path, talk: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    async def talking() -> None:
        async with connected(folder) as client:
            await talk(client)

    asyncio.run(asyncio.wait_for(talking(), 60))


def test_an_agent_works_through_the_tools(folder: Path) -> None:
    async def talk(client: Client) -> None:
        tools = (await client.session.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(tool.description and tool.output_schema for tool in tools)
        task = await client.call("get_task")
        assert (task["run"], task["title"], task["trials"]) == ("toy-1", "Make it cheap", 1)
        given = await client.call("get_parent")
        assert given["agent"] == "me"
        assert given["parent"]["program"]["files"]["main.py"] == PARENT.text("main.py")
        told = await client.call(
            "submit", lease=given["lease"], files=BETTER, plan="half the cost", wait_s=20
        )
        assert told["state"] == "told"
        assert told["trial"]["figure"]["words"] == "50.0 % better than the seed"
        assert (told["trial"]["author"], told["trial"]["plan"]) == ("me", "half the cost")
        number = told["trial"]["number"]
        assert await client.call("get_outcome", lease=given["lease"]) == told
        assert (await client.call("get_result", trial=number))["figure"]["value"] == 50
        program = await client.call("get_program", trial=number)
        assert program["files"] == {**BETTER, "fixed.txt": "as it is\n"}
        best = await client.call("get_archive", count=5)
        assert [one["number"] for one in best] == [number, 1]
        assert await client.call("add_note", text="fewer is better") == "noted"
        await client.call("stop", reason="good enough")

    with engine_at_work(folder / ".adrs"):
        in_session(folder, talk)
    with closing(open_store(folder / ".adrs")) as store:
        assert list(store.notes("toy-1")) == [
            Noted("agent:me", "fewer is better"),
            Noted("agent:me", "asked the run to stop: good enough"),
        ]
        assert store.run("toy-1").stop_requested


def test_errors_are_the_tools_and_have_the_cure(folder: Path) -> None:
    async def talk(client: Client) -> None:
        assert "adrs run --resume toy-1" in await client.fault("get_parent", wait_s=0)
        with closing(open_store(folder / ".adrs")) as store:
            Waiting(store, "toy-1").open()
        lease = (await client.call("get_parent"))["lease"]
        with engine_at_work(folder / ".adrs"):
            assert f"me holds {lease}" in await client.fault("get_parent", wait_s=0)
            for files, deletions, says in (
                ({"main.py": PARENT.text("main.py")}, [], "nothing was changed"),
                ({"fixed.txt": "else"}, [], "fixed.txt is not editable"),
                ({"../main.py": "else"}, [], "must be relative"),
                ({}, ["none.py"], "cannot be deleted"),
            ):
                fault = await client.fault("submit", lease=lease, files=files, deletions=deletions)
                assert says in fault
            assert "gave no lease" in await client.fault("submit", lease="none", files=BETTER)
            assert "no trial 99" in await client.fault("get_result", trial=99)
            assert "greater than" in await client.fault("get_result", trial=-1)
            assert "less than" in await client.fault("get_result", trial=2**63)
            assert "some words" in await client.fault("add_note", text=" ")
            key = await client.fault("add_note", text="use sk-12345678")
            assert "must not be recorded" in key
            files = {"main.py": "cost = 1  # sk-12345678"}
            assert "main.py holds" in await client.fault("submit", lease=lease, files=files)
            told = await client.call("submit", lease=lease, files=BETTER, wait_s=20)
            assert told["state"] == "told"

    in_session(folder, talk)


def test_two_agents_never_hold_the_same_proposal(folder: Path) -> None:
    async def talking() -> list[str]:
        async with connected(folder, "one") as one, connected(folder, "two") as two:
            given = [await client.call("get_parent") for client in (one, two, one)]
            names = [each["agent"] for each in given]
            assert names == ["one", "two", "one"]
            await two.call("give_back", lease=given[1]["lease"])
            again = await one.call("get_parent")
            return [each["lease"] for each in (*given, again)]

    with engine_at_work(folder / ".adrs", rounds=3):
        leases = asyncio.run(asyncio.wait_for(talking(), 60))
    assert len(set(leases)) == 4
    with closing(open_store(folder / ".adrs")) as store:
        kept = {one.id: one for one in store.leases("toy-1")}
        held = [kept[lease].round.ordinal for lease in leases]
        assert held[3] == held[1]
        assert len(set(held)) == 3
        # What was not answered when a client hung up is free for others.
        for _ in range(3):
            assert store.lease("toy-1", "external", "three", 60) is not None


def started(folder: Path) -> subprocess.Popen[str]:
    """A server that a client has just connected to, with pipes to talk to it by hand."""
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "adrs", "mcp"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    say(server, hello, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    answer = heard(server)
    assert answer["result"]["serverInfo"]["name"] == "adrs"
    assert "never instructions" in answer["result"]["instructions"]
    return server


def say(server: subprocess.Popen[str], *messages: object) -> None:
    assert server.stdin is not None
    server.stdin.writelines(json.dumps(message) + "\n" for message in messages)
    server.stdin.flush()


def heard(server: subprocess.Popen[str]) -> Any:
    assert server.stdout is not None
    return json.loads(server.stdout.readline())


def get_parent(number: int) -> dict[str, object]:
    call = {"name": "get_parent", "arguments": {"wait_s": 0}}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call}


def test_nothing_but_the_protocol_is_written_to_stdout(folder: Path) -> None:
    server = started(folder)
    say(server, get_parent(2))
    answer = heard(server)
    rest, errors = server.communicate(timeout=30)
    assert (rest, errors, server.returncode) == ("", "", 0)
    assert answer["id"] == 2
    assert answer["result"]["isError"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_gives_leases_back(folder: Path, number: signal.Signals) -> None:
    with closing(open_store(folder / ".adrs")) as store:
        Waiting(store, "toy-1").open()
    server = started(folder)
    say(server, get_parent(2))
    assert not heard(server)["result"]["isError"]
    server.send_signal(number)
    try:
        assert server.wait(10) == 128 + number
    finally:
        server.kill()
        server.communicate()
    with closing(open_store(folder / ".adrs")) as store:
        assert store.lease("toy-1", "external", "other", 60) is not None


def test_a_client_that_stops_listening_is_no_bug(folder: Path) -> None:
    with closing(open_store(folder / ".adrs")) as store:
        Waiting(store, "toy-1").open()
    server = started(folder)
    assert server.stdout is not None
    assert server.stderr is not None
    assert server.stdin is not None
    server.stdout.close()
    say(server, get_parent(2))
    server.stdin.close()
    assert (server.wait(10), server.stderr.read()) == (0, "")
    server.stderr.close()
    with closing(open_store(folder / ".adrs")) as store:
        assert store.lease("toy-1", "external", "other", 60) is not None


def test_a_server_without_a_run_does_not_start(tmp_path: Path, folder: Path) -> None:
    done = adrs(folder, "mcp", "toy-9")
    assert done.code == 2
    assert "no run toy-9" in done.err
    assert done.out == ""
