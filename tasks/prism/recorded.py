"""Fleets read from a file of JSON lines, each with the split that it serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fleet import Fleet, Model

from adrs.judging import Workload

SPLITS = ("train", "validation", "held_out")
SMOKE = 3  # the first so many of train
KEYS = ("split", "gpu_count", "gpu_memory_gb", "models")
MOST_GPUS = 1000


def recorded(split: str, path: str | Path) -> list[Workload]:
    """The fleets of a split, in the order of the file; none if no line names the split.

    Args:
        path: a file of JSON lines; a line is an object with `split`, `gpu_count`,
            `gpu_memory_gb` and `models`, a list of objects with `size_gb`, `rate_per_s`, `slo_s`.

    Raises:
        ValueError: the file is not as described; says where, what was expected and the cure.
    """
    path = Path(path)
    cases: dict[str, list[Workload]] = {one: [] for one in SPLITS}
    seen: dict[Fleet, int] = {}
    for number, line in enumerate(_lines(path), 1):
        where = f"{path.name}, line {number}"
        serves, fleet = _case(line, where)
        if fleet in seen:
            raise ValueError(
                f"{where}: expected fleets that differ, got that of line {seen[fleet]} again; "
                "leave one out"
            )
        seen[fleet] = number
        name = f"line-{number:03d}-{fleet.gpu_count}x{fleet.gpu_memory_gb:g}gb-recorded"
        cases[serves].append(Workload(name, fleet.data()))
    if not cases["train"]:
        raise ValueError(
            f'{path.name}: expected one or more fleets of split "train", got none; add them'
        )
    return cases["train"][:SMOKE] if split == "smoke" else cases[split]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: expected UTF-8 text, got byte {error.start} that is not; "
            "convert the file"
        ) from error


def _case(line: str, where: str) -> tuple[str, Fleet]:
    record = _record(line, where)
    if record["split"] not in SPLITS:
        raise ValueError(
            f"{where}: expected split to be one of {', '.join(SPLITS)}, got "
            f"{_short(record['split'])}; name one"
        )
    gpu_count = record["gpu_count"]
    if type(gpu_count) is not int or not 2 <= gpu_count <= MOST_GPUS:
        raise ValueError(
            f"{where}: expected gpu_count to be a whole number from 2 to {MOST_GPUS}, got "
            f"{_short(gpu_count)}; cut the fleet up, or leave it out"
        )
    memory_gb = _positive(record["gpu_memory_gb"], "gpu_memory_gb", where)
    if not isinstance(record["models"], list) or not record["models"]:
        raise ValueError(
            f"{where}: expected models to be a list that is not empty, got "
            f"{_short(record['models'])}; list them"
        )
    models = tuple(_model(one, where) for one in record["models"])
    fleet = Fleet(gpu_count, memory_gb, models)
    if not fleet.fits(fleet.largest_first()):
        raise ValueError(
            f"{where}: expected models that fit, with memory left on each GPU, when the largest "
            "goes first and each to the GPU with the most memory left; got too much; take models "
            "out or add GPUs"
        )
    return record["split"], fleet


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{where}: expected one JSON object, got {_short(line)} ({error}); "
            "write one object a line"
        ) from error
    if not isinstance(record, dict) or set(record) != set(KEYS):
        raise ValueError(
            f"{where}: expected an object with {', '.join(KEYS)} and nothing else, got "
            f"{_short(line)}; add or remove keys"
        )
    return record


def _model(one: object, where: str) -> Model:
    if not isinstance(one, dict) or set(one) != set(Model._fields):
        raise ValueError(
            f"{where}: expected a model to be an object with {', '.join(Model._fields)} and "
            f"nothing else, got {_short(one)}; add or remove keys"
        )
    return Model(*(_positive(one[key], key, where) for key in Model._fields))


def _positive(value: object, key: str, where: str) -> float:
    if type(value) not in (int, float) or not 1e-6 <= value <= 1e6:  # type: ignore[operator]
        raise ValueError(
            f"{where}: expected {key} to be a number from 1e-6 to 1e6, got {_short(value)}; "
            "write it in another unit, the same for all"
        )
    return value  # type: ignore[return-value]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
