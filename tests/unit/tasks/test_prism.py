"""The prism task: its figures, its judge, its workloads, its references and its cheats."""

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
from itertools import product
from math import inf, sqrt
from pathlib import Path
from random import Random
from statistics import geometric_mean, mean
from types import SimpleNamespace
from typing import Any

import pytest

import adrs
from adrs.judging import Invalid, Program, Workload
from adrs.plugins import load

FOLDER = Path(__file__).parents[3] / "tasks" / "prism"
TOML = tomllib.loads((FOLDER / "task.toml").read_text())
MODULES = ("drawn", "fleet", "judge", "published", "recorded")
SPLITS = ("smoke", "train", "validation", "held_out")
CHEATS = sorted(folder.name for folder in (FOLDER / "checks" / "cheats").iterdir())
Place = Callable[[int, float, list[dict[str, float]]], Any]


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


def program(*folder: str) -> Place:
    return runpy.run_path(str(FOLDER.joinpath(*folder, "placement.py")))["place"]  # type: ignore[no-any-return]


SEED = ("program",)
GREEDY = ("references", "greedy")
ROUND_ROBIN = ("references", "round_robin")


def measure(task: SimpleNamespace, place: Place, workload: Workload) -> dict[str, float]:
    """The judge's metrics of a program in this process."""
    running = task.judge.evaluate(Program(), workload)
    call = running.send(None)
    assert call.name == "place"
    try:
        running.send(place(*json.loads(json.dumps(call.arguments))))
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise AssertionError("the judge asked twice")


def answering(answer: object) -> Place:
    return lambda gpu_count, gpu_memory_gb, models: answer


def of(task: SimpleNamespace, gpu_count: int, memory_gb: float, *models: Any) -> Workload:
    fleet = task.fleet.Fleet(gpu_count, memory_gb, tuple(task.fleet.Model(*one) for one in models))
    return Workload("by-hand", fleet.data())


# Figures, by hand


@pytest.fixture
def pair(task: SimpleNamespace) -> Workload:
    """Two GPUs of 80 GB; weights 2, 1 and 0.5."""
    return of(task, 2, 80, (20, 8, 4), (30, 5, 5), (10, 2, 4))


def test_pressures_are_worked_out_by_hand(task: SimpleNamespace, pair: Workload) -> None:
    metrics = measure(task, answering([0, 1, 1]), pair)
    even = 3.5 / (160 - 60)
    assert metrics["max_kvpr"] == pytest.approx(1.5 / 40)
    assert metrics["min_kvpr"] == pytest.approx(2 / 60)
    assert metrics["least_free_gb"] == 40
    assert metrics["bound_kvpr"] == pytest.approx(even)
    assert metrics["gap"] == pytest.approx(100 * (1.5 / 40 / even - 1))
    base = 2.5 / 50  # round robin: the first and the third model share a GPU
    assert metrics["published_score"] == pytest.approx(
        100 * sqrt((base - 1.5 / 40) / (base - even))
    )
    assert measure(task, answering([0, 1, 0]), pair)["published_score"] == 0
    assert measure(task, answering([1, 1, 1]), of(task, 2, 80, *[(5, 1, 1)] * 3))["min_kvpr"] == 0


def test_a_model_that_is_demanding_alone_raises_the_bound(task: SimpleNamespace) -> None:
    metrics = measure(task, answering([0, 1]), of(task, 2, 40, (30, 8, 1), (1, 1, 1)))
    assert metrics["bound_kvpr"] == metrics["max_kvpr"] == pytest.approx(8 / 10)
    assert metrics["gap"] == 0


def test_round_robin_that_is_perfect_has_no_score_but_full_or_none(task: SimpleNamespace) -> None:
    workload = of(task, 2, 80, *[(10, 1, 1)] * 4)
    assert measure(task, answering([0, 1, 0, 1]), workload)["published_score"] == 100
    assert measure(task, answering([0, 0, 0, 1]), workload)["published_score"] == 0


def test_no_placement_is_below_the_bound(task: SimpleNamespace) -> None:
    for number in range(15):
        random = Random(f"small {number}")
        models = [
            (random.randint(5, 40), random.randint(1, 9), random.randint(1, 9)) for _ in range(6)
        ]
        fleet = task.fleet.Fleet(3, 100, tuple(task.fleet.Model(*one) for one in models))
        best = inf
        for placement in product(range(3), repeat=6):
            gb, load = [100.0] * 3, [0.0] * 3
            for gpu, (size_gb, rate, slo) in zip(placement, models, strict=True):
                gb[gpu] -= size_gb
                load[gpu] += rate / slo
            if min(gb) > 0:
                kvpr = max(one / free for one, free in zip(load, gb, strict=True))
                assert max(gpu.kvpr for gpu in fleet.gpus(placement)) == pytest.approx(kvpr)
                best = min(best, kvpr)
        assert fleet.bound_kvpr <= best + 1e-12


# The judge


def test_every_declared_metric_is_measured(task: SimpleNamespace, drawn: Any) -> None:
    for split in SPLITS:
        metrics = measure(task, program(*SEED), drawn(split)[0])
        assert sorted(metrics) == sorted(metric["name"] for metric in TOML["metric"])


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"0": [0, 1, 2]},
        "010",
        [],
        [0, 1],
        [0, 1, 0, 1],
        [0, 1, 2],
        [0, 1, -1],
        [0, 1, True],
        [0, 1, 1.0],
        [0, 1, None],
        [0, 1, "1"],
        [0, 1, [1]],
        [0, 1, 2**64],
        [0, 1, 10**300],
    ],
    ids=lambda answer: repr(answer)[:20],
)
def test_what_is_no_placement_is_invalid(
    task: SimpleNamespace, pair: Workload, answer: object
) -> None:
    with pytest.raises(Invalid, match=r"list of 3 numbers|a whole number from 0 to 1") as refusal:
        measure(task, answering(answer), pair)
    assert len(str(refusal.value)) < 150


def test_a_full_gpu_is_invalid(task: SimpleNamespace) -> None:
    workload = of(task, 2, 80, (40, 1, 1), (40, 1, 1), (50, 1, 1))
    with pytest.raises(Invalid, match="some of its 80 GB free; place puts 80 GB on GPU 0"):
        measure(task, answering([0, 0, 1]), workload)
    with pytest.raises(Invalid, match="place puts 90 GB on GPU 1"):
        measure(task, answering([0, 1, 1]), workload)


def test_feedback_names_kinds_and_the_worst_and_holds_no_case(
    task: SimpleNamespace, drawn: Any
) -> None:
    samples = [
        {"workload": w.name, "unit": w.name, "metrics": measure(task, program(*SEED), w)}
        for w in drawn("train")
    ]
    samples[7]["metrics"]["gap"] += 1000
    text = task.judge.feedback(samples)
    assert "32 uniform fleets" in text
    assert "8 skewed fleets" in text
    assert text.splitlines()[3].startswith(f"- {samples[7]['workload']}: 1")
    assert len(text) < 1000
    assert "size_gb" not in text


# References


def ratio(task: SimpleNamespace, one: Place, other: Place, workloads: list[Workload]) -> float:
    """How far the one is under pressure relative to the other: the objective."""
    return geometric_mean(
        measure(task, one, workload)["max_kvpr"] / measure(task, other, workload)["max_kvpr"]
        for workload in workloads
    )


def test_the_human_heuristic_beats_the_seed_where_it_was_published_for(
    task: SimpleNamespace, drawn: Any
) -> None:
    train = drawn("train")
    uniform = [one for one in train if one.name.endswith("uniform")]
    assert ratio(task, program(*GREEDY), program(*SEED), train) < 0.99
    assert ratio(task, program(*GREEDY), program(*SEED), uniform) < 0.95


def test_the_human_heuristic_loses_to_the_seed_on_full_fleets(
    task: SimpleNamespace, drawn: Any
) -> None:
    assert ratio(task, program(*GREEDY), program(*SEED), drawn("held_out")) > 1.5


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
@pytest.mark.parametrize("name", ["with_it", "moves_and_swaps"])
def test_what_is_known_to_be_better_is(
    task: SimpleNamespace, drawn: Any, name: str, split: str
) -> None:
    assert ratio(task, program("checks", "good", name), program(*SEED), drawn(split)) < 0.9


@pytest.mark.parametrize("name", ["fewest_gpus", "as_they_come"])
def test_what_is_known_to_be_worse_is(task: SimpleNamespace, drawn: Any, name: str) -> None:
    for split in ("train", "validation"):
        assert ratio(task, program("checks", "bad", name), program(*SEED), drawn(split)) > 1.1


# The published workload


@pytest.fixture(scope="module")
def published_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("published") / "published.jsonl"
    written = subprocess.run(
        [sys.executable, FOLDER / "published.py"], capture_output=True, check=True
    )
    path.write_bytes(written.stdout)
    return str(path)


def test_the_human_heuristic_has_its_published_figures(
    task: SimpleNamespace, drawn: Any, published_file: str
) -> None:
    cases = task.judge.workloads("train", "", published_file, **TOML["generator"])
    assert len(cases) == 50
    assert {one.data["gpu_count"] for one in cases} == set(range(5, 10))
    greedy = [measure(task, program(*GREEDY), case) for case in cases]
    assert mean(one["max_kvpr"] for one in greedy) == pytest.approx(0.0478660773665175)
    assert mean(one["published_score"] for one in greedy) == pytest.approx(60.8174, abs=1e-4)
    base = [measure(task, program(*ROUND_ROBIN), case) for case in cases]
    assert {one["published_score"] for one in base} == {0}


def test_the_published_file_serves_the_search_only(
    task: SimpleNamespace, drawn: Any, published_file: str
) -> None:
    train = task.judge.workloads("train", "", published_file, **TOML["generator"])
    smoke = task.judge.workloads("smoke", "", published_file, **TOML["generator"])
    assert smoke == train[:3]
    for split in ("validation", "held_out"):
        fresh = task.judge.workloads(split, "salt", published_file, **TOML["generator"])
        assert fresh == drawn(split)


# Cheats, in the real sandbox


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(loop: asyncio.Runner) -> Iterator[adrs.Bench]:
    sandbox = load("adrs.sandboxes", "bubblewrap")()
    probe = loop.run(sandbox.probe())  # type: ignore[attr-defined]
    if probe.unavailable:
        pytest.skip(f"no bubblewrap: {probe.unavailable}")
    evaluator = load("adrs.evaluators", "judge")()
    setting = adrs.Setting(adrs.load_task(FOLDER), sandbox)  # type: ignore[arg-type]
    opened = loop.run(evaluator.open(setting))  # type: ignore[attr-defined]
    yield opened
    loop.run(opened.close())


@pytest.fixture(scope="module")
def seed_kvpr(loop: asyncio.Runner, bench: adrs.Bench) -> dict[str, float]:
    evaluation = loop.run(bench.measure(adrs.read_program(FOLDER / "program"), SMOKE))
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return kvpr(evaluation)


SMOKE = adrs.Request(adrs.Split.SMOKE)
INVALID, CRASHED, TIMED_OUT = adrs.Status.INVALID, adrs.Status.CRASHED, adrs.Status.TIMED_OUT
REFUSED = {
    "booleans": INVALID,
    "by_gpu": INVALID,
    "closes_the_channel": CRASHED,
    "empty": INVALID,
    "floats": INVALID,
    "gpus_of_its_own": INVALID,
    "halves": INVALID,
    "huge_integer": INVALID,
    "incomplete": INVALID,
    "leaves": CRASHED,
    "minus_one": INVALID,
    "negative": INVALID,
    "negative_memory": INVALID,
    "nones": INVALID,
    "not_a_number": INVALID,
    "odd_subclass": INVALID,
    "one_too_many": INVALID,
    "over_capacity": INVALID,
    "own_frames": INVALID,
    "raises_on_hard": CRASHED,
    "reports_itself": INVALID,
    "shared_lists": INVALID,
    "sleeps": TIMED_OUT,
    "texts": INVALID,
    "threads": TIMED_OUT,
}


def kvpr(evaluation: adrs.Evaluation) -> dict[str, float]:
    return {one.workload: one.metrics["max_kvpr"] for one in evaluation.samples}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(
    loop: asyncio.Runner, bench: adrs.Bench, seed_kvpr: dict[str, float], name: str
) -> None:
    cheat = adrs.read_program(FOLDER / "checks" / "cheats" / name)
    evaluation = loop.run(bench.measure(cheat, SMOKE))
    assert evaluation.status is REFUSED.get(name, adrs.Status.SCORED), evaluation.reason
    if name not in REFUSED:
        cheated = kvpr(evaluation)
        assert geometric_mean(cheated[one] / seed_kvpr[one] for one in seed_kvpr) >= 1


def test_every_cheat_says_what_it_tries() -> None:
    assert REFUSED.keys() <= set(CHEATS)
    for name in CHEATS:
        source = (FOLDER / "checks" / "cheats" / name / "placement.py").read_text()
        assert source.startswith('"""Tries '), name


# Workloads


def test_drawn_splits_are_repeatable_and_disjoint(drawn: Any) -> None:
    splits = {split: drawn(split) for split in SPLITS}
    assert {split: len(found) for split, found in splits.items()} == {
        "smoke": 4,
        "train": 40,
        "validation": 24,
        "held_out": 40,
    }
    everything = [one for found in splits.values() for one in found]
    assert len({one.name for one in everything}) == len(everything)
    assert len({json.dumps(one.data) for one in everything}) == len(everything)
    assert all(drawn(split) == found for split, found in splits.items())


def test_only_held_out_depends_on_the_salt(drawn: Any) -> None:
    for split in ("smoke", "train", "validation"):
        assert drawn(split, "one") == drawn(split, "two")
    one, two = (
        {json.dumps(unit.data) for unit in drawn("held_out", salt)} for salt in ("one", "two")
    )
    assert not one & two


def digest(workloads: list[Workload]) -> str:
    return hashlib.sha256(json.dumps([one.data for one in workloads]).encode()).hexdigest()


def test_another_process_draws_the_same(drawn: Any) -> None:
    script = (
        "import hashlib, json, sys, judge\n"
        f"found = judge.workloads('held_out', 'salt', **{TOML['generator']!r})\n"
        "text = json.dumps([one.data for one in found])\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONPATH": f"{FOLDER}:{FOLDER.parents[1]}", "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        )
        assert there.stdout.strip() == digest(drawn("held_out"))


def test_held_out_has_another_shape_and_scale(drawn: Any) -> None:
    train, held_out = ([one.data for one in drawn(split)] for split in ("train", "held_out"))
    assert max(one["gpu_count"] for one in train) <= 13
    assert min(one["gpu_count"] for one in held_out) >= 12
    assert mean(one["gpu_count"] for one in held_out) > 2.5 * mean(
        one["gpu_count"] for one in train
    )
    assert {one["gpu_memory_gb"] for one in held_out} == {40, 80, 141}

    def filled(one: dict[str, Any]) -> float:
        taken = sum(model["size_gb"] for model in one["models"])
        return float(taken / (one["gpu_count"] * one["gpu_memory_gb"]))

    assert max(map(filled, held_out)) > 0.7
    per_gpu = [len(one["models"]) / one["gpu_count"] for one in held_out]
    assert min(per_gpu) < 2.3
    assert max(per_gpu) > 3.5


@pytest.mark.parametrize("end", [0, 1])
def test_every_fleet_fits_at_the_ends_of_all_ranges(
    task: SimpleNamespace, drawn: Any, end: int
) -> None:
    for low_or_high in product((0, 1), repeat=3):
        ends = (*low_or_high, end)
        ranges = {
            key: [pair[at], pair[at]]
            for (key, pair), at in zip(TOML["generator"].items(), ends, strict=True)
        }
        for workload in drawn("held_out", "ends", **ranges)[:8]:
            fleet = task.fleet.Fleet.of(workload.data)
            assert fleet.fits(fleet.largest_first())
            assert all(min(model) > 0 for model in fleet.models)
            for folder in (SEED, GREEDY, ROUND_ROBIN):
                assert measure(task, program(*folder), workload)["max_kvpr"] > 0


# Fleets from a file


MODEL = {"size_gb": 20, "rate_per_s": 3, "slo_s": 5}


def line(**changed: object) -> str:
    record = {"split": "train", "gpu_count": 2, "gpu_memory_gb": 80, "models": [MODEL] * 3}
    return json.dumps(record | changed)


def written(folder: Path, *lines: str) -> str:
    path = folder / "fleets.jsonl"
    path.write_text("".join(f"{one}\n" for one in lines))
    return str(path)


def test_a_file_says_which_split_a_fleet_serves(
    task: SimpleNamespace, drawn: Any, tmp_path: Path
) -> None:
    path = written(
        tmp_path,
        line(),
        line(split="held_out", gpu_count=3),
        line(gpu_memory_gb=79.5),
    )
    splits = {
        split: task.judge.workloads(split, "salt", path, **TOML["generator"]) for split in SPLITS
    }
    assert [one.name for one in splits["train"]] == [
        "line-001-2x80gb-recorded",
        "line-003-2x79.5gb-recorded",
    ]
    assert splits["smoke"] == splits["train"]
    assert [one.name for one in splits["held_out"]] == ["line-002-3x80gb-recorded"]
    assert splits["validation"] == drawn("validation")
    assert measure(task, program(*SEED), splits["held_out"][0])["max_kvpr"] > 0


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        ("", "expected one JSON object, got ''"),
        ("{", "expected one JSON object, got '{'"),
        ("[" * 100_000, "expected one JSON object"),
        ("[]", "expected an object with split, gpu_count"),
        ("{}", "expected an object with split, gpu_count"),
        (line(name="a"), "and nothing else"),
        (line(split="test"), "expected split to be one of train, validation, held_out, got 'test'"),
        (line(split=["train"]), "expected split to be one of"),
        (line(gpu_count=1), "expected gpu_count to be a whole number from 2 to 1000, got 1; cut"),
        (line(gpu_count=10**12), "expected gpu_count to be a whole number from 2 to 1000, got 10"),
        (line(gpu_count=True), "expected gpu_count"),
        (line(gpu_count=2.0), "expected gpu_count"),
        (line(gpu_memory_gb="80"), "expected gpu_memory_gb to be a number"),
        (line(models=[]), "expected models to be a list that is not empty"),
        (line(models={}), "expected models to be a list"),
        (line(models=[7]), "expected a model to be an object with size_gb, rate_per_s, slo_s"),
        (line(models=[MODEL | {"name": "a"}]), "and nothing else"),
        (line(models=[MODEL | {"rate_per_s": 0}]), "expected rate_per_s to be a number from 1e-6"),
        (line(models=[MODEL | {"slo_s": float("nan")}]), "expected slo_s to be a number"),
        (line(models=[MODEL | {"size_gb": 10**400}]), "expected size_gb to be a number"),
        (line(models=[MODEL | {"size_gb": True}]), "expected size_gb to be a number"),
        (line(models=[MODEL | {"size_gb": 60}] * 3), "expected models that fit"),
        (line(), "expected fleets that differ, got that of line 1 again"),
        (line(split="held_out"), "expected fleets that differ, got that of line 1 again"),
    ],
    ids=range(24),
)
def test_a_malformed_line_is_named_with_its_cure(
    task: SimpleNamespace, tmp_path: Path, second: str, complaint: str
) -> None:
    path = written(tmp_path, line(), second)
    for split in SPLITS:
        with pytest.raises(ValueError, match=complaint) as refusal:
            task.judge.workloads(split, "", path, **TOML["generator"])
        assert str(refusal.value).startswith("fleets.jsonl, line 2: ")
        assert "; " in str(refusal.value)
        assert len(str(refusal.value)) < 350


def test_a_file_without_train_or_text_is_refused(task: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='one or more fleets of split "train", got none; add'):
        task.judge.workloads("train", "", written(tmp_path, line(split="validation")))
    path = tmp_path / "bytes.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"bytes.jsonl: expected UTF-8 text.*; convert"):
        task.judge.workloads("train", "", str(path))
