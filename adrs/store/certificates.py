"""Certificates of winners: each once, by its id; their text is a blob."""

from __future__ import annotations

import sqlalchemy as sa

from adrs.errors import StoreUnavailable, TrialStateError
from adrs.store import codec
from adrs.store.blobs import drop_unused_blobs, keep_blobs, load_blobs
from adrs.store.schema import BLOBS, CERTIFICATES

_KEY_OF_BLOB = sa.select(BLOBS.c.key).where(BLOBS.c.digest == sa.bindparam("blob"))
_KNOWN = sa.select(CERTIFICATES.c.run_key, CERTIFICATES.c.trial, CERTIFICATES.c.blob_key).where(
    CERTIFICATES.c.digest == sa.bindparam("id")
)
_LAST = (
    sa.select(CERTIFICATES.c.digest, CERTIFICATES.c.blob_key, BLOBS.c.digest.label("blob"))
    .join(BLOBS, BLOBS.c.key == CERTIFICATES.c.blob_key)
    .where(CERTIFICATES.c.run_key == sa.bindparam("run_key"))
    .order_by(CERTIFICATES.c.key.desc())
    .limit(1)
)
_OF_RUN = CERTIFICATES.c.run_key == sa.bindparam("of_run")


def keep_certificate(
    connection: sa.Connection, run_key: int, trial: int, name: str, content: str, at: float
) -> None:
    """Store a certificate unless it is there.

    Raises:
        TrialStateError: one with this id is there, but it says something else.
    """
    blob = codec.digest_of(content)
    keep_blobs(connection, {blob: content.encode()})
    row = {
        "run_key": run_key,
        "trial": trial,
        "blob_key": connection.scalars(_KEY_OF_BLOB, {"blob": blob}).one(),
    }
    known = connection.execute(_KNOWN, {"id": name}).mappings().one_or_none()
    if known is None:
        connection.execute(CERTIFICATES.insert(), {**row, "digest": name, "at": at})
    elif dict(known) != row:
        raise TrialStateError(
            f"certificate {name} is recorded already, for another trial or with other text; "
            "an id goes with one certificate"
        )


def load_certificate(connection: sa.Connection, run_key: int, trial: int | None) -> str | None:
    """Read the last certificate of a run, or that of a trial.

    Raises:
        StoreUnavailable: what is stored is not what was certified.
    """
    query = _LAST if trial is None else _LAST.where(CERTIFICATES.c.trial == trial)
    last = connection.execute(query, {"run_key": run_key}).one_or_none()
    if last is None:
        return None
    content = load_blobs(connection, [last.blob_key])[last.blob_key].decode("utf-8", "replace")
    if codec.digest_of(content) != last.blob:
        raise StoreUnavailable(
            f"expected the text of certificate {last.digest}, got another: the store is damaged; "
            "see how far with: adrs store check"
        )
    return content


def drop_certificates(connection: sa.Connection, run_key: int) -> None:
    """Remove the certificates of a run."""
    place = {"of_run": run_key}
    blobs = connection.scalars(sa.select(CERTIFICATES.c.blob_key).where(_OF_RUN), place).all()
    connection.execute(CERTIFICATES.delete().where(_OF_RUN), place)
    drop_unused_blobs(connection, blobs)
