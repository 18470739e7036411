"""The spot_single task: its physics, its judge, its workloads and its references."""

from __future__ import annotations

import gzip
import json
import os
import runpy
import sys
import tomllib
from collections.abc import Callable, Coroutine, Generator, Iterator
from importlib import import_module
from pathlib import Path
from random import Random
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adrs.judging import Call, Invalid, Program, Together, Workload

FOLDER = Path(__file__).parents[3] / "tasks" / "spot_single"
TOML = tomllib.loads((FOLDER / "task.toml").read_text())
REFERENCES = ("on_demand", "greedy", "uniform_progress")
TICK_S = 600


@pytest.fixture(scope="module")
def task() -> Iterator[SimpleNamespace]:
    """The task's modules, imported the way a judge's process does: siblings by their names."""
    names = ("judge", "offline", "simulator", "timelines")
    for name in names:
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    yield SimpleNamespace(**{name: import_module(name) for name in names})
    sys.path.remove(str(FOLDER))
    for name in names:
        del sys.modules[name]


@pytest.fixture(scope="module")
def drawn(task: SimpleNamespace) -> Callable[..., list[Workload]]:
    return lambda split, salt="salt": task.judge.workloads(split, salt, **TOML["generator"])


def reference(name: str) -> Any:
    return runpy.run_path(str(FOLDER / "references" / name / "policy.py"))["Policy"]


# A candidate in this process: answers the calls that a judge waits for, one frame at a time.


def frames(coroutine: Coroutine[Any, Any, Any]) -> Generator[list[Call], list[Any], Any]:
    answer = None
    while True:
        try:
            wanted = coroutine.send(answer)
        except StopIteration as stop:
            return stop.value
        if isinstance(wanted, Together):
            answer = yield from lock_step(wanted)
        else:
            (answer,) = yield [wanted]


def lock_step(wanted: Together) -> Generator[list[Call], list[Any], list[Any]]:
    lanes = [frames(coroutine) for coroutine in wanted.coroutines]
    results: list[Any] = [None] * len(lanes)
    answers: dict[int, list[Any] | None] = dict.fromkeys(range(len(lanes)))
    while answers:
        waiting: dict[int, list[Call]] = {}
        for lane, answer in answers.items():
            try:
                waiting[lane] = lanes[lane].send(answer)  # type: ignore[arg-type]
            except StopIteration as stop:
                results[lane] = stop.value
        frame = [call for calls in waiting.values() for call in calls]
        if frame:
            replies = iter((yield frame))
            answers = {lane: [next(replies) for _ in calls] for lane, calls in waiting.items()}
        else:
            answers = {}
    return results


def measure(task: SimpleNamespace, policy: Any, workload: Workload) -> dict[str, float]:
    objects: dict[int, Any] = {}

    def reply(call: Call) -> Any:
        if call.target < 0:
            objects[-call.target] = policy(*call.arguments)
            return None
        return getattr(objects[call.target], call.name)(*call.arguments)

    running = frames(task.judge.evaluate(Program(), workload))
    try:
        frame = next(running)
        while True:
            frame = running.send([reply(call) for call in frame])
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


class Answering:
    """A policy that always gives the same answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def __call__(self, job: dict[str, float]) -> Answering:
        return self

    def decide(self, observation: dict[str, Any]) -> object:
        return self.answer


# Physics, by hand


def simulate(task: SimpleNamespace, available: str, actions: list[str], work_s: int = 1200) -> Any:
    job = task.simulator.Job(work_s, len(available) * TICK_S, changeover_s=72)
    simulation = task.simulator.Simulation(job, available)
    for action in actions:
        simulation.step(action)
    return simulation


def test_spot_that_is_lost_is_started_again_for_a_changeover(task: SimpleNamespace) -> None:
    one = simulate(task, "10111", ["SPOT", "NONE", "SPOT", "SPOT"])
    # 72 + 528, then 72 + 528, then the 144 s that are left.
    assert (one.spot_s, one.on_demand_s, one.changeovers) == (1344, 0, 2)
    assert one.finished_s == 3 * TICK_S + 144
    assert one.cost_usd == pytest.approx(0.9731 * 1344 / 3600)


def test_an_instance_that_stays_pays_one_changeover(task: SimpleNamespace) -> None:
    one = simulate(task, "00000", ["ON_DEMAND", "ON_DEMAND", "ON_DEMAND"])
    assert (one.on_demand_s, one.changeovers, one.finished_s) == (1272, 1, 1272)


def test_switching_and_pausing_pay_changeovers(task: SimpleNamespace) -> None:
    one = simulate(task, "1" * 9, ["SPOT", "ON_DEMAND", "NONE", "ON_DEMAND"])
    assert one.changeovers == 3
    assert (one.spot_s, one.on_demand_s) == (600, 600 + 72 + 144)


def test_spot_where_there_is_none_counts_as_none(task: SimpleNamespace) -> None:
    asked = simulate(task, "00000", ["SPOT"])
    waited = simulate(task, "00000", ["NONE"])
    assert vars(asked) == {**vars(waited), "job": asked.job}
    assert asked.observation()["instance"] == "NONE"


def test_a_lost_instance_is_seen_as_none(task: SimpleNamespace) -> None:
    assert simulate(task, "11000", ["SPOT"]).observation() == {
        "elapsed_h": 600 / 3600,
        "done_h": 528 / 3600,
        "instance": "SPOT",
        "spot_available": True,
    }
    assert simulate(task, "10000", ["SPOT"]).observation()["instance"] == "NONE"


def test_the_last_safe_moment_finishes_on_demand(task: SimpleNamespace) -> None:
    # 1272 s fit into three ticks: after two idle ones of five, waiting is no longer safe.
    assert simulate(task, "11111", ["NONE"]).finished_s is None
    one = simulate(task, "11111", ["NONE", "NONE"])
    assert one.finished_s == 2 * TICK_S + 1272
    assert (one.forced_s, one.on_demand_s, one.missed_deadline) == (1272, 1272, False)


availability = st.lists(
    st.tuples(st.sampled_from("01"), st.integers(1, 5)), min_size=1, max_size=12
).map(lambda runs: "".join(symbol * length for symbol, length in runs))


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, int, int]:
    """A short timeline, and seconds of work and changeover that fit into it."""
    available = draw(availability)
    changeover_s = draw(st.sampled_from((1, 72, 180, 360, 599)))
    work_s = draw(st.integers(1, len(available) * TICK_S - changeover_s))
    return available, work_s, changeover_s


quick = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@quick
@given(problems(), st.randoms(use_true_random=False))
def test_no_policy_misses_a_deadline_or_beats_the_optimum(
    task: SimpleNamespace, problem: tuple[str, int, int], random: Random
) -> None:
    available, work_s, changeover_s = problem
    job = task.simulator.Job(work_s, len(available) * TICK_S, changeover_s)
    one = task.simulator.Simulation(job, available)
    while one.finished_s is None:
        one.step(random.choice(task.simulator.ACTIONS))
    assert one.finished_s <= job.deadline_s
    assert not one.missed_deadline
    assert one.spot_s + one.on_demand_s == work_s + one.changeovers * changeover_s
    assert one.cost_usd >= task.offline.cheapest_usd(available, job) - 1e-9


def cheapest_by_trying_everything(task: SimpleNamespace, available: str, job: Any) -> float:
    usd_per_s = {"SPOT": 0.9731 / 3600, "ON_DEMAND": 3.06 / 3600}
    costs = {("NONE", job.work_s): 0.0}
    done: list[float] = []
    for symbol in available:
        later: dict[tuple[str, int], float] = {}
        for (instance, left_s), cost in costs.items():
            idle = ("NONE", left_s)
            later[idle] = min(cost, later.get(idle, cost))
            for kind in usd_per_s if symbol == "1" else ("ON_DEMAND",):
                changeover_s = 0 if kind == instance else job.changeover_s
                paid_s = min(TICK_S, changeover_s + left_s)
                total = cost + paid_s * usd_per_s[kind]
                key = (kind, left_s - paid_s + changeover_s)
                later[key] = min(total, later.get(key, total))
                if key[1] == 0:
                    done.append(total)
        costs = {key: cost for key, cost in later.items() if key[1] > 0}
    return min(done)


@quick
@given(problems())
def test_the_optimum_is_exact(task: SimpleNamespace, problem: tuple[str, int, int]) -> None:
    available, work_s, changeover_s = problem
    job = task.simulator.Job(work_s, len(available) * TICK_S, changeover_s)
    assert task.offline.cheapest_usd(available, job) == pytest.approx(
        cheapest_by_trying_everything(task, available, job)
    )


# The judge


def test_every_declared_metric_is_measured(task: SimpleNamespace, drawn: Any) -> None:
    metrics = measure(task, reference("greedy"), drawn("smoke")[0])
    assert sorted(metrics) == sorted(metric["name"] for metric in TOML["metric"])
    assert metrics["missed_deadlines"] == 0


def test_the_seed_is_the_greedy_reference() -> None:
    seed = (FOLDER / "program" / "policy.py").read_text()
    assert (FOLDER / "references" / "greedy" / "policy.py").read_text() == seed


@pytest.mark.parametrize(
    "answer",
    [
        "spot",
        "SPOT ",
        "",
        None,
        0,
        True,
        float("nan"),
        float("inf"),
        ["SPOT"],
        {"action": "SPOT"},
        {"done_h": 48.0, "cost_usd": 0.0},
        "SPOT" * 1_000_000,
        [[["SPOT"] * 1000] * 1000],
    ],
    ids=lambda answer: repr(answer)[:30],
)
def test_an_answer_that_is_no_action_is_invalid(
    task: SimpleNamespace, drawn: Any, answer: object
) -> None:
    with pytest.raises(Invalid, match=r'decide must return "SPOT".*it returned') as refusal:
        measure(task, Answering(answer), drawn("smoke")[0])
    assert len(str(refusal.value)) < 150


def test_what_a_policy_writes_into_its_inputs_changes_nothing(
    task: SimpleNamespace, drawn: Any
) -> None:
    class Forger(reference("greedy")):  # type: ignore[misc]
        def decide(self, observation: dict[str, Any]) -> Any:
            action = super().decide(dict(observation))
            observation |= {"done_h": 48.0, "spot_available": True, "instance": "SPOT"}
            self.job |= {"work_h": 0.0, "spot_usd_per_h": 0.0, "deadline_h": 1e9}
            return action

    workload = drawn("smoke")[0]
    assert measure(task, Forger, workload) == measure(task, reference("greedy"), workload)


def test_doing_nothing_costs_what_on_demand_costs(task: SimpleNamespace, drawn: Any) -> None:
    idle = measure(task, Answering("NONE"), drawn("smoke")[0])
    assert idle["cost_usd"] == pytest.approx(3.06 * (48 + mean([0.02, 0.05, 0.10])))
    assert idle["forced_h"] == idle["on_demand_h"]


def test_an_observation_holds_nothing_of_later_ticks(task: SimpleNamespace) -> None:
    job = task.judge.JOBS[0]
    random = Random("futures")
    past = "".join(random.choice("01") for _ in range(100))
    twins = [task.simulator.Simulation(job, past + end * 320) for end in "01"]
    for _ in past:
        one, other = (twin.observation() for twin in twins)
        assert one == other
        assert set(one) == {"elapsed_h", "done_h", "instance", "spot_available"}
        action = random.choice(["SPOT", "ON_DEMAND", "NONE", "SPOT"])
        for twin in twins:
            twin.step(action)


def test_the_jobs_of_a_timeline_are_never_ahead_of_each_other(
    task: SimpleNamespace, drawn: Any
) -> None:
    class Gossip(reference("greedy")):  # type: ignore[misc]
        latest_h = 0.0
        seen: dict[float, set[bool]] = {}  # noqa: RUF012 - shared on purpose

        def decide(self, observation: dict[str, Any]) -> Any:
            elapsed_h = observation["elapsed_h"]
            assert Gossip.latest_h <= elapsed_h, "another job was here before"
            Gossip.latest_h = elapsed_h
            Gossip.seen.setdefault(elapsed_h, set()).add(observation["spot_available"])
            return super().decide(observation)

    measure(task, Gossip, drawn("smoke")[0])
    assert len(Gossip.seen) > 100
    assert all(len(one_tick) == 1 for one_tick in Gossip.seen.values())


def test_jobs_are_told_apart_by_their_terms_only(task: SimpleNamespace, drawn: Any) -> None:
    told: list[dict[str, float]] = []

    class Listener(reference("greedy")):  # type: ignore[misc]
        def __init__(self, job: dict[str, float]) -> None:
            told.append(job)

    for workload in drawn("smoke")[:2]:
        measure(task, Listener, workload)
    assert told[:6] == told[6:]
    assert {(job["deadline_h"], job["changeover_h"]) for job in told} == {
        (deadline_h, changeover_h) for deadline_h in (52, 70) for changeover_h in (0.02, 0.05, 0.1)
    }


def test_feedback_names_the_timelines_where_most_is_lost(task: SimpleNamespace, drawn: Any) -> None:
    samples = [
        {"workload": w.name, "unit": w.name, "metrics": measure(task, reference("greedy"), w)}
        for w in drawn("smoke")
    ]
    samples[2]["metrics"]["cost_usd"] += 1000
    text = task.judge.feedback(samples)
    assert "hindsight" in text
    assert text.splitlines()[3].startswith(f"- {samples[2]['workload']}: $1")
    assert len(text) < 1000


# References


def costs(task: SimpleNamespace, workloads: list[Workload]) -> dict[str, float]:
    """Mean cost by reference, each of them checked against the optimum on every workload."""
    means = {}
    for name in REFERENCES:
        measured = [measure(task, reference(name), workload) for workload in workloads]
        for metrics in measured:
            assert metrics["optimum_usd"] <= metrics["cost_usd"] + 1e-9
            assert metrics["missed_deadlines"] == 0
        means[name] = mean(metrics["cost_usd"] for metrics in measured)
    return means


@pytest.mark.parametrize("split", ["train", "validation", "held_out"])
def test_uniform_progress_beats_greedy_beats_on_demand(
    task: SimpleNamespace, drawn: Any, split: str
) -> None:
    means = costs(task, drawn(split))
    assert means["uniform_progress"] < 0.95 * means["greedy"]
    assert means["greedy"] < 0.85 * means["on_demand"]


def test_uniform_progress_stays_on_demand_until_two_changeovers_ahead() -> None:
    policy = reference("uniform_progress")(
        {"work_h": 48.0, "deadline_h": 60.0, "changeover_h": 0.1}
    )

    def decide(done_h: float, instance: str, is_up: bool) -> Any:  # the pace at 10 h is 8 h
        return policy.decide(
            {"elapsed_h": 10.0, "done_h": done_h, "instance": instance, "spot_available": is_up}
        )

    assert decide(7.9, "NONE", True) == "SPOT"
    assert decide(7.9, "NONE", False) == "ON_DEMAND"
    assert decide(8.1, "NONE", False) == "NONE"
    assert decide(8.1, "ON_DEMAND", True) == "ON_DEMAND"
    assert decide(8.17, "ON_DEMAND", True) == "SPOT"
    assert decide(8.17, "ON_DEMAND", False) == "NONE"


def real_timelines() -> Path:
    if "ADRS_DATA" not in os.environ:
        pytest.skip("NOT TESTED on real timelines: ADRS_DATA does not name the data's folder")
    return Path(os.environ["ADRS_DATA"]) / "spot_single" / "timelines.jsonl.gz"


def test_real_timelines_give_the_published_picture(task: SimpleNamespace) -> None:
    splits = {
        split: task.judge.workloads(split, "", str(real_timelines()))
        for split in ("smoke", "train", "validation", "held_out")
    }
    assert {split: len(units) for split, units in splits.items()} == {
        "smoke": 2,
        "train": 5,
        "validation": 2,
        "held_out": 14,
    }
    for split in ("train", "held_out"):
        means = costs(task, splits[split])
        assert means["uniform_progress"] < means["greedy"] < means["on_demand"]


# Workloads


def test_drawn_splits_are_repeatable_and_disjoint(drawn: Any) -> None:
    splits = {split: drawn(split) for split in ("smoke", "train", "validation", "held_out")}
    assert [len(units) for units in splits.values()] == [4, 40, 40, 40]
    for split, units in splits.items():
        assert drawn(split) == units
        assert all(len(unit.data) == 420 and not set(unit.data) - {"0", "1"} for unit in units)
    everything = [unit.data for units in splits.values() for unit in units]
    assert len(set(everything)) == len(everything)
    names = [unit.name for units in splits.values() for unit in units]
    assert len(set(names)) == len(names)


def test_only_held_out_depends_on_the_salt(drawn: Any) -> None:
    for split in ("smoke", "train", "validation"):
        assert drawn(split, "one") == drawn(split, "two")
    one, two = ({unit.data for unit in drawn("held_out", salt)} for salt in ("one", "two"))
    assert not one & two
    assert {unit.data for unit in drawn("held_out", "one")} == one


def line(name: str, ticks: int = 1764, **changed: object) -> str:
    unavailable = "".join(Random(name).choice("01") for _ in range(ticks))
    return json.dumps({"environment": name, "gap_s": 600, "unavailable": unavailable} | changed)


def written(folder: Path, lines: list[str]) -> str:
    path = folder / "timelines.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_a_file_of_timelines_is_cut_into_units_that_share_no_tick(
    task: SimpleNamespace, tmp_path: Path
) -> None:
    lines = [line(name) for name in "abcdefg"]
    path = written(tmp_path, lines)
    splits = {
        split: task.judge.workloads(split, "", path)
        for split in ("smoke", "train", "validation", "held_out")
    }
    assert [unit.name for unit in splits["smoke"]] == ["a@0", "b@0"]
    assert [unit.name for unit in splits["train"]] == ["a@0", "b@0", "c@0", "d@0", "e@0"]
    assert [unit.name for unit in splits["validation"]] == ["f@0", "g@0"]
    assert [unit.name for unit in splits["held_out"]] == [
        f"{name}@{start}" for name in "abcdefg" for start in (924, 1344)
    ]
    unavailable = json.loads(lines[0])["unavailable"]
    turned = splits["held_out"][0].data.translate(str.maketrans("01", "10"))
    assert turned == unavailable[924:1344]
    assert {unit.shares for units in splits.values() for unit in units} == {"days"}

    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(Path(path).read_bytes()))
    assert task.judge.workloads("held_out", "", str(packed)) == splits["held_out"]


@pytest.mark.parametrize(
    ("third", "complaint"),
    [
        ("", r"line 3: expected one JSON object"),
        ("{", r"line 3: expected one JSON object, got '{"),
        ("[" * 100_000, r"line 3: expected one JSON object"),
        ("[]", r"line 3: expected an object with environment, gap_s, unavailable, got '\[\]"),
        ('{"environment": "c"}', r"line 3: expected an object with environment, gap_s, unavail"),
        (line("b"), r"line 3: expected each environment once, got 'b' again"),
        (line("c", environment=7), r"line 3: expected environment to be a name, got 7"),
        (line("c", gap_s=195), r"line 3: expected gap_s 600, got 195; resample"),
        (line("c", gap_s="600"), r"line 3: expected gap_s 600, got '600'"),
        (line("c", ticks=1343), r"line 3: expected 1344 ticks or more, got 1343; use a longer"),
        (line("c", unavailable="01x" * 500), r'line 3: expected unavailable to be a string of "0"'),
        (line("c", unavailable=[0, 1]), r'line 3: expected unavailable to be a string of "0"'),
    ],
    ids=range(12),
)
def test_a_malformed_line_is_named_with_its_cure(
    task: SimpleNamespace, tmp_path: Path, third: str, complaint: str
) -> None:
    path = written(tmp_path, [line("a"), line("b"), third, line("d")])
    with pytest.raises(ValueError, match=complaint) as refusal:
        task.judge.workloads("train", "", path)
    assert str(refusal.value).startswith("timelines.jsonl, ")
    assert "; " in str(refusal.value)


def test_too_few_environments_are_refused(task: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 3 or more environments, got 2; add"):
        task.judge.workloads("train", "", written(tmp_path, [line("a"), line("b")]))
    with pytest.raises(ValueError, match="expected 3 or more environments, got 0; add"):
        task.judge.workloads("train", "", written(tmp_path, []))


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_gzip_file_is_refused(task: SimpleNamespace, tmp_path: Path, damage: str) -> None:
    text = "\n".join(line(name) for name in "abc").encode()
    whole = gzip.compress(text, mtime=0)
    middle = len(whole) // 2
    path = tmp_path / "timelines.jsonl.gz"
    path.write_bytes(
        {
            "cut": whole[:middle],
            "flipped": whole[:middle] + bytes(64) + whole[middle + 64 :],
        }[damage]
    )
    with pytest.raises(ValueError, match=r"timelines.jsonl.gz, .*; "):
        task.judge.workloads("train", "", str(path))


def test_bytes_that_are_no_text_are_refused(task: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "timelines.jsonl"
    path.write_bytes(line("a").encode() + b"\n\xff\xfe\n")
    with pytest.raises(ValueError, match=r"timelines.jsonl, line 2: expected UTF-8 text"):
        task.judge.workloads("train", "", str(path))
