"""Images to publish, and sessions whose pauses are noted instead of waited for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.clients.registry_trouble import Troubled, troubled

from tidemill.clients.http.client import Body, Call, Http, Response
from tidemill.clients.http.trouble import PASSING
from tidemill.clients.registry.access import Session
from tidemill.clients.registry.registry import Registry, registry
from tidemill.clients.registry.trust import Trust
from tidemill.images import oci
from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor, Platform
from tidemill.images.publish import Publication, publish

# More than what sockets and libraries hold back on the way, so that half of it means half of it.
LARGE = 6 << 20


@dataclass
class Run:
    """A session, with the pauses that it would have made, in seconds, and what it told.

    Attributes:
        asked: its requests, as `GET https://…`.
        sent: the sizes of the pieces that it sent.
    """

    session: Session
    pauses: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)


class Counting(Http):
    """Notes what is asked, and what is sent."""

    asked: list[str]
    sent: list[int]

    @contextmanager
    def stream(
        self,
        call: Call,
        authorization: str | None = None,
        passing: Collection[int] = PASSING,
    ) -> Iterator[Response]:
        self.asked.append(f"{call.method} {call.url}")
        if (body := call.body) is not None:
            call = replace(call, body=Body(body.size, lambda: self._noted(body)))
        with super().stream(call, authorization, passing) as response:
            yield response

    def _noted(self, body: Body) -> Iterator[bytes]:
        for piece in body.pieces():
            self.sent.append(len(piece))
            yield piece


def run(
    environment: Mapping[str, str] | None = None,
    seconds: float = 30,
    registries: Mapping[str, Trust] | None = None,
) -> Run:
    """A session in an environment of its own, that never waits."""
    pauses: list[float] = []
    told: list[str] = []
    http = Counting(
        environment or {},
        seconds=seconds,
        pause=pauses.append,
        chance=lambda: 1.0,
        progress=told.append,
    )
    http.asked, http.sent = [], []
    session = Session(http, registries=registries or {})
    return Run(session, pauses, told, http.asked, http.sent)


def own_name(request: pytest.FixtureRequest) -> str:
    """A repository's name that no other test has, nor another row of the same one."""
    return hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]


def logged_in(folder: Path, host: str, user: str, password: str) -> dict[str, str]:
    """An environment with the file that `docker login` writes."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    return configured(folder, {"auths": {host: {"auth": auth}}})


def configured(folder: Path, settings: Mapping[str, object]) -> dict[str, str]:
    """An environment with Docker's file of settings."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings))
    return {"DOCKER_CONFIG": str(folder)}


def content(size: int, seed: int = 1) -> bytes:
    """Bytes that compress badly and are the same each time."""
    return random.Random(seed).randbytes(size)


def image(layout: Layout, layer: bytes = b"layer", platform: str = "linux/amd64") -> Descriptor:
    """An image of one layer."""
    written = layout.add(oci.LAYER, layer)
    config = layout.add(oci.CONFIG, oci.config(Platform.parse(platform), {}, [written.digest]))
    return layout.add(oci.MANIFEST, oci.manifest(config, [written]))


def real_image(layout: Layout, data: bytes) -> Descriptor:
    """An image that a container can be started from, as far as anybody can tell from outside."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("app")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    layer = layout.add(oci.LAYER, gzip.compress(archive.getvalue(), mtime=0))
    diff_id = oci.digest_of(archive.getvalue())
    config = layout.add(oci.CONFIG, oci.config(Platform.parse("linux/amd64"), {}, [diff_id]))
    return layout.add(oci.MANIFEST, oci.manifest(config, [layer]))


def index(layout: Layout, layer: bytes = b"layer") -> Descriptor:
    """An image for two platforms, which share their layer."""
    images = [image(layout, layer, platform) for platform in ("linux/amd64", "linux/arm64")]
    document = {"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": images}
    return layout.add(oci.INDEX, oci.encoded(document))


def layer_of(store: ImageStore, image: Descriptor) -> Descriptor:
    """The one layer of an image."""
    manifest = oci.decoded(store.read(image.digest), oci.Manifest, "a manifest")
    return manifest.layers[0]


def published(
    image: Descriptor,
    source: ImageStore,
    to: ImageStore,
    *tags: str,
    borrow: Mapping[str, str] | None = None,
) -> Publication:
    """Publish with as many workers as a small machine has."""
    with ThreadPoolExecutor(2) as workers:
        return publish(image, source, to, tags, workers=workers, borrow=borrow or {})


@contextmanager
def behind_trouble(
    host: str, path: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[Troubled, Registry, Run]]:
    """A repository that is reached through a proxy that makes trouble."""
    with troubled(host) as proxy:
        own = run(environment)
        yield proxy, registry(f"{proxy.host}/{path}", session=own.session), own
