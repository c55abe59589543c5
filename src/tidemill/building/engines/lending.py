"""Images that are given to a build of the classic builder, which knows no build contexts.

It is told of them by the build arguments that its FROMs name, and these say the images by digest.
So builds that share an engine, of this process or another, can't take each other's images.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tidemill.building.engines import docker_archive
from tidemill.errors import Refused
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.parse import Dockerfile
from tidemill.images.dockerfile.stages import Stages, needed
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.words.names import shown

if TYPE_CHECKING:
    from docker import APIClient

_REPOSITORY = "tidemill-lent"


def arguments(build: DockerfileBuild, platform: Platform) -> dict[str, str]:
    """The build arguments that name images of `build.contexts`, each with the name.

    Only those that nothing but a FROM can see: the image must not depend on what is put in place of
    the name.

    Raises:
        Refused: an image is named in another way.
    """
    if not build.contexts:
        return {}
    file = parse.read(build.file, build.called)
    found = _naming(build, file)
    given = {name: f"{_REPOSITORY}-{number}" for number, name in enumerate(build.contexts)}
    places = {given[name]: location for name, location in build.contexts.items()}
    try:
        there = needed(replace(_told(build, found, given), contexts=places), platform)
    except Refused:
        there = None
    stages = Stages(build, platform, file)
    if there != needed(build, platform) or any(map(stages.is_replaced, stages.reached())):
        names = ", ".join(shown(name) for name in build.contexts)
        raise Refused(
            f"{build.name} names an image that is given to it ({names}) where the classic engine "
            "can't be given one",
            remedy="name it by an ARG before the first FROM, that no stage declares again "
            "(`ARG BASE=name`, `FROM $BASE AS stage`, `COPY --from=stage`), or use "
            "`--engine buildkit`",
        )
    return found


@contextmanager
def lent(
    api: APIClient,
    build: DockerfileBuild,
    platform: Platform,
    workspace: Workspace,
    folder: Path,
) -> Iterator[DockerfileBuild]:
    """Have the images that a build names in the engine; gives the build that says them by digest.

    An image of a registry is one that the engine fetches itself. An image of a layout is loaded,
    and is said by its ID. A name of its own keeps it there for this build, and goes with the build:
    it is a new one each time, so whoever else uses the image has it by another name. The engine
    drops the image with the last name, unless something was built on it.

    Raises:
        Refused: an image is named in a way that can't be said to the engine, or it takes none.
    """
    naming = arguments(build, platform)
    with ExitStack() as names:
        given = {
            name: names.enter_context(
                _named(api, build.contexts[name], platform, workspace, folder / f"image-{number}")
            )
            for number, name in enumerate(sorted(set(naming.values())))
        }
        yield _told(build, naming, given)


def _naming(build: DockerfileBuild, file: Dockerfile) -> dict[str, str]:
    before = {name: value for arg in file.args for name, value in arg.pairs}
    return {
        name: value
        for name, default in before.items()
        if (value := build.build_args.get(name, default)) in build.contexts
        and value is not None
        and name not in file.declared
    }


def _told(
    build: DockerfileBuild, naming: Mapping[str, str], given: Mapping[str, str]
) -> DockerfileBuild:
    told = {argument: given[name] for argument, name in naming.items()}
    return replace(build, build_args={**build.build_args, **told}, contexts={})


@contextmanager
def _named(
    api: APIClient, location: Location, platform: Platform, workspace: Workspace, folder: Path
) -> Iterator[str]:
    """What to call an image while it is lent."""
    if location.repository is not None:
        yield f"{location.repository}@{location.digest}"
        return
    engine: Any = api  # types-docker does not have types for all of it
    layout, image = docker_archive.staged(workspace.bases(location, platform), platform, folder)
    name = f"{_REPOSITORY}:{secrets.token_hex(16)}"
    try:
        for line in engine.load_image(docker_archive.packed(layout, image, name)):
            if "error" in line:
                raise Refused(
                    f"the engine does not take the image {location}: {shown(line['error'])}",
                    remedy="use `--engine buildkit`",
                )
        yield str(engine.inspect_image(name)["Id"])
    finally:
        _untag(engine, name)


def _untag(engine: Any, name: str) -> None:
    from docker.errors import ImageNotFound

    with suppress(ImageNotFound):
        engine.remove_image(name, noprune=True)
