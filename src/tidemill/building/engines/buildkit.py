"""Build a Dockerfile with BuildKit, through buildx; all that is taken of it is what the image has.

BuildKit compresses with what it was compiled with, and stamps what it likes. So it hands over plain
layers and a config, and the image is written anew in the canonical form. It rewrites no times: the
canonical form has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from tidemill.building.engines import buildx as build_buildx
from tidemill.building.engines import docker_archive, sent_context
from tidemill.building.engines.output import Output
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.dockerfile.context import BuildContext
from tidemill.images.dockerfile.stages import needed
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform

LONGEST = 3600.0


def build_with_buildkit(
    build: DockerfileBuild,
    platform: Platform,
    workspace: Workspace,
    *,
    builder: str | None = None,
    seconds: float = LONGEST,
) -> Descriptor:
    """Write the image to the workspace's layout, without a tag; return what points to it.

    Args:
        builder: the name of a buildx builder; the current one if None.
        seconds: how long BuildKit may take.

    Raises:
        Refused: an image is not given by digest, there is no buildx, or its builder can't do it.
        EntryPointFailed: the build failed; it has the last lines of what BuildKit said.
        Unreachable: there is no engine that answers.
        TimeLimit: it took too long, and was ended.
    """
    needed(build, platform)  # for what is refused, before anything is built
    with TemporaryDirectory(prefix="buildkit-", dir=workspace.scratch) as name:
        folder = Path(name)
        check = partial(sent_context.check_copies, build, platform, workspace)
        env = build_buildx.environment(build)
        made = folder / "made"
        output = _fields("type=oci", "tar=false", f"dest={made}", "oci-mediatypes=true")
        words = [
            *build_buildx.command(env, seconds),
            *("build", "--progress=plain", f"--output={output},compression=uncompressed"),
            *_options(build, platform, builder),
            *_contexts(build, platform, workspace, folder, check),
            f"--file={_dockerfile(build, folder)}",
            str(_laid_out(BuildContext.of(build.context, build.file), folder, workspace, check)),
        ]
        build_buildx.run(words, env, Output(build.name, workspace.say), seconds)
        layout = docker_archive.opened(made, folder / "unpacked")
        return docker_archive.canonical(build, layout, platform, workspace)


def _options(build: DockerfileBuild, platform: Platform, builder: str | None) -> Iterator[str]:
    yield from (f"--platform={platform}", "--provenance=false", "--sbom=false")
    if builder:
        yield f"--builder={builder}"
    if build.target:
        yield f"--target={build.target}"
    for name, value in build.arguments.items():
        yield f"--build-arg={name}={value}"
    for name, value in sorted(build.labels.items()):
        yield f"--label={name}={value}"
    yield from (f"--secret={secret}" for secret in build.secrets)
    yield from (f"--cache-from={cache}" for cache in build.cache_from)
    yield from (f"--cache-to={cache}" for cache in build.cache_to)
    if build.no_cache:
        yield "--no-cache"


def _contexts(
    build: DockerfileBuild,
    platform: Platform,
    workspace: Workspace,
    folder: Path,
    check: Callable[[], None],
) -> Iterator[str]:
    for number, (name, location) in enumerate(build.contexts.items()):
        image = _image(location, platform, workspace, folder / f"image-{number}")
        yield f"--build-context={name}={image}"
    for name, source in build.folders.items():
        laid_out = _laid_out(BuildContext.of(source), folder, workspace, check)
        yield f"--build-context={name}={laid_out}"


def _laid_out(
    context: BuildContext, folder: Path, workspace: Workspace, check: Callable[[], None]
) -> Path:
    """A copy of a build context that tells nothing of the umask, the user and the time.

    BuildKit takes a file, unread, for the one that it had in a folder of that name, if its size and
    time are the same: so the folder's name is a new one. And it takes a file for the one that a
    layer below has, unread, if size and time are the same, except for times of whole seconds: so it
    matters that the one time of all files is such a one.
    """
    copy = Path(mkdtemp(prefix="context-", dir=folder))
    copy.rmdir()
    sent_context.lay_out(context, copy, workspace.say, check)
    return copy


def _dockerfile(build: DockerfileBuild, folder: Path) -> Path:
    """A copy of the Dockerfile; what was to be ignored is left out of the context already."""
    copy = Path(mkdtemp(prefix="dockerfile-", dir=folder)) / "Dockerfile"
    copy.write_bytes(build.file.read_bytes())
    copy.with_name("Dockerfile.dockerignore").write_text("# nothing more\n")
    return copy


def _image(location: Location, platform: Platform, workspace: Workspace, folder: Path) -> str:
    if location.repository is not None:
        return f"docker-image://{location.repository}@{location.digest}"
    layout, image = docker_archive.staged(workspace.bases(location, platform), platform, folder)
    return f"oci-layout://{layout.root.resolve()}@{image.digest}"


def _fields(*fields: str) -> str:
    """Fields as buildx takes them apart: those with a comma in quotes (RFC 4180)."""
    doubled = (field.replace('"', '""') for field in fields)
    return ",".join(f'"{field}"' if set(field) & set(',"\n') else field for field in doubled)
