"""The telemetry task: its networks, its faults, its judge, its workloads, its references."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest

import adrs
from adrs.judging import Call, Invalid, Program, Workload
from adrs.plugins import load

FOLDER = Path(__file__).parents[3] / "tasks" / "telemetry"
TOML = tomllib.loads((FOLDER / "task.toml").read_text())
MODULES = ("drawn", "faults", "judge", "network", "recorded", "score")
SPLITS = ("smoke", "train", "validation", "held_out")
CHEATS = sorted(folder.name for folder in (FOLDER / "checks" / "cheats").iterdir())
Repair = Callable[[list[Any], list[Any]], Any]


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


def program(*folder: str) -> Repair:
    return runpy.run_path(str(FOLDER.joinpath(*folder, "telemetry.py")))["repair"]  # type: ignore[no-any-return]


SEED = program("program")


def measure(task: SimpleNamespace, repair: Repair, workload: Workload) -> dict[str, float]:
    """What the judge makes of a program in this process that gets plain copies, as by wire."""
    running = task.judge.evaluate(Program(), workload)
    call: Call = running.send(None)
    assert (call.target, call.name) == (0, "repair")
    answer = repair(*json.loads(json.dumps(call.arguments)))
    with pytest.raises(StopIteration) as stop:
        running.send(answer)
    return stop.value.value  # type: ignore[no-any-return]


def means(task: SimpleNamespace, repair: Repair, workloads: list[Workload]) -> dict[str, float]:
    measured = [measure(task, repair, workload) for workload in workloads]
    return {name: mean(one[name] for one in measured) for name in measured[0]}


# Networks


@pytest.mark.parametrize("shape", ["abilene", "ring", "waxman", "leaf_spine"])
@pytest.mark.parametrize("routers", [8, 40])
def test_what_enters_a_router_leaves_it(task: SimpleNamespace, shape: str, routers: int) -> None:
    random = Random(f"{shape}/{routers}")
    draw = getattr(task.network, shape)
    topology = draw() if shape == "abilene" else draw(random, routers)
    assert len({frozenset(link) for link in topology.links}) == len(topology.links)
    state = task.network.loaded(random, topology, edge_mbps=300.0, skew=1.0, down=0.2)
    inward = [entering for entering, _ in state.external_mbps]
    outward = [leaving for _, leaving in state.external_mbps]
    assert sum(inward) == pytest.approx(300 * len(topology.edges))
    for link in state.links:
        assert (link.ab_mbps > 0) == (link.ba_mbps > 0) <= link.is_up
        if link.a in topology.edges and link.b in topology.edges:
            assert (link.ab_mbps > 0) == link.is_up
        for one, sent, received in (
            (link.a, link.ab_mbps, link.ba_mbps),
            (link.b, link.ba_mbps, link.ab_mbps),
        ):
            outward[one] += sent
            inward[one] += received
    assert inward == pytest.approx(outward)


def test_only_links_to_spines_are_idle(task: SimpleNamespace) -> None:
    idle = 0
    for number in range(20):
        random = Random(number)
        topology = task.network.leaf_spine(random, 20)
        state = task.network.loaded(random, topology, edge_mbps=300.0, skew=1.0, down=0.1)
        idle += sum(link.is_up and not link.ab_mbps for link in state.links)
    assert 0 < idle < 0.2 * 20 * len(topology.links)


def test_abilene_has_its_published_size(task: SimpleNamespace) -> None:
    topology = task.network.abilene()
    assert (topology.routers, len(topology.links)) == (12, 15)
    degrees = [sum(one in link for link in topology.links) for one in range(12)]
    assert sorted(degrees) == [1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4]


def test_traffic_takes_shortest_paths_by_hand(task: SimpleNamespace) -> None:
    # A line of three: whatever goes from end to end passes the middle, which adds its own.
    line = task.network.Topology(3, [(0, 1), (1, 2)], range(3))
    state = task.network.loaded(Random(1), line, edge_mbps=100.0, skew=0.5, down=1.0)
    first, second = state.links
    assert (first.is_up, second.is_up) == (True, True)  # without either a router is cut off
    assert state.external_mbps[0] == pytest.approx((first.ab_mbps, first.ba_mbps))
    assert state.external_mbps[2] == pytest.approx((second.ba_mbps, second.ab_mbps))


# Faults


def observed(task: SimpleNamespace, kind: str, **conditions: float) -> tuple[Any, Any]:
    random = Random(kind)
    state = task.network.loaded(random, task.network.abilene(), 1000.0, 0.5, 0.0)
    drawn = {"faulty": 0.3, "noise": 0.0, "wrong_status": 0.0} | conditions
    data = task.faults.observed(random, state, task.faults.Conditions(kind, **drawn))
    return data["interfaces"], data["truth"]


def test_dropped_interfaces_read_zero_and_others_read_the_truth(task: SimpleNamespace) -> None:
    interfaces, truth = observed(task, "dropped")
    for one in interfaces:
        true = truth[one["id"]]
        expected = 0 if true["is_faulty"] else 1
        assert one["rx_mbps"] == pytest.approx(expected * true["rx_mbps"], abs=1e-3)
        assert one["tx_mbps"] == pytest.approx(expected * true["tx_mbps"], abs=1e-3)
        assert one["is_up"] is True


def test_scaled_counters_are_off_by_a_fifth_to_a_half(task: SimpleNamespace) -> None:
    interfaces, truth = observed(task, "scaled")
    for one in interfaces:
        for name in ("rx_mbps", "tx_mbps"):
            off = abs(one[name] / truth[one["id"]][name] - 1)
            assert (0.2 <= round(off, 3) <= 0.5) if truth[one["id"]]["is_faulty"] else off < 1e-3


@pytest.mark.parametrize("kind", ["dropped_router", "scaled_router"])
def test_a_faulty_router_has_no_sound_interface(task: SimpleNamespace, kind: str) -> None:
    interfaces, truth = observed(task, kind)
    faulty: dict[str, set[bool]] = {}
    for one in interfaces:
        faulty.setdefault(one["router"], set()).add(truth[one["id"]]["is_faulty"])
    assert {len(kinds) for kinds in faulty.values()} == {1}
    assert {True, False} == set().union(*faulty.values())


def test_noise_and_wrong_statuses_are_as_declared(task: SimpleNamespace) -> None:
    interfaces, truth = observed(task, "dropped", faulty=0.1, noise=0.02, wrong_status=0.5)
    sound = [one for one in interfaces if not truth[one["id"]]["is_faulty"]]
    off = [abs(one["rx_mbps"] / truth[one["id"]]["rx_mbps"] - 1) for one in sound]
    assert 0.01 < max(off) <= 0.0201
    assert 5 < sum(not one["is_up"] for one in interfaces) < 25


def test_a_program_sees_what_an_operator_sees(drawn: Any, task: SimpleNamespace) -> None:
    told: list[Any] = []

    def listen(interfaces: list[Any], routers: list[Any]) -> Any:
        told.append((interfaces, routers))
        return SEED(interfaces, routers)

    ids = []
    for workload in (*drawn("smoke"), *drawn("held_out")[:5]):
        measure(task, listen, workload)
        interfaces, routers = told[-1]
        by_id = {one["id"]: one for one in interfaces}
        assert len(by_id) == len(interfaces) == len(workload.data["truth"])
        keys = {"id", "router", "peer", "rx_mbps", "tx_mbps", "is_up"}
        assert all(one.keys() == keys for one in interfaces)
        assert all(one.keys() == {"id", "rx_mbps", "tx_mbps"} for one in routers)
        assert {one["router"] for one in interfaces} == {one["id"] for one in routers}
        assert all(by_id[one["peer"]]["peer"] == one["id"] for one in interfaces)
        ids.append([one["id"] for one in interfaces])
    assert all(not set(one) & set(other) for one, other in pairwise(ids))
    assert all(one != sorted(one) for one in ids)


# The judge

TRUTH = {
    "i1": {"rx_mbps": 100.0, "tx_mbps": 0.0, "is_up": True, "is_faulty": False},
    "i2": {"rx_mbps": 200.0, "tx_mbps": 50.0, "is_up": False, "is_faulty": True},
}
ANSWER: dict[str, Any] = {
    "i1": {
        "rx_mbps": 95.0,
        "rx_mbps_confidence": 0.9,
        "tx_mbps": 0.5,
        "tx_mbps_confidence": 0.5,
        "is_up": True,
        "is_up_confidence": 1,
    },
    "i2": {
        "rx_mbps": 140,
        "rx_mbps_confidence": 0.2,
        "tx_mbps": 200.0,
        "tx_mbps_confidence": 0.0,
        "is_up": True,
        "is_up_confidence": 0.6,
    },
}


def test_the_loss_by_hand(task: SimpleNamespace) -> None:
    metrics = task.score.loss(TRUTH, ANSWER)
    # 0.5 is half of the floor; 200 is three times as far off as an error can count.
    counter_error = (0.05 + 0.5 + 0.3 + 1.0) / 4
    brier = (0.1**2 + 0.5**2 + 0.2**2 + 0 + 0 + 0.6**2) / 6
    assert metrics == pytest.approx(
        {
            "repair_loss": 0.75 * counter_error + 0.05 * 0.5 + 0.2 * brier,
            "counter_error": counter_error,
            "calibration_error": brier,
            "faulty_error": 0.65,
            "sound_error": 0.275,
        }
    )


def test_the_published_figures_by_hand(task: SimpleNamespace) -> None:
    metrics = task.score.published(TRUTH, ANSWER)
    # Counters whose true rate is 0 are left out of q_c. Accuracies: 0.95, 0.5, 0.7, 0.25.
    q_c = (0.95 + 0.7 + 0.0) / 3
    q_k = (1.0 + (0.8 - 2 * 0.5 * 0.5) + 0.8 + 0.8) / 4
    assert metrics == pytest.approx(
        {
            "counter_quality": q_c,
            "status_quality": 0.5,
            "confidence_quality": q_k,
            "published_w": 0.75 * q_c + 0.05 * 0.5 + 0.2 * q_k,
        }
    )


@pytest.mark.parametrize(
    ("w", "points"), [(0.80, 0), (0.82, 50), (1.0, 100), (0.8222, 50.6), (0.9601, 88.9)]
)
def test_published_points(task: SimpleNamespace, w: float, points: float) -> None:
    assert task.score.published_score(w) == pytest.approx(points, abs=0.05)


def test_the_true_state_loses_nothing(task: SimpleNamespace, drawn: Any) -> None:
    workload = drawn("smoke")[0]

    def omniscient(interfaces: list[Any], routers: list[Any]) -> Any:
        return {
            name: {key: true[key] for key in ("rx_mbps", "tx_mbps", "is_up")}
            | dict.fromkeys(task.judge.CONFIDENCES, 1)
            for name, true in workload.data["truth"].items()
        }

    metrics = measure(task, omniscient, workload)
    assert metrics["repair_loss"] == 0
    assert metrics["published_w"] == pytest.approx(1)
    assert sorted(metrics) == sorted(metric["name"] for metric in TOML["metric"])


def test_the_best_confidence_is_the_probability_of_being_right(task: SimpleNamespace) -> None:
    def lost(confidence: float) -> float:
        answer = copy.deepcopy(ANSWER)
        answer["i2"]["rx_mbps_confidence"] = confidence
        right, wrong = (
            task.score.loss({**TRUTH, "i2": TRUTH["i2"] | {"rx_mbps": rate}}, answer)
            for rate in (140.0, 200.0)
        )
        return float(0.7 * right["repair_loss"] + 0.3 * wrong["repair_loss"])

    assert min(range(101), key=lambda percent: lost(percent / 100)) == 70


def without(answer: Any) -> Any:
    answer.popitem()
    return answer


def changed(**values: object) -> Callable[[Any], Any]:
    def change(answer: Any) -> Any:
        next(iter(answer.values())).update(values)
        return answer

    return change


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda answer: None, "all 30 interfaces as keys; it returned something of type NoneType"),
        (lambda answer: list(answer.items()), "something of type list"),
        (lambda answer: {}, "0 keys, 30 missing and 0 unknown"),
        (without, "29 keys, 1 missing and 0 unknown"),
        (lambda answer: answer | {"i9": {}}, "31 keys, 0 missing and 1 unknown"),
        (lambda answer: dict.fromkeys(answer, 1.0), "something of type float"),
        (changed(is_faulty=True), "7 keys, 0 missing and 1 unknown"),
        (changed(rx_mbps=-0.001), "rx_mbps is a number from 0 to 1e.09; got -0.001"),
        (changed(rx_mbps=1.01e9), "rx_mbps is a number"),
        (changed(tx_mbps=10**400), "tx_mbps is a number"),
        (changed(tx_mbps=float("nan")), "tx_mbps is a number from 0 to 1e.09; got nan"),
        (changed(tx_mbps=float("inf")), "tx_mbps is a number"),
        (changed(tx_mbps=True), "tx_mbps is a number from 0 to 1e.09; got True"),
        (changed(tx_mbps="5"), "tx_mbps is a number"),
        (changed(tx_mbps=None), "tx_mbps is a number"),
        (changed(rx_mbps_confidence=1.01), "rx_mbps_confidence is a number from 0 to 1; got 1.01"),
        (changed(rx_mbps_confidence=-0.01), "rx_mbps_confidence is a number"),
        (changed(is_up_confidence=True), "is_up_confidence is a number"),
        (changed(is_up=1), "is_up is True or False; got 1"),
        (changed(is_up="up"), "is_up is True or False; got 'up'"),
        (changed(is_up="up" * 1000), "is_up is True or False"),
    ],
    ids=range(21),
)
def test_an_answer_that_is_not_a_full_repair_is_invalid(
    task: SimpleNamespace, drawn: Any, change: Callable[[Any], Any], complaint: str
) -> None:
    running = task.judge.evaluate(Program(), drawn("smoke")[0])
    call: Call = running.send(None)
    with pytest.raises(Invalid, match=complaint) as refusal:
        running.send(change(SEED(*copy.deepcopy(call.arguments))))
    assert len(str(refusal.value)) < 250


def test_feedback_says_where_it_is_lost_and_shows_no_case(
    task: SimpleNamespace, drawn: Any
) -> None:
    workloads = drawn("smoke")
    samples = [
        {"workload": w.name, "unit": w.unit, "metrics": measure(task, SEED, w)} for w in workloads
    ]
    samples[5]["metrics"]["repair_loss"] += 1
    text = task.judge.feedback(samples)
    for kind in task.faults.KINDS:
        assert f"- {kind}: loss " in text
    assert text.endswith(
        f"Worst: {workloads[5].name}, loss {samples[5]['metrics']['repair_loss']:.4f}."
    )
    assert len(text) < 1000
    ids = [name for workload in workloads for name in workload.data["truth"]]
    assert not any(name in text for name in ids)


# Programs


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
def test_programs_are_in_the_expected_order(task: SimpleNamespace, drawn: Any, split: str) -> None:
    workloads = drawn(split)
    loss = {
        name: means(task, program(*name.split("/")), workloads)["repair_loss"]
        for name in (
            "program",
            "references/hodor",
            "references/passthrough",
            "checks/good/balanced",
            "checks/bad/larger",
            "checks/bad/zeros",
        )
    }
    assert loss["references/hodor"] < 0.95 * loss["checks/good/balanced"]
    assert loss["checks/good/balanced"] < 0.95 * loss["program"]
    for name in ("references/passthrough", "checks/bad/larger", "checks/bad/zeros"):
        assert loss[name] > 1.1 * loss["program"], name


def test_passthrough_has_its_published_quality(task: SimpleNamespace, drawn: Any) -> None:
    metrics = means(task, program("references", "passthrough"), drawn("train"))
    assert metrics["published_w"] == pytest.approx(0.7994, abs=0.005)


def test_a_router_that_balances_decides_what_its_links_carry() -> None:
    """By hand: r2 is faulty, r1 and r3 balance; the flows are 90 and 60 one way, 30 and 40 back."""

    def interface(name: str, router: str, peer: str, rx: float, tx: float) -> dict[str, Any]:
        return {
            "id": name, "router": router, "peer": peer, "rx_mbps": rx, "tx_mbps": tx, "is_up": True
        }  # fmt: skip

    interfaces = [
        interface("a", "r1", "b", 30.0, 90.0),
        interface("b", "r2", "a", 60.0, 45.0),
        interface("c", "r2", "d", 55.0, 36.0),
        interface("d", "r3", "c", 60.0, 40.0),
    ]
    routers = [
        {"id": "r1", "rx_mbps": 90.0, "tx_mbps": 30.0},
        {"id": "r2", "rx_mbps": 30.0, "tx_mbps": 70.0},
        {"id": "r3", "rx_mbps": 40.0, "tx_mbps": 60.0},
    ]
    repaired = program("references", "hodor")(interfaces, routers)
    assert {name: (one["rx_mbps"], one["tx_mbps"]) for name, one in repaired.items()} == {
        "a": (30.0, 90.0),
        "b": (90.0, 30.0),
        "c": (40.0, 60.0),
        "d": (60.0, 40.0),
    }


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


@pytest.fixture(scope="module")
def seed_loss(loop: asyncio.Runner, bench: adrs.Bench) -> float:
    seed = loop.run(bench.measure(adrs.read_program(FOLDER / "program"), SMOKE))
    return mean_loss(seed)


def mean_loss(evaluation: adrs.Evaluation) -> float:
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return mean(sample.metrics["repair_loss"] for sample in evaluation.samples)


REFUSED = {
    "only_easy": adrs.Status.INVALID,
    "easy_twice": adrs.Status.INVALID,
    "not_a_number": adrs.Status.INVALID,
    "infinite": adrs.Status.INVALID,
    "negative": adrs.Status.INVALID,
    "huge_integer": adrs.Status.INVALID,
    "overconfident": adrs.Status.INVALID,
    "booleans": adrs.Status.INVALID,
    "status_in_numbers": adrs.Status.INVALID,
    "hidden_keys": adrs.Status.INVALID,
    "empty": adrs.Status.INVALID,
    "raises": adrs.Status.CRASHED,
    "leaves": adrs.Status.CRASHED,
}


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_gains_nothing(
    loop: asyncio.Runner, bench: adrs.Bench, seed_loss: float, name: str
) -> None:
    cheat = adrs.read_program(FOLDER / "checks" / "cheats" / name)
    evaluation = loop.run(bench.measure(cheat, SMOKE))
    if name in REFUSED:
        assert evaluation.status is REFUSED[name], evaluation.reason
    elif evaluation.status is adrs.Status.SCORED:
        assert mean_loss(evaluation) >= seed_loss


GENERATOR = ("drawn", "faults", "network")
DRAWS_AGAIN = """
import drawn, honest

def repair(interfaces, routers):
    for one in drawn.workloads("smoke", "", drawn.Ranges(**RANGES)):
        if one.data["interfaces"] == interfaces:
            sure = {f"{key}_confidence": 1 for key in ("rx_mbps", "tx_mbps", "is_up")}
            return {
                name: {key: true[key] for key in ("rx_mbps", "tx_mbps", "is_up")} | sure
                for name, true in one.data["truth"].items()
            }
    return honest.repair(interfaces, routers)
"""


def test_a_copy_of_the_generator_is_no_use_without_the_salt(
    loop: asyncio.Runner, bench: adrs.Bench
) -> None:
    every = loop.run(bench.workloads(adrs.Request(adrs.Split("held_out"), "salt")))
    some = tuple(one.name for one in every[::12])
    held_out = adrs.Request(adrs.Split("held_out"), "salt", names=some)
    seed = loop.run(bench.measure(adrs.read_program(FOLDER / "program"), held_out))
    carried = {f"{name}.py": (FOLDER / f"{name}.py").read_bytes() for name in GENERATOR}
    cheat = adrs.Program(
        {
            "telemetry.py": f"RANGES = {TOML['generator']!r}{DRAWS_AGAIN}".encode(),
            "honest.py": (FOLDER / "program" / "telemetry.py").read_bytes(),
            "adrs/judging.py": Path(adrs.judging.__file__).read_bytes(),
            **carried,
        }
    )
    assert mean_loss(loop.run(bench.measure(cheat, SMOKE))) == 0
    assert mean_loss(loop.run(bench.measure(cheat, held_out))) == mean_loss(seed)


# Workloads


def test_drawn_splits_are_repeatable_and_disjoint(drawn: Any) -> None:
    splits = {split: drawn(split) for split in SPLITS}
    assert {split: len({one.unit for one in found}) for split, found in splits.items()} == {
        "smoke": 2,
        "train": 24,
        "validation": 16,
        "held_out": 24,
    }
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


def test_held_out_differs_in_shape_scale_and_faults(drawn: Any) -> None:
    def sizes(split: str) -> list[int]:
        return [len(one.data["routers"]) for one in drawn(split)]

    assert set(sizes("train")) == set(sizes("smoke")) == {12}
    assert min(sizes("held_out")) >= 8
    assert 30 < max(sizes("held_out")) <= 40
    assert max(sizes("validation")) <= 20
    assert not any(one.name.endswith("-mixed") for one in drawn("train"))
    assert sum(one.name.endswith("-mixed") for one in drawn("held_out")) == 24


def test_a_range_can_be_narrowed(drawn: Any) -> None:
    for workload in drawn("train", noise=[0.0, 0.0], wrong_status=[0.0, 0.0])[:8]:
        truth = workload.data["truth"]
        for one in workload.data["interfaces"]:
            true = truth[one["id"]]
            assert one["is_up"] == true["is_up"]
            if not true["is_faulty"]:
                assert one["rx_mbps"] == pytest.approx(true["rx_mbps"], abs=1e-3)


def line(number: int, **changed: object) -> str:
    """A clean state of a ring of three, with traffic from each router to the next."""
    rate = 100.0 + number
    links = [
        {"a": a, "b": b, "ab_mbps": rate, "ba_mbps": 0.0, "is_up": True}
        for a, b in ("ab", "bc", "ca")
    ]
    return json.dumps(
        {"links": links, "external_mbps": {name: [rate, rate] for name in "abc"}} | changed
    )


def written(folder: Path, lines: list[str]) -> str:
    path = folder / "states.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_a_file_of_states_is_cut_into_units_apart_in_time(
    task: SimpleNamespace, drawn: Any, tmp_path: Path
) -> None:
    path = written(tmp_path, [line(number) for number in range(96)])
    splits = {split: drawn(split, "salt", source=path) for split in SPLITS}
    units = {
        split: list(dict.fromkeys(int(one.unit.removeprefix("line-")) for one in found))
        for split, found in splits.items()
    }
    assert units == {
        "smoke": [1, 3],
        "train": list(range(1, 37, 2)),
        "validation": list(range(39, 55, 2)),
        "held_out": list(range(57, 97, 2)),
    }
    for workload in splits["held_out"]:
        rates = {true["rx_mbps"] for true in workload.data["truth"].values()}
        assert rates == {0.0, 99.0 + int(workload.unit.removeprefix("line-"))}
        assert workload.shares == "a network"
    assert drawn("held_out", "other", source=path) != splits["held_out"]
    assert drawn("train", "other", source=path) == splits["train"]
    loss = means(task, program("references", "hodor"), splits["train"])["repair_loss"]
    assert loss < means(task, program("references", "passthrough"), splits["train"])["repair_loss"]


LINK = {"a": "a", "b": "b", "ab_mbps": 1.0, "ba_mbps": 2, "is_up": True}


@pytest.mark.parametrize(
    ("first", "complaint"),
    [
        ("", "expected one JSON object, got ''"),
        ("[" * 100_000, "expected one JSON object"),
        ("[]", "expected an object with a list links and an object external_mbps, got '"),
        ('{"links": []}', "expected an object with a list links"),
        (line(0, links=[]), "expected a link with traffic, got none; leave the line out"),
        (line(0, links=[{"a": "a"}]), "expected a link to have a, b, ab_mbps, ba_mbps, is_up, got"),
        (line(0, links=[LINK | {"b": "z"}]), "expected the ends of a link to be routers of extern"),
        (line(0, links=[LINK | {"b": ["b"]}]), "expected the ends of a link to be routers"),
        (line(0, links=[LINK | {"b": "a"}]), "expected a link between two routers, got one from"),
        (line(0, links=[LINK | {"is_up": 1}]), "expected is_up to be true or false, got 1"),
        (line(0, links=[LINK | {"is_up": False}]), "expected no traffic on a link that is down"),
        (
            line(0, links=[LINK | {"ab_mbps": 50.0}]),
            "what enters a router to leave it, within 5%, got 102 and 150 Mbit/s at 'a'; mend",
        ),
        (line(0, links=[LINK | {"ab_mbps": True}]), "expected two rates from 0 to 1e9 Mbit/s, got"),
        (line(0, links=[LINK | {"ab_mbps": -1}]), "expected two rates from 0 to 1e9 Mbit/s, got"),
        (line(0, external_mbps={"a": [1], "b": [1, 1], "c": [1, 1]}), "expected two rates from 0"),
        (line(0, external_mbps={"a": [1, float("nan")], "b": [1, 1], "c": [1, 1]}), "two rates"),
        (line(0, external_mbps={"a": [10**400, 1], "b": [1, 1], "c": [1, 1]}), "two rates"),
    ],
    ids=range(17),
)
def test_a_malformed_state_is_named_with_its_cure(
    drawn: Any, tmp_path: Path, first: str, complaint: str
) -> None:
    path = written(tmp_path, [first, *(line(number) for number in range(1, 48))])
    with pytest.raises(ValueError, match=complaint) as refusal:
        drawn("train", source=path)
    assert str(refusal.value).startswith("states.jsonl, line 1: ")
    assert "; " in str(refusal.value)


@pytest.mark.parametrize(
    ("last", "complaint"),
    [
        ("{", "line 48: expected one JSON object"),
        (line(5), "line 48: .*, got that of line 6 again"),
    ],
    ids=["malformed", "seen before"],
)
def test_a_state_that_is_held_out_is_looked_at_before_the_search(
    drawn: Any, tmp_path: Path, last: str, complaint: str
) -> None:
    path = written(tmp_path, [*(line(number) for number in range(47)), last])
    with pytest.raises(ValueError, match=complaint):
        drawn("smoke", source=path)


def test_too_few_states_and_bytes_that_are_no_text_are_refused(drawn: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 48 or more states, got 47; add states"):
        drawn("train", source=written(tmp_path, [line(number) for number in range(47)]))
    path = tmp_path / "states.jsonl"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="expected UTF-8 text"):
        drawn("train", source=str(path))
