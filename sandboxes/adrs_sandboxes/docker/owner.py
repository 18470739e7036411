"""Whose a container is, so that what a killed engine left can be told from what is in use."""

from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path

LABEL = "adrs.owner"


def owner() -> str:
    """This process: machine, boot, number and when it began, as a label's value."""
    pid = os.getpid()
    return f"{_machine()} {_boot()} {pid} {_began(pid)}"


def is_gone(label: str) -> bool:
    """Whether the process of a label was one of this machine and does not live any more."""
    parts = label.split(" ")
    if len(parts) != 4 or parts[0] != _machine():
        return False
    _, boot, pid, began = parts
    if boot != _boot():
        return True
    return not pid.isdecimal() or _began(int(pid)) != began


def _machine() -> str:
    """A name, saying nothing about it, of this machine and of what gives its processes numbers."""
    try:
        known = Path("/etc/machine-id").read_text()
    except OSError:
        known = ""
    try:  # the numbers of another namespace mean other processes
        numbers = Path("/proc/self/ns/pid").readlink()
    except OSError:
        numbers = Path()
    facts = f"adrs {known} {platform.node()} {numbers}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "-"


def _began(pid: int) -> str:
    """When a process began, in the kernel's ticks; "" if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat[stat.rindex(")") + 2 :].split()[19]
