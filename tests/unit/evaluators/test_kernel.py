"""What the kernel evaluator makes of compiled functions that are right, wrong, or cheat."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from adrs_evaluators.kernel.slope import per_call_s

import adrs
from adrs.plugins import load

if shutil.which("cc") is None:
    pytest.skip("no C compiler: apt-get install gcc libc6-dev", allow_module_level=True)

CALLS = 60
TASK_TOML = f"""
[task]
name = "matmul"
title = "Multiply small matrices"
[program]
editable = ["*.c"]
[evaluator]
use = "kernel"
wall_s = 20
[evaluator.options]
build = ["cc", "-O2", "-shared", "-fPIC", "-o", "kernel.so", "kernel.c"]
library = "kernel.so"
function = "multiply"
calls = {CALLS}
relative_error = 1e-9
[objective]
metric = "call"
[[metric]]
name = "call"
direction = "minimize"
unit = "us"
timing = true
[[metric]]
name = "error"
direction = "minimize"
unit = "1"
[[metric]]
name = "memory"
direction = "minimize"
unit = "MiB"
meter = "peak_mb"
[limits]
wall_s = 3
cpu_s = 3
memory_mb = 128
"""
JUDGE = """
from array import array
from adrs.judging import Workload

SIDE = 24

def workloads(split, salt, source=None):
    return [Workload(split, {"scale": 3.0, "salt": salt}, unit="u")]

def arguments(workload, random):
    matrices = [array("d", [1 + byte / 7 for byte in random.randbytes(SIDE * SIDE)]) for _ in "ab"]
    return [*matrices, SIDE, workload.data["scale"]]

def reference(workload, arguments):
    a, b, side, scale = arguments
    columns = [b[j::side] for j in range(side)]
    rows = [a[i * side : (i + 1) * side] for i in range(side)]
    return [array("d", [scale * sum(map(float.__mul__, r, c)) for r in rows for c in columns])]

def feedback(samples):
    return f"{samples[0]['workload']}: {sorted(samples[0]['metrics'])}"
"""
# Does every product several times over, so that whatever saves work shows.
HONEST = """
static void compute(const double *a, const double *b, long n, double scale, double *c) {
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {
            volatile double sum = 0;
            for (long again = 0; again < 3; again++) {
                sum = 0;
                for (long k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
            }
            c[i * n + j] = scale * sum;
        }
}
"""
CALL = "void multiply(const double *a, const double *b, long n, double scale, double *c)"
NAIVE = f"{HONEST}{CALL} {{ compute(a, b, n, scale, c); }}"
GOOD = f"""
{CALL} {{
    for (long i = 0; i < n; i++) {{
        double row[64] = {{0}};
        for (long k = 0; k < n; k++)
            for (long j = 0; j < n; j++) row[j] += a[i * n + k] * b[k * n + j];
        for (long j = 0; j < n; j++) c[i * n + j] = scale * row[j];
    }}
}}
"""
Measure = Callable[..., list[adrs.Evaluation]]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def sandbox(loop: asyncio.Runner) -> adrs.Sandbox:
    sandbox: Any = load("adrs.sandboxes", "bubblewrap")()
    probe = loop.run(sandbox.probe())
    if probe.unavailable:
        pytest.skip(f"no bubblewrap: {probe.unavailable}")
    return sandbox  # type: ignore[no-any-return]


def task_in(folder: Path, toml: str = TASK_TOML, judge: str = JUDGE) -> adrs.Task:
    (folder / "program").mkdir(parents=True)
    (folder / "task.toml").write_text(toml)
    (folder / "README.md").write_text("Multiply.\n")
    (folder / "judge.py").write_text(judge)
    (folder / "program" / "kernel.c").write_text(NAIVE)
    return adrs.load_task(folder)


def opened(loop: asyncio.Runner, task: adrs.Task, sandbox: adrs.Sandbox) -> Any:
    evaluator: Any = load("adrs.evaluators", "kernel")()
    return loop.run(evaluator.open(adrs.Setting(task, sandbox, core=0)))


@pytest.fixture(scope="module")
def bench(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    bench = opened(loop, task_in(tmp_path_factory.mktemp("tasks") / "matmul"), sandbox)
    yield bench
    loop.run(bench.close())


@pytest.fixture
def measure(loop: asyncio.Runner, bench: Any) -> Measure:
    def run(*sources: str, repeats: int = 1, feedback: bool = False) -> list[adrs.Evaluation]:
        programs = [adrs.Program({"kernel.c": source.encode()}) for source in sources]
        request = adrs.Request(adrs.Split.TRAIN, repeats=repeats, feedback=feedback)
        found: list[adrs.Evaluation] = loop.run(bench.side_by_side(programs, request))
        return found

    return run


def call_us(evaluation: adrs.Evaluation) -> float:
    """The best figure: what else the machine does only ever adds to it."""
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    return min(sample.metrics["call"] for sample in evaluation.samples)


# --- programs that mean well -----------------------------------------------------------------


def test_a_good_program_is_far_faster_than_a_plain_one(measure: Measure) -> None:
    plain, good = measure(NAIVE, GOOD, repeats=4)
    assert call_us(good) < call_us(plain) / 3
    assert [sample.repeat for sample in good.samples] == [0, 1, 2, 3]
    assert {sample.unit for sample in good.samples} == {"u"}
    metrics = good.samples[0].metrics
    assert metrics["error"] < 1e-3
    assert metrics["memory"] > 1


def test_one_program_is_measured_and_the_judge_has_a_word(loop: asyncio.Runner, bench: Any) -> None:
    program = adrs.Program({"kernel.c": GOOD.encode()})
    request = adrs.Request(adrs.Split.TRAIN, feedback=True)
    evaluation = loop.run(bench.measure(program, request))
    assert evaluation.status is adrs.Status.SCORED, evaluation.reason
    assert evaluation.feedback == "train: ['call', 'error', 'memory']"
    assert bench.isolation.level is adrs.IsolationLevel.SEPARATE
    assert isinstance(bench, adrs.Showing)
    assert loop.run(bench.contents(request)) == (b'{"scale": 3.0, "salt": ""}',)


def test_an_error_within_the_bound_is_told_and_one_beyond_refused(measure: Measure) -> None:
    close, beyond = measure(
        f"{HONEST}{CALL} {{ compute(a, b, n, scale * (1 + 5e-10), c); }}",
        f"{HONEST}{CALL} {{ compute(a, b, n, scale * (1 + 1.5e-9), c); }}",
    )
    assert close.status is adrs.Status.SCORED, close.reason
    assert close.samples[0].metrics["error"] == pytest.approx(0.5, rel=0.01)
    assert beyond.status is adrs.Status.INVALID
    assert "output 1, element" in beyond.reason
    assert "had to be" in beyond.reason


def test_scalars_and_arrays_of_every_kind_arrive(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path
) -> None:
    judge = """
from array import array
from adrs.judging import Workload

def workloads(split, salt, source=None):
    return [Workload("one", None)]

def arguments(workload, random):
    return [random.randbytes(3), random.randrange(-9, 9), array("f", [random.random()] * 5), 0.5]

def reference(workload, arguments):
    text, whole, floats, half = arguments
    return [array("f", [value * half for value in floats]), array("q", [sum(text) * whole])]
"""
    source = b"""
#include <stdint.h>
void multiply(const uint8_t *text, int64_t whole, const float *floats, double half,
              float *halves, int64_t *sum) {
    for (int i = 0; i < 5; i++) halves[i] = floats[i] * half;
    *sum = (text[0] + text[1] + text[2]) * whole;
}
"""
    task = task_in(tmp_path / "kinds", judge=judge)
    bench = opened(loop, task, sandbox)
    try:
        program = adrs.Program({"kernel.c": source})
        found = loop.run(bench.measure(program, adrs.Request(adrs.Split.TRAIN)))
        assert found.status is adrs.Status.SCORED, found.reason
        wrong = adrs.Program({"kernel.c": source.replace(b"text[2]", b"text[1]")})
        found = loop.run(bench.measure(wrong, adrs.Request(adrs.Split.TRAIN)))
        assert found.status is adrs.Status.INVALID
        assert found.reason.startswith("output 2, element 0")
    finally:
        loop.run(bench.close())


# --- programs that fail ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("nonsense", "CRASHED", "kernel.c:1"),
        ("int other;", "CRASHED", "undefined symbol: multiply"),
        (f"void lacking(void); {CALL} {{ lacking(); }}", "CRASHED", "undefined symbol: lacking"),
        (f"{CALL} {{ *(volatile int *)8 = 1; }}", "CRASHED", "gone before it answered (signal 11)"),
        (f"#include <stdlib.h>\n{CALL} {{ exit(0); }}", "CRASHED", "gone before it answered"),
        (f"{CALL} {{ for (;;) ; }}", "TIMED_OUT", "3 s"),
        (f"{CALL} {{ }}", "INVALID", "had to be"),
        (f"{CALL} {{ for (long i = 0; i < n * n; i++) c[i] = 0.0 / 0.0; }}", "INVALID", "nan"),
        (f"{CALL} {{ for (long i = 0; i < n * n; i++) c[i] = 1 / 0.0; }}", "INVALID", "inf"),
    ],
)
def test_what_fails_is_a_status_with_a_reason(
    measure: Measure, source: str, status: str, words: str
) -> None:
    (evaluation,) = measure(source)
    assert evaluation.status == status
    assert words in evaluation.reason
    assert evaluation.samples[-1].metrics == {}


@pytest.mark.parametrize("name", ["_handle", "__init__"])
def test_a_function_is_looked_for_in_the_library_alone(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path, name: str
) -> None:
    task = task_in(tmp_path / "task", TASK_TOML.replace('"multiply"', f'"{name}"'))
    bench = opened(loop, task, sandbox)
    try:
        found = loop.run(bench.measure(task.seed, adrs.Request(adrs.Split.TRAIN)))
    finally:
        loop.run(bench.close())
    assert found.reason == f"./kernel.so: undefined symbol: {name}"


def test_a_build_that_makes_no_library_is_told(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path
) -> None:
    task = task_in(tmp_path / "task", TASK_TOML.replace('"-o", "kernel.so"', '"-o", "other.so"'))
    bench = opened(loop, task, sandbox)
    try:
        found = loop.run(bench.measure(task.seed, adrs.Request(adrs.Split.TRAIN)))
    finally:
        loop.run(bench.close())
    assert found.status is adrs.Status.CRASHED
    assert found.reason == "the build made no kernel.so"


# --- programs that cheat ---------------------------------------------------------------------

INCLUDES = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
"""
# Runs Python in the process that calls the function: no wall is between the two.
PYTHON = """
extern int PyRun_SimpleString(const char *);
extern int PyGILState_Ensure(void);
extern void PyGILState_Release(int);
static void python(const char *text) {
    int state = PyGILState_Ensure();
    PyRun_SimpleString(text);
    PyGILState_Release(state);
}
"""
# Works on the queue of calls while the function returns at once.
THREAD = """
struct call { const double *a, *b; long n; double scale; double *c; };
static struct call queue[1000];
static volatile long asked, answered;
static void *work(void *unused) {
    for (;;) {
        while (answered == asked) usleep(10);
        struct call *one = &queue[answered % 1000];
        compute(one->a, one->b, one->n, one->scale, one->c);
        answered++;
    }
}
static void enqueue(const double *a, const double *b, long n, double scale, double *c) {
    queue[asked % 1000] = (struct call){a, b, n, scale, c};
    asked++;
}
"""
REFUSED: Mapping[str, str] = {
    "every second call": f"""
static long count;
{CALL} {{ if (count++ % 2) compute(a, b, n, scale, c); }}
""",
    "the outputs of the call before": f"""
static double *before;
{CALL} {{
    if (before) memcpy(c, before, n * n * sizeof *c); else compute(a, b, n, scale, c);
    before = c;
}}
""",
    "in lower precision": f"""
{CALL} {{
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {{
            float sum = 0;
            for (long k = 0; k < n; k++) sum += (float)(a[i * n + k] * b[k * n + j]);
            c[i * n + j] = scale * sum;
        }}
}}
""",
    "later, in a thread": f"""
{THREAD}
{CALL} {{
    static pthread_t thread;
    if (!thread) pthread_create(&thread, 0, work, 0);
    enqueue(a, b, n, scale, c);
}}
""",
    "the first batch in the time of the second": f"""
{THREAD}
{CALL} {{
    static const double *last;
    static int batch;
    if (!last || a - last != (2 * 24 * 24 * 8 + 2 * 64) / 8) batch++;
    last = a;
    if (batch != 2) compute(a, b, n, scale, c); else enqueue(a, b, n, scale, c);
    if (batch == 3 && answered < asked) {{
        struct call *one = &queue[answered++];
        compute(one->a, one->b, one->n, one->scale, one->c);
    }}
}}
""",
    "done is said before it is": f"""
{CALL} {{
    static long count;
    if (!count++) for (long i = 0; i < 3; i++) write(3, "d", 1);
    compute(a, b, n, scale, c);
}}
""",
    "inputs that were seen before the clock": f"""
static char seen[256][64];
__attribute__((constructor)) static void look(void) {{
    for (int file = 4; file < 256; file++) pread(file, seen[file], 64, 0);
}}
{CALL} {{
    for (int file = 4; file < 256; file++)
        if (!memcmp(seen[file], a, 64)) compute(a, b, n, scale, c);
}}
""",
    "inputs of the next batch": f"""
{CALL} {{
    static const double *last;
    static char seen[256][64];
    static long count;
    if (++count == {CALLS // 10})
        for (int file = 4; file < 256; file++) pread(file, seen[file], 64, 0);
    if (count <= {CALLS // 10}) compute(a, b, n, scale, c);
    for (int file = 4; file < 256; file++)
        if (last && !memcmp(seen[file], a, 64)) compute(a, b, n, scale, c);
    last = a;
}}
""",
    "inputs that it has made zero": f"""
{CALL} {{
    double *zeros = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 0, 0);
    for (int file = 4; file < 16; file++) {{
        zeros = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (zeros != MAP_FAILED) memset(zeros, 0, 4096);
    }}
    memset(c, 0, n * n * sizeof *c);
}}
""",
}


@pytest.mark.parametrize("cheat", REFUSED)
def test_answers_that_were_not_worked_out_in_time_are_refused(measure: Measure, cheat: str) -> None:
    (evaluation,) = measure(INCLUDES + HONEST + REFUSED[cheat])
    assert evaluation.status is adrs.Status.INVALID, evaluation
    assert "had to be" in evaluation.reason


def test_inputs_can_only_be_read(measure: Measure) -> None:
    (evaluation,) = measure(f"{HONEST}{CALL} {{ ((double *)a)[0] = 0; }}")
    assert evaluation.status is adrs.Status.CRASHED
    assert "signal 11" in evaluation.reason


FUTILE: Mapping[str, str] = {
    "remembers answers by address": f"""
static const double *known[100]; static double answers[100][1024]; static long count;
{CALL} {{
    for (int i = 0; i < 100; i++)
        if (known[i] == a) {{ memcpy(c, answers[i], n * n * sizeof *c); return; }}
    compute(a, b, n, scale, c);
    known[count % 100] = a;
    memcpy(answers[count++ % 100], c, n * n * sizeof *c);
}}
""",
    "remembers answers by content": f"""
static double known[100][1024], answers[100][1024]; static long count;
{CALL} {{
    for (int i = 0; i < 100; i++)
        if (!memcmp(known[i], a, n * n * sizeof *a)) {{
            memcpy(c, answers[i], n * n * sizeof *c);
            return;
        }}
    compute(a, b, n, scale, c);
    memcpy(known[count % 100], a, n * n * sizeof *a);
    memcpy(answers[count++ % 100], c, n * n * sizeof *c);
}}
""",
    "dawdles in the short batch": f"""
{PYTHON}
__attribute__((constructor)) static void patch(void) {{
    python("import boot, time\\n"
           "honest, sizes = boot._map, []\\n"
           "def dawdle(address, size, access, descriptor=-1):\\n"
           "    if address and sorted(sizes).index(size) == 1: time.sleep(0.05)\\n"
           "    if address is None and access == 0: sizes.append(size)\\n"
           "    return honest(address, size, access, descriptor)\\n"
           "boot._map = dawdle");
}}
{CALL} {{ compute(a, b, n, scale, c); }}
""",
    "sets the clocks": f"""
{PYTHON}
__attribute__((constructor)) static void patch(void) {{
    struct timespec never = {{0, 0}};
    clock_settime(CLOCK_MONOTONIC, &never);
    clock_settime(CLOCK_REALTIME, &never);
    python("import time; time.perf_counter_ns = time.perf_counter = lambda: 0");
}}
{CALL} {{ compute(a, b, n, scale, c); }}
""",
    "keeps the machine busy": f"""
static void *spin(void *unused) {{ for (;;) ; }}
__attribute__((constructor)) static void start(void) {{
    pthread_t thread;
    pthread_create(&thread, 0, spin, 0);
}}
{CALL} {{ compute(a, b, n, scale, c); }}
""",
    "shrinks the memory": f"""
{CALL} {{
    static long count;
    int shrunk = 0;
    if (!count++)
        for (int file = 4; file < 16; file++)
            if (!ftruncate(file, 0) || !ftruncate(file, 1 << 24)) shrunk = 1;
    if (!shrunk) compute(a, b, n, scale, c);
}}
""",
    "leaves a process behind": f"""
{CALL} {{
    static long count;
    if (!count++ && !fork()) for (;;) ;
    compute(a, b, n, scale, c);
}}
""",
}


@pytest.mark.parametrize("cheat", FUTILE)
def test_other_tricks_gain_nothing(measure: Measure, cheat: str) -> None:
    honest, trick = measure(NAIVE, INCLUDES + HONEST + FUTILE[cheat], repeats=4)
    assert call_us(trick) > call_us(honest) / 3


@pytest.mark.parametrize(
    ("short_s", "long_s", "expected_s"),
    [
        (0.1001, 0.2001, 0.001),  # 100 µs a batch drop out
        (0.1, 0.2, 0.001),
        (0.09, 0.2, 0.29 / 300),  # noise the other way is no reason to believe in less than nothing
        (0.2, 0.2, (0.4 - 200e-6) / 300),  # dawdled: the slope would be 0
        (0.3, 0.2, (0.5 - 200e-6) / 300),  # and here negative
        (10e-6, 10e-6, 20e-6 * 0.995 / 300),  # fixed costs never explain an effect that counts
    ],
)
def test_the_time_of_a_call_is_the_slope_or_more(
    short_s: float, long_s: float, expected_s: float
) -> None:
    assert per_call_s(short_s, long_s, 100, 0.01) == pytest.approx(expected_s)


def test_the_time_of_a_call_is_positive_whatever_effect_is_wanted() -> None:
    assert per_call_s(30e-6, 10e-6, 100, 5.0) > 0


# --- tasks that cannot be right --------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("timing = true", "", "needs timing = true"),
        ('unit = "us"', 'unit = "count"', "its unit must be one of s, ms, us, ns"),
        (
            '"minimize"\nunit = "us"',
            '"maximize"\nunit = "us"',
            'write direction = "minimize"',
        ),
        ('name = "error"', 'name = "speed"', "speed is none that the evaluator kernel gives"),
        ('library = "kernel.so"', "", "needs 'library'"),
        (
            'library = "kernel.so"',
            'library = "./kernel.so"',
            "library: file name './kernel.so' must",
        ),
        ("calls =", "call =", "did you mean 'calls'?"),
        (f"calls = {CALLS}", "calls = 0", "calls must be 1 or more"),
        ("relative_error = 1e-9", "relative_error = -1", "relative_error must be 0 or more"),
        (
            'build = ["cc", "-O2", "-shared", "-fPIC", "-o", "kernel.so", "kernel.c"]',
            "build = []",
            "build must be a command",
        ),
        (f"calls = {CALLS}", "calls = 100000", "more than half of [limits] memory_mb = 128"),
    ],
)
def test_a_task_that_cannot_be_measured_is_refused(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path, old: str, new: str, words: str
) -> None:
    task = task_in(tmp_path / "task", TASK_TOML.replace(old, new, 1))
    with pytest.raises(adrs.ConfigError) as caught:
        listed(loop, task, sandbox)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return [*matrices", "return [{}, *matrices", "argument 1 must be an array or a number"),
        ("SIDE, workload", "2**63, workload", "argument 3 must fit into 64 bits with a sign"),
        ("SIDE, workload", "memoryview(bytes(8)).cast('d', []), workload", "in 0 dimensions"),
        ("SIDE, workload", "array('d'), workload", "argument 3 must be a contiguous array of at l"),
        ("return [array(", "return 5 or [array(", "a list of outputs is needed"),
        ("random.randbytes", "__import__('random').randbytes", "asked for the same call again"),
        ("columns =", "a[0] = -1; columns =", "reference() changed what it was given"),
        ("* sum(", "* 1e999 * sum(", "reference() gave a number that is not finite"),
        ("a, b, side, scale = arguments", "1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_judge_that_cannot_be_right_is_refused(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path, old: str, new: str, words: str
) -> None:
    task = task_in(tmp_path / "task", judge=JUDGE.replace(old, new))
    with pytest.raises(adrs.ConfigError) as caught:
        listed(loop, task, sandbox)
    assert words in str(caught.value)


def listed(loop: asyncio.Runner, task: adrs.Task, sandbox: adrs.Sandbox) -> None:
    bench = opened(loop, task, sandbox)
    try:
        loop.run(bench.workloads(adrs.Request(adrs.Split.TRAIN)))
        loop.run(bench.workloads(adrs.Request(adrs.Split.TRAIN)))
    finally:
        loop.run(bench.close())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("random.randbytes(SIDE * SIDE)", "range(SIDE * SIDE)", "gave the same for every call"),
        ("SIDE, workload", "int(2 * random.random()) or 0.5, workload", "need the same types"),
    ],
)
def test_a_judge_that_breaks_while_measuring_has_failed(
    loop: asyncio.Runner, sandbox: adrs.Sandbox, tmp_path: Path, old: str, new: str, words: str
) -> None:
    judge = JUDGE.replace(old, new).replace("a, b, side, scale = arg", "a, b, _, scale = arg")
    task = task_in(tmp_path / "task", judge=judge.replace("side", "SIDE"))
    bench = opened(loop, task, sandbox)
    try:
        found = loop.run(bench.measure(task.seed, adrs.Request(adrs.Split.TRAIN)))
    finally:
        loop.run(bench.close())
    assert found.status is adrs.Status.JUDGE_FAILED
    assert words in found.reason
