"""The Docker sandbox where the engine lets containers make no namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from adrs_sandboxes.docker import Docker
from contracts.engines import engine_or_skip
from contracts.test_docker import InContainers

from adrs.testing.sandbox_contract import Stage

OTHERS_PROC = """
found = []
for who in ("1", str(os.getppid())):
    for what, flags in [("environ", os.O_RDONLY), ("maps", os.O_RDONLY), ("mem", os.O_RDWR),
                        ("oom_score_adj", os.O_WRONLY), ("fd", os.O_RDONLY), ("root", os.O_RDONLY),
                        ("coredump_filter", os.O_WRONLY), ("cwd", os.O_RDONLY)]:
        if attempt(os.open, f"/proc/{who}/{what}", flags) == "done":
            found.append([who, what])
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches"):
    if attempt(os.open, path, os.O_WRONLY) == "done":
        found.append(path)
for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list"):
    if attempt(lambda: open(path, "rb").read(1)[0]) == "done":
        found.append(path)
import resource
if attempt(resource.prlimit, 1, resource.RLIMIT_CPU, (1, 1)) == "done":
    found.append("limits of process 1")
say(found)
"""


@pytest.fixture(scope="module")
def sandbox() -> Docker:
    engine_or_skip()
    return Docker(own_namespaces=False)


@pytest.fixture
def stage(sandbox: Docker, tmp_path: Path) -> Stage:
    return Stage(sandbox, tmp_path)


@pytest.mark.slow
class TestSingleUse(InContainers):
    spare_descriptors = 9  # of the containers that wait; a leak would be twenty
    # The former is read-only, and without what concerns other containers.
    own_paths = frozenset({"/sys", "/dev/mqueue"})

    def test_proc(self, stage: Stage) -> None:
        """A process sees its container's, in which there is nobody but itself and the zygote."""
        assert stage.attack(OTHERS_PROC).said == [[]]


def test_zygote_is_out_of_reach(sandbox: Docker, stage: Stage) -> None:
    assert stage.attack(OTHERS_PROC).said == [[]]
