"""What a container is allowed, which is next to nothing."""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from typing import Any

from adrs_sandboxes import _protocol, _seccomp

_MB = 1 << 20
# Room for processes that are not the job's: the first of the container, and the zygote.
_OWN_PROCESSES = 2
_MOST_PROCESSES = 4096
_ENTRIES = 1 << 14
_SHARED_MEMORY = _MB // 2
# What a zygote needs: to call the engine, once, to stay on a core, to make namespaces.
_CALLS, _STAYS, _MAKES_NAMESPACES = (
    {"socket", "connect"},
    {"sched_setaffinity"},
    {"unshare", "setns", "mount"},
)
# The narrower ones too: what is not listed is killed, not refused.
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
}
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
class Security:
    """What an engine has in force, and what it can limit."""

    apparmor: bool = False
    selinux: bool = False
    memory: bool = True


def host_config(
    walls: str, bounds: Bounds, binds: dict[str, str], security: Security
) -> dict[str, Any]:
    """The part of a request to the engine that says how a container is kept apart.

    Args:
        walls: what each process gets inside, a word of `_protocol`.
        binds: place inside to file or folder outside, read-only.
    """
    own_namespaces = walls == _protocol.OWN_NAMESPACES
    options = ["no-new-privileges", f"seccomp={json.dumps(_profile(own_namespaces))}"]
    if security.apparmor and own_namespaces:
        options.append("apparmor=unconfined")  # its usual profile refuses every mount
    if security.selinux:
        options.append("label=disable")  # else nothing that is bound can be read
    size = int(bounds.tmpfs_mb * _MB)
    config: dict[str, Any] = {
        "AutoRemove": own_namespaces,
        "Binds": [f"{outside}:{inside}:ro" for inside, outside in binds.items()],
        "CapDrop": ["ALL"],
        "CgroupnsMode": "private",
        "IpcMode": "private",
        "LogConfig": {"Type": "none", "Config": {}},
        "NetworkMode": "none",
        "PidsLimit": bounds.processes + _OWN_PROCESSES - (not own_namespaces),
        "ReadonlyRootfs": True,
        "SecurityOpt": options,
        "ShmSize": _SHARED_MEMORY,
        "Tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={size},nr_inodes={_ENTRIES}"},  # noqa: S108
        "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
    }
    if bounds.memory_mb:
        config |= {"Memory": bounds.memory_mb * _MB, "MemorySwap": bounds.memory_mb * _MB}
    if not security.memory:
        # Without a cgroup processes are watched through a /proc of their namespace, which the
        # kernel lets nobody mount while parts of the container's are covered.
        config["MaskedPaths"] = []
    return config


def _profile(makes_namespaces: bool) -> dict[str, Any]:
    """The engine's filter of system calls: the same list as each process gets once more."""
    refused = set(_seccomp.refused()) - _CALLS - _STAYS
    if makes_namespaces:
        refused -= _MAKES_NAMESPACES
    not_unix = {"index": 0, "value": 1, "op": "SCMP_CMP_NE"}
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES[platform.machine()],
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
