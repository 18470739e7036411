"""Programs for the sandbox contract, as text: they run inside, with the standard library only."""

from __future__ import annotations

# MARKER becomes the name of every process, by which the contract finds it from outside.
BOOT = '''
import ctypes, errno, json, os, random, signal, socket, sys, time

libc = ctypes.CDLL(None, use_errno=True)

def attempt(call, *args):
    """The name of the error, or "done"."""
    try:
        call(*args)
    except BaseException as error:
        number = getattr(error, "errno", None)
        return errno.errorcode.get(number, type(error).__name__)
    return "done"

def raw(call, *args):
    """The name of the error of a call of the C library, or "done"."""
    ctypes.set_errno(0)
    result = call(*args)
    return "done" if result != -1 else errno.errorcode[ctypes.get_errno()]

def main(channel, paths):
    libc.prctl(15, b"MARKER", 0, 0, 0)

    def say(value):
        channel.sendall(json.dumps(value).encode() + b"\\n")

    with open("main.py") as file:
        source = file.read()
    scope = {**globals(), "channel": channel, "paths": paths, "say": say}
    exec(compile(source, "main.py", "exec"), scope)
'''

# Not hostile: what a sandbox must not get in the way of.
ORDINARY = """
import asyncio, multiprocessing, subprocess, tempfile, threading
heard = []
thread = threading.Thread(target=heard.append, args=("threads",))
thread.start()
thread.join()
fork = multiprocessing.get_context("fork")
shared = fork.Array("i", [0, 0])
def fill(index):
    with shared.get_lock():
        shared[index] = index + 1
workers = [fork.Process(target=fill, args=(index,)) for index in range(2)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
async def shell():
    process = await asyncio.create_subprocess_exec("/bin/sh", "-c", "echo shell", stdout=-1)
    return (await process.communicate())[0].decode()
with tempfile.TemporaryFile("w+") as file:
    file.write("written")
    file.seek(0)
    say([heard[0], list(shared), asyncio.run(shell()), file.read()])
"""

# What one program could leave for the next. Without walls, /tmp and /dev are the machine's own.
INSPECT = """
import builtins, math
folders = ["."]
if os.getpid() == 1:
    folders += ["/tmp", "/dev", "/dev/shm", "/", "/mnt", "/proc"]
seen = {folder: sorted(os.listdir(folder)) for folder in folders}
if os.getpid() == 1:
    devices = ("null", "zero", "full", "random", "urandom")
    seen["times"] = [os.stat(f"/dev/{name}").st_mtime_ns for name in devices]
seen["builtins"] = [len("abc"), math.floor(1.5), sum([1, 2]), sorted(vars(builtins))]
seen["clock"] = time.time.__module__
seen["environment"] = dict(os.environ)
open_descriptors = []
for descriptor in range(64):
    try:
        os.fstat(descriptor)
        open_descriptors.append(descriptor)
    except OSError:
        pass
seen["descriptors"] = open_descriptors
seen["mask"] = [str(one) for one in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
seen["priority"] = os.getpriority(os.PRIO_PROCESS, 0)
seen["mounted"] = open(paths["mounted"] + "/answer").read()
seen["random"] = random.random()
say(seen)
"""

# Every call below must be refused before the kernel looks at its arguments.
FORBIDDEN_CALLS = """
import platform
arm = platform.machine() == "aarch64"
number = {
    "bpf": (280 if arm else 321), "keyctl": (219 if arm else 250),
    "perf_event_open": (241 if arm else 298), "userfaultfd": (282 if arm else 323),
    "init_module": (105 if arm else 175), "kexec_load": (104 if arm else 246),
    "open_by_handle_at": (265 if arm else 304), "kcmp": (272 if arm else 312),
    "add_key": (217 if arm else 248), "syslog": (116 if arm else 103),
    "settimeofday": (170 if arm else 164), "clock_settime": (112 if arm else 227),
    "io_setup": (0 if arm else 206), "inotify_init1": (26 if arm else 294),
    "io_uring_setup": 425, "open_tree": 428, "fsopen": 430, "pidfd_getfd": 438,
    "memfd_secret": 447, "mount_setattr": 442, "clone3": 435, "unknown": 9999,
    "x32": 0x40000000 + 39,
}
nothing = ctypes.c_void_p(None)
absurd = ctypes.create_string_buffer(b"\\xff" * 256)
answers = {name: raw(libc.syscall, value, 0, 0, 0, 0, 0) for name, value in number.items()}
for name, flag in [("user", 0x10000000), ("mount", 0x20000), ("pid", 0x20000000),
                   ("net", 0x40000000), ("ipc", 0x8000000)]:
    answers["unshare " + name] = raw(libc.unshare, flag)
    answers["clone " + name] = raw(libc.syscall, 220 if arm else 56, flag | 17, 0, 0, 0, 0)
for name, args in {
    "setns": (0, 0), "mount": (b"none", b"/tmp", b"tmpfs", 0, nothing), "umount2": (b"/tmp", 2),
    "ptrace": (0, 0, 0, 0), "personality": (0x0040000,), "shmget": (0, 4096, 0o1600),
    "msgget": (0, 0o1600), "semget": (0, 1, 0o1600), "mq_open": (b"/x", 0o102, 0o600, nothing),
    "memfd_create": (b"x", 0), "process_vm_readv": (1, nothing, 0, nothing, 0, 0),
    "chroot": (b"/tmp",), "sethostname": (b"x", 1), "swapon": (b"/tmp", 0), "acct": (b"/tmp",),
    "pivot_root": (b"/tmp", b"/tmp"), "setpriority": (0, 0, 5), "adjtimex": (absurd,),
    "sched_setscheduler": (0, 0, nothing),
    "fanotify_init": (0, 0), "quotactl": (0, b"/", 0, nothing),
}.items():
    if hasattr(libc, name):
        answers[name] = raw(getattr(libc, name), *args)
answers["affinity"] = attempt(os.sched_setaffinity, 0, {0})
fcntl = __import__("fcntl")
answers["TIOCSTI"] = attempt(fcntl.ioctl, 0, 0x5412, b"x")
answers["F_NOTIFY"] = attempt(fcntl.fcntl, os.open("/", os.O_RDONLY), fcntl.F_NOTIFY, 0)
say(answers)
"""

SOCKETS = """
opened = []
for family in range(48):
    for kind in (1, 2, 3, 5):
        if attempt(socket.socket, family, kind) == "done":
            opened.append([family, kind])
pairs = [attempt(socket.socketpair, socket.AF_UNIX, kind) for kind in (1, 2, 5)]
say([opened, pairs])
"""

OUTSIDE_FILES = """
def opens(path, flags=os.O_RDONLY):
    try:
        os.close(os.open(path, flags))
    except OSError:
        return False
    return True
say([path for path in PATHS if opens(path)])
"""

PROC_TRICKS = """
found = []
for who in ("1", "2", "self", "thread-self", str(os.getpid()), str(os.getppid())):
    for what in ("environ", "mem", "maps", "oom_score_adj", "root", "cwd", "fd", "status"):
        path = f"/proc/{who}/{what}"
        if attempt(os.stat, path) == "done":
            found.append(path)
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/kcore", "/proc/keys",
             "/sys/kernel", "/sys/fs/cgroup"):
    if attempt(os.stat, path) == "done":
        found.append(path)
say(found)
"""

KILL_EVERYTHING = """
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGSTOP,
               signal.SIGKILL):
    for target in (-1, 0, *range(2, 400)):
        try:
            os.kill(target, number)
        except OSError:
            pass
    if number is signal.SIGUSR1:
        say("alive")
"""

FORK_BOMB = """
started = 0
try:
    while started < 1000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        started += 1
except OSError:
    pass
say(started)
while True:
    try:
        os.fork()
    except OSError:
        pass
"""

DAEMON = """
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        os._exit(0)
time.sleep(0.1)
say("started")
"""

MEMORY_IN_ONE = """
held = []
try:
    while True:
        held.append(bytearray(b"x" * (8 << 20)))
except MemoryError:
    held.clear()
    say("MemoryError")
"""

MEMORY_IN_MANY = """
reader, writer = os.pipe()
for _ in range(6):
    if os.fork() == 0:
        held = bytearray(SHARE << 20)
        held[::4096] = b"x" * len(held[::4096])
        os.write(writer, b"x")
        time.sleep(60)
for _ in range(6):
    os.read(reader, 1)
time.sleep(3)
say("all hold it")
"""

FILL_FOLDERS = """
written = 0
for name in ("/tmp/one", "/dev/shm/two", "three"):
    try:
        with open(name, "wb", buffering=0) as file:
            while written < (1 << 30):
                written += file.write(b"x" * 65536)
    except OSError:
        pass
say(written >> 20)
"""

HUGE_FILE = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = os.open("huge", os.O_RDWR | os.O_CREAT)
answers = []
for offset in (1 << 20, 1 << 30, 1 << 40):
    answers.append(attempt(os.pwrite, file, b"x", offset))
say(answers)
"""

MANY_FILES = """
made = 0
try:
    while made < 200000:
        os.close(os.open(f"/tmp/{made}", os.O_CREAT | os.O_WRONLY))
        made += 1
except OSError:
    pass
say(made)
"""

JUNK_ON_DESCRIPTORS = """
import fcntl
for descriptor in range(1024):
    for junk in (b"\\x00" * 4096, b"r[1]\\n", b"s1\\n", b"x[1,\\"stopped\\",0,0,0,0]\\n"):
        attempt(os.write, descriptor, junk)
    attempt(os.ftruncate, descriptor, 0)
    attempt(os.lseek, descriptor, 0, 0)
    attempt(fcntl.fcntl, descriptor, fcntl.F_SETFL, os.O_NONBLOCK)
"""

LEAVE_THINGS = """
import builtins, math
for folder in (".", "/tmp", "/dev", "/dev/shm", "/", "/mnt", paths["mounted"]):
    attempt(lambda: open(folder + "/left", "w").write("left"))
    attempt(os.symlink, "/etc/passwd", folder + "/link")
    attempt(os.mkfifo, folder + "/fifo")
    attempt(os.mkdir, folder + "/folder")
for name in os.listdir("/dev"):
    attempt(os.utime, "/dev/" + name)
attempt(lambda: open(paths["mounted"] + "/answer", "w").write("43"))
attempt(os.unlink, paths["mounted"] + "/answer")
attempt(os.chmod, paths["mounted"], 0o777)
attempt(os.rename, paths["mounted"], "/tmp/moved")
builtins.len = lambda _: 0
builtins.sum = builtins.open
math.floor = time.time = lambda *_: -1984
os.environ["LEFT"] = "left"
random.seed(0)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
say("left")
"""

# Folders, beside its own, in which it can make a file.
OPEN_FOLDERS = """
found = []
for folder, below, _ in os.walk("/"):
    below[:] = [name for name in below if os.path.join(folder, name) not in
                {"/proc", "/sys", "/tmp", "/dev/shm"}]
    try:
        os.close(os.open(folder + "/left", os.O_CREAT | os.O_WRONLY))
        found.append(folder)
    except OSError:
        pass
say(found)
"""

# Endless in Python, endless in one call of C, and asleep.
ENDLESS = {
    "python": "while True: pass",
    "c": "import re; re.match('(a?){40}' + 'a' * 40 + 'b', 'a' * 60)\npow(3, 10 ** 9)",
    "sleep": "time.sleep(600)",
    "deaf": """
for number in range(1, 65):
    attempt(signal.signal, number, signal.SIG_IGN)
while True:
    time.sleep(600)
""",
}
