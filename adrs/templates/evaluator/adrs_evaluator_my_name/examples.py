"""The examples of a task, and the workloads that ADRS knows them by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adrs import ConfigError, Split, WorkloadRef


@dataclass(frozen=True, slots=True)
class Example:
    """Arguments and what a function should answer to them.

    Attributes:
        content: both of them, as JSON.
    """

    workload: WorkloadRef
    content: bytes
    arguments: Sequence[object]
    expected: float


def read_examples(file: Path) -> Mapping[Split, tuple[Example, ...]]:
    """The examples of every split.

    Raises:
        ConfigError: it cannot be read, is not JSON, or lacks something.
    """
    try:
        splits = json.loads(file.read_bytes())
        return {
            split: tuple(
                _example(f"{split}-{number}", one) for number, one in enumerate(splits[split])
            )
            for split in Split
        }
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{file} must be JSON: each of {', '.join(Split)} a list of "
            f'{{"arguments": [...], "expected": number}}; {type(error).__name__}: {error}'
        ) from error


def _example(name: str, one: Mapping[str, Any]) -> Example:
    arguments, expected = list(one["arguments"]), float(one["expected"])
    content = json.dumps([arguments, expected]).encode()
    digest = hashlib.sha256(name.encode() + b"\n" + content).hexdigest()
    # The unit is the independent block that an example belongs to: here each is one of its own.
    workload = WorkloadRef(name, unit=name, shares="", digest=digest, size=len(content))
    return Example(workload, content, arguments, expected)
