"""The images that rooms are made of: of this machine's own Python, or built for an environment."""

from __future__ import annotations

import asyncio
import json
import platform
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adrs import Environment, SandboxUnavailable
from adrs_sandboxes import _python
from adrs_sandboxes.docker import host_image, recipe
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.host_image import HostImage
from adrs_sandboxes.docker.image_store import ImageStore
from adrs_sandboxes.docker.recipe import Recipe

_BASE, _ENVIRONMENT = "adrs.base", "adrs.environment"
_MOUNTED = "/mnt/.packages"
_PYTHON_IMAGE = re.compile(r"(?!.*(?:alpine|windows))python:(\d+\.\d+)(?:\.\d+)?(?:-[a-z0-9.-]+)?")


@dataclass(frozen=True)
class Image:
    """What a room's container is made of.

    Attributes:
        id: the engine's name for it.
        python: the interpreter's path inside.
        packages: the folder inside that goes on the path; "" for none.
        modules: what is imported beforehand.
        root: what it is, for the record of an evaluation.
        mount: the folder outside that is to be shown at `packages`; None if it is in the image.
    """

    id: str
    python: str
    packages: str
    modules: tuple[str, ...]
    root: Mapping[str, str]
    mount: Path | None = None


@dataclass(frozen=True)
class _Inventory:
    """What `_inventory.py` found in an image."""

    python: str
    version: str
    packages: Mapping[str, str]
    debian: list[str]
    modules: list[str]


class Images:
    """Gives each environment its image.

    One that names neither an image nor a Debian package gets this machine's own Python. So does
    one that names an image of that same Python which cannot be had, and the record says so.
    """

    def __init__(self, engine: Engine) -> None:
        self._machine = str(engine.version.get("Arch", platform.machine()))
        self._store = ImageStore(engine)
        self._host = HostImage(self._store)
        self._replaced: set[str] = set()
        self._inventories: dict[str, _Inventory] = {}

    def lacking(self, environment: Environment) -> str:
        """What `prepare` would make, in words; "" if `of` has all that it needs.

        Raises:
            SandboxUnavailable: rooms of this environment cannot be had here.
        """
        if self._is_of_host(environment):
            return _python.lacking(environment)
        wanted = self._recipe(environment)
        return "" if self._store.find(wanted.tag) else _words(environment, wanted)

    def prepare(self, environment: Environment, tell: Callable[[str], None]) -> None:
        """Makes what is lacking.

        Args:
            tell: given each line of progress, which others wrote.

        Raises:
            SandboxUnavailable: it cannot be made; the message has the cure.
        """
        if not self._is_of_host(environment):
            self._build(environment, tell)
        if self._is_of_host(environment) and _python.lacking(environment):
            asyncio.run(_python.install(environment, tell))
        self.of(environment)

    def of(self, environment: Environment) -> Image:
        """The image of an environment.

        Raises:
            SandboxUnavailable: it was not prepared.
            SandboxUnavailable: it cannot be held to limits.
        """
        wanted = self._recipe(environment)
        if self._is_of_host(environment):
            return self._of_host(environment, wanted)
        found = self._store.find(wanted.tag)
        if found is None:
            raise SandboxUnavailable(
                f"the {_words(environment, wanted)} is not built yet; leave --no-build out, or "
                "build it beforehand with: adrs check TASK --sandbox docker"
            )
        return self._built(found)

    def remove_unused(self) -> list[str]:
        """Removes the images that no container uses; says of each what it was.

        Raises:
            SandboxUnavailable: the engine did not.
        """
        return self._store.remove({host_image.REPOSITORY, recipe.REPOSITORY})

    def _recipe(self, environment: Environment) -> Recipe:
        return recipe.recipe(environment, self._machine)

    def _is_of_host(self, environment: Environment) -> bool:
        return environment.base in {"", *self._replaced} and not environment.debian

    def _of_host(self, environment: Environment, wanted: Recipe) -> Image:
        packages = _python.packages(environment)
        image = self._host.id()
        replaced = f"host, {environment.base} could not be pulled"
        root = {
            "image": image,
            "base": replaced if environment.base else "host",
            "python": platform.python_version(),
            "packages": " ".join(packages.versions),
            "environment": wanted.digest,
        }
        place = _MOUNTED if packages.folder else ""
        return Image(image, self._host.python, place, packages.modules, root, packages.folder)

    def _built(self, found: Mapping[str, Any]) -> Image:
        image, labels = str(found["Id"]), found["Config"]["Labels"]
        if volumes := found["Config"].get("Volumes"):
            raise SandboxUnavailable(
                f"the image {labels[_BASE]} has volumes ({', '.join(volumes)}), to which programs "
                "could write without a limit; name another image in [environment] base"
            )
        has = self._inventory(image)
        root = {
            "image": image,
            "base": labels[_BASE],
            "python": has.version,
            "packages": " ".join(sorted(f"{name}=={has.packages[name]}" for name in has.packages)),
            "environment": labels[_ENVIRONMENT],
        }
        if has.debian:
            root["debian"] = " ".join(has.debian)
        place = recipe.PACKAGES if has.packages else ""
        return Image(image, has.python, place, tuple(has.modules), root)

    def _inventory(self, image: str) -> _Inventory:
        if image not in self._inventories:
            written = self._store.read(image, recipe.INVENTORY)
            try:
                self._inventories[image] = _Inventory(**json.loads(written))
            except (TypeError, ValueError):
                raise SandboxUnavailable(
                    f"the image {image} does not say what is in it, as one that adrs built does; "
                    f"docker image rm --force {image}"
                ) from None
        return self._inventories[image]

    def _build(self, environment: Environment, tell: Callable[[str], None]) -> None:
        """Builds what is not there, unless this machine's own Python has to stand for it."""
        wanted = self._recipe(environment)
        if self._store.find(wanted.tag):
            return
        base = self._store.find(wanted.base)
        if base is None:
            fault = self._store.pull(wanted.base, tell)
            base = self._store.find(wanted.base)
            if base is None:
                self._replace(environment, wanted.base, fault, tell)
                return
        labels = {_BASE: f"{wanted.base} {_digest(base)}", _ENVIRONMENT: wanted.digest}
        self._store.build(wanted, labels, tell)

    def _replace(
        self, environment: Environment, base: str, fault: str, tell: Callable[[str], None]
    ) -> None:
        """Lets this machine's Python stand for an image of the same, if nothing else is asked."""
        same = _PYTHON_IMAGE.fullmatch(environment.base)
        running = "{}.{}".format(*sys.version_info[:2])
        if environment.debian or not same or same[1] != running:
            raise SandboxUnavailable(
                f"the image {base} is not there, and the engine could not pull it ({fault}): run "
                f"docker pull {base} where it can be had, or bring it with docker save and docker "
                "load"
            )
        self._replaced.add(environment.base)
        tell(
            f"{base} could not be pulled ({fault}); this machine's own Python "
            f"{platform.python_version()} stands for it"
        )


def _digest(image: Mapping[str, Any]) -> str:
    """A name of an image's content: the registry's, if it came from one."""
    known = image.get("RepoDigests") or ()
    return str(known[0]).rpartition("@")[2] if known else str(image["Id"])


def _words(environment: Environment, wanted: Recipe) -> str:
    parts = [
        f"{kind} packages {' '.join(names)}"
        for kind, names in (("Debian", environment.debian), ("Python", environment.python))
        if names
    ]
    return f"image {wanted.base}" + (f" with {' and '.join(parts)}" if parts else "")
