"""The durable record: where it is kept, and how it is opened."""

from adrs.store.opening import open_sqlite, open_store

__all__ = ["open_sqlite", "open_store"]
