"""Who goes next: earnings decide, nobody is starved, and the order of refusals does not matter."""

from random import Random

from adrs import (
    Admission,
    Candidate,
    Direction,
    Lineage,
    Program,
    Rejection,
    RejectionKind,
    Score,
    Trial,
)
from adrs.search.allocation import Allocation

NAMES = ("a", "b", "c")


def trial(number: int, proposer: str, value: float) -> Trial:
    candidate = Candidate(Program({"x.py": b""}), Lineage(proposer, "1", (0,)))
    return Trial(number, candidate, score=Score(value), admission=Admission(True, "kept"))


def test_who_earned_goes_more_often_and_nobody_is_starved() -> None:
    allocation = Allocation(NAMES, Direction.MINIMIZE, seed=1)
    for number in range(1, 40):
        better = 80.0 if NAMES[number % 3] == "b" else 120.0
        allocation.told(trial(number, NAMES[number % 3], better), Score(100.0))
    shares = [allocation.share(name) for name in NAMES]
    assert abs(sum(shares) - 1) < 1e-12
    assert shares[1] > 0.5
    assert min(shares) >= Allocation.FLOOR / 3
    chosen = [allocation.choose(ordinal) for ordinal in range(3000)]
    assert abs(chosen.count("b") / 3000 - shares[1]) < 0.05


def test_who_is_mostly_refused_goes_less_often() -> None:
    allocation = Allocation(NAMES, Direction.MINIMIZE, seed=1)
    before = allocation.share("c")
    for _ in range(20):
        refusal = Rejection(RejectionKind.DUPLICATE, "again", Lineage("c"))
        allocation.refused(refusal)
    assert allocation.share("c") < before


def test_a_replay_that_has_refusals_first_chooses_the_same() -> None:
    luck = Random(4)
    tells = [(trial(n, luck.choice(NAMES), luck.uniform(50, 150)), Score(100.0)) for n in range(60)]
    refusals = [
        Rejection(RejectionKind.DUPLICATE, "again", Lineage(luck.choice(NAMES))) for _ in range(60)
    ]
    mixed, replayed = (Allocation(NAMES, Direction.MINIMIZE, seed=2) for _ in range(2))
    for (told, parent), refusal in zip(tells, refusals, strict=True):
        mixed.told(told, parent)
        mixed.refused(refusal)
    for refusal in refusals:
        replayed.refused(refusal)
    for told, parent in tells:
        replayed.told(told, parent)
    assert [mixed.choose(n) for n in range(300)] == [replayed.choose(n) for n in range(300)]


def test_a_stranger_is_not_counted() -> None:
    allocation = Allocation(NAMES, Direction.MINIMIZE, seed=1)
    before = [allocation.share(name) for name in NAMES]
    allocation.told(trial(0, "seed", 1.0), None)
    allocation.refused(Rejection(RejectionKind.DUPLICATE, "", Lineage("nobody")))
    assert [allocation.share(name) for name in NAMES] == before
