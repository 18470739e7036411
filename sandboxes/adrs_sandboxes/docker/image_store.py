"""The images that an engine keeps: found, fetched, built, looked into and removed."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import IO, Any

from adrs import SandboxUnavailable, harmless
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.owner import LABEL, owner
from adrs_sandboxes.docker.recipe import Recipe

IMAGE_LABEL = "adrs.image"

# A builder writes what goes to standard error in red, and about its own containers and layers.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_OF_THE_BUILDER = re.compile(r"\s*(---> |Removing intermediate container )")

_LINES_SHOWN = 20
_LONGEST_LINE = 300
_MB = 1_000_000


class ImageStore:
    """What one engine has; every failure of the engine's is SandboxUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image; None if it has none of this name."""
        from docker.errors import NotFound

        with self._engine.asked("look for an image"):
            try:
                found: dict[str, Any] = self._engine.client.inspect_image(name)
            except NotFound:
                return None
        return found

    def pull(self, name: str, tell: Callable[[str], None]) -> str:
        """Fetches an image; returns why it cannot be had, "" if it was fetched."""
        from docker.errors import APIError

        fault = ""
        with self._engine.asked(f"fetch {name}"):
            try:
                events = self._engine.client.pull(name, stream=True, decode=True)
                for event in _whole(events):
                    fault = fault or str(event.get("error", ""))
                    words = [event.get(key, "") for key in ("id", "status", "progress")]
                    tell(" ".join(filter(None, map(str, words))) or fault)
            except APIError as error:
                fault = str(error.explanation or error)
        return harmless(fault, _LONGEST_LINE)

    def build(self, recipe: Recipe, labels: Mapping[str, str], tell: Callable[[str], None]) -> None:
        """Builds an image.

        The build learns nothing of this process: no variable, no proxy, none of its files.

        Raises:
            SandboxUnavailable: it failed; the message has the end of what it printed.
        """
        last: deque[str] = deque(maxlen=_LINES_SHOWN)
        fault = ""
        with self._engine.asked("build an image"):
            events = self._engine.client.build(
                fileobj=recipe.context(),
                custom_context=True,
                tag=recipe.tag,
                labels=dict(labels),
                rm=True,
                forcerm=True,
                decode=True,
                network_mode=self._network(),
                use_config_proxy=False,
            )
            for event in _whole(events):
                fault = fault or str(event.get("error", ""))
                text = str(event.get("error") or event.get("stream") or event.get("status") or "")
                for line in filter(_says_something, _COLOURS.sub("", text).splitlines()):
                    last.append(harmless(line, _LONGEST_LINE))
                    tell(line)
            if "no space left" in fault.lower():
                raise OSError(fault)  # the engine's own message has the cure
        if fault:
            raise SandboxUnavailable(
                f"the task's environment could not be built on {recipe.base}; correct "
                "[environment] (a Python package without a wheel needs from_source = true, and "
                "what builds it needs in debian), and see whether containers reach the package "
                "indexes; the build said:\n" + "\n".join(last)
            )

    def add(self, root: IO[bytes], repository: str, tag: str, label: str) -> None:
        """Makes an image of a root file system, which is a tar file."""
        from docker.errors import DockerException

        with self._engine.asked("make an image of a root file system"):
            answer = self._engine.client.import_image_from_data(
                root, repository=repository, tag=tag, changes=[f"LABEL {IMAGE_LABEL}={label}"]
            )
            events = [json.loads(line) for line in answer.splitlines() if line.strip()]
            for event in events:
                if "error" in event:
                    raise DockerException(event["error"])
            # Podman leaves the tag out.
            self._engine.client.tag(events[-1]["status"], repository, tag)

    def read(self, image: str, path: str) -> bytes:
        """A file of an image, which is not started for that.

        Raises:
            SandboxUnavailable: it has none.
        """
        with self._engine.asked("look into an image"):
            made = self._engine.client.create_container(
                image, command=["-"], labels={LABEL: owner()}, network_disabled=True
            )
            try:
                pieces, _ = self._engine.client.get_archive(made["Id"], path)
                packed = io.BytesIO(b"".join(pieces))
            finally:
                self._engine.remove(made["Id"])
        with tarfile.open(fileobj=packed) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return file.read() if file else b""

    def remove(self, repositories: Collection[str]) -> list[str]:
        """Removes what is ours and no container uses; says of each what it was.

        Args:
            repositories: names that only we give. An image of ours that somebody else has named
                stays, as does what was built upon one of ours.
        """
        removed = []
        with self._engine.asked("list images"):
            ours = self._engine.client.images(filters={"label": IMAGE_LABEL})
        for image in ours:
            tags = [tag for tag in image.get("RepoTags") or () if tag != "<none>:<none>"]
            size = f"{image['Size'] // _MB} MB"
            for tag in tags:
                repository = tag.rpartition(":")[0].removeprefix("localhost/")
                repository = repository.removeprefix("docker.io/library/")
                if repository in repositories and self._remove(tag):
                    removed.append(f"image {tag}, {size}")
            if not tags and self._remove(image["Id"]):
                removed.append(f"image {image['Id'][7:19]} without a name, {size}")
        return removed

    def _remove(self, name: str) -> bool:
        """Whether it was there, nothing uses it and it is gone."""
        from docker.errors import APIError

        with self._engine.asked("remove an image"):
            try:
                self._engine.client.remove_image(name)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise
                return False
        return True

    def _network(self) -> str | None:
        """What a build reaches package indexes by: None for what the engine thinks best."""
        names = {network["Name"] for network in self._engine.client.networks()}
        return None if "bridge" in names or self._engine.is_podman else "host"


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not _OF_THE_BUILDER.match(line)


def _whole(events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What an engine says until it is done; raises ConnectionError if it stops before."""
    from urllib3.exceptions import HTTPError

    try:
        yield from events
    except HTTPError as error:
        raise ConnectionError(f"it stopped in the middle: {error}") from error
