"""The Linux calls that Python 3.11 does not wrap. Standard library only: it runs inside."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
_libc.mount.argtypes = [*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p]


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def unshare(flags: int) -> None:
    """Gives this process (or, for CLONE_NEWPID, its next children) namespaces of its own."""
    _check(_libc.unshare(flags), "unshare")


def setns(namespace: int, kind: int) -> None:
    """Enters the namespace behind a file descriptor."""
    _check(_libc.setns(namespace, kind), "setns")


def mount(kind: str, target: str, flags: int, options: str = "", source: str = "none") -> None:
    """Mounts a file system; `options` is what the file system itself reads."""
    result = _libc.mount(
        source.encode(), os.fsencode(target), kind.encode() or None, flags, options.encode() or None
    )
    _check(result, f"mount on {target}")


def die_with_parent(signal: int) -> None:
    """Has the kernel send `signal` to this process when its parent is gone."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent is gone."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def set_dumpable(wanted: bool) -> None:
    """Whether this process's entries in /proc are its user's own; if not, they are root's."""
    _prctl(_PR_SET_DUMPABLE, int(wanted))


def drop_capabilities(last: int) -> None:
    """Gives up every capability up to number `last`, for good."""
    for capability in range(last + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, nothing), "capset")


def forbid_new_privileges() -> None:
    """No program started from here on can gain rights by being set-uid."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class Seccomp:
    """A filter of system calls, made once and put in force in many processes."""

    def __init__(self, program: bytes) -> None:
        self._bytes = ctypes.create_string_buffer(program, len(program))
        self._filter = _Filter(len(program) // 8, ctypes.addressof(self._bytes))

    def enforce(self) -> None:
        """Puts it in force for this process and all that it starts; there is no way back."""
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(self._filter))


def _prctl(option: int, first: int, second: int = 0) -> None:
    _check(_libc.prctl(option, first, second, 0, 0), f"prctl {option}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
