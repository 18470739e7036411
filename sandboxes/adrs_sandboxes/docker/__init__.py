"""The Docker sandbox."""

from adrs_sandboxes.docker.sandbox import Docker

__all__ = ["Docker"]
