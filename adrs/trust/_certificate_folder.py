"""A winner's folder: written whole or not at all, and read as what a stranger wrote."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from adrs.errors import AdrsError, CertificateChanged, ConfigError, Unavailable
from adrs.model.program import MAX_BYTES as MAX_PROGRAM_BYTES
from adrs.model.program import MAX_FILES, Program
from adrs.trust._certificate import MAX_BYTES, Certificate
from adrs.trust._reading import decoding_faults, examine, schema_faults
from adrs.trust._signing import Signature, signer
from adrs.trust._task_files import (
    MAX_TASK_BYTES,
    MAX_TASK_FILES,
    differences,
    digests_of,
    plain,
    read_task_files,
)

CERTIFICATE = "certificate.json"
GUIDE = "VERIFY.md"
SIGNATURE = "signature.json"
PROGRAM = "program/"
TASK = "task/"
_MAX_SIGNATURE_BYTES = 4096
_MAX_DEPTH = 130  # a path of 240 bytes has at most so many parts
_MAX_ENTRIES = 2 * (MAX_FILES + MAX_TASK_FILES)
_PARTIAL = ".adrs-partial"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A winner's folder that is what its certificate says, as it was when it was read.

    Attributes:
        program: the winner.
        task_files: the task's files by path within the task; nobody vouches for them.
        signature: fits the certificate and its own key; whose key it is, is another question.
    """

    certificate: Certificate
    program: Program
    task_files: Mapping[str, bytes]
    signature: Signature | None = None


def signed_by(bundle: Bundle, trusted: Mapping[str, str]) -> str:
    """The name of the trusted key (name to base64) that signed a bundle; "" if none did."""
    return signer(bundle.certificate, bundle.signature, trusted)


def task_faults(certificate: Certificate, files: Mapping[str, bytes]) -> list[str]:
    """How a task's files (see `read_task_files`) differ from the certified ones, in words."""
    return differences(certificate.task.files, digests_of(files), certificate.task.kind)


def folder_name(certificate: Certificate) -> str:
    """What a winner's folder is called: run and trial."""
    return f"{certificate.run.name}-{certificate.finding.trial}"


# --- writing -----------------------------------------------------------------------------------


def write_folder(
    certificate: Certificate,
    program: Program,
    task_folder: Path,
    place: Path,
    signature: Signature | None = None,
) -> Path:
    """Writes a winner's folder below `place`, whole or not at all; says where it is.

    One that is there already and has the same certificate is left as it is.

    Raises:
        ValueError: the program is not the certified one.
        ConfigError: the task's files are not the certified ones any more.
        ConfigError: something else has the folder's name.
        Unavailable: the place cannot be written.
    """
    contents = winner_files(certificate, program, task_folder, signature)
    target = place / folder_name(certificate)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _only_writer(place):
            if not _is_there(target, certificate):
                _publish(contents, target)
    except OSError as error:
        raise Unavailable(
            f"the winner's folder {target} cannot be written: {error.strerror}; the certificate "
            "is in the store, so make room and go on with the run"
        ) from error
    return target


def winner_files(
    certificate: Certificate,
    program: Program,
    task_folder: Path,
    signature: Signature | None = None,
) -> dict[str, bytes]:
    """What is in a winner's folder, by path in it.

    Raises:
        ValueError: the program is not the certified one.
        ConfigError: the task's files are not the certified ones any more.
    """
    if program.id != certificate.program.id:
        raise ValueError(f"program {program.id} is not the one certified")
    task_files = read_task_files(task_folder)
    if faults := task_faults(certificate, task_files):
        raise ConfigError(
            f"the task in {task_folder} is not the one that was certified any more "
            f"({'; '.join(faults[:5])}); put the folder back as it was"
        )
    contents = {
        CERTIFICATE: certificate.canonical(),
        GUIDE: certificate.how_to_verify.encode(),
        **{PROGRAM + path: data for path, data in program.files.items()},
        **{TASK + path: data for path, data in task_files.items()},
    }
    if signature is not None:
        contents[SIGNATURE] = signature.canonical()
    return contents


def write_task(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a task's files into an empty folder.

    Raises:
        Unavailable: the folder cannot be written.
    """
    try:
        _write_tree(folder, files)
    except OSError as error:
        raise Unavailable(
            f"a copy of the task cannot be written to {folder}: {error.strerror}; make room, or "
            "name another place for temporary files with TMPDIR"
        ) from error


@contextlib.contextmanager
def _only_writer(place: Path) -> Iterator[None]:
    """Holds a place, and clears away what writers left that were killed."""
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # released even by kill -9
        for left in place.glob(f".*{_PARTIAL}"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(descriptor)


def _is_there(target: Path, certificate: Certificate) -> bool:
    if not os.path.lexists(target):
        return False
    with contextlib.suppress(AdrsError):
        if read_folder(target).certificate.id == certificate.id:
            return True
    raise ConfigError(
        f"{target} is there already and is not the folder of this certificate; move it away"
    )


def _publish(contents: Mapping[str, bytes], target: Path) -> None:
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}{_PARTIAL}")
    try:
        _write_tree(partial, contents)
        _sync_tree(partial)
        partial.rename(target)
        _sync(target.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_tree(root: Path, contents: Mapping[str, bytes]) -> None:
    root.mkdir(exist_ok=True)
    for path, data in contents.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as stream:
            stream.write(data)


def _sync_tree(root: Path) -> None:
    """Sees that files are on the medium, and the folders that name them."""
    for base, _, names in os.walk(root):
        for name in names:
            _sync(Path(base, name))
        _sync(Path(base))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- reading -----------------------------------------------------------------------------------


def read_folder(path: Path) -> Bundle:
    """Reads a winner's folder once, and checks every byte of it against its certificate.

    What it does not check: whether the figures follow from the samples (`figures_fault`), and
    whether any of it is true.

    Raises:
        ConfigError: there is no such folder, or it cannot be read.
        CertificateChanged: something in it is not as certified; `changed` lists everything found.
    """
    snapshot = _Snapshot.of(path)
    faults = list(snapshot.faults)
    files = snapshot.files
    certificate, found = None, ["certificate: certificate.json is missing"]
    if CERTIFICATE in files:
        certificate, found = examine(files[CERTIFICATE])
    elif faults:
        found = []  # whatever was in its place is named already
    faults += found
    if certificate is None:
        raise _changed(path, faults)
    program = snapshot.below(PROGRAM)
    task = snapshot.below(TASK)
    faults += differences(certificate.program.files, digests_of(program), lambda _: "program")
    faults += task_faults(certificate, task)
    if files.get(GUIDE) != certificate.how_to_verify.encode():
        faults.append(f"certificate: {GUIDE} is not the text that is in the certificate")
    signature = None
    if SIGNATURE in files:
        signature, found = _signature(files[SIGNATURE], certificate)
        faults += found
    known = {CERTIFICATE, GUIDE, SIGNATURE}
    known |= {PROGRAM + one for one in program} | {TASK + one for one in task}
    faults += [f"folder: {plain(one)} does not belong here" for one in files.keys() - known]
    faults += snapshot.empty_folders()
    if faults:
        raise _changed(path, faults, (certificate.id, certificate.task.name))
    return Bundle(certificate, Program(program), task, signature)


def _changed(
    path: Path, faults: list[str], claims: tuple[str, str] = ("", "")
) -> CertificateChanged:
    more = f"; and {len(faults) - 5} more" if len(faults) > 5 else ""
    return CertificateChanged(
        f"the winner's folder {path} is not what was certified: {'; '.join(faults[:5])}{more}",
        tuple(faults),
        claims,
    )


def _signature(content: bytes, certificate: Certificate) -> tuple[Signature | None, list[str]]:
    faults = decoding_faults(content, _MAX_SIGNATURE_BYTES)
    if not faults:
        try:
            signature = Signature.model_validate_json(content)
        except ValidationError as error:
            faults = schema_faults(error)
        else:
            fault = signature.fault(certificate)
            if not fault and signature.canonical() != content:
                fault = "it is not written as canonical JSON (RFC 8785)"
            if not fault:
                return signature, []
            faults = [fault]
    return None, [f"signature: {fault}" for fault in faults]


class _Snapshot:
    """The regular files below a folder, read once, without following links, and bounded."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.folders: set[str] = set()
        self.faults: list[str] = []
        self._entries = _MAX_ENTRIES
        self._room = MAX_BYTES + MAX_PROGRAM_BYTES + MAX_TASK_BYTES

    @classmethod
    def of(cls, path: Path) -> _Snapshot:
        """Takes one.

        Raises:
            ConfigError: there is no such folder, or it cannot be read.
        """
        snapshot = cls()
        try:
            top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise ConfigError(
                f"{path} is not a winner's folder that can be read: {error.strerror}"
            ) from error
        try:
            snapshot._gather(top, "", 0)
        finally:
            os.close(top)
        return snapshot

    def below(self, prefix: str) -> dict[str, bytes]:
        """The files of one folder, by their path in it."""
        return {
            path.removeprefix(prefix): data
            for path, data in self.files.items()
            if path.startswith(prefix)
        }

    def empty_folders(self) -> list[str]:
        """Folders without a file, which nothing certifies."""
        needed = {str(folder) for path in self.files for folder in PurePosixPath(path).parents}
        return [
            f"folder: {plain(folder)}/ does not belong here"
            for folder in sorted(self.folders - needed)
        ]

    def _gather(self, folder: int, prefix: str, depth: int) -> None:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, self._entries + 1)]
        for name in sorted(names):
            self._entries -= 1
            if self._entries < 0:
                self._fault(prefix + name, f"is one of more than {_MAX_ENTRIES} files and folders")
                return
            self._take(folder, name, prefix + name, depth)

    def _take(self, folder: int, name: str, path: str, depth: int) -> None:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            descriptor = os.open(name, flags, dir_fd=folder)
        except OSError:
            self._fault(path, "is a link, or cannot be read")
            return
        try:
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISDIR(mode):
                self.folders.add(path)
                if depth >= _MAX_DEPTH:
                    self._fault(path, "is nested too deeply")
                else:
                    self._gather(descriptor, f"{path}/", depth + 1)
            elif stat.S_ISREG(mode):
                self._read(descriptor, path)
            else:
                self._fault(path, "is not a regular file")
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, path: str) -> None:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(self._room + 1)
        if len(data) > self._room:
            self._fault(path, "is too large, alone or with the others")
            return
        self._room -= len(data)
        self.files[path] = data

    def _fault(self, path: str, what: str) -> None:
        top = path.partition("/")[0]
        kind = top if f"{top}/" in (PROGRAM, TASK) else "folder"
        self.faults.append(f"{kind}: {plain(path)} {what}")
