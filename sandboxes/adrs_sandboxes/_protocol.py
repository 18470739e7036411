"""What engine and zygote say to each other. Standard library only: it runs inside.

One packet a message, a letter and JSON: the engine sends OPEN once, then RUN and STOP; the zygote
answers READY or BROKEN once, then one REPORT for every RUN. Descriptors travel with OPEN (the
cgroup's files) and RUN (the channel, the job's files).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

OPEN, RUN, STOP = b"o", b"r", b"s"
READY, BROKEN, REPORT = b"y", b"b", b"x"

OWN_NAMESPACES, CONTAINER, NO_WALLS = "own namespaces", "container", ""

LARGEST_PACKET = 65536
OUTPUT_KEPT = 8192


class Opening(NamedTuple):
    """What a zygote prepares before its first process.

    Attributes:
        walls: what each process gets: OWN_NAMESPACES (and no capabilities, and a seccomp filter),
            CONTAINER (a seccomp filter; the container is its own and ends with it) or NO_WALLS.
        boot: the boot file, as seen by the zygote.
        paths: what the boot file's `main` is given.
        packages: a folder of importable packages; "" for none.
        modules: what is imported beforehand.
        core: the CPU core to stay on; None for any.
        folder: where working folders are made when there are no walls.
    """

    walls: str
    boot: str
    paths: dict[str, str]
    packages: str
    modules: list[str]
    core: int | None
    folder: str


class Ready(NamedTuple):
    """What a zygote says of itself once everything is imported.

    Attributes:
        python: version of the interpreter inside.
        used_mb: memory of the whole room so far, MiB, if the zygote is who knows; else 0.
    """

    python: str
    used_mb: float


class Start(NamedTuple):
    """One process to start; units as in the model's limits."""

    number: int
    seed: int
    wall_s: float
    cpu_s: float
    memory_mb: int
    processes: int
    output_mb: int
    files_mb: int


class Report(NamedTuple):
    """How a process ended; `reason` is one of the port's words."""

    number: int
    reason: str
    signal: int
    wall_s: float
    cpu_s: float
    peak_mb: float


def pack(kind: bytes, body: object, tail: bytes = b"") -> bytes:
    """A message: its letter, its JSON and, after a line feed, raw bytes."""
    return b"%c%s\n%s" % (kind, json.dumps(body).encode(), tail)


def unpack(packet: bytes) -> tuple[bytes, list[Any], bytes]:
    """The letter, the fields and the raw bytes of a message."""
    head, _, tail = packet.partition(b"\n")
    fields = json.loads(head[1:])
    return head[:1], fields if isinstance(fields, list) else [fields], tail


def pack_files(files: dict[str, bytes]) -> bytes:
    """The files of a job in one block: length of the index, index, contents."""
    index = json.dumps([(path, len(content)) for path, content in files.items()]).encode()
    return b"".join([len(index).to_bytes(8, "little"), index, *files.values()])
