"""A winner's folder, made again of the record."""

from __future__ import annotations

from adrs.errors import ConfigError
from adrs.model.trial import Trial
from adrs.ports.store import Record
from adrs.trust import parse_certificate, sign, signing_key, winner_files


def certified_files(record: Record, run: str, trial: Trial) -> dict[str, bytes]:
    """What is in the folder of a certified trial; signed if the environment names a key.

    Raises:
        ConfigError: the trial has no certificate.
        ConfigError: the task's files are not the certified ones any more.
        ConfigError: the key cannot be used.
    """
    content = record.certificate(run, trial.number)
    if content is None:
        raise ConfigError(
            f"{run}/{trial.number} has no certificate; only the trial that a run ends with as its "
            f"WINNER gets one, and `adrs status {run}` says how it ended"
        )
    certificate = parse_certificate(content.encode())
    key = signing_key()
    signature = None if key is None else sign(certificate, key)
    return winner_files(certificate, trial.program, record.task(run).folder, signature)
