"""What the judge's evaluator makes of programs that lie, break, hang and flood."""

from __future__ import annotations

import asyncio
import py_compile
import textwrap
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest

import adrs
from adrs.plugins import load

TASK_TOML = """
[task]
name = "border"
title = "Whatever a program may answer"
[program]
root = "program"
editable = ["*.py"]
entry = "main"
[objective]
metric = "score"
[[metric]]
name = "score"
direction = "maximize"
unit = "1"
[limits]
wall_s = 1.5
cpu_s = 1
memory_mb = 256
processes = 8
output_mb = 1
[[stage]]
split = "train"
"""
JUDGE = """
import time
from adrs.judging import Invalid, ProgramFailed, Workload, together

def workloads(split, salt, source=None):
    return [Workload("one", {"secret": "the answers"}, unit="u", shares="days")]

async def evaluate(program, workload):
    kind = await program.call("kind")
    if kind == "plain":
        answer = await program.call("answer")
        if type(answer) is not float:
            raise Invalid(f"a float was expected, {answer!r:.50} came")
        return {"score": answer}
    if kind == "timed":
        return {"score": await program.call("answer", limit_s=0.3)}
    if kind == "objects":
        counters = [await program.new("Counter", n) for n in range(3)]
        async def drive(counter):
            total = 0
            for _ in range(10):
                total += await counter.call("add", 2)
            return total
        totals = await together(*map(drive, counters))
        return {"score": sum(totals)}
    if kind == "catch":
        try:
            await program.call("answer")
        except ProgramFailed as error:
            return {"score": float(error.kind == "KeyError")}
    if kind == "raise":
        return {"score": 1 / 0}
    if kind == "undeclared":
        return {"score": 1.0, "speed": 2.0}
    if kind == "missing":
        return {}
    if kind == "nan":
        return {"score": float("nan")}
    if kind == "huge":
        return {"score": 2**1023}
    if kind == "wide":
        return {"score": 2**2000}
    if kind == "text":
        return {"score": "good"}
    if kind == "none":
        return None
    if kind == "hang":
        time.sleep(60)
    if kind == "exit":
        import os
        os._exit(3)
    raise Invalid(f"no such kind: {kind!r:.60}")

def feedback(samples):
    return f"{len(samples)} samples, the first {samples[0]['metrics']['score']}"
"""


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def bench(loop: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[adrs.Bench]:
    folder = tmp_path_factory.mktemp("border")
    (folder / "program").mkdir()
    (folder / "task.toml").write_text(TASK_TOML + "[evaluator]\nuse = 'judge'\nwall_s = 1.5\n")
    (folder / "README.md").write_text("## Problem\n\nAnswer.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "main.py").write_text("def kind(): return 'plain'\n")
    sandbox = load("adrs.sandboxes", "bubblewrap")()
    probe = loop.run(sandbox.probe())  # type: ignore[attr-defined]
    if probe.unavailable:
        pytest.skip(f"no bubblewrap: {probe.unavailable}")
    evaluator = load("adrs.evaluators", "judge")()
    setting = adrs.Setting(adrs.load_task(folder), sandbox)  # type: ignore[arg-type]
    opened = loop.run(evaluator.open(setting))  # type: ignore[attr-defined]
    yield opened
    loop.run(opened.close())


@pytest.fixture
def measure(bench: adrs.Bench, loop: asyncio.Runner):  # type: ignore[no-untyped-def]
    def run(source: str, kind: str = "plain") -> adrs.Evaluation:
        text = f"def kind(): return {kind!r}\n" + textwrap.dedent(source)
        program = adrs.Program({"main.py": text.encode()})
        return loop.run(bench.measure(program, adrs.Request(adrs.Split.TRAIN, feedback=True)))

    yield run
    healthy = run("def answer(): return 0.5")
    assert healthy.status is adrs.Status.SCORED, "the next candidate pays for this one"
    assert healthy.samples[0].metrics == {"score": 0.5}


def test_it_shows_what_workloads_hold(loop: asyncio.Runner, bench: adrs.Bench) -> None:
    assert isinstance(bench, adrs.Showing)
    contents = loop.run(bench.contents(adrs.Request(adrs.Split.TRAIN, names=("one",))))
    assert contents == (b'{"secret": "the answers"}',)


def test_a_good_answer_is_scored_with_everything_about_it(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("def answer():\n    print('hello')\n    return 0.25")
    assert evaluation.status is adrs.Status.SCORED
    [sample] = evaluation.samples
    assert sample.metrics == {"score": 0.25}
    assert (sample.workload, sample.unit) == ("one", "u")
    assert 0 < sample.cpu_s < 1
    assert 1 < sample.peak_mb < 256
    assert evaluation.feedback == "1 samples, the first 0.25"
    assert "hello" in evaluation.output
    assert evaluation.isolation.level is adrs.IsolationLevel.SEPARATE
    assert len(evaluation.workloads) == 64


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("float('nan')", "NaN"),
        ("float('inf')", "Infinity"),
        ("Raw('1e999')", "not finite"),
        ("Raw('[' * 90 + ']' * 90)", "deeper"),
        ("Raw('[' * 100000)", "answer"),
        ("Raw('1' * 250 + 'e99')", "not finite"),
        ("10 ** 400", "wider"),
        ("2 ** 1024 - 1", "wider"),
        ("Raw('1' * 5000)", "answer"),
        ('Raw(\'{"a": 1, "a": 2}\')', "duplicate"),
        ("'text'", "float was expected"),
        ("None", "float was expected"),
        ("True", "float was expected"),
        ("'\\ud800'", "float was expected"),
        ("Raw('\\xff')", "answer"),
        ("Raw('')", "answer"),
        ("Raw('{}')", "protocol"),
        ("Raw('[1.0, 2.0]', whole=True)", "1 answers were expected"),
        ('Raw(\'{"results": 5, "failed": []}\', whole=True)', "protocol"),
        ("Twice()", "asked for"),
    ],
)
def test_what_the_decoder_refuses_is_invalid(measure, answer: str, why: str) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure(f"""
        import gc, socket, sys
        class Sent(BaseException): pass
        def channel():
            return next(o for o in gc.get_objects() if isinstance(o, socket.socket))
        def Raw(text, whole=False):
            body = text if whole or text in ("", "{{}}") else "[" + text + "]"
            data = body.encode("latin-1")
            channel().sendall(len(data).to_bytes(4, "little") + data)
            while True: channel().recv(9)
        def Twice():
            frame = (5).to_bytes(4, "little") + b"[1.0]"
            channel().sendall(frame + frame)
            while True: channel().recv(9)
        def answer():
            return {answer}
    """)
    assert evaluation.status is adrs.Status.INVALID, evaluation
    assert why in evaluation.reason
    assert evaluation.samples[-1].metrics == {}


def test_an_object_that_lies_when_compared_never_crosses(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("""
        class Always(float):
            def __eq__(self, other): return True
            def __lt__(self, other): return True
        def answer(): return Always(0.125)
    """)
    assert evaluation.samples[0].metrics == {"score": 0.125}
    evaluation = measure("class Odd: pass\ndef answer(): return Odd()")
    assert evaluation.status is adrs.Status.CRASHED
    assert "not plain data" in evaluation.reason


@pytest.mark.parametrize(
    ("source", "status", "why"),
    [
        ("def answer(): raise ValueError('boo')", adrs.Status.CRASHED, "ValueError: boo"),
        ("def answer(): return x", adrs.Status.CRASHED, "NameError"),
        ("x = = 1", adrs.Status.CRASHED, "SyntaxError"),
        ("import no_such_module", adrs.Status.CRASHED, "no_such_module"),
        ("import os\ndef answer(): os._exit(0)", adrs.Status.CRASHED, "ended by itself"),
        ("import sys\ndef answer(): sys.exit(0)", adrs.Status.CRASHED, "SystemExit"),
        ("import os\ndef answer(): os.abort()", adrs.Status.CRASHED, "signal"),
        ("def answer(): return bytearray(900_000_000)", adrs.Status.OVER_MEMORY, ""),
        ("def answer():\n  while True: pass", adrs.Status.TIMED_OUT, "limit of 1"),
        ("import time\ndef answer(): time.sleep(30)", adrs.Status.TIMED_OUT, "1.5 s wall"),
        ("def answer(): return 'x' * (20 << 20)", adrs.Status.OVER_OUTPUT, "bytes"),
        ("def answer():\n  while True: print('x' * 9999)", adrs.Status.OVER_OUTPUT, "1 MiB"),
        ("def answer(): return ('1' * 299 + ',') * 50_000", adrs.Status.INVALID, "a float"),
    ],
)
def test_failures_have_a_status_and_a_reason(  # type: ignore[no-untyped-def]
    measure, source: str, status: adrs.Status, why: str
) -> None:
    evaluation = measure(source)
    assert evaluation.status is status, evaluation
    assert why in evaluation.reason


def test_a_call_may_have_a_limit_of_its_own(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("import time\ndef answer(): time.sleep(1.0)", kind="timed")
    assert evaluation.status is adrs.Status.TIMED_OUT
    assert "answer took longer than 0.3 s" in evaluation.reason


def test_objects_are_driven_in_lock_step(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure(
        """
        class Counter:
            def __init__(self, start): self.n = start
            def add(self, k):
                self.n += k
                return self.n
        """,
        kind="objects",
    )
    assert evaluation.samples[0].metrics["score"] == sum(
        sum(start + 2 * step for step in range(1, 11)) for start in range(3)
    )


def test_a_judge_may_catch_what_a_program_raises(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("def answer(): return {}['x']", kind="catch")
    assert evaluation.samples[0].metrics == {"score": 1.0}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("raise", "ZeroDivisionError"),
        ("undeclared", "'speed', which task.toml does not declare"),
        ("missing", "did not return score"),
        ("nan", "finite"),
        ("huge", "at most 1e+150"),
        ("wide", "at most 1e+150"),
        ("text", "must be a number"),
        ("none", "must return a dict"),
        ("exit", "ended"),
        ("hang", "no answer within"),
    ],
)
def test_a_fault_of_the_judge_is_never_the_programs(measure, kind: str, why: str) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("", kind=kind)
    assert evaluation.status is adrs.Status.JUDGE_FAILED, evaluation
    assert why in evaluation.reason


def test_the_judges_world_is_out_of_reach(measure) -> None:  # type: ignore[no-untyped-def]
    evaluation = measure("""
        import gc, glob, os, sys
        def answer():
            seen = [repr(o)[:400] for o in gc.get_objects() if isinstance(o, (str, dict, list))]
            places = glob.glob("/mnt/*") + glob.glob("/mnt/*/judge.py")
            files = "".join(open(p, errors="replace").read() for p in places if os.path.isfile(p))
            hit = any("the ans" + "wers" in text for text in seen)
            return float(hit or "async def evaluate" in files or "adrs" in sys.modules)
    """)
    assert evaluation.samples[0].metrics == {"score": 0.0}


def test_nothing_of_one_candidate_is_left_for_the_next(measure) -> None:  # type: ignore[no-untyped-def]
    measure("""
        import builtins, json, os, random, sys, time
        for name in ("/tmp/left", "left", "/dev/shm/left", "/tmp/../left"):
            try: open(name, "w").write("x")
            except OSError: pass
        json.dumps = json.loads = lambda *a, **k: 999
        builtins.float = lambda *a: 999.0
        time.monotonic = time.time = lambda: 0
        random.seed(999)
        sys.modules["math"] = None
        os.environ["LEFT"] = "x"
        def answer(): return 1.0
    """)
    evaluation = measure("""
        import json, math, os, random, time
        def answer():
            left = [p for p in ("/tmp/left", "left", "/dev/shm/left", "/left") if os.path.exists(p)]
            ok = not left and "LEFT" not in os.environ and time.time() > 1e9
            return float(ok) * float(json.loads("1") == 1)
    """)
    assert evaluation.samples[0].metrics == {"score": 1.0}


def test_luck_is_the_same_for_a_program_and_another_for_every_other(measure) -> None:  # type: ignore[no-untyped-def]
    source = "import random\ndef answer(): return random.random() + hash('x') % 1000 / 1e6"
    assert measure(source).samples[0].metrics == measure(source).samples[0].metrics
    assert measure(source).samples[0].metrics != measure(source + " ").samples[0].metrics


def test_a_program_of_many_files_imports_its_own(bench: adrs.Bench, loop: asyncio.Runner) -> None:
    program = adrs.Program(
        {
            "main.py": b"from deep.er import value\ndef kind(): return 'plain'\n"
            b"def answer(): return value + len(open('data/x.txt').read())",
            "deep/__init__.py": b"",
            "deep/er.py": b"value = 0.5",
            "data/x.txt": b"abc",
        }
    )
    evaluation = loop.run(bench.measure(program, adrs.Request(adrs.Split.TRAIN)))
    assert evaluation.samples[0].metrics == {"score": 3.5}


def test_a_split_the_judge_cannot_make_is_the_tasks_fault(
    loop: asyncio.Runner, tmp_path: Path
) -> None:
    folder = tmp_path / "broken"
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("## Problem\n\nNone.\n")
    (folder / "judge.py").write_text(
        "def workloads(split, salt, source=None):\n    raise ValueError('line 7 is cut short')\n"
        "async def evaluate(program, workload): return {}\n"
    )
    (folder / "program" / "main.py").write_text("")
    evaluator, sandbox = load("adrs.evaluators", "judge")(), load("adrs.sandboxes", "process")()
    setting = adrs.Setting(adrs.load_task(folder), sandbox)  # type: ignore[arg-type]

    async def ask() -> None:
        opened = await evaluator.open(setting)  # type: ignore[attr-defined]
        try:
            await opened.workloads(adrs.Request(adrs.Split.TRAIN))
        finally:
            await opened.close()

    with pytest.raises(adrs.ConfigError, match="line 7 is cut short"):
        loop.run(ask())


SLOW = """
import os, time
from adrs.judging import Workload

def workloads(split, salt, source=None):
    time.sleep(1.6)  # longer than a program may take
    return [Workload("one", 1)]

async def evaluate(program, workload):
    if await program.call("kind") == "exit":
        os._exit(3)
    return {"score": 1.0}

def feedback(samples):
    time.sleep(3)
"""


def opened_on(judge: str, folder: Path, loop: asyncio.Runner) -> adrs.Bench:
    (folder / "program").mkdir()
    (folder / "task.toml").write_text(TASK_TOML + "[evaluator]\nuse = 'judge'\nwall_s = 1.5\n")
    (folder / "README.md").write_text("## Problem\n\nNone.\n")
    (folder / "judge.py").write_text(judge)
    (folder / "program" / "main.py").write_text("")
    setting = adrs.Setting(adrs.load_task(folder), loop.run(adrs.choose_sandbox("process")))
    return loop.run(load("adrs.evaluators", "judge")().open(setting))  # type: ignore[attr-defined,no-any-return]


def test_no_program_pays_for_a_judge_that_begins_again(
    loop: asyncio.Runner, tmp_path: Path
) -> None:
    opened = opened_on(SLOW, tmp_path, loop)
    statuses = []
    for kind in ("exit", "plain"):
        program = adrs.Program({"main.py": f"def kind(): return {kind!r}\n".encode()})
        request = adrs.Request(adrs.Split.TRAIN, feedback=True)
        found = loop.run(opened.measure(program, request))
        statuses.append(found.status)
    assert statuses == [adrs.Status.JUDGE_FAILED, adrs.Status.SCORED]
    assert found.feedback == f"{adrs.NO_FEEDBACK}none came within 1.5 s)"
    loop.run(opened.close())


@pytest.mark.parametrize(
    "named", ["3, 1", '"", 1', '"a\\n", 1', '"a\\ud800", 1', '"a", 1, "\\x1b"']
)
def test_a_workload_whose_name_could_not_be_shown_is_refused(
    loop: asyncio.Runner, tmp_path: Path, named: str
) -> None:
    judge = SLOW.replace("time.sleep(1.6)", "pass").replace('"one", 1', named)
    opened = opened_on(judge, tmp_path, loop)
    with pytest.raises(adrs.ConfigError, match="must be printable text"):
        loop.run(opened.workloads(adrs.Request(adrs.Split.TRAIN)))
    loop.run(opened.close())


def test_a_judge_is_its_source_whatever_lies_in_a_cache(
    loop: asyncio.Runner, tmp_path: Path
) -> None:
    """No hash of a task covers __pycache__, and Python would run what lies there, unlooked at."""
    folder = tmp_path / "cached"
    sources = {
        "task.toml": TASK_TOML,
        "README.md": "## Problem\n\nNone.\n",
        "judge.py": "from adrs.judging import Workload\nfrom part import names\n"
        "from deep.er import more\n"
        "def workloads(split, salt, source=None):\n"
        "    return [Workload(name, 0) for name in ['judge', *names, *more]]\n"
        "async def evaluate(program, workload): return {}\n",
        "part.py": "names = ['part']\n",
        "deep/er.py": "more = ['deep']\n",
        "program/main.py": "",
    }
    for path, text in sources.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        if path in ("judge.py", "part.py", "deep/er.py"):
            other = tmp_path / "other.py"
            other.write_text(text.replace("['", "['not "))
            how = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(other), cache_from_source(str(file)), invalidation_mode=how)
    evaluator, sandbox = load("adrs.evaluators", "judge")(), load("adrs.sandboxes", "process")()
    setting = adrs.Setting(adrs.load_task(folder), sandbox)  # type: ignore[arg-type]

    async def ask() -> list[str]:
        opened = await evaluator.open(setting)  # type: ignore[attr-defined]
        try:
            return [one.name for one in await opened.workloads(adrs.Request(adrs.Split.TRAIN))]
        finally:
            await opened.close()

    assert loop.run(ask()) == ["judge", "part", "deep"]
