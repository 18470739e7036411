"""The kernel evaluator holds the contract."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence

import pytest
from adrs_evaluators.kernel import KernelEvaluator

from adrs import (
    Evaluator,
    Job,
    Program,
    SandboxUnavailable,
    Setting,
    Status,
    choose_sandbox,
    load_task,
)
from adrs.testing import EvaluatorContract

if shutil.which("cc") is None:
    pytest.skip("no C compiler: apt-get install gcc libc6-dev", allow_module_level=True)

TASK_TOML = """
[task]
name = "double"
title = "Double many numbers"
[program]
editable = ["*.c"]
[evaluator]
use = "kernel"
[evaluator.options]
build = ["cc", "-O2", "-shared", "-fPIC", "-o", "double.so", "double.c"]
library = "double.so"
function = "twice"
calls = 50
[objective]
metric = "call"
[[metric]]
name = "call"
direction = "minimize"
unit = "us"
timing = true
[[metric]]
name = "memory"
direction = "minimize"
unit = "MiB"
meter = "peak_mb"
[limits]
wall_s = 3
cpu_s = 3
memory_mb = 256
processes = 8
output_mb = 1
[generator]
shift = 0
"""
JUDGE = """
from array import array
from adrs.judging import Workload

def workloads(split, salt, source=None, *, shift):
    return [Workload(f"{split}-{n}", [f"{split}{salt}", n + shift]) for n in range(3)]

def arguments(workload, random):
    return [array("q", [random.randrange(1000) + workload.data[1] for _ in range(100)])]

def reference(workload, arguments):
    return [array("q", [2 * value for value in arguments[0]])]
"""
SEED = (
    b"void twice(const long *in, long *out) { for (int i = 0; i < 100; i++) out[i] = 2 * in[i]; }"
)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    folder = tmp_path_factory.mktemp("double")
    (folder / "program").mkdir()
    (folder / "task.toml").write_text(TASK_TOML)
    (folder / "README.md").write_text("Double them.\n")
    (folder / "judge.py").write_text(JUDGE)
    (folder / "program" / "double.c").write_bytes(SEED)
    try:
        sandbox = asyncio.run(choose_sandbox("bubblewrap"))
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    return Setting(load_task(folder), sandbox)


# Without a cgroup one process is refused memory before it is over a limit; several are not.
_TOO_MUCH_TOGETHER = """
for (int i = 0; i < 3; i++)
    if (!fork())
        memset(malloc(100 << 20), 1, 100 << 20), pause();
pause();
"""


class TestKernel(EvaluatorContract):
    parameters = {"shift": 5}  # noqa: RUF012 - declared ClassVar in the contract

    def evaluator(self) -> Evaluator:
        return KernelEvaluator()

    def variant(self, seed: Program) -> Program:
        return seed.replacing({"double.c": SEED + b"\nint another = 1;\n"})

    def turns(self, jobs: Sequence[Job], programs: Sequence[Program]) -> list[int]:
        """A program's turn runs its library and no source; which is whose is told by the first."""
        libraries = [job.files["double.so"] for job in jobs if [*job.files] == ["double.so"]]
        known = list(dict.fromkeys(libraries))
        assert len(known) == len(programs)
        return [known.index(library) for library in libraries]

    def failing(self, seed: Program) -> Sequence[tuple[Program, Status]]:
        def program(body: str) -> Program:
            head = "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
            text = f"{head}void twice(const long *in, long *out) {{ {body} }}"
            return seed.replacing({"double.c": text.encode()})

        return [
            (program("no C"), Status.CRASHED),
            (program("abort();"), Status.CRASHED),
            (program("out[0] = 2 * in[0];"), Status.INVALID),
            (program("for (;;) ;"), Status.TIMED_OUT),
            (program(_TOO_MUCH_TOGETHER), Status.OVER_MEMORY),
        ]
