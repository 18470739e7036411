"""What a container is allowed, which is next to nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adrs import SandboxUnavailable
from adrs_sandboxes import _protocol, _readable, _seccomp

_MB = 1 << 20
# Room for processes that are not the job's: the first of the container, and the zygote.
_OWN_PROCESSES = 2
_MOST_PROCESSES = 4096
_ENTRIES = 1 << 14
_SHARED_MEMORY = _MB // 2
# What a zygote needs: to stay on a core, to make namespaces.
_STAYS, _MAKES_NAMESPACES = {"sched_setaffinity"}, {"unshare", "setns", "mount"}
# The narrower ones too: what is not listed is killed, not refused.
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}
_OTHER_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}
_EPERM, _ENOSYS = 1, 38


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a container is given when it is made.

    Attributes:
        memory_mb: 0 for no limit yet.
        processes: beside those that are not the job's.
        tmpfs_mb: of the folder that may be written, the job's own files included.
    """

    memory_mb: int = 0
    processes: int = _MOST_PROCESSES
    tmpfs_mb: float = 1.0


@dataclass(frozen=True, slots=True)
class Needs:
    """What a container is given so that it can be joined.

    Attributes:
        shown: place inside to file or folder outside, read-only.
        folders: place inside to bytes and entries of a folder in memory.
        calls: system calls that are made before any program runs.
        threads: of the zygote's own in a container for one job, beside its first.
        stdin: whether its standard input is held open until the engine's caller closes it.
    """

    shown: Mapping[str, Path] = field(default_factory=dict)
    folders: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    calls: frozenset[str] = frozenset()
    threads: int = 0
    stdin: bool = False


@dataclass(frozen=True, slots=True)
class Security:
    """What an engine has in force, and what it can limit.

    Attributes:
        memory: it can limit a container's memory.
        updates: it can change that limit while the container lives.
        entries: it knows the options by which a folder in memory has an owner and so many files.
        profiles: it takes a filter of system calls as text, not as the name of a file of its own.
        ulimits: what containers are given that it would give more than it may.
    """

    apparmor: bool = False
    selinux: bool = False
    memory: bool = True
    updates: bool = True
    entries: bool = True
    profiles: bool = True
    ulimits: Mapping[str, int] = field(default_factory=dict)


def host_config(
    walls: str,
    bounds: Bounds,
    needs: Needs,
    security: Security,
    *,
    architecture: str,
    user: str,
) -> dict[str, Any]:
    """The part of a request to the engine that says how a container is kept apart.

    Args:
        walls: what each process gets inside, a word of `_protocol`.
        architecture: of the engine's machine, as it calls it.
        user: the container's, as user and group.

    Raises:
        SandboxUnavailable: our filters do not know this architecture.
    """
    machine = _OTHER_NAMES.get(architecture, architecture)
    if machine not in _ARCHITECTURES:
        raise SandboxUnavailable(
            f"rooms in containers need an engine on {' or '.join(_ARCHITECTURES)}, not {machine}"
        )
    own_namespaces = walls == _protocol.OWN_NAMESPACES
    profile = _profile(own_namespaces, needs.calls, machine)
    text = json.dumps(profile, sort_keys=True)
    options = ["no-new-privileges", f"seccomp={text if security.profiles else _as_file(text)}"]
    if security.apparmor and own_namespaces:
        options.append("apparmor=unconfined")  # its usual profile refuses every mount
    if security.selinux:
        options.append("label=disable")  # else nothing that is bound can be read
    own_processes = _OWN_PROCESSES if own_namespaces else _OWN_PROCESSES - 1 + needs.threads
    folders = {"/tmp": (int(bounds.tmpfs_mb * _MB), _ENTRIES), **needs.folders}  # noqa: S108
    config: dict[str, Any] = {
        "AutoRemove": own_namespaces,
        "CapDrop": ["ALL"],
        "CgroupnsMode": "private",
        "IpcMode": "private",
        "LogConfig": {"Type": "none", "Config": {}},
        "Mounts": [
            {"Type": "bind", "Source": str(outside), "Target": inside, "ReadOnly": True}
            for inside, outside in needs.shown.items()
        ],
        "NetworkMode": "none",
        "PidsLimit": bounds.processes + own_processes,
        "ReadonlyRootfs": True,
        "SecurityOpt": options,
        "ShmSize": _SHARED_MEMORY,
        "Tmpfs": {
            place: _in_memory(size, entries, user if security.entries else "")
            for place, (size, entries) in folders.items()
        },
        "Ulimits": [
            {"Name": name, "Soft": most, "Hard": most}
            for name, most in {"core": 0, **security.ulimits}.items()
        ],
    }
    if bounds.memory_mb:
        config |= {"Memory": bounds.memory_mb * _MB, "MemorySwap": bounds.memory_mb * _MB}
    if not security.memory:
        # Without a cgroup processes are watched through a /proc of their namespace, which the
        # kernel lets nobody mount while parts of the container's are covered.
        config["MaskedPaths"] = []
    return config


def _in_memory(size: int, entries: int, user: str) -> str:
    """Options of a folder in memory.

    It is given to the user, where the engine can do that, since not every runtime keeps to a mode:
    some take that of the folder of the image that is below.
    """
    options = f"rw,exec,nosuid,nodev,size={size}"
    owner, _, group = user.partition(":")
    if not user:
        return f"{options},mode=1777"
    return f"{options},mode=0755,uid={owner},gid={group},nr_inodes={entries}"


def _as_file(profile: str) -> Path:
    def fill(folder: Path) -> None:
        (folder / "seccomp.json").write_text(profile)

    return _readable.cached(f"seccomp\n{profile}", fill) / "seccomp.json"


def _profile(makes_namespaces: bool, calls: frozenset[str], machine: str) -> dict[str, Any]:
    """The engine's filter of system calls: the same list as each process gets once more."""
    refused = set(_seccomp.refused(machine)) - calls - _STAYS
    if makes_namespaces:
        refused -= _MAKES_NAMESPACES
    not_unix = {"index": 0, "value": 1, "op": "SCMP_CMP_NE"}
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES[machine],
        "syscalls": [
            {"names": sorted(refused), "action": "SCMP_ACT_ERRNO", "errnoRet": _EPERM},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
            {
                "names": ["socket", "socketpair"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": _EPERM,
                "args": [not_unix],
            },
        ],
    }
