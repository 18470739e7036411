"""A run that waits for agents, with an engine that is as small as can be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from adrs import (
    Admission,
    Asked,
    Begun,
    Brief,
    Candidate,
    Direction,
    Environment,
    Evaluation,
    EvaluatorChoice,
    Isolation,
    IsolationLevel,
    Limits,
    Lineage,
    Measured,
    Metric,
    Objective,
    Program,
    Refused,
    Rejection,
    RejectionKind,
    Round,
    RunSettings,
    Sample,
    Score,
    Split,
    Stage,
    Status,
    Store,
    Task,
    Told,
    Trial,
    open_store,
)

COST = Metric("cost_usd", Direction.MINIMIZE, "USD")
SEED = Program({"main.py": b"cost = 100\nkept = 1\n", "fixed.txt": b"as it is\n"})
PARENT = Program({"main.py": b"cost = 90\nkept = 1\n", "fixed.txt": b"as it is\n"})
KEPT = Admission(True, "new best", (0,))


def toy_task() -> Task:
    return Task(
        brief=Brief(
            "toy", "Make it cheap", "Lower the cost.", ("*.py",), "main:cost",
            Objective(COST), (COST,), (), Limits(),
        ),
        folder=Path("/SECRET-folder/toy"),
        seed=SEED,
        evaluator=EvaluatorChoice(deterministic=True),
        stages=(Stage(Split.SMOKE), Stage(Split.TRAIN)),
        environment=Environment(),
        generator={"SECRET-range": [1, 2]},
        references={"SECRET-optimum": Program({"main.py": b"SECRET = 1\n"})},
        digest="d" * 64,
    )  # fmt: skip


def measured(
    split: Split, cost: float, status: Status = Status.SCORED, mark: str = ""
) -> Evaluation:
    """Two workloads, the second in the status that is asked for.

    Args:
        mark: put into everything that somebody wrote.
    """
    scored = status is Status.SCORED
    samples = (
        Sample(f"{mark}{split}-1", "u1", 0, Status.SCORED, {"cost_usd": cost}, "", 0.5, 0.6, 20.0),
        Sample(
            f"{mark}{split}-2", "u2", 0, status, {"cost_usd": cost} if scored else {},
            "" if scored else f"{mark} went wrong", 1.5, 1.6, 30.0,
        ),
    )  # fmt: skip
    isolation = Isolation("fake", IsolationLevel.SEPARATE, {}, {})
    return Evaluation(
        split, status, samples, f"{mark}digest-of-{split}", isolation,
        "" if scored else f"{mark} went wrong", f"{mark} queue 3 starves", f"{mark} printed",
    )  # fmt: skip


def cost_of(program: Program) -> float:
    return float(program.text("main.py").split("cost = ")[1].split()[0])


class Waiting:
    """Run toy-1 of a store: the seed and trial 1 are told, and rounds are opened by hand."""

    def __init__(self, store: Store, run: str) -> None:
        self.store = store
        self.run = run

    @classmethod
    def made(cls, store: Store, trials: int = 20) -> Waiting:
        settings = RunSettings("/SECRET-folder/toy", trials=trials, proposers=("external",))
        waiting = cls(store, store.create_run(toy_task(), settings).name)
        waiting.tell(0, 0, SEED, Lineage("seed"), Admission(True, "first"))
        waiting.tell(1, 1, PARENT, Lineage("tune", "1", (0,), plan="cheaper"))
        return waiting

    def tell(
        self,
        ordinal: int,
        number: int,
        program: Program,
        lineage: Lineage,
        admission: Admission = KEPT,
    ) -> None:
        cost = cost_of(program)
        self.store.append(
            self.run,
            [
                Asked(ordinal, Trial(number, Candidate(program, lineage))),
                Measured(number, measured(Split.SMOKE, cost)),
                Measured(number, measured(Split.TRAIN, cost)),
                Told(number, Score(cost), admission),
            ],
        )

    def open(self, parent: int = 1, inspirations: tuple[int, ...] = (0,)) -> int:
        """Opens a round; its ordinal."""
        ordinal = self.store.last_ordinal(self.run) + 1
        begun = Round(ordinal, "external", parent, inspirations, told=2)
        self.store.append(self.run, [Begun(begun)])
        return ordinal

    def answer(self, ordinal: int) -> None:
        """What an engine does with the submission of a round."""
        handed_in = self.store.submission(self.run, ordinal)
        assert handed_in is not None
        [begun] = [one for one in self.store.open_rounds(self.run) if one.ordinal == ordinal]
        lineage = Lineage(
            "external", "1", (begun.parent,), plan=handed_in.plan, author=handed_in.agent
        )
        known = {trial.program.id: trial.number for trial in self.store.trials(self.run)}
        twin = known.get(handed_in.program.id)
        if twin is not None:
            reason = f"the same program as trial {twin}"
            rejection = Rejection(RejectionKind.DUPLICATE, reason, lineage, handed_in.program.id)
            self.store.append(self.run, [Refused(ordinal, rejection)])
            return
        self.tell(ordinal, len(known), handed_in.program, lineage)


@contextmanager
def engine_at_work(folder: Path, run: str = "toy-1", rounds: int = 1) -> Iterator[None]:
    """An engine in a thread, which keeps so many rounds open and answers each submission."""
    over = threading.Event()
    begun = threading.Event()

    def work() -> None:
        with closing(open_store(folder)) as store, store.claim(run):
            waiting = Waiting(store, run)
            while not over.is_set() and not store.run(run).stop_requested:
                ready = store.open_rounds(run)
                for one in ready:
                    if store.submission(run, one.ordinal) is not None:
                        waiting.answer(one.ordinal)
                for _ in range(rounds - len(ready)):
                    waiting.open()
                begun.set()
                over.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    assert begun.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join(10)
