"""How sure a figure is, what may be said of the best program, and how anybody can check it.

What has to do with certificates is resolved when it is first used, since it loads far more.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from adrs.trust._agreement import Figure
from adrs.trust._intervals import effect_interval, mean_interval, objective_interval
from adrs.trust._noise import Noise
from adrs.trust._race import more_repeats
from adrs.trust._verdict import MIN_UNITS, judge_held_out, measured_effect

if TYPE_CHECKING:
    from adrs.trust._certificate import Certificate, certificate_schema
    from adrs.trust._certificate_folder import (
        CERTIFICATE,
        Bundle,
        folder_name,
        read_folder,
        signed_by,
        task_faults,
        winner_files,
        write_folder,
        write_task,
    )
    from adrs.trust._figures import figures_fault
    from adrs.trust._impersonal import Impersonal
    from adrs.trust._issuing import issue_certificate
    from adrs.trust._reading import parse_certificate
    from adrs.trust._signing import Signature, read_trusted_keys, sign, signing_key
    from adrs.trust._task_files import digest_source, read_task_files, recorded_task_files
    from adrs.trust._verification import Claim, Verifier, elsewhere, unread

_LATE = {
    "_certificate": "Certificate certificate_schema",
    "_certificate_folder": "CERTIFICATE Bundle folder_name read_folder signed_by task_faults "
    "winner_files write_folder write_task",
    "_figures": "figures_fault",
    "_impersonal": "Impersonal",
    "_issuing": "issue_certificate",
    "_reading": "parse_certificate",
    "_signing": "Signature read_trusted_keys sign signing_key",
    "_task_files": "digest_source read_task_files recorded_task_files",
    "_verification": "Claim Verifier elsewhere unread",
}
_HOME_OF = {name: home for home, names in _LATE.items() for name in names.split()}

__all__ = [
    "CERTIFICATE",
    "MIN_UNITS",
    "Bundle",
    "Certificate",
    "Claim",
    "Figure",
    "Impersonal",
    "Noise",
    "Signature",
    "Verifier",
    "certificate_schema",
    "digest_source",
    "effect_interval",
    "elsewhere",
    "figures_fault",
    "folder_name",
    "issue_certificate",
    "judge_held_out",
    "mean_interval",
    "measured_effect",
    "more_repeats",
    "objective_interval",
    "parse_certificate",
    "read_folder",
    "read_task_files",
    "read_trusted_keys",
    "recorded_task_files",
    "sign",
    "signed_by",
    "signing_key",
    "task_faults",
    "unread",
    "winner_files",
    "write_folder",
    "write_task",
]


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'adrs.trust' has no attribute {name!r}")
    value = getattr(import_module(f"adrs.trust.{home}"), name)
    globals()[name] = value
    return value
