"""Where figures were measured, held against where others were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Description = Mapping[str, object]
"""What is behind an evaluation's fingerprint."""

_NAMES = {
    "adrs": "version of ADRS",
    "python": "version of Python",
    "cpu": "CPU model",
    "machine": "architecture",
    "cores": "number of cores",
    "governor": "CPU governor",
    "kernel": "kernel",
    "evaluator": "evaluator",
    "sandbox": "sandbox",
    "isolation": "level of isolation",
}
_TABLES = {"enforced": "way to enforce {}", "root": "installed {}", "environment": "environment {}"}
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Unlikeness:
    """One thing that is not the same everywhere, and may be why figures differ.

    Attributes:
        what: what it is, such as "CPU model".
        values: what it is in each place, in order; untrusted text in part.
    """

    what: str
    values: tuple[str, ...]


def unlikenesses(places: Sequence[Sequence[Description]]) -> list[Unlikeness]:
    """What of machine, sandbox and versions is not the same in all places, and is known of all.

    Args:
        places: of each place its descriptions, several if what was measured there moved.
    """
    if not all(places):
        return []
    found: list[Unlikeness] = []
    for key, name in _NAMES.items():
        if all(key in one for place in places for one in place):
            found += _unlike(name, [[_words(one[key]) for one in place] for place in places])
    for key, name in _TABLES.items():
        tables = [[_table(one.get(key)) for one in place] for place in places]
        if any(table is None for place in tables for table in place):
            continue
        for inner in sorted(
            {inner for place in tables for table in place for inner in table or ()}
        ):
            values = [[_words((table or {}).get(inner)) for table in place] for place in tables]
            found += _unlike(name.format(inner), values)
    return found


def _unlike(what: str, values: Sequence[Sequence[str]]) -> Iterator[Unlikeness]:
    distinct = [tuple(dict.fromkeys(place)) for place in values]
    if len(set(distinct)) > 1:
        yield Unlikeness(what, tuple(" and ".join(place) for place in distinct))


def _table(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, Mapping) else None


def _words(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or _NONE
    return _NONE if value is None or value == "" else str(value)
