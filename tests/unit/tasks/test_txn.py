"""The txn task: its physics, its judge, its workloads, its references."""

from __future__ import annotations

import asyncio
import hashlib
import json
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise, permutations
from math import exp, log
from pathlib import Path
from random import Random
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest

import adrs
from adrs.judging import Call, Invalid, Program, Workload
from adrs.plugins import load

FOLDER = Path(__file__).parents[3] / "tasks" / "txn"
TOML = tomllib.loads((FOLDER / "task.toml").read_text())
MODULES = ("drawn", "judge", "mixes", "recorded", "simulator")
SPLITS = ("smoke", "train", "validation", "held_out")
CHEATS = sorted(folder.name for folder in (FOLDER / "checks" / "cheats").iterdir())
Schedule = Callable[[list[Any]], Any]


@pytest.fixture(scope="module")
def task() -> Iterator[SimpleNamespace]:
    """The task's modules, imported the way a judge's process does: siblings by their names."""
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    yield SimpleNamespace(**{name: import_module(name) for name in MODULES})
    sys.path.remove(str(FOLDER))
    for name in MODULES:
        del sys.modules[name]


@pytest.fixture(scope="module")
def drawn(task: SimpleNamespace) -> Callable[..., list[Workload]]:
    return lambda split, salt="salt", **ranges: task.judge.workloads(
        split, salt, **(TOML["generator"] | ranges)
    )


def program(*folder: str) -> Schedule:
    return runpy.run_path(str(FOLDER.joinpath(*folder, "scheduler.py")))["schedule"]  # type: ignore[no-any-return]


SEED = program("program")
ARRIVAL = program("references", "arrival")
SMF = program("references", "smf")


def measure(task: SimpleNamespace, schedule: Schedule, workload: Workload) -> dict[str, float]:
    """What the judge makes of a program in this process that gets plain copies, as by wire."""
    running = task.judge.evaluate(Program(), workload)
    call: Call = running.send(None)
    assert (call.target, call.name) == (0, "schedule")
    answer = schedule(*json.loads(json.dumps(call.arguments)))
    with pytest.raises(StopIteration) as stop:
        running.send(answer)
    return stop.value.value  # type: ignore[no-any-return]


def batch(*texts: str) -> list[list[list[Any]]]:
    return [[operation.split("-") for operation in text.split()] for text in texts]


# Physics


@pytest.mark.parametrize(
    ("texts", "ticks"),
    [
        (["w-a"], 1),
        (["r-a r-b", "r-a r-b", "r-b r-a"], 2),  # reads share
        (["w-a", "w-a", "w-a"], 3),
        (["w-a r-b", "r-b w-a"], 2),  # the second write is late enough by itself
        (["r-b w-a", "w-a r-b"], 4),  # and here it is not: it waits for tick 2
        (["r-a", "w-a"], 2),
        (["w-a", "r-a", "r-a"], 2),
        (["r-x r-x r-x w-a", "r-a"], 5),  # a read waits for a write, however early it could run
        (["r-x r-x r-x r-a", "r-a w-b", "w-b"], 4),  # placed later, started earlier
        (["r-x r-x r-x r-a", "r-a", "w-a"], 5),  # a write waits for the last read, not the latest
        (["w-a r-x r-x", "r-a", "w-x"], 4),
        (["w-a r-x r-x r-x w-a", "r-a"], 6),  # a key used twice counts with its last use
        (["r-a w-a", "r-a w-a"], 4),
        (["w-a w-b w-c", "w-a w-b w-c", "w-a w-b w-c"], 5),  # they follow each other by one tick
        (["w-a w-b w-c", "w-c w-b w-a"], 6),
    ],
    ids=lambda value: " / ".join(value) if isinstance(value, list) else str(value),
)
def test_makespans_by_hand(task: SimpleNamespace, texts: list[str], ticks: int) -> None:
    assert task.simulator.makespan(batch(*texts)) == ticks


def conflicts(one: tuple[str, int], other: tuple[str, int]) -> bool:
    return one[1] == other[1] and "w" in (one[0], other[0])


def slow_makespan(transactions: list[list[Any]]) -> int:
    """From the rule itself: tries start after start, against all operations placed so far."""
    placed: list[tuple[int, Any]] = []
    for transaction in transactions:
        start = 1
        while any(
            conflicts(operation, other) and tick <= other_tick
            for tick, operation in enumerate(transaction, start)
            for other_tick, other in placed
        ):
            start += 1
        placed += enumerate(transaction, start)
    return max(tick for tick, _ in placed)


def small_batch(random: Random, count: int) -> list[list[Any]]:
    keys = random.randint(1, 5)
    return [
        [[random.choice("rw"), random.randrange(keys)] for _ in range(random.randint(1, 6))]
        for _ in range(count)
    ]


def test_the_simulator_is_the_rule(task: SimpleNamespace) -> None:
    for number in range(300):
        transactions = small_batch(Random(number), 7)
        assert task.simulator.makespan(transactions) == slow_makespan(transactions)


def test_no_order_is_below_the_bound(task: SimpleNamespace) -> None:
    tight = 0
    for number in range(200):
        transactions = small_batch(Random(number), 3)
        best = min(map(task.simulator.makespan, permutations(transactions)))
        bound = task.simulator.lower_bound(transactions)
        assert max(map(len, transactions)) <= bound <= best
        tight += bound == best
    assert tight > 40


@pytest.mark.parametrize(
    ("texts", "bound"),
    [
        (["r-a r-b r-c", "r-a"], 3),
        (["w-a", "w-a", "r-a"], 3),
        (["r-x w-a r-y", "r-y w-a r-x"], 4),  # one tick before the first write, one after the last
        (["r-x r-x w-a", "w-a"], 2 + 1),
    ],
)
def test_bounds_by_hand(task: SimpleNamespace, texts: list[str], bound: int) -> None:
    assert task.simulator.lower_bound(batch(*texts)) == bound


# The judge


def test_every_declared_metric_is_measured_or_metered(task: SimpleNamespace) -> None:
    transactions = batch("r-b w-a", "w-a r-b", "w-c")
    metrics = measure(task, lambda _: [1, 2, 0], Workload("hand", transactions))
    assert metrics == {
        "makespan": 2,
        "lower_bound": 2,
        "gap": 0,
        "arrival_makespan": 4,
        "parallelism": 2.5,
        "published_score": pytest.approx(100 * (537 - 6) / 441.9),
    }
    metered = {metric["name"] for metric in TOML["metric"] if "meter" in metric}
    assert metrics.keys() | metered == {metric["name"] for metric in TOML["metric"]}


@pytest.mark.parametrize(("makespans", "points"), [((250, 187, 100), 0), ((150, 102, 100), 41.9)])
def test_the_mean_over_three_workloads_is_the_published_score(
    task: SimpleNamespace, makespans: tuple[int, ...], points: float
) -> None:
    scores = []
    for ticks in makespans:
        workload = Workload("hand", [[["w", 0]]] * ticks)
        scores.append(measure(task, ARRIVAL, workload)["published_score"])
    assert mean(scores) == pytest.approx(points, abs=0.05)  # of 537 and 352, as published


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (None, r"must return a list of 3 indices.*it returned None \(NoneType\)"),
        ({0: 1, 1: 0, 2: 2}, "a dict of length 3"),
        ("012", r"'012' \(str\)"),
        ([], "a list of length 0"),
        ([0, 1], "a list of length 2"),
        ([0, 1, 2, 2], "a list of length 4"),
        ([0, 1, 1], "each transaction must run once; schedule returned index 1 twice"),
        ([0, 1, 3], r"an index is a whole number from 0 to 2; schedule returned 3 \(int\)"),
        ([0, 1, -1], r"schedule returned -1 \(int\)"),
        ([0, 1, 10**400], r"\(int\)"),
        ([0, True, 2], r"schedule returned True \(bool\)"),
        ([0, 1.0, 2], r"schedule returned 1.0 \(float\)"),
        ([0, "1", 2], r"schedule returned '1' \(str\)"),
        ([0, None, 2], r"schedule returned None \(NoneType\)"),
        ([[0], [1], [2]], "schedule returned a list of length 1"),
        (["x" * 100_000, 1, 2], r"\(str\)"),
    ],
    ids=range(16),
)
def test_an_answer_that_is_no_order_is_invalid(
    task: SimpleNamespace, answer: object, complaint: str
) -> None:
    with pytest.raises(Invalid, match=complaint) as refusal:
        measure(task, lambda _: answer, Workload("hand", batch("w-a", "w-a", "w-b")))
    assert len(str(refusal.value)) < 200


def test_feedback_says_which_mixes_take_long_and_shows_no_case(
    task: SimpleNamespace, drawn: Any
) -> None:
    workloads = drawn("smoke")
    samples = [
        {"workload": w.name, "unit": w.unit, "metrics": measure(task, SEED, w)} for w in workloads
    ]
    samples[2]["metrics"]["gap"] += 1e4
    text = task.judge.feedback(samples)
    for mix in ("wide", "mixed", "hot", "ycsb"):
        assert f"1 {mix} workloads: done after " in text
    assert f"bound, which often cannot be reached:\n- {workloads[2].name}: " in text
    assert len(text) < 1200
    assert "[" not in text


# Programs


def geometric_mean(task: SimpleNamespace, schedule: Schedule, workloads: list[Workload]) -> float:
    logs = []
    for workload in workloads:
        metrics = measure(task, schedule, workload)
        assert metrics["lower_bound"] <= metrics["makespan"]
        logs.append(log(metrics["makespan"]))
    return exp(mean(logs))


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
def test_programs_are_in_the_expected_order(task: SimpleNamespace, drawn: Any, split: str) -> None:
    workloads = drawn(split)
    seed = geometric_mean(task, SEED, workloads)
    for name, least, most in (
        ("references/smf", 0.6, 0.9),
        ("checks/good/earliest_start", 0.5, 0.8),
        ("references/arrival", 1.05, 1.5),
        ("checks/bad/arrival", 1.05, 1.5),
        ("checks/bad/grouped", 1.05, 1.5),
    ):
        measured = geometric_mean(task, program(*name.split("/")), workloads)
        assert least < measured / seed < most, name


def test_smf_takes_the_candidate_after_which_the_batch_ends_soonest(
    task: SimpleNamespace,
) -> None:
    transactions = small_batch(Random(5), 9)  # no more than it draws: all that wait are candidates
    order = SMF(transactions)
    for number, (_, taken) in enumerate(pairwise(order), 1):
        before = order[:number]
        ends = {
            one: task.simulator.makespan(transactions[index] for index in [*before, one])
            for one in set(range(9)) - set(before)
        }
        assert ends[taken] == min(ends.values())
    assert SMF(transactions) == order


# Workloads


def test_drawn_splits_are_repeatable_and_disjoint(drawn: Any) -> None:
    splits = {split: drawn(split) for split in SPLITS}
    assert [len(found) for found in splits.values()] == [4, 24, 24, 36]
    everything = [one for found in splits.values() for one in found]
    assert len({one.name for one in everything}) == len(everything)
    assert len({json.dumps(one.data) for one in everything}) == len(everything)
    assert all(drawn(split) == found for split, found in splits.items())


def digest(workloads: list[Workload]) -> str:
    return hashlib.sha256(json.dumps([one.data for one in workloads]).encode()).hexdigest()


def test_another_process_draws_the_same(drawn: Any) -> None:
    source = (
        "import hashlib, json, judge\n"
        f"found = judge.workloads('held_out', 'salt', **{TOML['generator']!r})\n"
        "print(hashlib.sha256(json.dumps([one.data for one in found]).encode()).hexdigest())"
    )
    for hash_seed in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", source],
            cwd=FOLDER,
            env={"PYTHONPATH": f"{FOLDER}:{FOLDER.parents[1]}", "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert printed.stdout.strip() == digest(drawn("held_out"))


def test_only_held_out_depends_on_the_salt(drawn: Any) -> None:
    for split in ("smoke", "train", "validation"):
        assert drawn(split, "one") == drawn(split, "two")
    one, two = ({json.dumps(w.data) for w in drawn("held_out", salt)} for salt in ("one", "two"))
    assert not one & two


def mixes(workloads: list[Workload]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for workload in workloads:
        found.setdefault(workload.name.rsplit("-", 1)[1], []).append(workload.data)
    return found


def test_the_published_shapes_have_their_published_sizes(drawn: Any) -> None:
    found = mixes(drawn("train"))
    assert {mix: len(some) for mix, some in found.items()} == {
        "wide": 6, "mixed": 6, "hot": 6, "ycsb": 6
    }  # fmt: skip

    def keys(transactions: list[Any]) -> set[int]:
        return {key for one in transactions for _, key in one}

    for mix, count in (("wide", 165), ("mixed", 41), ("hot", 10)):
        for transactions in found[mix]:
            assert len(transactions) == 100
            assert keys(transactions) == set(range(len(keys(transactions))))
            assert 0.95 * count <= len(keys(transactions)) <= count
    assert {len(one) for some in found["wide"] for one in some} == {16}
    assert {len(one) for some in found["mixed"] for one in some} == set(range(5, 22))
    for transactions in found["hot"]:
        assert all(len(one) == 9 for one in transactions)
        assert all([kind for kind, _ in one].count("w") == 1 for one in transactions)


def test_held_out_differs_in_mixes_sizes_and_skew(drawn: Any) -> None:
    held_out = drawn("held_out")
    assert {mix: len(some) for mix, some in mixes(held_out).items()} == {
        "ycsb": 12, "smallbank": 12, "tpcc": 12
    }  # fmt: skip
    counts = [len(one.data) for one in held_out]
    assert 60 <= min(counts) < 80
    assert 180 < max(counts) <= 200
    for split in ("smoke", "train", "validation"):
        assert {len(one.data) for one in drawn(split)} == {100}
    assert len(mixes(drawn("validation"))) == 6


def test_ranges_can_be_narrowed(drawn: Any) -> None:
    for one in drawn("held_out", transactions=[70, 70], write_share=[0.0, 0.0]):
        assert len(one.data) == 70
        assert not any(kind == "w" for transaction in one.data for kind, _ in transaction)


def record(number: int, split: object = "train", **changed: object) -> dict[str, Any]:
    transactions = [f"w-{number} r-a", "r-a w-b"]
    return {"name": f"w{number}", "split": split, "transactions": transactions} | changed


def written(folder: Path, records: object) -> str:
    path = folder / "batches.json"
    path.write_text(json.dumps(records))
    return str(path)


def test_a_file_of_workloads_is_split_as_it_says(
    task: SimpleNamespace, drawn: Any, tmp_path: Path
) -> None:
    splits = ["train"] * 4 + ["validation"] * 2 + ["held_out"] * 8
    path = written(tmp_path, [record(number, split) for number, split in enumerate(splits)])
    found = {split: drawn(split, source=path) for split in SPLITS}
    assert {split: [one.name for one in some] for split, some in found.items()} == {
        "smoke": [f"w{number}-2-recorded" for number in (0, 1, 2)],
        "train": [f"w{number}-2-recorded" for number in (0, 1, 2, 3)],
        "validation": [f"w{number}-2-recorded" for number in (4, 5)],
        "held_out": [f"w{number}-2-recorded" for number in range(6, 14)],
    }
    assert found["train"][0].data == [[["w", 0], ["r", 1]], [["r", 1], ["w", 2]]]


def test_all_forms_of_transactions_mean_the_same(drawn: Any, tmp_path: Path) -> None:
    forms: list[object] = [
        ["w-17 r-5", "r-17 * w-x"],
        [["w-17", "r-5"], ["r-17", "*", "w-x"]],
        {"txn0": "w-17 r-5", "txn1": "r-17 * w-x"},
    ]
    for form in forms:
        (one,) = drawn("train", source=written(tmp_path, [record(0, transactions=form)]))
        assert one.data == [[["w", 0], ["r", 1]], [["r", 0], ["r", 2], ["w", 3]]]


def test_splits_that_a_file_does_not_name_are_drawn(drawn: Any, tmp_path: Path) -> None:
    path = written(tmp_path, [record(0)])
    assert drawn("validation", source=path) == drawn("validation")
    assert drawn("held_out", source=path) == drawn("held_out")


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ({}, "batches.json: expected a list of workloads, got a dict of length 0; put"),
        ([], 'expected one or more workloads of split "train", got none; add'),
        ([record(0, "held_out")] * 1, 'expected one or more workloads of split "train", got none'),
        ([[]], "workload 1: expected an object with name, split, transactions and nothing else"),
        ([record(0, more=1)], "workload 1: expected an object with name, split, transactions"),
        ([record(0, name="")], "expected name to be a word of up to 60 letters"),
        ([record(0, name="a b")], "expected name to be a word of up to 60 letters"),
        ([record(0, name=7)], "expected name to be a word .* got 7; rename"),
        (
            [record(0, "test")],
            "expected split to be one of train, validation, held_out, got 'test'",
        ),
        ([record(0, split=["train"])], "expected split to be one of"),
        ([record(0, transactions=["w-a"])], "expected 2 to 300 transactions, got a list of length"),
        ([record(0, transactions=["w-a"] * 301)], "expected 2 to 300 transactions, got a list of"),
        ([record(0, transactions="w-a w-b")], "expected 2 to 300 transactions, got 'w-a w-b'"),
        ([record(0, transactions=["w-a", ""])], "expected a transaction of 1 to 100 operations"),
        ([record(0, transactions=["w-a", 5])], "expected a transaction of 1 to 100 operations"),
        ([record(0, transactions=["w-a", "* " * 101])], "expected a transaction of 1 to 100 oper"),
        ([record(0, transactions=["w-a", "a-w"])], 'expected an operation to be "r-KEY", "w-KEY"'),
        ([record(0, transactions=["w-a", "w-"])], "expected an operation to be .* got 'w-'; write"),
        ([record(0, transactions=["w-a", [["w", 1]]])], "expected an operation .* a list of len"),
        ([record(0), record(1, name="w0")], "workload 2: expected names that differ, got 'w0'"),
        (
            [record(0), record(1, "held_out", transactions=["r-a w-b", "w-0 r-a"])],
            "workload 2: expected workloads that differ, got the transactions of 'w0' again; leave",
        ),
        (
            [record(0), *(record(number, "held_out") for number in range(1, 8))],
            'expected 8 or more workloads of split "held_out", or none, got 7; add some, or leave',
        ),
    ],
    ids=range(22),
)
def test_a_malformed_file_is_refused_with_its_cure(
    drawn: Any, tmp_path: Path, records: object, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as refusal:
        drawn("train", source=written(tmp_path, records))
    assert str(refusal.value).startswith("batches.json")
    assert "; " in str(refusal.value)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe", "batches.json: expected UTF-8 text, got byte 0"),
        (b'[{"name"', "batches.json: expected a list of workloads in JSON"),
        (b"[" * 100_000, "batches.json: expected a list of workloads in JSON"),
    ],
    ids=range(3),
)
def test_bytes_that_are_no_json_are_refused(
    drawn: Any, tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "batches.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint):
        drawn("train", source=str(path))


# Cheats, in the real sandbox


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(loop: asyncio.Runner) -> Iterator[adrs.Bench]:
    sandbox = loop.run(adrs.choose_sandbox("auto"))
    evaluator = load("adrs.evaluators", "judge")()
    opened = loop.run(evaluator.open(adrs.Setting(adrs.load_task(FOLDER), sandbox)))  # type: ignore[attr-defined]
    yield opened
    loop.run(opened.close())


SMOKE = adrs.Request(adrs.Split("smoke"))


def makespans(evaluation: adrs.Evaluation) -> list[float]:
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return [sample.metrics["makespan"] for sample in evaluation.samples]


@pytest.fixture(scope="module")
def seed_makespans(loop: asyncio.Runner, bench: adrs.Bench) -> list[float]:
    return makespans(loop.run(bench.measure(adrs.read_program(FOLDER / "program"), SMOKE)))


SCORED = {"draws_again", "looks_for_judge", "memorised", "remembers", "rewritten_inputs"}
OTHERWISE = {
    "closed_channel": adrs.Status.CRASHED,
    "helpers": adrs.Status.TIMED_OUT,
    "leaves": adrs.Status.CRASHED,
    "raises": adrs.Status.CRASHED,
    "wall_budget": adrs.Status.TIMED_OUT,
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(
    loop: asyncio.Runner, bench: adrs.Bench, seed_makespans: list[float], name: str
) -> None:
    cheat = adrs.read_program(FOLDER / "checks" / "cheats" / name)
    evaluation = loop.run(bench.measure(cheat, SMOKE))
    if name in SCORED:
        pairs = zip(makespans(evaluation), seed_makespans, strict=True)
        assert mean(log(ticks / seed) for ticks, seed in pairs) > 0
    else:
        expected = OTHERWISE.get(name, adrs.Status.INVALID)
        assert evaluation.status is expected, evaluation.reason
        if expected is adrs.Status.TIMED_OUT:
            assert "2 s CPU time" in (evaluation.reason or "")
