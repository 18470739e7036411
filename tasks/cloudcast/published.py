"""Real clouds: links and jobs from the two files of a folder.

`links.csv` has a line `src,dst,cost_usd_per_gb,throughput_gbps` for each directed link, the
throughput being that of one virtual machine, of which each region has two. `broadcasts.json` is an
object of jobs by name; each has `source_node`, `dest_nodes`, `data_vol` (GB), `num_partitions`, and
`ingress_limit` and `egress_limit`, in Gbit/s of one machine by provider. A region is named
`provider:place`.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from random import Random
from typing import Any

import jobs
from bound import least_cost_usd

from adrs.judging import Workload

UNITS = {"validation": 24, "held_out": 24}

_VMS = 2
_REGION_USD_PER_H = _VMS * 0.54
_FEWEST_REGIONS = 12
_LEAST, _MOST = 1e-6, 1e6  # of every number that is not 0
_MOST_PARTITIONS = 1000
_LONGEST_NAME = 60
_COLUMNS = ["src", "dst", "cost_usd_per_gb", "throughput_gbps"]

Links = dict[str, dict[str, dict[str, float]]]


def published(
    split: str,
    salt: str,
    path: str,
    *,
    destinations: jobs.Range,
    partitions: jobs.Range,
    volume_gb: jobs.Range,
    **_: object,
) -> list[Workload]:
    """The jobs of the file as train, and drawn ones on the same links as validation and held-out.

    No job of one split starts where one of another does: half of the regions from which no listed
    job starts are sources of validation, the others of held_out. Smoke is the first two of train.

    Args:
        path: the folder.
        destinations: fewest and most of a drawn job; the other ranges are alike. Those of the
            generator that describe clouds have no use here.

    Raises:
        ValueError: a file is not as described; says where, what was expected and the cure.
    """
    folder = Path(path)
    links = _read_links(folder)
    listed = _read_jobs(folder, links)
    if split in ("smoke", "train"):
        chosen = list(listed.items())[: 2 if split == "smoke" else None]
        return [_workload(name, job, links) for name, job in chosen]

    taken = [job["source"] for job in listed.values()]
    free = [region for region in sorted(links) if region not in taken]
    Random("cloudcast/sources").shuffle(free)
    half = len(free) // 2
    is_held_out = split == "held_out"
    sources = free[half:] if is_held_out else free[:half]
    series = f"{split}/{salt}" if is_held_out else split
    Random(f"cloudcast/real/{series}").shuffle(sources)
    regions = next(iter(listed.values()))["regions"]
    workloads = []
    for number in range(UNITS[split]):
        job = jobs.draw(
            Random(f"cloudcast/real/{series}/{number}"),
            regions,
            sources[number % len(sources)],
            destinations=destinations,
            partitions=partitions,
            volume_gb=volume_gb,
            region_usd_per_h=_REGION_USD_PER_H,
            stretch=jobs.HELD_OUT_STRETCH if is_held_out else 1.0,
        )
        workloads.append(_workload(f"{split}-{number:02d}", job, links))
    return workloads


def _workload(name: str, job: dict[str, Any], links: Links) -> Workload:
    data = {"job": job, "links": links, "bound_usd": least_cost_usd(job, links)}
    return Workload(name, data, shares="graph")


def _read_links(folder: Path) -> Links:
    links: Links = {}
    for number, row in enumerate(_rows(folder), 1):
        where = f"links.csv, line {number}"
        if number == 1:
            if row != _COLUMNS:
                raise ValueError(
                    f"{where}: expected the columns {','.join(_COLUMNS)}, got "
                    f"{_short(','.join(row))}; name them in this order"
                )
            continue
        if len(row) != len(_COLUMNS):
            raise ValueError(
                f"{where}: expected {len(_COLUMNS)} values, got {len(row)}; write one link a line"
            )
        start, end, usd, gbps = row
        for region in (start, end):
            if not all(region.partition(":")) or not _is_name(region):
                raise ValueError(
                    f"{where}: expected a region such as aws:us-east-1, got {_short(region)}; "
                    f"write its provider and its place, in {_LONGEST_NAME} characters at the most"
                )
        if start == end or end in links.get(start, {}):
            raise ValueError(
                f"{where}: expected each link between two regions once, got {start} to {end}; "
                "leave this line out"
            )
        links.setdefault(start, {})[end] = {
            "usd_per_gb": _number(usd, f"{where}: expected a cost", free=True),
            "gbps": _VMS * _number(gbps, f"{where}: expected a throughput"),
        }
    _check_connected(links)
    return links


def _is_name(text: str) -> bool:
    return text.isprintable() and 1 <= len(text) <= _LONGEST_NAME


def _rows(folder: Path) -> list[list[str]]:
    lines = csv.reader(_text(folder, "links.csv").splitlines())
    try:
        return list(lines)
    except csv.Error as error:
        raise ValueError(
            f"links.csv, line {lines.line_num}: expected values with commas between them, got what "
            f"cannot be read ({error}); correct it"
        ) from error


def _number(text: str, expected: str, *, free: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not _LEAST <= value <= _MOST and not (free and value == 0):
        least = "0, or " if free else ""
        raise ValueError(
            f"{expected} of {least}{_LEAST:g} to {_MOST:g}, got {_short(text)}; correct it"
        )
    return value


def _check_connected(links: Links) -> None:
    """Whatever is drawn must be possible: from every region to every other."""
    back: dict[str, dict[str, bool]] = {region: {} for region in links}
    for start, targets in links.items():
        for end in targets:
            back.setdefault(end, {})[start] = True
    if len(back) < _FEWEST_REGIONS:
        raise ValueError(
            f"links.csv: expected {_FEWEST_REGIONS} or more regions, got {len(back)}; add links"
        )
    for onward in (links, back):
        reached = dict.fromkeys([next(iter(back))])
        queue = list(reached)
        for region in queue:
            new = [end for end in onward.get(region, {}) if end not in reached]
            reached.update(dict.fromkeys(new))
            queue.extend(new)
        for region in back:
            if region not in reached:
                raise ValueError(
                    f"links.csv: expected a way between any two regions, got none from or to "
                    f"{region}; add its links"
                )


def _read_jobs(folder: Path, links: Links) -> dict[str, dict[str, Any]]:
    text = _text(folder, "broadcasts.json")
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"broadcasts.json: expected JSON, got {_short(text)} ({error}); correct it"
        ) from error
    if not isinstance(records, dict) or not records:
        raise ValueError(
            f"broadcasts.json: expected an object of jobs by name, got {_short(records)}; "
            "name at least one job"
        )
    for name in records:
        if not _is_name(name):
            raise ValueError(
                f"broadcasts.json: expected names of 1 to {_LONGEST_NAME} printable characters, "
                f"got {_short(name)}; rename the job"
            )
    found = {name: _job(record, links, name) for name, record in records.items()}
    sources = {job["source"]: None for job in found.values()}
    if len(links) - len(sources) < 2:
        raise ValueError(
            f"broadcasts.json: expected two or more regions in which no job starts, got "
            f"{len(links) - len(sources)}; leave jobs out, for others are drawn there"
        )
    return found


def _job(record: object, links: Links, name: str) -> dict[str, Any]:
    where = f"broadcasts.json, {name}"
    keys = (
        *("source_node", "dest_nodes", "data_vol", "num_partitions"),
        *("ingress_limit", "egress_limit"),
    )
    if not isinstance(record, dict) or any(key not in record for key in keys):
        raise ValueError(
            f"{where}: expected an object with {', '.join(keys)}, got {_short(record)}; "
            "add what is missing"
        )
    source, destinations, volume_gb, partitions, ingress, egress = (record[key] for key in keys)
    if not isinstance(source, str) or source not in links:
        raise ValueError(
            f"{where}: expected source_node to be a region of links.csv, got {_short(source)}; "
            "correct it, or add its links"
        )
    if not isinstance(destinations, list) or not destinations:
        raise ValueError(
            f"{where}: expected dest_nodes to be a list of regions, got {_short(destinations)}; "
            "name at least one"
        )
    for at, region in enumerate(destinations):
        is_region = isinstance(region, str) and region in links
        if not is_region or region == source or region in destinations[:at]:
            raise ValueError(
                f"{where}: expected dest_nodes to be other regions of links.csv, each once, got "
                f"{_short(region)}; correct it, or add its links"
            )
    if type(partitions) is not int or not 1 <= partitions <= _MOST_PARTITIONS:
        raise ValueError(
            f"{where}: expected num_partitions to be a whole number from 1 to {_MOST_PARTITIONS}, "
            f"got {_short(partitions)}; correct it"
        )
    _check_positive(volume_gb, f"{where}: expected data_vol")
    providers = sorted({region.partition(":")[0] for region in links})
    for key, limits in (("ingress_limit", ingress), ("egress_limit", egress)):
        if not isinstance(limits, dict):
            raise ValueError(
                f"{where}: expected {key} to be an object of numbers by provider, got "
                f"{_short(limits)}; correct it"
            )
        for provider in providers:
            _check_positive(limits.get(provider), f"{where}: expected {key} of {provider}")
    return {
        "source": source,
        "destinations": destinations,
        "volume_gb": volume_gb,
        "partitions": partitions,
        "region_usd_per_h": _REGION_USD_PER_H,
        "regions": {
            region: {
                "ingress_gbps": _VMS * ingress[region.partition(":")[0]],
                "egress_gbps": _VMS * egress[region.partition(":")[0]],
            }
            for region in links
        },
    }


def _check_positive(value: object, expected: str) -> None:
    if type(value) not in (int, float) or not _LEAST <= value <= _MOST:  # type: ignore[operator]
        raise ValueError(
            f"{expected} to be a number from {_LEAST:g} to {_MOST:g}, got {_short(value)}; "
            "correct it"
        )


def _text(folder: Path, name: str) -> str:
    file = folder / name
    if not file.is_file():
        raise ValueError(
            f"{folder.name}: expected a folder with links.csv and broadcasts.json, got none with "
            f"{name}; name the folder that holds both"
        )
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{name}: expected UTF-8 text, got byte {error.start} that is not; convert the file"
        ) from error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
