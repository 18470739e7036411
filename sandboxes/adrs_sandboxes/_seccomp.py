"""The filter of system calls, built here as a BPF program. Standard library only: it runs inside.

A list of what is refused, not of what is allowed: programs in any language run in the same room.
What it must hold is that no call escapes the memory limit, reaches another process, another
namespace or a network, tells what others do, or opens the newer and less tried parts of the kernel.
Numbers that are newer than this table answer ENOSYS, so that programs fall back to what is known
here.
"""

from __future__ import annotations

import errno
import platform
import struct

_LAST_KNOWN = 462

# Since 424 the numbers are the same on every architecture.
_REFUSED_EVERYWHERE = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
    "set_mempolicy_home_node": 450, "statmount": 457, "listmount": 458,
    "lsm_get_self_attr": 459, "lsm_set_self_attr": 460, "lsm_list_modules": 461,
}  # fmt: skip

_REFUSED = {
    "x86_64": {
        # sockets, and what reaches other sockets
        "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288,
        # memory outside the address space
        "shmget": 29, "shmat": 30, "shmctl": 31, "shmdt": 67, "semget": 64, "semop": 65,
        "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
        "mq_open": 240, "mq_unlink": 241, "memfd_create": 319,
        # other processes
        "ptrace": 101, "kcmp": 312, "process_vm_readv": 310, "process_vm_writev": 311,
        "setpriority": 141, "ioprio_set": 251, "sched_setaffinity": 203, "sched_setparam": 142,
        "sched_setscheduler": 144, "sched_setattr": 314, "migrate_pages": 256, "move_pages": 279,
        "mbind": 237, "set_mempolicy": 238,
        # what others do with files that are shown here too
        "inotify_init": 253, "inotify_add_watch": 254, "inotify_init1": 294,
        # namespaces and mounts
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155,
        "chroot": 161, "name_to_handle_at": 303, "open_by_handle_at": 304,
        # the machine
        "kexec_load": 246, "kexec_file_load": 320, "init_module": 175, "finit_module": 313,
        "delete_module": 176, "create_module": 174, "reboot": 169, "swapon": 167, "swapoff": 168,
        "acct": 163, "quotactl": 179, "settimeofday": 164, "clock_settime": 227,
        "clock_adjtime": 305, "adjtimex": 159, "sethostname": 170, "setdomainname": 171,
        "syslog": 103, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "vhangup": 153,
        # little tried parts of the kernel
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "add_key": 248,
        "request_key": 249, "keyctl": 250, "fanotify_init": 300, "fanotify_mark": 301,
        "personality": 135, "uselib": 134, "ustat": 136, "sysfs": 139, "_sysctl": 156,
        "nfsservctl": 180, "lookup_dcookie": 212, "io_setup": 206, "io_destroy": 207,
        "io_submit": 209, "io_cancel": 210, "vmsplice": 278,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242,
        "shmget": 194, "shmat": 196, "shmctl": 195, "shmdt": 197, "semget": 190, "semop": 193,
        "semctl": 191, "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188,
        "msgctl": 187, "mq_open": 180, "mq_unlink": 181, "memfd_create": 279,
        "ptrace": 117, "kcmp": 272, "process_vm_readv": 270, "process_vm_writev": 271,
        "setpriority": 140, "ioprio_set": 30, "sched_setaffinity": 122, "sched_setparam": 118,
        "sched_setscheduler": 119, "sched_setattr": 274, "migrate_pages": 238, "move_pages": 239,
        "mbind": 235, "set_mempolicy": 237,
        "inotify_init1": 26, "inotify_add_watch": 27,
        "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
        "name_to_handle_at": 264, "open_by_handle_at": 265,
        "kexec_load": 104, "kexec_file_load": 294, "init_module": 105, "finit_module": 273,
        "delete_module": 106, "reboot": 142, "swapon": 224, "swapoff": 225, "acct": 89,
        "quotactl": 60, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266,
        "adjtimex": 171, "sethostname": 161, "setdomainname": 162, "syslog": 116, "vhangup": 58,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "add_key": 217,
        "request_key": 218, "keyctl": 219, "fanotify_init": 262, "fanotify_mark": 263,
        "personality": 92, "nfsservctl": 42, "lookup_dcookie": 18, "io_setup": 0,
        "io_destroy": 1, "io_submit": 2, "io_cancel": 3, "vmsplice": 75,
    },
}  # fmt: skip

# audit's number of the architecture; clone, clone3, socketpair, ioctl, prlimit64, fcntl
_ARCHITECTURE = {
    "x86_64": (0xC000003E, 56, 435, 53, 16, 302, 72),
    "aarch64": (0xC00000B7, 220, 435, 199, 29, 261, 25),
}

_NEW_NAMESPACES = 0x7E020000
_AF_UNIX = 1
_SOCKET_TYPE = 0xF
_SOCK_STREAM, _SOCK_SEQPACKET = 1, 5
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_F_NOTIFY = 1026

_NUMBER, _ARCH, _FIRST, _SECOND = 0, 4, 16, 24  # offsets in struct seccomp_data
_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | errno.EPERM
_ENOSYS = 0x00050000 | errno.ENOSYS

_LOAD, _RETURN, _AND = 0x20, 0x06, 0x54
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45


def machines() -> tuple[str, ...]:
    """The architectures that there is a table for."""
    return tuple(_REFUSED)


def refused(machine: str = platform.machine()) -> dict[str, int]:
    """Every call that is refused whatever its arguments are, name to number."""
    return _REFUSED[machine] | _REFUSED_EVERYWHERE


def program(machine: str = platform.machine()) -> bytes:
    """The BPF program for an architecture.

    A binary search by number: installing it makes the kernel run it once for every system call
    that there is, so each step less is felt in every start of a process.
    """
    arch, clone, clone3, socketpair, ioctl, prlimit, fcntl = _ARCHITECTURE[machine]
    answers = {number: [_step(_RETURN, _ALLOW)] for number in range(_LAST_KNOWN + 1)}
    for number in refused(machine).values():
        answers[number] = [_step(_RETURN, _EPERM)]
    answers[_LAST_KNOWN + 1] = answers[clone3] = [_step(_RETURN, _ENOSYS)]
    answers[clone] = [
        _step(_LOAD, _FIRST),
        *_when(_IF_ANY_BIT, _NEW_NAMESPACES, _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    # A datagram socket could still be pointed at a path; the other two kinds are connected.
    answers[socketpair] = [
        _step(_LOAD, _FIRST),
        *_unless(_IF_EQUAL, _AF_UNIX, _EPERM),
        _step(_LOAD, _SECOND),
        _step(_AND, _SOCKET_TYPE),
        *_when(_IF_EQUAL, _SOCK_STREAM, _ALLOW),
        *_unless(_IF_EQUAL, _SOCK_SEQPACKET, _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    answers[ioctl] = [
        _step(_LOAD, _SECOND),
        *_when(_IF_EQUAL, _TIOCSTI, _EPERM),
        *_when(_IF_EQUAL, _TIOCLINUX, _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    answers[fcntl] = [
        _step(_LOAD, _SECOND),
        *_when(_IF_EQUAL, _F_NOTIFY, _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    answers[prlimit] = [  # only its own limits: the zygote may be of the same user
        _step(_LOAD, _FIRST),
        *_unless(_IF_EQUAL, 0, _EPERM),
        _step(_RETURN, _ALLOW),
    ]
    changes = [
        (number, answers[number])
        for number in sorted(answers)
        if answers[number] != answers.get(number - 1)
    ]
    code = [
        _step(_LOAD, _ARCH),
        *_unless(_IF_EQUAL, arch, _ENOSYS),
        _step(_LOAD, _NUMBER),
        *_search(changes),
    ]
    return b"".join(code)


def _search(changes: list[tuple[int, list[bytes]]]) -> list[bytes]:
    """Code that finds the last number that is not above the one asked for."""
    if len(changes) == 1:
        return changes[0][1]
    middle = len(changes) // 2
    below, above = _search(changes[:middle]), _search(changes[middle:])
    return [_step(_IF_AT_LEAST, changes[middle][0], len(below), 0), *below, *above]


def _step(operation: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", operation, if_true, if_false, value)


def _when(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 0, 1), _step(_RETURN, answer)]


def _unless(test: int, value: int, answer: int) -> list[bytes]:
    return [_step(test, value, 1, 0), _step(_RETURN, answer)]
