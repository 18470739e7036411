"""The command line answers at once, and offers what is there."""

import os
import resource
import statistics
import subprocess
import sys

import pytest

MAIN = "from adrs.cli import main; main()"
GROUPS = ["new", "config", "store"]
COMMANDS = [
    "run",
    "check",
    "runs",
    "status",
    "trials",
    "show",
    "lineage",
    "diff",
    "compare",
    "ask",
    "tell",
    "note",
    "mcp",
    "verify",
    "reproduce",
    "export",
    "stop",
    "delete",
]
COMMANDS += ["init", "doctor", "plugins", *GROUPS]
LOOKING = [name for name in COMMANDS if name not in ("mcp", *GROUPS)]


def cpu_of(*arguments: str) -> float:
    """CPU seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_quick() -> None:
    assert statistics.median(cpu_of("-c", MAIN, "--help") for _ in range(3)) < 0.4


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
try:
    {MAIN.replace("; ", chr(10) + "    ")}
except SystemExit:
    pass
heavy = set("alembic libcst mcp numpy optuna pydantic rich sqlmodel sqlalchemy".split())
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Commands:")[2].split("\n")
    assert [line.split()[0] for line in listed if line.strip()] == COMMANDS


@pytest.mark.parametrize(
    "command", [*LOOKING, "new task", "config show", "store check", "store gc"]
)
def test_every_command_has_help_and_every_command_that_looks_has_json(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *command.split(), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


def test_no_argument_is_a_cry_for_help() -> None:
    done = subprocess.run([sys.executable, "-c", MAIN], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Commands:" in done.stdout


def test_shell_completion_knows_the_commands() -> None:
    environment = {
        **os.environ,
        "_ADRS_COMPLETE": "complete_bash",
        "COMP_WORDS": "adrs st",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", MAIN], capture_output=True, text=True, timeout=60, env=environment
    )
    assert {"status", "stop", "store"} <= set(done.stdout.split())
