"""What machine, judge and sandbox produced a figure."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from adrs.model.isolation import Isolation
from adrs.model.task import Task


def describe(task: Task, isolation: Isolation, seed: int) -> dict[str, object]:
    """Everything outside the program that a figure depends on."""
    return {
        "task": task.name,
        "task_digest": task.digest,
        "evaluator": task.evaluator.use,
        "environment": asdict(task.environment),
        "sandbox": isolation.sandbox,
        "isolation": isolation.level.value,
        "enforced": dict(isolation.enforced),
        "missing": dict(isolation.missing),
        "adrs": _version("adrs-lab"),
        "root": dict(isolation.root),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "seed": seed,
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "CPU part"):
            return value.strip()
    return platform.processor() or "unknown"


def _first_line(path: str) -> str:
    return next(iter(_lines(path)), "unknown").strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
