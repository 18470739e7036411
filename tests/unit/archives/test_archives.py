"""What archives keep, and that they do it again in the same way."""

from random import Random

import pytest

from adrs import Candidate, Direction, Greedy, Islands, Lineage, Program, Score, Trial


def trial(number: int, value: float | None, *, island: int = 0, violation: float = 0.0) -> Trial:
    score = None if value is None else Score(value, violation)
    candidate = Candidate(Program({"a.py": str(number).encode()}), Lineage("test"))
    return Trial(number, candidate, island=island, score=score)


@pytest.mark.parametrize("archive", [Greedy, Islands])
def test_feasible_beats_infeasible_and_then_the_objective_decides(archive: type) -> None:
    kept = archive(Direction.MAXIMIZE)
    kept.add(trial(0, 1.0))
    kept.add(trial(1, 99.0, violation=0.5))
    assert kept.elites(1)[0].number == 0
    kept.add(trial(2, 2.0))
    assert kept.elites(1)[0].number == 2


@pytest.mark.parametrize("archive", [Greedy, Islands])
def test_a_trial_without_a_score_is_never_kept(archive: type) -> None:
    kept = archive(Direction.MINIMIZE)
    kept.add(trial(0, -5.0))
    admission = kept.add(trial(1, None))
    assert not admission.kept
    assert kept.elites(9) == [kept.elites(1)[0]]


def test_greedy_builds_on_the_best_only() -> None:
    archive = Greedy(Direction.MINIMIZE)
    archive.add(trial(0, 5.0))
    assert archive.add(trial(1, 4.0)).displaced == (0,)
    assert not archive.add(trial(2, 4.0)).kept
    assert archive.select(17).parent.number == 1


def test_islands_are_bounded_and_keep_the_best() -> None:
    archive = Islands(Direction.MINIMIZE, islands=2, capacity=4, migration=1000)
    archive.add(trial(0, 500.0))
    for number in range(1, 40):
        archive.add(trial(number, float(100 - number), island=number % 2))
    elites = archive.elites(100)
    assert len(elites) == 8
    assert [t.number for t in elites[:3]] == [39, 38, 37]


def test_equal_programs_do_not_fill_an_island() -> None:
    archive = Islands(Direction.MINIMIZE, islands=1, capacity=10)
    archive.add(trial(0, 3.0))
    archive.add(trial(1, 2.0))
    for number in range(2, 30):
        archive.add(trial(number, 3.0))
    values = [t.score.value for t in archive.elites(30) if t.score]
    assert values == [2.0, 3.0, 3.0]


def test_the_best_of_an_island_visits_the_next() -> None:
    archive = Islands(Direction.MINIMIZE, seed=1, islands=2, capacity=3, migration=2)
    archive.add(trial(0, 9.0))
    archive.add(trial(1, 5.0, island=0))
    archive.add(trial(2, 4.0, island=0))
    parents = {archive.select(ordinal).parent.number for ordinal in range(1, 200, 2)}
    assert 2 in parents, "island 1 should offer the visitor from island 0"


def test_displaced_are_those_that_no_island_keeps() -> None:
    archive = Islands(Direction.MINIMIZE, islands=2, capacity=1, migration=1000)
    archive.add(trial(0, 9.0))
    assert archive.add(trial(1, 8.0, island=0)).displaced == ()
    assert archive.add(trial(2, 7.0, island=1)).displaced == (0,)


def test_the_same_tells_give_the_same_choices() -> None:
    random = Random(5)
    tells = [trial(0, 5.0)] + [
        trial(n, random.choice([None, random.random() * 9]), island=random.randrange(3))
        for n in range(1, 300)
    ]
    first, again = Islands(Direction.MINIMIZE, seed=3), Islands(Direction.MINIMIZE, seed=3)
    assert [first.add(t) for t in tells] == [again.add(t) for t in tells]
    chosen = [first.select(n) for n in range(100)]
    assert chosen == [again.select(n) for n in range(100)]
    other = Islands(Direction.MINIMIZE, seed=4)
    for t in tells:
        other.add(t)
    assert chosen != [other.select(n) for n in range(100)]
