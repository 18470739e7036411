"""What models cost, from a table that comes with ADRS and one of the user's."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adrs.errors import ConfigError
from adrs.model.call import Price

_SHIPPED = Path(__file__).with_name("prices.toml")
_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, allow_inf_nan=False)
    input: float = Field(ge=0)
    output: float = Field(ge=0)


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = "own prices"
    date: str = ""
    model: dict[str, _Entry] = Field(default_factory=dict)


class Prices:
    """Prices by model; a name with a date behind it (gpt-5-2026-01-31) goes by the name.

    Args:
        own: path of the user's table; "" for none. Its entries come first.

    Raises:
        ConfigError: the table cannot be read, or is not one.
    """

    def __init__(self, own: str = "") -> None:
        self._tables = [_read(Path(own))] if own else []
        self._tables.append(_read(_SHIPPED))

    def of(self, model: str) -> Price | None:
        """The price of a model; None if no table has it."""
        for version, entries in self._tables:
            entry = entries.get(model) or entries.get(_DATED.sub("", model))
            if entry is not None:
                return Price(entry.input, entry.output, version)
        return None


def _read(path: Path) -> tuple[str, dict[str, _Entry]]:
    """Which table it is, and its entries."""
    form = "expected [model.NAME] tables with input and output, USD a million tokens"
    try:
        content = path.read_bytes()
        table = _Table.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise ConfigError(f"the price table {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"the price table {path}: {form}; {where}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"the price table {path}: {form}; {error}") from error
    digest = hashlib.sha256(content).hexdigest()[:12]
    return f"{table.name} {table.date} {digest}".replace("  ", " "), table.model
