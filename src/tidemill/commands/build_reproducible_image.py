"""Build the services of a checkout of app.git into images: same content, same digest."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tidemill.app import settings as app_settings
from tidemill.app.announcement import Announcement, Image, checked
from tidemill.app.names import checked_branch, checked_sha
from tidemill.app.settings import Service, Settings
from tidemill.clients.compile_step import compile_services
from tidemill.errors import Refused
from tidemill.images import compression
from tidemill.images.branch_tags import tag_of_branch
from tidemill.images.build_assemble import assemble
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor


@dataclass(frozen=True)
class BuiltImage:
    """One service's image: references by digest and by tag, and the layout it is in.

    `changed` compares the digest with the one that the branch's tag had before.
    """

    service: str
    digest: str
    tag: str
    layout: Path
    changed: bool


@dataclass(frozen=True)
class Origin:
    """What images were built from: app.git's `owner/name`, a commit on a branch, its position."""

    repository: str
    branch: str
    sha: str
    position: int
    run_url: str | None = None


def build_images(
    checkout: Path,
    to: Path,
    *,
    sha: str,
    branch: str,
    services: Sequence[str] = (),
    progress: Callable[[str], None],
) -> dict[str, BuiltImage]:
    """Compile once, assemble every service, then set the tags: the full SHA, and the branch.

    Args:
        checkout: app.git at `sha`, with its `tidemill.toml`.
        to: the folder with one OCI layout per service, which are made where they are not there.
        services: names of those to build; none for all.
        progress: is given one line about each thing done.

    Returns:
        The images by the names of their services, in the order of the settings.

    Raises:
        TidemillError: what can't be used, and the remedy; no tag was set.
    """
    checked_sha(sha, "commit of app.git")
    checked_branch(branch)
    settings = read_settings(checkout)
    picked = settings.picked(tuple(services))
    compression.prove()
    if settings.compile:
        progress(f"compiling: {settings.compile.command}")
        compile_services(checkout, settings.compile)
    with ThreadPoolExecutor(os.cpu_count()) as workers:
        images = {service.name: _assembled(checkout, service, to, workers) for service in picked}
    built = {}
    for name, (layout, image) in images.items():
        before = layout.tags().get(tag_of_branch(branch))
        layout.tag((sha, tag_of_branch(branch)), image)
        repository = settings.repository(name)
        built[name] = BuiltImage(
            service=name,
            digest=f"{repository}@{image.digest}",
            tag=f"{repository}:{sha}",
            layout=layout.root,
            changed=before is None or before.digest != image.digest,
        )
        progress(summary(built[name]))
    return built


def announcement(
    settings: Settings, built: Mapping[str, BuiltImage], origin: Origin, set_name: str = "app"
) -> dict[str, Any]:
    """The announcement of one image set, as the JSON object that cfg-app.git accepts.

    Raises:
        Refused: an image of the set was not built, or there is no such set.
    """
    names = settings.in_set(set_name)
    if not names:
        known = sorted({service.set for service in settings.services})
        raise Refused(
            f"no service is in an image set {set_name!r}", remedy=f"name one of: {', '.join(known)}"
        )
    if missing := [name for name in names if name not in built]:
        raise Refused(
            f"the image set {set_name} lacks {', '.join(missing)}",
            remedy="build every service of the set: it is announced as one unit",
        )
    images = {name: Image(Digest=built[name].digest, Tag=built[name].tag) for name in sorted(names)}
    whole = Announcement(
        set=set_name,
        repository=origin.repository,
        branch=origin.branch,
        sha=origin.sha,
        position=origin.position,
        run_url=origin.run_url,
        images=images,
    )
    plain: dict[str, Any] = msgspec.to_builtins(checked(whole))
    return {key: value for key, value in plain.items() if value is not None}


def read_settings(checkout: Path) -> Settings:
    """The settings of a checkout of app.git; raise `Refused` or `SettingsInvalid`."""
    file = checkout / app_settings.FILE
    try:
        return app_settings.parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Refused(
            f"there is no {app_settings.FILE} in {checkout}",
            remedy="name a checkout of app.git, or write its tidemill.toml",
        ) from None
    except UnicodeDecodeError:
        raise Refused(f"{file} is not UTF-8 text", remedy="save it as UTF-8") from None


def summary(image: BuiltImage) -> str:
    """One line about an image."""
    digest = image.digest.partition("@sha256:")[2]
    return f"{image.service}: sha256:{digest[:12]} {'changed' if image.changed else 'unchanged'}"


def _assembled(
    checkout: Path, service: Service, to: Path, workers: Executor
) -> tuple[Layout, Descriptor]:
    layout = Layout.create(to / service.name)
    return layout, assemble(checkout, service, layout, workers)
