"""What an agent may do to a run, and how leases keep agents apart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from unit.search.waiting import Waiting, toy_task

from adrs import (
    ConfigError,
    LeaseOver,
    Noted,
    NotInStore,
    Program,
    ProgramError,
    Record,
    RunSettings,
    Store,
    Unavailable,
    open_store,
)
from adrs.search.agent import Agent, changed, checked_note, lease_named

BETTER = {"main.py": "cost = 50\nkept = 1\n"}
# What `Agent` may call of the write side.
ALLOWED = {"lease", "submit", "release", "append", "request_stop"}


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    with closing(open_store(tmp_path / "store")) as store:
        yield Waiting.made(store)


def agent(waiting: Waiting, name: str = "me") -> Agent:
    return Agent(waiting.store, waiting.run, name, "external")


class Watched:
    """A store that notes which methods are called."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> object:
        self.called.add(name)
        return getattr(self._store, name)


def test_an_agent_answers_what_it_took(waiting: Waiting) -> None:
    me = agent(waiting)
    assert me.take(1) is None
    ordinal = waiting.open()
    lease = me.take(1)
    assert lease is not None
    assert (lease.round.ordinal, lease.agent) == (ordinal, "me")
    better = changed(me.parent(lease), BETTER)
    me.hand_in(lease, better, "half\nthe cost")
    kept = waiting.store.submission(waiting.run, ordinal)
    assert kept is not None
    assert (kept.agent, kept.program, kept.plan) == ("me", better, "half the cost")
    with pytest.raises(LeaseOver, match="answered already"):
        me.hand_in(lease, changed(better, {"main.py": "cost = 1"}))
    assert me.take(1) is None


def test_what_cannot_be_taken_leaves_the_lease(waiting: Waiting) -> None:
    me = agent(waiting)
    waiting.open()
    lease = me.take(1)
    assert lease is not None
    parent = me.parent(lease)
    with pytest.raises(ProgramError, match="nothing was changed"):
        me.hand_in(lease, parent)
    with pytest.raises(ProgramError, match=r"fixed.txt is not editable.*lease still holds"):
        me.hand_in(lease, changed(parent, {"fixed.txt": "otherwise\n"}))
    with pytest.raises(ProgramError, match="fixed"):
        me.hand_in(lease, changed(parent, BETTER, ["fixed.txt"]))
    me.hand_in(lease, changed(parent, BETTER))


def test_a_late_answer_counts_while_nobody_else_holds_the_round(waiting: Waiting) -> None:
    waiting.open()
    slow, quick = agent(waiting, "slow"), agent(waiting, "quick")
    late = slow.take(1e-9)
    assert late is not None
    slow.hand_in(late, changed(slow.parent(late), BETTER))
    waiting.open()
    late = slow.take(1e-9)
    taken = quick.take(1)
    assert late is not None
    assert taken is not None
    assert late.round == taken.round
    with pytest.raises(LeaseOver, match="another agent has its proposal now"):
        slow.hand_in(late, changed(slow.parent(late), BETTER))
    quick.hand_in(taken, changed(quick.parent(taken), BETTER))
    with pytest.raises(LeaseOver, match="another agent has answered"):
        slow.hand_in(late, changed(slow.parent(late), BETTER))


def test_a_round_that_is_given_back_is_free(waiting: Waiting) -> None:
    waiting.open()
    lease = agent(waiting, "one").take(10)
    assert lease is not None
    assert agent(waiting, "two").take(10) is None
    agent(waiting, "one").give_back(lease.id)
    again = agent(waiting, "two").take(10)
    assert again is not None
    assert again.round == lease.round


def test_agents_at_once_never_get_the_same_round(waiting: Waiting, tmp_path: Path) -> None:
    for _ in range(20):
        waiting.open()
    taken: dict[str, list[int]] = {}
    start = threading.Barrier(6)

    def work(name: str) -> None:
        with closing(open_store(tmp_path / "store")) as store:
            one, mine = Agent(store, waiting.run, name, "external"), []
            start.wait(10)
            while (lease := one.take(10)) is not None:
                mine.append(lease.round.ordinal)
            taken[name] = mine

    threads = [threading.Thread(target=work, args=(f"agent-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ordinals = [ordinal for mine in taken.values() for ordinal in mine]
    assert len(taken) == 6
    assert len(ordinals) == len(set(ordinals)) == 20


def test_an_agent_writes_nothing_but_answers_and_notes_of_its_own(waiting: Waiting) -> None:
    watched = Watched(waiting.store)
    me = Agent(watched, waiting.run, "me\x1b[2J", "external")  # type: ignore[arg-type]
    ordinal = waiting.open()
    waiting.open()
    for _ in range(2):
        lease = me.take(1)
        assert lease is not None
        if lease.round.ordinal == ordinal:
            me.hand_in(lease, changed(me.parent(lease), BETTER))
        else:
            me.give_back(lease.id)
    me.idle()
    me.note("sorting does not help")
    me.ask_to_stop("it is good enough")
    writes = {name for name in dir(Store) if not name.startswith("_")} - set(dir(Record))
    assert watched.called & writes == ALLOWED
    assert list(waiting.store.notes(waiting.run)) == [
        Noted("agent:me\\x1b[2J", "sorting does not help"),
        Noted("agent:me\\x1b[2J", "asked the run to stop: it is good enough"),
    ]
    assert waiting.store.run(waiting.run).stop_requested


def test_why_there_is_nothing_to_take_is_said_with_the_cure(waiting: Waiting) -> None:
    me, other = agent(waiting), agent(waiting, "other")
    assert "adrs run --resume toy-1" in str(me.idle())
    assert isinstance(me.idle(), Unavailable)
    with waiting.store.claim(waiting.run):
        assert "busy with evaluations" in str(me.idle())
        waiting.open()
        lease = me.take(10)
        assert lease is not None
        assert f"me holds {lease.id}: answer one or give it back" in str(me.idle())
        assert "others hold 1" in str(other.idle())


def test_a_run_without_the_door_says_so(waiting: Waiting) -> None:
    settings = RunSettings("/toy", trials=3, proposers=("tune", "cross"))
    run = waiting.store.create_run(toy_task(), settings).name
    with pytest.raises(ConfigError, match=r"only from tune, cross; .*--proposer external"):
        Agent(waiting.store, run, "me", "external").take(1)


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), 1e6])
def test_a_lease_has_an_end(waiting: Waiting, minutes: float) -> None:
    with pytest.raises(ConfigError, match="a lease takes"):
        agent(waiting).take(minutes)


def test_what_is_not_there_is_said(waiting: Waiting) -> None:
    with pytest.raises(NotInStore, match="adrs ask toy-1"):
        lease_named(waiting.store, waiting.run, "\x1b[2J" * 50)
    with pytest.raises(NotInStore):
        agent(waiting).give_back("none")
    waiting.open()
    lease = agent(waiting).take(1)
    assert lease is not None
    agent(waiting).hand_in(lease, changed(agent(waiting).parent(lease), BETTER))
    with pytest.raises(LeaseOver, match="answered already"):
        agent(waiting).give_back(lease.id)
    with pytest.raises(NotInStore):
        Agent(waiting.store, "toy-9", "me", "external")
    with pytest.raises(ConfigError, match="needs a name"):
        agent(waiting, "  ")


@pytest.mark.parametrize(
    ("text", "says"), [("", "some words"), (" \n", "some words"), ("x" * 2001, "at most 2,000")]
)
def test_notes_are_bounded(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        checked_note("user", text)
    assert checked_note("user", " " + "x" * 2000).text == "x" * 2000


def test_files_are_changed_added_and_taken_away() -> None:
    program = Program({"a.py": b"1", "b.py": b"2", "c.bin": b"\xff"})
    after = changed(program, {"a.py": "é", "new/d.py": "4"}, ["b.py"])
    assert after.files == {"a.py": "é".encode(), "c.bin": b"\xff", "new/d.py": b"4"}
    for files, deletions in (({}, ["d.py"]), ({"a.py": "1"}, ["a.py"]), ({}, ["b.py", "b.py"])):
        with pytest.raises(ProgramError, match="cannot be deleted"):
            changed(program, files, deletions)
    with pytest.raises(ProgramError, match="surrogate"):
        changed(program, {"a.py": "\ud800"})
    with pytest.raises(ProgramError, match="must be relative"):
        changed(program, {"../a.py": "1"})
