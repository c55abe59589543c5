"""Build a Dockerfile with BuildKit, through buildx, and take nothing of it but what is in the image.

BuildKit compresses with what it was compiled with, and stamps what it likes; so it hands over plain
layers and a config, and the image is written anew in the canonical form. No time is rewritten there:
the canonical form has none.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tidemill.app.names import shown
from tidemill.errors import Refused, TimeLimit
from tidemill.images import build_context
from tidemill.images.base_image import SCRATCH
from tidemill.images.build import DockerfileBuild, Workshop
from tidemill.images.build_context import BuildContext
from tidemill.images.canonical_image import canonical_image
from tidemill.images.docker_archive import image_in, unpacked
from tidemill.images.dockerfile_stages import needed
from tidemill.images.engine_output import Output
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.named_layout import complete_layout
from tidemill.images.oci import Descriptor, Platform

LONGEST = 3600.0
# What Docker and buildx find their way by. What else is in the environment can't get into an image.
_PASSED = re.compile(
    r"PATH|HOME|USER|TMPDIR|XDG_(RUNTIME_DIR|CONFIG_HOME)|SSL_CERT_(FILE|DIR)|SSH_AUTH_SOCK|KUBECONFIG"
    r"|(DOCKER|BUILDX|BUILDKIT)_\w+|((https?|no|all|ftp)_proxy)",
    re.IGNORECASE,
)
# These would put something of the machine or the moment into the image or its description.
_NEVER = re.compile(r"DOCKER_METADATA_\w+|BUILDX_GIT_\w+|BUILDX_METADATA_\w+|BUILDKIT_(COLORS|PROGRESS)")
_FIXED = {
    "BUILDX_METADATA_PROVENANCE": "disabled",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "NO_COLOR": "1",
}
# What the caches that are not registries are reached with.
_OF_CACHES = {"gha": r"ACTIONS_\w+", "s3": r"AWS_\w+", "azblob": r"(BUILDKIT_)?AZURE_\w+"}


def build_with_buildkit(
    build: DockerfileBuild,
    platform: Platform,
    shop: Workshop,
    *,
    builder: str | None = None,
    seconds: float = LONGEST,
) -> Descriptor:
    """Write the image to the workshop's layout, without a tag; return what points to it.

    Args:
        builder: the name of a buildx builder; the current one if None.
        seconds: how long BuildKit may take.

    Raises:
        Refused: an image is not given by digest, there is no buildx, or its builder can't do it.
        EntryPointFailed: the build failed; it has the last lines of what BuildKit said.
        Unreachable: there is no engine that answers.
        TimeLimit: it took too long, and was ended.
    """
    base = needed(build, platform).base
    with TemporaryDirectory(prefix="buildkit-", dir=shop.scratch) as name:
        folder = Path(name)
        context = BuildContext.of(build.context, build.file)
        dockerfile, archive = build_context.tar(context, build.file, shop.say)
        made = folder / "made"
        options = [*_options(build, platform, builder), *_contexts(build, platform, shop, folder)]
        output = _fields("type=oci", "tar=false", f"dest={made}", "oci-mediatypes=true")
        command = [
            *_buildx(),
            *("build", "--progress=plain", f"--file={dockerfile}", *options),
            f"--output={output},compression=uncompressed",
            "-",
        ]
        _run(command, archive, _environment(build), Output(build.name, shop.say), seconds)
        if made.is_file():  # a buildx of before `tar=false`
            made = unpacked(_pieces(made), folder / "unpacked").root
        layout = Layout.open(made)
        below = SCRATCH if base is None else shop.bases(base, platform)
        return canonical_image(image_in(layout, platform), layout, platform, below, shop)


def _buildx() -> list[str]:
    """The command that is buildx here: Docker's plugin, or a program of its own."""
    docker = shutil.which("docker")
    if docker is not None:
        plugin = subprocess.run(
            [docker, "buildx", "version"],
            env=_selected(_PASSED.fullmatch),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
        if plugin.returncode == 0:
            return [docker, "buildx"]
    for name in ("buildx", "docker-buildx"):
        if (alone := shutil.which(name)) is not None:
            return [alone]
    raise Refused(
        "buildx is not here: neither `docker buildx` nor `buildx` can be run",
        remedy="install Docker's buildx, or use `--engine classic`",
    )


def _options(build: DockerfileBuild, platform: Platform, builder: str | None) -> Iterator[str]:
    yield from (f"--platform={platform}", "--provenance=false", "--sbom=false")
    if builder:
        yield f"--builder={builder}"
    if build.target:
        yield f"--target={build.target}"
    # Never the commit's time: every commit would then change every image.
    for name, value in {"SOURCE_DATE_EPOCH": "0", **build.build_args}.items():
        yield f"--build-arg={name}={value}"
    for name, value in sorted(build.labels.items()):
        yield f"--label={name}={value}"
    yield from (f"--secret={secret}" for secret in build.secrets)
    yield from (f"--cache-from={cache}" for cache in build.cache_from)
    yield from (f"--cache-to={cache}" for cache in build.cache_to)
    if build.no_cache:
        yield "--no-cache"


def _contexts(
    build: DockerfileBuild, platform: Platform, shop: Workshop, folder: Path
) -> Iterator[str]:
    for number, (name, location) in enumerate(build.contexts.items()):
        yield f"--build-context={name}={_image(location, platform, shop, folder / f'image-{number}')}"
    for number, (name, source) in enumerate(build.folders.items()):
        # BuildKit takes a file whose size and time are as before for the same, unread. So the copy
        # has the time at which it is made; only its modes are set.
        copy = folder / f"{folder.name}-{number}"
        build_context.lay_out(BuildContext.of(source), copy, shop.say)
        for path in copy.rglob("*"):
            os.utime(path, follow_symlinks=False)
        yield f"--build-context={name}={copy}"


def _image(location: Location, platform: Platform, shop: Workshop, folder: Path) -> str:
    if location.repository is not None:
        return f"docker-image://{location.repository}@{location.digest}"
    layout, image = complete_layout(location, platform, shop, folder)
    return f"oci-layout://{layout.root.resolve()}@{image.digest}"


def _environment(build: DockerfileBuild) -> dict[str, str]:
    """What buildx needs of the environment: to find its builder, caches and secrets."""
    wanted = [_PASSED.pattern]
    caches = ",".join((*build.cache_from, *build.cache_to))
    wanted += [names for kind, names in _OF_CACHES.items() if f"type={kind}" in caches]
    secrets = {name for secret in build.secrets for name in _variables(secret)}
    passed = re.compile("|".join(wanted), re.IGNORECASE)
    return (
        _selected(lambda name: passed.fullmatch(name) or name in secrets) | _FIXED
    )


def _variables(secret: str) -> Iterator[str]:
    """The variables that a secret may be read from (docs.docker.com, `--secret`)."""
    fields = dict(field.partition("=")[::2] for field in secret.split(","))
    yield from (fields[key] for key in ("id", "env", "src", "source") if key in fields)


def _fields(*fields: str) -> str:
    """Fields as buildx takes them apart: those with a comma in quotes (RFC 4180)."""
    doubled = (field.replace('"', '""') for field in fields)
    return ",".join(f'"{field}"' if set(field) & set(',"\n') else field for field in doubled)
