"""Where timelines come from: drawn from a salt, or read from a file of real ones.

A timeline is one character for each tick, "1" where a spot instance can be had.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from math import exp, log
from pathlib import Path
from random import Random

from simulator import TICK_S

from adrs.judging import Workload

TICKS = 420  # 70 h, the later deadline
UNITS = {"smoke": 4, "train": 40, "validation": 40, "held_out": 40}
HELD_OUT_STRETCH = 1.25  # how far held-out environments may lie outside the declared ranges
GAP_TICKS = 504  # between the ticks of train and validation and those of held_out
VALIDATION_ENVIRONMENTS = 2


def drawn(
    split: str,
    salt: str,
    mean_up_h: Sequence[float],
    mean_down_h: Sequence[float],
    tail: Sequence[float],
) -> list[Workload]:
    """Draws a split: each unit is one timeline of one environment, independent of all others.

    Args:
        salt: makes another set of "held_out"; the other splits are always the same.
        mean_up_h: lowest and highest mean time that spot stays, in hours.
        mean_down_h: lowest and highest mean time that it stays away, in hours.
        tail: lowest and highest Pareto shape of both; near 1 is the heaviest tail.
    """
    series = f"{split}/{salt}" if split == "held_out" else split
    stretch = HELD_OUT_STRETCH if split == "held_out" else 1.0
    workloads = []
    for number in range(UNITS[split]):
        random = Random(f"spot_single/{series}/{number}")
        up_h = _between(random, mean_up_h, stretch)
        down_h = _between(random, mean_down_h, stretch)
        shape = random.uniform(*tail)
        name = f"{split}-{number:02d}"
        workloads.append(Workload(name, _alternating(random, up_h, down_h, shape)))
    return workloads


def _between(random: Random, ends: Sequence[float], stretch: float) -> float:
    low, high = ends
    return exp(random.uniform(log(low / stretch), log(high * stretch)))


def _alternating(random: Random, up_h: float, down_h: float, shape: float) -> str:
    ticks = ""
    is_up = random.random() < up_h / (up_h + down_h)
    while len(ticks) < TICKS:
        mean_ticks = (up_h if is_up else down_h) * 3600 / TICK_S
        shortest = mean_ticks * (shape - 1) / shape
        length = max(1, round(shortest * random.paretovariate(shape)))
        ticks += "01"[is_up] * min(length, TICKS)
        is_up = not is_up
    return ticks[:TICKS]


def real(split: str, path: str | Path) -> list[Workload]:
    """Cuts real timelines, which cover the same days, into units that share no tick.

    The last two environments serve validation, the others train (and smoke, the first two of
    them), all with their first 70 hours. After a gap of 84 hours, in which nothing is measured,
    every whole block of 70 hours in every environment is a held-out unit.

    Args:
        path: a file of JSON lines, plain or gzip; a line is an object with `environment`, `gap_s`
            (600) and `unavailable`, one character a tick, "1" where no spot could be had.

    Raises:
        ValueError: the file is not as described; says where, what was expected and the cure.
    """
    environments = _read(Path(path))
    starts = [0]
    if split == "held_out":
        ticks = min(len(available) for _, available in environments)
        starts = list(range(TICKS + GAP_TICKS, ticks - TICKS + 1, TICKS))
    elif split == "validation":
        environments = environments[-VALIDATION_ENVIRONMENTS:]
    else:
        environments = environments[:-VALIDATION_ENVIRONMENTS]
        if split == "smoke":
            environments = environments[:2]
    return [
        Workload(f"{name}@{start}", available[start : start + TICKS], shares="days")
        for name, available in environments
        for start in starts
    ]


def _read(path: Path) -> list[tuple[str, str]]:
    environments: dict[str, str] = {}
    for number, line in enumerate(_lines(path), 1):
        where = f"{path.name}, line {number}"
        name, available = _timeline(line, where)
        if name in environments:
            raise ValueError(
                f"{where}: expected each environment once, got {name!r} again; join its lines"
            )
        environments[name] = available
    if len(environments) <= VALIDATION_ENVIRONMENTS:
        raise ValueError(
            f"{path.name}, line {len(environments)}: expected {VALIDATION_ENVIRONMENTS + 1} or "
            f"more environments, got {len(environments)}; add timelines, one a line"
        )
    return list(environments.items())


def _lines(path: Path) -> Iterator[str]:
    number = 0
    try:
        with path.open("rb") as file:
            is_packed = file.peek(2)[:2] == b"\x1f\x8b"  # a judge may see the file without suffix
            for line in gzip.GzipFile(fileobj=file) if is_packed else file:
                number += 1
                yield line.decode()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path.name}, after line {number}: expected a whole gzip file, got one that is "
            f"damaged or cut short ({error}); fetch it again"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}, line {number}: expected UTF-8 text, got byte {error.start} that is "
            "not; convert the file"
        ) from error


def _timeline(line: str, where: str) -> tuple[str, str]:
    """The environment's name, and its ticks with "1" where spot can be had."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{where}: expected one JSON object, got {_short(line)} ({error}); "
            "write one object a line"
        ) from error
    keys = ("environment", "gap_s", "unavailable")
    if not isinstance(record, dict) or any(key not in record for key in keys):
        raise ValueError(
            f"{where}: expected an object with {', '.join(keys)}, got {_short(line)}; "
            "add what is missing"
        )
    name, gap_s, unavailable = (record[key] for key in keys)
    if not isinstance(name, str) or not name:
        raise ValueError(f"{where}: expected environment to be a name, got {name!r}; name it")
    if gap_s != TICK_S or isinstance(gap_s, bool):
        raise ValueError(f"{where}: expected gap_s {TICK_S}, got {gap_s!r}; resample the timeline")
    if not isinstance(unavailable, str) or set(unavailable) - {"0", "1"}:
        raise ValueError(
            f'{where}: expected unavailable to be a string of "0" and "1", got '
            f"{_short(unavailable)}; write one character a tick"
        )
    if len(unavailable) < 2 * TICKS + GAP_TICKS:
        raise ValueError(
            f"{where}: expected {2 * TICKS + GAP_TICKS} ticks or more, got {len(unavailable)}; "
            "use a longer timeline"
        )
    return name, unavailable.translate(str.maketrans("01", "10"))


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
