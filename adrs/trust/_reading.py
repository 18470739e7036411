"""From bytes that anybody may have written to a certificate, with every fault found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from adrs.errors import CertificateChanged
from adrs.trust._certificate import MAX_BYTES, Certificate
from adrs.trust._task_files import judge_digest, plain, task_digest

_SHOWN_FAULTS = 20


def parse_certificate(content: bytes) -> Certificate:
    """A certificate of its canonical JSON.

    Raises:
        CertificateChanged: it is no canonical JSON, or does not fit the schema.
        CertificateChanged: it contradicts itself.
    """
    certificate, faults = examine(content)
    if certificate is None or faults:
        raise CertificateChanged(f"not a valid certificate: {'; '.join(faults)}", tuple(faults))
    return certificate


def examine(content: bytes) -> tuple[Certificate | None, list[str]]:
    """The certificate as far as it can be read, and all that is wrong with it."""
    faults = decoding_faults(content, MAX_BYTES)
    if faults:
        return None, [f"certificate: {fault}" for fault in faults]
    try:
        certificate = Certificate.model_validate_json(content)
    except ValidationError as error:
        return None, schema_faults(error)
    try:
        canonical = certificate.canonical() == content
    except (ValueError, RecursionError):  # numbers and depths that canonical JSON does not have
        return None, ["certificate: it cannot be written as canonical JSON (RFC 8785)"]
    if not canonical:
        faults.append("certificate: it is not written as canonical JSON (RFC 8785)")
    return certificate, [*faults, *contradictions(certificate)]


def decoding_faults(content: bytes, most: int) -> list[str]:
    """Why bytes are no JSON that may be looked at; empty if they are."""
    if len(content) > most:
        return [f"it has more than {most} bytes"]
    try:
        json.loads(
            content.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse
        )
    except UnicodeDecodeError:
        return ["it is not UTF-8"]
    except RecursionError:
        return ["it is nested too deeply"]
    except ValueError as error:
        return [f"it is not JSON: {plain(str(error))}"]
    return []


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a duplicate key")
    return found


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number")


def schema_faults(error: ValidationError) -> list[str]:
    """What does not fit the schema, where, and how; the first few."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    words = [
        f"schema: {'.'.join(plain(str(step)) for step in one['loc']) or 'JSON'}: "
        f"{plain(one['msg'])}"
        for one in errors[:_SHOWN_FAULTS]
    ]
    more = len(errors) - len(words)
    return [*words, *([f"schema: and {more} more"] if more else [])]


def contradictions(certificate: Certificate) -> list[str]:
    """What a certificate says twice and not alike, the id first."""
    return [f"certificate: {fault}" for fault in _contradictions(certificate)]


def _contradictions(certificate: Certificate) -> Iterator[str]:
    task, program = certificate.task, certificate.program
    if certificate.id != certificate.own_id():
        yield "its content does not have the id that it claims"
    if task.digest != task_digest(task.files):
        yield "the task's files do not have the task's digest"
    if task.judge != judge_digest(task.files, task.root):
        yield "the judge's files do not have the judge's digest"
    if program.id != program_id(program.files):
        yield "the program's files do not have the program's id"
    if certificate.winner.program != program.id:
        yield "the samples of the winner are of another program"
    seed = {
        path.removeprefix(f"{task.root}/"): digest
        for path, digest in task.files.items()
        if task.kind(path) == "seed"
    }
    if certificate.baseline.program != program_id(seed):
        yield "the samples of the baseline are not of the task's seed"
    first = certificate.lineage[0]
    if (first.trial, first.program) != (certificate.finding.trial, program.id):
        yield "the lineage does not start with the winner"
    if certificate.proposer_confined == bool(certificate.unconfined):
        yield "it says that proposers were confined and names some that were not, or neither"


def program_id(digests: Mapping[str, str]) -> str:
    """The id that a program of files with these digests has."""
    listing = "".join(f"{digest} {path}\n" for path, digest in sorted(digests.items()))
    return hashlib.sha256(listing.encode()).hexdigest()
