"""Images for rooms, with a real engine and a real pip, and without a network."""

from __future__ import annotations

import importlib.util
import io
import json
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from adrs_sandboxes.docker import host_image
from adrs_sandboxes.docker.engine import Engine
from adrs_sandboxes.docker.host_image import HostImage
from adrs_sandboxes.docker.image_store import ImageStore
from adrs_sandboxes.docker.images import Image, Images
from contracts.engines import engine_or_skip
from unit.sandboxes.index import Index

from adrs import Environment, SandboxUnavailable

MARK = uuid.uuid4().hex[:12]
BASE = f"adrs-test-base:{MARK}"
RUNNING = "{}.{}".format(*sys.version_info[:2])
BASE_FILE = f"""
FROM %s
LABEL adrs.test={MARK}
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
COPY pip %s/site-packages/pip
COPY wheels /wheels
COPY programs /usr/local/bin
"""
PROGRAMS = {
    "apt-get": "#!/bin/sh\necho apt-get: $*\n",
    "dpkg-query": "#!/bin/sh\necho gcc=4:12.2.0-3\n",
    "rm": "#!/bin/sh\n",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine(engine_or_skip())
    yield made
    made.close()


@pytest.fixture(scope="module")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image with pip, packages for it, and what looks like a Debian system."""
    folder = tmp_path_factory.mktemp("index")
    index = Index(folder)
    index.add_wheel("part", "1.5")
    index.add_wheel("tool", "2.1", requires=["part>=1"])
    index.add_wheel("tool", "3.0")
    index.add_source("raw", "sys.exit('BUILT WITH ' + __import__('json').dumps(dict(os.environ)))")
    host = HostImage(ImageStore(engine))
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        library = Path(importlib.util.__file__).parents[1]
        add(archive, "Dockerfile", BASE_FILE % (host.id(), library))
        for name, text in PROGRAMS.items():
            add(archive, f"programs/{name}", text)
        archive.add(folder, "wheels")
        pip = importlib.util.find_spec("pip")
        assert pip
        assert pip.origin
        archive.add(Path(pip.origin).parent, "pip")
    context.seek(0)
    client = engine.client
    events = list(
        client.build(fileobj=context, custom_context=True, tag=BASE, rm=True, decode=True)
    )
    assert "error" not in events[-1], events
    yield BASE
    while found := client.images(filters={"label": f"adrs.test={MARK}"}):
        for image in found:
            client.remove_image(image["Id"], force=True)


@pytest.fixture
def images(engine: Engine) -> Images:
    return Images(engine)


@pytest.fixture
def built(images: Images, base: str) -> Environment:
    environment = Environment(base=base, python=("tool<3",))
    images.prepare(environment, lambda _: None)
    return environment


def add(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o755
    archive.addfile(entry, io.BytesIO(text.encode()))


def build(engine: Engine, tag: str, context: io.BytesIO) -> None:
    context.seek(0)
    client = engine.client
    events = list(client.build(fileobj=context, custom_context=True, tag=tag, rm=True, decode=True))
    assert "error" not in events[-1], events


def run(engine: Engine, image: Image, code: str) -> Any:
    """What a program says in a container of an image, as JSON."""
    client = engine.client
    binds = {str(image.mount): {"bind": image.packages, "mode": "ro"}} if image.mount else {}
    container = client.create_container(
        image.id,
        entrypoint=[image.python, "-S", "-s", "-P", "-B", "-c", code],
        environment={"PYTHONPATH": image.packages},
        user="65533:65533",
        host_config=client.create_host_config(network_mode="none", binds=binds),
    )["Id"]
    try:
        client.start(container)
        status = client.wait(container)["StatusCode"]
        said = client.logs(container).decode()
    finally:
        client.remove_container(container, force=True)
    assert status == 0, said
    return json.loads(said)


def fetched(engine: Engine, environment: Environment) -> list[str]:
    """Prepares an environment with a new object; returns what was told."""
    told: list[str] = []
    Images(engine).prepare(environment, told.append)
    return told


def test_an_environment_is_built_once_and_says_what_it_is(
    engine: Engine, images: Images, base: str
) -> None:
    environment = Environment(base=base, python=("tool<3",))
    words = f"image {base} with Python packages tool<3"
    assert images.lacking(environment) == words
    with pytest.raises(
        SandboxUnavailable, match=rf"{words} is not built yet; leave --no-build out"
    ):
        images.of(environment)
    assert any("tool-2.1" in line for line in fetched(engine, environment))

    assert images.lacking(environment) == ""
    assert fetched(engine, environment) == []
    image = images.of(environment)
    (digest,) = [engine.client.inspect_image(base)["Id"]]
    assert dict(image.root) == {
        "image": image.id,
        "base": f"{base} {digest}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "packages": "part==1.5 tool==2.1",
        "environment": image.root["environment"],
    }
    assert (image.modules, image.mount) == (("tool",), None)
    labels = engine.client.inspect_image(image.id)["Config"]["Labels"]
    assert labels["adrs.image"] == "environment"
    assert labels["adrs.environment"] == image.root["environment"]
    assert images.lacking(replace(environment, python=("tool",))) != ""

    code = "import tool, part, json, sys, os; print(json.dumps([sys.version, os.listdir('/tmp')]))"
    assert run(engine, image, code) == [sys.version, []]
    assert engine.client.containers(all=True, filters={"ancestor": image.id}) == []


def test_debian_packages(engine: Engine, images: Images, base: str) -> None:
    environment = Environment(base=base, debian=("gcc",))
    told = fetched(engine, environment)
    assert "apt-get: update" in told
    assert "apt-get: install -y --no-install-recommends gcc" in told
    image = images.of(environment)
    assert (image.root["debian"], image.packages, image.modules) == ("gcc=4:12.2.0-3", "", ())


def test_a_build_that_fails_shows_its_end(engine: Engine, base: str) -> None:
    """Only wheels are taken, and this package has none."""
    with pytest.raises(SandboxUnavailable) as caught:
        fetched(engine, Environment(base=base, python=("raw",)))
    first, *log = str(caught.value).splitlines()
    assert first.startswith(f"the task's environment could not be built on {base}; correct [env")
    assert any("No matching distribution found for raw" in line for line in log)
    assert "returned a non-zero code" in log[-1]
    assert len(log) <= 20


def test_a_build_gets_nothing_of_this_process(
    base: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = "a-secret-of-mine"
    monkeypatch.setenv("OPENAI_API_KEY", secret)
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{secret}@127.0.0.1:9")
    proxies = {"default": {"httpsProxy": f"http://me:{secret}@127.0.0.1:9"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    told: list[str] = []
    engine = Engine()
    with pytest.raises(SandboxUnavailable):
        Images(engine).prepare(Environment(base, (), ("raw",), from_source=True), told.append)
    engine.close()
    (seen,) = [json.loads(line.partition("WITH ")[2]) for line in told if "BUILT WITH" in line]
    assert seen["PIP_FIND_LINKS"] == "/wheels"
    assert secret not in " ".join(told)


def test_this_machines_own_python(engine: Engine, images: Images) -> None:
    image = images.of(Environment(python=("numpy",)))
    assert (image.packages, image.modules) == ("/mnt/.packages", ("numpy",))
    assert image.root["base"] == "host"
    code = """
import glob, importlib, json, os, subprocess, sys
found = glob.glob(f"{sys.prefix}/lib*/python3*/lib-dynload/*.so")
own = [os.path.basename(path).split(".")[0] for path in found]
for name in ["asyncio", "numpy", *own]:
    importlib.import_module(name)
said = subprocess.run("/usr/bin/env python3 --version", shell=True, capture_output=True, text=True)
import asyncio
with open(asyncio.__cached__, "rb") as file:
    of = int.from_bytes(file.read(12)[8:], "little")
is_compiled = of == int(os.stat(asyncio.__file__).st_mtime)
print(json.dumps([len(own) > 20, said.stdout.split()[1], is_compiled, sys.prefix]))
"""
    version = ".".join(map(str, sys.version_info[:3]))
    assert run(engine, image, code) == [True, version, True, sys.base_prefix]
    assert images.lacking(Environment()) == ""


def test_it_is_copied_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first = HostImage(ImageStore(engine)).id()
    monkeypatch.delattr(host_image, "write_root")
    began = time.monotonic()
    assert HostImage(ImageStore(engine)).id() == first
    assert time.monotonic() - began < 1


def test_its_copy_is_the_same_each_time() -> None:
    one, other = io.BytesIO(), io.BytesIO()
    host_image.write_root(one)
    host_image.write_root(other)
    assert one.getvalue() == other.getvalue()
    one.seek(0)
    with tarfile.open(fileobj=one) as archive:
        entries = archive.getmembers()
    modes = {f"/{entry.name}": entry.mode for entry in entries}
    assert modes.pop("/tmp") == 0o1777
    assert set(modes.values()) == {0o755, 0o644}
    assert {entry.uid for entry in entries} == {0}
    assert not [entry.name for entry in entries if "site-packages" in entry.name]


def test_a_python_image_that_cannot_be_had_is_replaced(
    engine: Engine, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = [{"status": "Pulling"}, {"error": "no route to \x1b[31mregistry"}]
    monkeypatch.setattr(engine.client, "pull", lambda *_, **__: iter(fails))
    name = f"python:{RUNNING}-adrs-test"
    environment = Environment(base=name, python=("packaging",))
    told: list[str] = []
    images.prepare(environment, told.append)
    assert told[0] == "Pulling"
    assert told[-1].startswith(f"{name} could not be pulled (no route to \\x1b[31mregistry); this")
    assert images.lacking(environment) == ""
    image = images.of(environment)
    assert image.root["base"] == f"host, {name} could not be pulled"
    assert image.root["packages"].startswith("packaging==")
    for other in (
        replace(environment, debian=("gcc",)),
        replace(environment, base="python:3.99-adrs-test"),
        replace(environment, base=f"python:{RUNNING}-alpine"),
    ):
        assert images.lacking(other)
        with pytest.raises(SandboxUnavailable, match="docker load"):
            images.prepare(other, told.append)


def test_an_image_that_cannot_be_had(engine: Engine) -> None:
    with pytest.raises(SandboxUnavailable, match=r"could not pull it \(.*refused.*docker pull 127"):
        fetched(engine, Environment(base="127.0.0.1:9/nothing:1"))


def test_an_image_with_a_place_to_write_is_refused(engine: Engine, base: str) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        add(archive, "Dockerfile", f"FROM {base}\nVOLUME /data\n")
    build(engine, f"{base}-volume", context)
    with pytest.raises(SandboxUnavailable, match=r"has volumes \(/data\).*name another image"):
        fetched(engine, Environment(base=f"{base}-volume"))
    engine.client.remove_image(f"{base}-volume")


def test_what_is_unused_is_removed(
    engine: Engine, images: Images, built: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_tests(engine, monkeypatch)
    other = replace(built, python=("part",))
    images.prepare(other, lambda _: None)
    with pytest.raises(SandboxUnavailable):
        images.prepare(replace(built, python=("raw",)), lambda _: None)
    image = images.of(built).id
    container = engine.client.create_container(image, command=["-"])["Id"]
    removed = images.remove_unused()
    engine.client.remove_container(container)
    assert images.lacking(other) != ""
    assert images.lacking(built) == ""
    assert any(line.startswith("image adrs-environment:") for line in removed)
    assert any("without a name" in line for line in removed)
    assert not [line for line in removed if BASE in line]
    (last,) = images.remove_unused()
    assert last.startswith("image adrs-environment:")
    assert last.endswith(" MB")
    assert images.lacking(built) != ""
    assert [one["RepoTags"] for one in engine.client.images(filters={})] == [[BASE]]


def only_tests(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may use the same engine."""
    client = engine.client
    everyones = client.images

    def ours(filters: dict[str, str]) -> Any:
        return everyones(filters={"label": [*filters.values(), f"adrs.test={MARK}"]})

    monkeypatch.setattr(client, "images", ours)
