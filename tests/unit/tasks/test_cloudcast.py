"""The cloudcast task: its physics, its judge, its workloads, its references and its cheats."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import fmean, geometric_mean
from types import SimpleNamespace
from typing import Any

import pytest

import adrs
from adrs.judging import Call, Invalid, Program, Workload
from adrs.plugins import load

FOLDER = Path(__file__).parents[3] / "tasks" / "cloudcast"
TOML = tomllib.loads((FOLDER / "task.toml").read_text())
MODULES = ("bound", "drawn", "jobs", "judge", "published", "transfer")
SPLITS = ("smoke", "train", "validation", "held_out")
CHEATS = sorted(folder.name for folder in (FOLDER / "checks" / "cheats").iterdir())
Broadcast = Callable[[dict[str, Any], dict[str, Any]], Any]


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
def made(task: SimpleNamespace) -> Callable[..., list[Workload]]:
    return lambda split, salt="salt", source=None: task.judge.workloads(
        split, salt, source, **TOML["generator"]
    )


def program(*folder: str) -> Broadcast:
    return runpy.run_path(str(FOLDER.joinpath(*folder, "broadcast.py")))["broadcast"]  # type: ignore[no-any-return]


SEED = program("program")
STEINER = program("references", "steiner")
DIRECT = program("checks", "bad", "direct")


def measure(task: SimpleNamespace, broadcast: Broadcast, workload: Workload) -> dict[str, float]:
    """What the judge says of a program that gets copies, as across the border."""
    running = task.judge.evaluate(Program(), workload)
    call: Call = running.send(None)
    assert call.name == "broadcast"
    answer = broadcast(*json.loads(json.dumps(call.arguments)))
    with pytest.raises(StopIteration) as stop:
        running.send(json.loads(json.dumps(answer)))
    return stop.value.value  # type: ignore[no-any-return]


def costs(task: SimpleNamespace, broadcast: Broadcast, workloads: list[Workload]) -> list[float]:
    measured = [measure(task, broadcast, workload) for workload in workloads]
    for metrics in measured:
        assert metrics["bound_usd"] <= metrics["cost_usd"] + 1e-9
    return [metrics["cost_usd"] for metrics in measured]


def ratio(task: SimpleNamespace, broadcast: Broadcast, workloads: list[Workload]) -> float:
    """Geometric mean of the cost to that of the seed."""
    pairs = zip(costs(task, broadcast, workloads), costs(task, SEED, workloads), strict=True)
    return geometric_mean(usd / seed for usd, seed in pairs)


# Physics, by hand

LINKS = {
    "p:s": {
        "p:a": {"usd_per_gb": 0.10, "gbps": 8.0},
        "p:b": {"usd_per_gb": 0.20, "gbps": 4.0},
    },
    "p:a": {"p:b": {"usd_per_gb": 0.01, "gbps": 2.0}, "p:s": {"usd_per_gb": 0.01, "gbps": 9.0}},
    "p:b": {"p:a": {"usd_per_gb": 0.05, "gbps": 5.0}, "p:s": {"usd_per_gb": 0.05, "gbps": 5.0}},
}


def job(**changed: Any) -> dict[str, Any]:
    wide = {"ingress_gbps": 100.0, "egress_gbps": 100.0}
    return {
        "source": "p:s",
        "destinations": ["p:a", "p:b"],
        "volume_gb": 100,
        "partitions": 2,
        "region_usd_per_h": 36.0,  # a cent a second
        "regions": {region: dict(wide) for region in LINKS},
    } | changed


def judged(task: SimpleNamespace, plan: Any, one: dict[str, Any]) -> dict[str, float]:
    workload = Workload("by hand", {"job": one, "links": LINKS, "bound_usd": 0.0})
    return measure(task, lambda job, links: plan, workload)


SA, SB, AB, BA = ["p:s", "p:a"], ["p:s", "p:b"], ["p:a", "p:b"], ["p:b", "p:a"]


def test_a_shared_link_is_paid_once_for_each_partition(task: SimpleNamespace) -> None:
    figures = judged(task, {"p:a": [[SA], [SA]], "p:b": [[AB, SA], [SA, AB]]}, job())
    assert figures["egress_usd"] == pytest.approx(100 * 0.10 + 100 * 0.01)
    assert figures["transfer_s"] == pytest.approx(100 * 8 / 2)
    assert figures["instances_usd"] == pytest.approx(3 * 0.01 * 400)
    assert figures["cost_usd"] == pytest.approx(11 + 12)
    assert figures["regions_used"] == 3
    assert figures["published_score"] == pytest.approx(100 * (1199 - 5 * 23 * 3) / 572.76)


def test_partitions_may_take_other_ways_and_the_slowest_link_decides(task: SimpleNamespace) -> None:
    figures = judged(task, {"p:a": [[SA], [SA]], "p:b": [[SB], [SA, AB]]}, job())
    assert figures["egress_usd"] == pytest.approx(100 * 0.10 + 50 * 0.20 + 50 * 0.01)
    assert figures["transfer_s"] == pytest.approx(max(800 / 8, 400 / 4, 400 / 2))


def test_what_a_route_lists_beyond_its_way_is_paid(task: SimpleNamespace) -> None:
    lean = judged(task, {"p:a": [[SA]] * 2, "p:b": [[SB]] * 2}, job())
    fat = judged(task, {"p:a": [[SA, BA]] * 2, "p:b": [[SB]] * 2}, job())
    assert fat["egress_usd"] == pytest.approx(lean["egress_usd"] + 100 * 0.05)


@pytest.mark.parametrize(
    ("region", "limit", "gbps", "expected_s"),
    [
        ("p:s", "egress_gbps", 12.0, 800 / 4),  # 8 + 4 do not exceed 12
        ("p:s", "egress_gbps", 10.0, 800 / 4),  # both get min(throughput, 5)
        ("p:s", "egress_gbps", 4.0, 800 / 2),
        ("p:a", "ingress_gbps", 2.0, 800 / 2),
        ("p:a", "egress_gbps", 0.5, 800 / 4),  # nothing leaves a
    ],
)
def test_a_narrow_region_shares_its_limit_equally(
    task: SimpleNamespace, region: str, limit: str, gbps: float, expected_s: float
) -> None:
    one = job()
    one["regions"][region][limit] = gbps
    figures = judged(task, {"p:a": [[SA]] * 2, "p:b": [[SB]] * 2}, one)
    assert figures["transfer_s"] == pytest.approx(expected_s)


def cloud(random: Random, count: int) -> dict[str, dict[str, dict[str, float]]]:
    names = [f"p:{number}" for number in range(count)]
    return {
        start: {
            end: {"usd_per_gb": random.choice([0.01, 0.05, 0.12]), "gbps": random.uniform(1, 9)}
            for end in names
            if end != start and (random.random() < 0.8 or end == names[0] or start == names[0])
        }
        for start in names
    }


def test_the_bound_is_below_every_tree_and_close(task: SimpleNamespace) -> None:
    gaps = []
    for number in range(25):
        random = Random(number)
        links = cloud(random, 5)
        source, *others = links
        wanted = others[: random.choice([1, 2, 3])]
        best = 9e9
        for parents in itertools.product([None, *links], repeat=len(others)):
            tree = {
                end: start for end, start in zip(others, parents, strict=True) if start is not None
            }
            if all(end in links[start] for end, start in tree.items()):
                taken = [(start, end) for end, start in tree.items()]
                if all(task.judge._leads(taken, source, end) for end in wanted):
                    paid = sum(links[start][end]["usd_per_gb"] for start, end in taken)
                    best = min(best, paid)
        bound = task.bound._least_tree(source, wanted, links)
        assert bound <= best + 1e-9
        gaps.append(bound / best)
    assert fmean(gaps) > 0.95


# The judge


def test_every_declared_metric_is_measured(task: SimpleNamespace, made: Any) -> None:
    metrics = measure(task, SEED, made("smoke")[0])
    assert sorted(metrics) == sorted(metric["name"] for metric in TOML["metric"])


GOOD: dict[str, Any] = {"p:a": [[SA], [SA]], "p:b": [[SB], [SB]]}


@pytest.mark.parametrize(
    ("plan", "complaint"),
    [
        (None, "must return a dict with the 2 destinations"),
        ([], "must return a dict with the 2 destinations as keys; it returned a list of 0"),
        ({"p:a": [[SA], [SA]]}, "a dict of 1"),
        (GOOD | {"p:s": []}, "a dict of 3"),
        ({"p:a": [[SA], [SA]], "p:s": [[], []]}, "nothing for destination p:b"),
        (GOOD | {"p:b": [[SB]]}, "a list of 2 routes"),
        (GOOD | {"p:b": {"0": [SB], "1": [SB]}}, "a list of 2 routes"),
        (GOOD | {"p:b": 2}, "a list of 2 routes, .* something of type int"),
        (GOOD | {"p:b": [[SB], None]}, "a route must be a list"),
        (GOOD | {"p:b": [[SB], True]}, "a route must be a list"),
        (GOOD | {"p:b": [[SB], [True]]}, "a link must be a list of two regions"),
        (GOOD | {"p:b": [[SB], ["ab"]]}, "a link must be a list of two regions"),
        (GOOD | {"p:b": [[SB], [[*SB, 0.0]]]}, "a link must be a list of two regions"),
        (GOOD | {"p:b": [[SB], [[0, 1]]]}, "a link must be a list of two regions"),
        (GOOD | {"p:b": [[SB], [["p:s", ["p:b"]]]]}, "a link must be a list of two regions"),
        (GOOD | {"p:b": [[SB], [["p:b", "p:b"]]]}, "no link 'p:b' to 'p:b'"),
        (GOOD | {"p:b": [[SB], [["x" * 9999, "p:b"]]]}, "no link 'xxx"),
        (GOOD | {"p:b": [[SB], []]}, "partition 1 does not get from the source to p:b"),
        (GOOD | {"p:b": [[SB], [AB]]}, "partition 1 does not get"),
        (GOOD | {"p:b": [[SB], [SA]]}, "partition 1 does not get"),
        (GOOD | {"p:b": [[SB], [["p:b", "p:s"]]]}, "partition 1 does not get"),
    ],
    ids=range(21),
)
def test_a_plan_of_another_form_is_invalid(
    task: SimpleNamespace, plan: Any, complaint: str
) -> None:
    running = task.judge.evaluate(Program(), Workload("", {"job": job(), "links": LINKS}))
    running.send(None)
    with pytest.raises(Invalid, match=complaint) as refusal:
        running.send(plan)
    assert len(str(refusal.value)) < 200


def test_feedback_names_where_most_is_lost_and_no_region(task: SimpleNamespace, made: Any) -> None:
    units = made("smoke")
    samples = [
        {"workload": w.name, "unit": w.name, "metrics": measure(task, SEED, w)} for w in units
    ]
    samples[1]["metrics"]["cost_usd"] *= 50
    text = task.judge.feedback(samples)
    assert text.splitlines()[2].startswith(f"- {units[1].name}: ")
    assert len(text) < 1000
    assert not any(region in text for unit in units for region in unit.data["links"])


# References


@pytest.mark.parametrize("split", SPLITS[1:])
def test_programs_are_ordered_as_known(task: SimpleNamespace, made: Any, split: str) -> None:
    units = made(split)[:12]
    shared = ratio(task, program("checks", "good", "shared_paths"), units)
    assert ratio(task, STEINER, units) < 0.99 * shared < 0.85
    assert ratio(task, DIRECT, units) > 1 - 1e-9
    assert ratio(task, program("checks", "bad", "scattered"), units) > 1.5


# Workloads


def test_drawn_splits_are_disjoint_and_repeatable(made: Any) -> None:
    splits = {split: made(split) for split in SPLITS}
    assert [len(units) for units in splits.values()] == [3, 24, 24, 32]
    texts = [json.dumps(unit.data) for units in splits.values() for unit in units]
    assert len(set(texts)) == len(texts)
    for split in SPLITS[:3]:
        assert made(split, "another") == splits[split]
    assert made("held_out") == splits["held_out"]
    other = {json.dumps(unit.data) for unit in made("held_out", "another")}
    assert not other & set(texts)


def test_held_out_is_larger_in_shape_and_scale(made: Any) -> None:
    def spread(split: str) -> dict[str, tuple[float, float]]:
        jobs = [unit.data["job"] for unit in made(split)]
        figures = {
            "regions": [len(one["regions"]) for one in jobs],
            "providers": [len({name.split(":")[0] for name in one["regions"]}) for one in jobs],
            "destinations": [len(one["destinations"]) for one in jobs],
            "partitions": [one["partitions"] for one in jobs],
            "volume_gb": [one["volume_gb"] for one in jobs],
        }
        return {name: (min(values), max(values)) for name, values in figures.items()}

    train, held_out = spread("train"), spread("held_out")
    for name, (low, high) in TOML["generator"].items():
        if name in train:
            assert low <= train[name][0] <= train[name][1] <= high
    for name in train:
        assert held_out[name][0] < train[name][0]
        assert held_out[name][1] > train[name][1]


def test_workloads_do_not_depend_on_the_process() -> None:
    ask = (
        "import hashlib, json, judge, tomllib; ranges = tomllib.load(open('task.toml', 'rb'))"
        "['generator']; print(hashlib.sha256(json.dumps([w.data for s in ('train', 'held_out')"
        " for w in judge.workloads(s, 'x', **ranges)]).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", ask],
            cwd=FOLDER,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{FOLDER.parents[1]}:{FOLDER}"},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def write(folder: Path, links: list[str], jobs: Any) -> str:
    header = "src,dst,cost_usd_per_gb,throughput_gbps"
    (folder / "links.csv").write_text("\n".join([header, *links]) + "\n")
    (folder / "broadcasts.json").write_text(jobs if isinstance(jobs, str) else json.dumps(jobs))
    return str(folder)


NAMES = [f"{provider}:r{number}" for provider in ("x", "y") for number in range(8)]
ROWS = [f"{start},{end},0.05,{3 + len(end)}" for start in NAMES for end in NAMES if start != end]
LISTED = {
    "source_node": "x:r0",
    "dest_nodes": ["x:r1", "y:r2"],
    "data_vol": 300,
    "num_partitions": 10,
    "ingress_limit": {"x": 10, "y": 16},
    "egress_limit": {"x": 5, "y": 7},
}


def test_a_folder_of_real_clouds_is_cut_into_splits_without_a_source_in_common(
    made: Any, tmp_path: Path
) -> None:
    jobs = {"one": LISTED, "two": LISTED | {"source_node": "y:r7"}, "three": LISTED}
    path = write(tmp_path, ROWS, jobs)
    splits = {split: made(split, "s", path) for split in SPLITS}
    assert [unit.name for unit in splits["train"]] == ["one", "two", "three"]
    assert splits["smoke"] == splits["train"][:2]
    assert [len(units) for units in splits.values()] == [2, 3, 24, 24]
    assert {unit.shares for units in splits.values() for unit in units} == {"graph"}
    sources = [{unit.data["job"]["source"] for unit in splits[split]} for split in SPLITS[1:]]
    assert sources[0] == {"x:r0", "y:r7"}
    assert sum(map(len, sources)) == len(set().union(*sources)) == len(NAMES)
    first = splits["train"][0].data
    assert first["job"]["regions"]["y:r3"] == {"ingress_gbps": 32, "egress_gbps": 14}
    assert first["links"]["x:r0"]["y:r2"] == {"usd_per_gb": 0.05, "gbps": 14.0}
    assert made("held_out", "t", path) != splits["held_out"] == made("held_out", "s", path)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["a:1,b:2,0.1"], "line 2: expected 4 values, got 3"),
        (["a,b:2,0.1,5"], "line 2: expected a region such as aws:us-east-1, got 'a'"),
        (["a:1,b:\x1b,0.1,5"], r"line 2: expected a region such as aws:us-east-1, got 'b:.x1b'"),
        (["a:1,a:1,0.1,5"], "line 2: expected each link between two regions once"),
        (["a:1,b:2,0.1,5", "a:1,b:2,0.1,5"], "line 3: expected each link .* once"),
        (["a:1,b:2,free,5"], "line 2: expected a cost of 0, or 1e-06 to 1e.06, got 'free'"),
        (["a:1,b:2,nan,5"], "line 2: expected a cost of 0, or 1e-06 to 1e.06, got 'nan'"),
        (["a:1,b:2,-1,5"], "line 2: expected a cost of 0, or 1e-06 to 1e.06, got '-1'"),
        (["a:1,b:2,1e308,5"], "line 2: expected a cost"),
        (["a:1,b:2,1,0"], "line 2: expected a throughput of 1e-06 to 1e.06, got '0'"),
        (["a:1,b:2,1,1e-300"], "line 2: expected a throughput"),
        (["a" * 200_000], "line 2: expected values with commas between them"),
        ([], "expected 12 or more regions, got 0"),
        (ROWS[:30], "expected a way between any two regions"),
    ],
    ids=range(14),
)
def test_a_wrong_link_is_named_with_its_cure(
    made: Any, tmp_path: Path, rows: list[str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"links.csv.*{complaint}.*; "):
        made("train", "", write(tmp_path, rows, {"one": LISTED}))


@pytest.mark.parametrize(
    ("jobs", "complaint"),
    [
        ("{", "expected JSON"),
        ([], "expected an object of jobs by name"),
        ({}, "expected an object of jobs by name"),
        ({"one": []}, "one: expected an object with source_node"),
        ({"one": {"source_node": "x:r0"}}, "one: expected an object with source_node"),
        ({"one": LISTED | {"source_node": "z:r0"}}, "source_node to be a region of links.csv"),
        ({"one": LISTED | {"dest_nodes": []}}, "dest_nodes to be a list"),
        ({"one": LISTED | {"dest_nodes": ["x:r0"]}}, "other regions of links.csv, each once"),
        ({"one": LISTED | {"dest_nodes": ["x:r1", "x:r1"]}}, "each once, got 'x:r1'"),
        ({"one": LISTED | {"num_partitions": True}}, "num_partitions to be a whole number"),
        ({"one": LISTED | {"num_partitions": 10**400}}, "a whole number from 1 to 1000"),
        ({"one": LISTED | {"data_vol": 0}}, "data_vol to be a number from 1e-06 to 1e.06, got 0"),
        ({"one": LISTED | {"data_vol": 1e-320}}, "data_vol to be a number"),
        ({"": LISTED}, "names of 1 to 60 printable characters, got ''"),
        ({"a\nb": LISTED}, r"names of .*, got 'a\\nb'"),
        ({"\ud800": LISTED}, "names of 1 to 60 printable"),
        ({"one": LISTED | {"ingress_limit": {"x": 3}}}, "ingress_limit of y to be a number"),
        ({"one": LISTED | {"egress_limit": 3}}, "egress_limit to be an object of numbers"),
        (
            {n: LISTED | {"source_node": n, "dest_nodes": [NAMES[n == "x:r0"]]} for n in NAMES},
            "two or more regions in which no job starts",
        ),
    ],
    ids=range(19),
)
def test_a_wrong_job_is_named_with_its_cure(
    made: Any, tmp_path: Path, jobs: Any, complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"broadcasts.json.*{complaint}.*; "):
        made("train", "", write(tmp_path, ROWS, jobs))


def test_a_file_that_is_absent_or_no_text_is_named(made: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got none with links.csv; name the folder"):
        made("train", "", str(tmp_path))
    path = write(tmp_path, ROWS, {"one": LISTED})
    (tmp_path / "links.csv").write_bytes(b"src,\xff")
    with pytest.raises(ValueError, match=r"links.csv: expected UTF-8 text, got byte 4"):
        made("train", "", path)


def real_cloud() -> str:
    if "ADRS_DATA" not in os.environ:
        pytest.skip("NOT TESTED on the real cloud: ADRS_DATA does not name the data's folder")
    return str(Path(os.environ["ADRS_DATA"]) / "cloudcast")


def test_published_jobs_cost_what_was_published(task: SimpleNamespace, made: Any) -> None:
    units = made("train", "", real_cloud())
    assert len(units) == 5
    seed = [measure(task, SEED, unit) for unit in units]
    assert sum(one["cost_usd"] for one in seed) == pytest.approx(1045.86, abs=0.005)
    assert fmean(one["published_score"] for one in seed) == pytest.approx(26.74, abs=0.01)
    assert sum(costs(task, DIRECT, units)) == pytest.approx(1199, abs=0.5)
    assert sum(costs(task, STEINER, units)) == pytest.approx(622.77, abs=0.005)
    assert sum(unit.data["bound_usd"] for unit in units) == pytest.approx(619.79, abs=0.005)


# Cheats, in the sandbox

SMOKE = adrs.Request(adrs.Split.SMOKE)
HONEST_AFTER_ALL = {"reads_the_judge", "remembers", "rewritten_inputs", "searches_memory"}
CRASHED = {"hangs_up", "leaves", "too_many_threads"}


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
    opened = loop.run(evaluator.open(adrs.Setting(adrs.load_task(FOLDER), sandbox)))  # type: ignore[attr-defined, arg-type]
    yield opened
    loop.run(opened.close())


def sandboxed(loop: asyncio.Runner, bench: adrs.Bench, *folder: str) -> adrs.Evaluation:
    return loop.run(bench.measure(adrs.read_program(FOLDER.joinpath(*folder)), SMOKE))


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(loop: asyncio.Runner, bench: adrs.Bench, name: str) -> None:
    cheat = sandboxed(loop, bench, "checks", "cheats", name)
    if name in HONEST_AFTER_ALL:
        assert cheat.status is adrs.Status.SCORED, cheat.reason
        seed = sandboxed(loop, bench, "program")
        for mine, theirs in zip(cheat.samples, seed.samples, strict=True):
            assert mine.metrics["cost_usd"] >= theirs.metrics["cost_usd"] - 1e-9
    else:
        status = adrs.Status.CRASHED if name in CRASHED else adrs.Status.INVALID
        assert cheat.status is status, cheat.reason


def test_a_program_gives_the_same_figures_twice(loop: asyncio.Runner, bench: adrs.Bench) -> None:
    one, two = (sandboxed(loop, bench, "references", "steiner") for _ in "ab")
    assert [sample.metrics for sample in one.samples] == [sample.metrics for sample in two.samples]
    assert one.status is adrs.Status.SCORED
