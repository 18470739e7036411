"""What a request asks of the judge's evaluator: turns, repeats, names, parameters, meters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

import adrs
from adrs.plugins import load

TASK_TOML = """
[task]
name = "turns"
title = "Who has a turn, and when"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[objective]
metric = "turn"
[[metric]]
name = "turn"
direction = "minimize"
unit = "1"
[[metric]]
name = "luck"
direction = "minimize"
unit = "1"
[[metric]]
name = "kept"
direction = "minimize"
unit = "1"
[[metric]]
name = "cpu_s"
direction = "minimize"
unit = "s"
meter = "cpu_s"
[[metric]]
name = "elapsed"
direction = "minimize"
unit = "s"
meter = "wall_s"
[[metric]]
name = "memory"
direction = "minimize"
unit = "MiB"
meter = "peak_mb"
[generator]
count = 3
"""
JUDGE = """
import os, weakref
from adrs.judging import Invalid, Workload

turn = 0
alive = weakref.WeakSet()

class Data(list):
    __hash__ = object.__hash__

def workloads(split, salt, source=None, *, count, offset=0, shaky=False):
    found = []
    for n in range(count):
        data = Data([n + offset, "x" * n, salt, os.urandom(4).hex() if shaky else ""])
        if n == 0:
            alive.add(data)
        found.append(Workload(f"{split}-{n}", data))
    return found

async def evaluate(program, workload):
    global turn
    turn += 1
    luck, wish = await program.call("play", workload.data[0])
    if wish == "exit":
        os._exit(3)
    if wish == "refuse":
        raise Invalid("no more of this one")
    answer = {"turn": turn, "luck": luck, "kept": len(alive)}
    if wish == "meter":
        answer["cpu_s"] = 0.0
    return answer

def feedback(samples):
    return ", ".join(sample["workload"] for sample in samples)
"""
TRAIN = adrs.Request(adrs.Split.TRAIN)


def playing(wish: str = "'go on'", then: str = "pass") -> adrs.Program:
    lines = ("import random, time", "def play(n):", f" {then}", f" return random.random(), {wish}")
    return adrs.Program({"main.py": "\n".join(lines).encode()})


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def open_bench(
    loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], adrs.Bench]]:
    folder = tmp_path_factory.mktemp("turns")
    (folder / "program").mkdir()
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("Play.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "main.py").write_bytes(playing().files["main.py"])
    task, benches = adrs.load_task(folder), []

    def made() -> adrs.Bench:
        sandbox = load("adrs.sandboxes", "process")()
        setting = adrs.Setting(task, sandbox)  # type: ignore[arg-type]
        benches.append(loop.run(load("adrs.evaluators", "judge")().open(setting)))  # type: ignore[attr-defined]
        return benches[-1]

    yield made
    for bench in benches:
        loop.run(bench.close())


@pytest.fixture(scope="module")
def bench(open_bench: Callable[[], adrs.Bench]) -> adrs.Bench:
    return open_bench()


def figures(evaluation: adrs.Evaluation, metric: str) -> list[float]:
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return [sample.metrics[metric] for sample in evaluation.samples]


def test_programs_have_turns_in_an_order_that_is_reversed_every_time(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    programs = [playing(), playing(then="time.sleep(0.05)"), playing("'go  on'")]
    request = replace(TRAIN, repeats=2, first=3, feedback=True)
    one, slow, other = loop.run(bench.side_by_side(programs, request))
    took = zip(figures(one, "turn"), figures(slow, "turn"), figures(other, "turn"), strict=True)
    orders = [
        "".join("abc"[at] for at in sorted(range(3), key=turns.__getitem__)) for turns in took
    ]
    assert orders == ["abc", "cba"] * 3
    assert [(s.workload, s.repeat) for s in one.samples] == [
        (f"train-{n}", repeat) for repeat in (3, 4) for n in range(3)
    ]
    assert slow.feedback.startswith("train-0, train-1")
    for evaluation in (one, slow, other):
        assert evaluation.wall_s >= sum(sample.wall_s for sample in evaluation.samples)
    assert slow.wall_s >= 0.3
    assert slow.wall_s > one.wall_s


def test_who_is_not_scored_has_no_more_turns_and_the_others_go_on(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    refused = playing("'refuse' if n == 1 else ''")
    found = loop.run(bench.side_by_side([playing(), refused, playing()], replace(TRAIN, repeats=2)))
    assert [evaluation.status for evaluation in found] == [
        adrs.Status.SCORED,
        adrs.Status.INVALID,
        adrs.Status.SCORED,
    ]
    assert [len(evaluation.samples) for evaluation in found] == [6, 2, 6]
    assert found[1].reason == "no more of this one"
    assert loop.run(bench.side_by_side([], TRAIN)) == []


def test_only_the_named_workloads_in_the_judges_order(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    everything = loop.run(bench.workloads(TRAIN))
    request = replace(TRAIN, names=("train-2", "train-0"))
    chosen = (everything[0], everything[2])
    assert loop.run(bench.workloads(request)) == chosen
    evaluation = loop.run(bench.measure(playing(), request))
    assert [sample.workload for sample in evaluation.samples] == ["train-0", "train-2"]
    assert evaluation.workloads == adrs.set_digest(chosen)
    with pytest.raises(
        adrs.ConfigError, match=r"no workload 'train-9' on train; there is: train-0"
    ):
        loop.run(bench.measure(playing(), replace(TRAIN, names=("train-0", "train-9"))))


def test_a_workload_says_how_much_data_it_is(bench: adrs.Bench, loop: asyncio.Runner) -> None:
    refs = loop.run(bench.workloads(replace(TRAIN, salt="ä")))
    assert [ref.size for ref in refs] == [len(json.dumps([n, "x" * n, "ä", ""])) for n in range(3)]


def test_parameters_take_the_generators_place_and_little_is_kept(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    usual = loop.run(bench.workloads(TRAIN))
    assert loop.run(bench.workloads(replace(TRAIN, parameters={"count": 3}))) == usual
    seen = {adrs.set_digest(usual)}
    for offset in range(1, 40):
        request = replace(TRAIN, parameters={"count": 1, "offset": offset})
        evaluation = loop.run(bench.measure(playing(), request))
        assert max(figures(evaluation, "kept")) <= 6
        seen.add(evaluation.workloads)
    assert len(seen) == 40
    again = loop.run(bench.measure(playing(), TRAIN))
    assert again.status is adrs.Status.SCORED
    assert again.workloads == adrs.set_digest(usual)
    with pytest.raises(adrs.ConfigError, match="unexpected keyword argument 'size'"):
        loop.run(bench.workloads(replace(TRAIN, parameters={"count": 1, "size": 2})))


def test_a_judge_that_makes_others_from_the_same_arguments_is_found_out(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    request = replace(TRAIN, parameters={"count": 1, "shaky": True})
    assert loop.run(bench.measure(playing(), request)).status is adrs.Status.SCORED
    ended = loop.run(bench.measure(playing("'exit'"), TRAIN))
    assert ended.status is adrs.Status.JUDGE_FAILED
    evaluation = loop.run(bench.measure(playing(), request))
    assert evaluation.status is adrs.Status.JUDGE_FAILED
    assert "it must depend on its arguments alone" in evaluation.reason


def test_luck_depends_on_program_workload_and_repeat_and_nothing_else(
    bench: adrs.Bench, open_bench: Callable[[], adrs.Bench], loop: asyncio.Runner
) -> None:
    request = replace(TRAIN, repeats=3)
    luck = figures(loop.run(bench.measure(playing(), request)), "luck")
    assert len(set(luck)) == 9
    later = loop.run(bench.measure(playing(), replace(TRAIN, repeats=2, first=1)))
    assert figures(later, "luck") == luck[3:]
    elsewhere = loop.run(open_bench().measure(playing(), request))
    assert figures(elsewhere, "luck") == luck
    other = loop.run(bench.measure(playing("'go  on'"), request))
    assert not set(figures(other, "luck")) & set(luck)
    salted = loop.run(bench.measure(playing(), replace(request, salt="other")))
    assert not set(figures(salted, "luck")) & set(luck)


def test_meters_are_read_off_the_sandbox(bench: adrs.Bench, loop: asyncio.Runner) -> None:
    busy = playing(then="x = bytearray(60_000_000); sum(range(3_000_000)); time.sleep(0.1)")
    quick, slow = loop.run(bench.side_by_side([playing(), busy], TRAIN))
    for evaluation in (quick, slow):
        assert figures(evaluation, "cpu_s") == [sample.cpu_s for sample in evaluation.samples]
        assert figures(evaluation, "elapsed") == [s.wall_s for s in evaluation.samples]
        assert figures(evaluation, "memory") == [s.peak_mb for s in evaluation.samples]
    for metric, least in (("cpu_s", 0.01), ("elapsed", 0.1), ("memory", 50)):
        assert min(figures(slow, metric)) > least + min(figures(quick, metric)) / 2


def test_a_judge_that_returns_what_is_metered_is_told_so(
    bench: adrs.Bench, loop: asyncio.Runner
) -> None:
    evaluation = loop.run(bench.measure(playing("'meter'"), TRAIN))
    assert evaluation.status is adrs.Status.JUDGE_FAILED
    assert evaluation.reason == (
        "evaluate() returned 'cpu_s', which the sandbox measures "
        '(meter = "cpu_s" in task.toml); leave it out'
    )
