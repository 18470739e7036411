"""Checks winners one after the other, each as far as it can be checked."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from adrs import plugins
from adrs.cli._checked import Checked, Result, Unchecked
from adrs.cli._places import Winner, is_inside, local_task, no_task
from adrs.cli._screen import Screen
from adrs.cli._text import harmless
from adrs.config import load_task
from adrs.errors import AdrsError, CertificateChanged, StoreUnavailable
from adrs.model.isolation import Isolation
from adrs.model.task import Task
from adrs.model.verification import Verification
from adrs.ports.evaluator import Evaluator, Setting
from adrs.ports.store import Store
from adrs.search import LocalExecutor, choose_sandbox, prepare_environment
from adrs.search.editing import edit_fault
from adrs.search.fingerprint import describe
from adrs.search.measuring import CONFIRMING_REPEATS
from adrs.trust import (
    Bundle,
    Claim,
    Verifier,
    elsewhere,
    figures_fault,
    read_task_files,
    signed_by,
    unread,
    write_task,
)

_WORKERS = 2  # the seed and the winner


@dataclass(frozen=True, slots=True)
class Options:
    """How winners are checked.

    Attributes:
        task: the folder that the user named, read.
        source: real workloads, for winners that were judged on any.
        trusted_keys: name to public key; None if signatures are not asked for.
        may_build: whether the sandbox may build what a task's environment lacks.
        workers: programs at the same time; None for as many as make sense.
    """

    task: Task | None = None
    source: Path | None = None
    trusted_keys: Mapping[str, str] | None = None
    trust_bundled_judge: bool = False
    sandbox: str = "auto"
    may_build: bool = True
    accept_isolation: str = ""
    workers: int | None = None


async def verify_all(
    winners: Sequence[Winner], options: Options, store: Store, screen: Screen
) -> list[Result]:
    """Checks every winner, and records every attempt before anything is said of it.

    Raises:
        StoreUnavailable: an attempt cannot be recorded.
    """
    results: list[Result] = []
    for winner in winners:
        if screen.is_terminal:
            screen.line((f"verifying {harmless(winner.place)}", "dim"))
        started = time.monotonic()
        try:
            verification = await _verified(winner, options, store, screen)
        except StoreUnavailable:
            raise
        except AdrsError as error:
            results.append(Unchecked(winner.place, error, time.monotonic() - started))
            continue
        verification = replace(verification, wall_s=time.monotonic() - started)
        known = store.verifications(verification.certificate) if verification.certificate else ()
        store.keep_verification(verification)
        results.append(Checked(verification, Counter(one.standing for one in known)))
    return results


async def _verified(winner: Winner, options: Options, store: Store, screen: Screen) -> Verification:
    try:
        bundle = winner.read(store)
    except CertificateChanged as error:
        return unread(winner.place, error)
    claim = Claim(winner.place, bundle.certificate, bundle.program, judge="")
    if faults := figures_fault(bundle.certificate):
        return claim.changed(faults)
    with _task_of(bundle, winner, options, store) as (task, place, judge):
        signature, fault = _signature(bundle, options.trusted_keys)
        claim = replace(claim, judge=judge, signature=signature)
        faults = [*claim.task_changes(task, place), *([fault] if fault else [])]
        if misplaced := edit_fault(bundle.program, task.seed, task.brief):
            faults.append(f"program: {misplaced}")
        if faults:
            return claim.changed(faults)
        unmeasured = claim.without_source(options.source)
        return unmeasured or await _measured(claim, task, options, store, screen)


@contextmanager
def _task_of(
    bundle: Bundle, winner: Winner, options: Options, store: Store
) -> Iterator[tuple[Task, Path, str]]:
    """The task to judge with, where it is from, and whether it is "installed" or "bundled".

    It is a copy of the files that are compared with the certificate, and of nothing else: what no
    hash covers (__pycache__, names with a dot, winners/), or comes later, has no say.
    """
    name = bundle.certificate.task.name
    found = local_task(name, options.task, winner.recorded_task(store), winner.folder)
    files: Mapping[str, bytes]
    if found is not None:
        files, place = read_task_files(found.folder), found.folder
        judge = "bundled" if is_inside(place, winner.folder) else "installed"
    elif options.trust_bundled_judge and winner.folder is not None:
        files, place, judge = bundle.task_files, winner.folder / "task", "bundled"
    else:
        raise no_task(name)
    with TemporaryDirectory(prefix="adrs-verify-") as folder:
        write_task(Path(folder), files)
        yield load_task(folder), place, judge


def _signature(bundle: Bundle, trusted: Mapping[str, str] | None) -> tuple[str, str]:
    """Whose signature it is, in words, and what is wrong with it; "" for nothing."""
    if trusted is None:
        return ("not checked against any key" if bundle.signature else ""), ""
    if bundle.signature is None:
        return "", "signature: there is none, and --trusted-keys asks for one"
    name = signed_by(bundle, trusted)
    if not name:
        return "by a key that is not trusted", "signature: its key is not one of the trusted ones"
    return f"by {name}", ""


async def _measured(
    claim: Claim, task: Task, options: Options, store: Store, screen: Screen
) -> Verification:
    sandbox = await choose_sandbox(options.sandbox)
    await prepare_environment(sandbox, task.environment, options.may_build, screen.line)
    evaluator = cast("Evaluator", plugins.load("adrs.evaluators", task.evaluator.use)())
    workers = options.workers or min(_WORKERS, len(os.sched_getaffinity(0)))
    source = options.source if claim.certificate.held_out.source else None
    executor = LocalExecutor(1 if task.timed else workers)
    bench = await executor.open(evaluator, Setting(task, sandbox, source))

    def kept(isolation: Isolation) -> str:
        return store.keep_fingerprint(describe(task, isolation, 0))

    verifier = Verifier(
        claim,
        task,
        bench,
        repeats=CONFIRMING_REPEATS,
        accept_isolation=options.accept_isolation,
        describe=kept,
    )
    try:
        verification = await verifier.verify()
    finally:
        await bench.close()
    if not verification.fingerprint:
        return verification
    here = store.fingerprint(verification.fingerprint)
    return replace(verification, surroundings=elsewhere(claim.certificate, here))
