"""The unit symbols that a metric may have."""

from __future__ import annotations

import difflib

_LISTED = """
1 % x ppm dB count
ns us ms s min h d
bit kbit Mbit Gbit Tbit B kB MB GB TB PB KiB MiB GiB TiB PiB
Hz kHz MHz GHz flop Mflop Gflop Tflop
mW W kW MW uJ mJ J kJ MJ Wh kWh g kg t K degC
USD EUR GBP
op ops req token tokens job jobs task tasks query queries packet packets page pages
cycle cycles instruction instructions core node
"""
_SYMBOLS = frozenset(_LISTED.split())
_WORDS = {
    "": "1",
    "ratio": "1",
    "fraction": "1",
    "none": "1",
    "score": "1",
    "percent": "%",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "msec": "ms",
    "millisecond": "ms",
    "milliseconds": "ms",
    "usec": "us",
    "µs": "us",
    "microseconds": "us",
    "nanoseconds": "ns",
    "minute": "min",
    "minutes": "min",
    "hr": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "byte": "B",
    "bytes": "B",
    "dollar": "USD",
    "dollars": "USD",
    "$": "USD",
    "euro": "EUR",
    "€": "EUR",
    "number": "count",
    "watts": "W",
    "joules": "J",
    "qps": "req/s",
    "rps": "req/s",
}


def is_unit(symbol: str) -> bool:
    """Whether `symbol` is a known unit, or a quotient of known units such as "GB/s"."""
    over, *under = symbol.split("/")
    return over in _SYMBOLS and all(one in _SYMBOLS - {"1"} for one in under) and len(under) <= 2


def nearest_unit(symbol: str) -> str | None:
    """The unit that `symbol` was probably meant to be."""
    parts = [_nearest_part(part.strip()) for part in symbol.split("/")]
    if None in parts:
        return None
    meant = "/".join(part for part in parts if part)
    return meant if is_unit(meant) else None


def _nearest_part(part: str) -> str | None:
    if part in _SYMBOLS:
        return part
    if part.lower() in _WORDS:
        return _WORDS[part.lower()]
    folded = sorted(one for one in _SYMBOLS if one.lower() == part.lower())
    near = folded or difflib.get_close_matches(part, sorted(_SYMBOLS), 1)
    return near[0] if near else None
