"""How a store that an older ADRS wrote becomes one of today."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from adrs.errors import StoreVersionError

FOLDER = Path(__file__).parent


def upgrade(connection: sa.Connection, revision: str | None) -> None:
    """Run the migrations that a store of this revision lacks; None stands for an empty file.

    Raises:
        StoreVersionError: no such revision is known here.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        if revision is not None:
            ScriptDirectory.from_config(config).get_revision(revision)
    except CommandError as error:
        raise StoreVersionError(
            f"the store has revision {revision}, which this ADRS does not know: a newer one wrote "
            "it; upgrade ADRS, or name another store with --store or ADRS_STORE"
        ) from error
    command.upgrade(config, "head")
