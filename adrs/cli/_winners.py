"""Writing a winner down where its finder keeps winners."""

from __future__ import annotations

from pathlib import Path

from adrs.ports.store import Record
from adrs.trust import parse_certificate, sign, signing_key, write_folder


def keep_winner(record: Record, run: str, place: Path) -> Path | None:
    """Writes the folder of a run's last winner below `place`; None if it has none.

    Harmless if it is there. It is signed with the key that the environment names, if it names one.

    Raises:
        ConfigError: the task's files are not the certified ones any more.
        ConfigError: something else has the folder's name.
        ConfigError: the key cannot be used.
        Unavailable: the place cannot be written.
    """
    content = record.certificate(run)
    if content is None:
        return None
    certificate = parse_certificate(content.encode())
    key = signing_key()
    signature = None if key is None else sign(certificate, key)
    program = record.program(certificate.program.id)
    return write_folder(certificate, program, record.task(run).folder, place, signature)
