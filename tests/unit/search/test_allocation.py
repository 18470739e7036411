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


def by_model(number: int, author: str, value: float, usd: float, operator: str = "refine") -> Trial:
    lineage = Lineage("planner", "1", (0,), author=author, operator=operator, usd=usd)
    candidate = Candidate(Program({"x.py": b""}), lineage)
    return Trial(number, candidate, score=Score(value), admission=Admission(True, "kept"))


def chosen(allocation: Allocation, stalled: int = 0, company: bool = True) -> list[tuple[str, str]]:
    return [allocation.brief(n, "planner", stalled, company)[:2] for n in range(2000)]


def test_models_are_asked_by_weight_and_then_by_what_they_earn_for_what_they_cost() -> None:
    allocation = Allocation(
        ["planner"], Direction.MINIMIZE, 1, {"cheap": 3.0, "dear": 1.0}, evaluations_per_usd=100.0
    )
    first = [model for _, model in chosen(allocation)]
    assert abs(first.count("cheap") / 2000 - 0.75) < 0.04
    for number in range(1, 40):
        # Both bring the same, one for a hundred times as much.
        author, usd = (("cheap", 0.001), ("dear", 0.1))[number % 2]
        allocation.told(by_model(number, author, 90.0, usd), Score(100.0))
    later = [model for _, model in chosen(allocation)]
    assert later.count("cheap") > first.count("cheap") + 100
    assert later.count("dear") > 0.9 * 2000 * Allocation.FLOOR / 4  # nobody is starved


def test_the_operator_that_earns_is_asked_for_more_and_nothing_is_combined_alone() -> None:
    allocation = Allocation(["planner"], Direction.MINIMIZE, 1, {"m": 1.0})
    for number in range(1, 31):
        operator = ("refine", "explore", "combine")[number % 3]
        value = 80.0 if operator == "explore" else 120.0
        allocation.told(by_model(number, "m", value, 0.0, operator), Score(100.0))
    operators = [operator for operator, _ in chosen(allocation)]
    assert operators.count("explore") > 0.5 * 2000
    assert min(operators.count(one) for one in ("refine", "combine")) > 200
    assert {operator for operator, _ in chosen(allocation, company=False)} == {"refine", "explore"}


def test_a_stall_calls_for_the_strong_model_and_another_direction() -> None:
    allocation = Allocation(["planner"], Direction.MINIMIZE, 1, {"m": 1.0}, strong="strong")
    assert {model for _, model in chosen(allocation)} == {"m"}
    assert set(chosen(allocation, stalled=30)) == {("explore", "strong")}
    reason = allocation.brief(1, "planner", 30, True)[2]
    assert "nothing better for 30 trials" in reason
    assert "the strong model" in reason


def test_reasons_have_the_figures_that_decided() -> None:
    allocation = Allocation(["planner"], Direction.MINIMIZE, 1, {"m": 1.0})
    allocation.told(by_model(1, "m", 90.0, 0.02), Score(100.0))
    refusal = Rejection(RejectionKind.DUPLICATE, "again", Lineage("planner", author="m", usd=0.02))
    allocation.refused(refusal)
    reason = allocation.brief(1, "planner", 0, True)[2]
    assert "planner 100 % (1 trials, 1 refused, gain 0.100, $0.0400 a trial)" in reason
