"""Build a Dockerfile with the builder of old Docker Engines, through their HTTP interface.

The engine builds, and hands its image over as `docker save` would; its digest counts for nothing.
What that builder does not know (secrets, other folders, caches to write) is refused.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, cast

from msgspec.structs import replace

from tidemill.building.engines import docker_archive, sent_context
from tidemill.building.engines.lending import lent
from tidemill.building.engines.output import Output
from tidemill.errors import Refused, TimeLimit
from tidemill.images.build import DockerfileBuild, Workspace
from tidemill.images.dockerfile import parse
from tidemill.images.dockerfile.context import BuildContext
from tidemill.images.dockerfile.instructions import Arg
from tidemill.images.dockerfile.stages import needed, predefined
from tidemill.images.oci import Descriptor, Platform
from tidemill.words.names import shown

if TYPE_CHECKING:
    from docker import APIClient

LONGEST = 3600.0
_ANSWER_SECONDS = 600  # old engines copy an image before they hand over its first byte


def build_with_classic(
    build: DockerfileBuild, platform: Platform, workspace: Workspace, *, seconds: float = LONGEST
) -> Descriptor:
    """Write the image to the workspace's layout, without a tag; return what points to it.

    The engine is the one that `docker` would use: DOCKER_HOST, or the current Docker context.

    Args:
        seconds: how long the build may take.

    Raises:
        Refused: an image is not given by digest, or the build needs what only BuildKit can do.
        EntryPointFailed: the build failed; it has the last lines of what the engine said.
        Unreachable: there is no engine that answers.
        TimeLimit: it took too long.
    """
    _expect_no_more_than_it_can(build)
    needed(build, platform)  # for what is refused, before anything is built
    output = Output(build.name, workspace.say)
    with TemporaryDirectory(prefix="classic-", dir=workspace.scratch) as name:
        folder = Path(name)
        with _engine(output) as api:
            _expect_its_platform(api, platform)
            with lent(api, build, platform, workspace, folder) as lent_to:
                arguments = {**_asked_for(lent_to, platform), **lent_to.build_args}
                told = replace(lent_to, build_args=arguments)
                context = BuildContext.of(told.context, told.file)
                check = partial(sent_context.check_copies, told, platform, workspace)
                sent = sent_context.tar(context, told.file, workspace.say, check)
                image_id = _built(api, told, sent, output, seconds)
            layout = docker_archive.unpacked(iter(api.get_image(image_id)), folder / "saved")
        as_written = partial(sent_context.as_written, instead=sent.instead)
        return docker_archive.canonical(build, layout, platform, workspace, as_written)


def _expect_no_more_than_it_can(build: DockerfileBuild) -> None:
    for wanted, given in (
        ("secrets", build.secrets),
        ("folders as build contexts", build.folders),
        ("a cache to write to", build.cache_to),
    ):
        if given:
            raise Refused(
                f"{build.name} is built with {wanted}, which the classic engine does not know",
                remedy="use `--engine buildkit`",
            )


def _expect_its_platform(api: APIClient, platform: Platform) -> None:
    """It builds for others only in part, and then loses its own steps."""
    version = api.version()
    own = (version["Os"], version["Arch"])
    if own != (platform.os, platform.architecture):
        raise Refused(
            f"the classic engine here builds for {shown('/'.join(own))}, not for {platform}",
            remedy="use `--engine buildkit`, or `assemble` for what only copies",
        )


@contextmanager
def _engine(output: Output) -> Iterator[APIClient]:
    """The engine's client; what goes wrong with it becomes an error of ours."""
    import docker
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        client = docker.from_env(timeout=_ANSWER_SECONDS)
        try:
            yield client.api
        finally:
            client.close()
    except APIError as error:
        raise output.failed(error.explanation or str(error)) from None
    except (DockerException, RequestException, HTTPError, ConnectionError) as error:
        raise output.unreachable(str(error)) from None


def _built(
    api: APIClient,
    build: DockerfileBuild,
    sent: sent_context.Sent,
    output: Output,
    seconds: float,
) -> str:
    from requests.exceptions import Timeout
    from urllib3.exceptions import TimeoutError as SilentTooLong

    end = time.monotonic() + seconds
    image_id = ""
    try:
        for line in api.build(
            fileobj=cast("IO[bytes]", sent.archive),  # anything that requests takes as a body
            custom_context=True,
            dockerfile=sent.dockerfile,
            target=build.target or "",
            buildargs=dict(build.build_args),
            labels=dict(build.labels),
            cache_from=[_cache(text) for text in build.cache_from],
            nocache=build.no_cache,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=max(1, int(seconds)),
        ):
            output.take([line.get("stream") or line.get("status") or ""])
            if "error" in line:
                raise output.failed(str(line["error"]))
            image_id = (line.get("aux") or {}).get("ID", image_id)
            if time.monotonic() > end:
                raise _too_slow(build.name, seconds)
    except (Timeout, SilentTooLong, TimeoutError):
        raise _too_slow(build.name, seconds) from None
    if not image_id:
        raise output.failed("the engine did not say which image it built")
    return image_id


def _too_slow(name: str, seconds: float) -> TimeLimit:
    return TimeLimit(
        f"{name}: the engine took longer than {seconds:g} seconds and was stopped",
        remedy="build again: what is done is in its cache; or find out which step is slow",
    )


def _asked_for(build: DockerfileBuild, platform: Platform) -> dict[str, str]:
    """The build arguments that BuildKit has always, such as TARGETARCH, as far as an ARG asks for
    them: this engine warns of others. There a default counts for more than they do."""
    file = parse.read(build.file, build.called)
    arguments = [*file.args, *(one for stage in file.stages for one in stage.instructions)]
    pairs = [pair for one in arguments if isinstance(one, Arg) for pair in one.pairs]
    known = predefined(file, build, platform)
    with_default = {name for name, default in pairs if default is not None}
    found = {name: known[name] for name, _ in pairs if name in known and name not in with_default}
    epoch = "SOURCE_DATE_EPOCH"
    return found | ({epoch: build.arguments[epoch]} if epoch in dict(pairs) else {})


def _cache(text: str) -> str:
    """The name of an image whose layers may be used again, as `--cache-from` gives it."""
    fields = dict(field.partition("=")[::2] for field in text.split(","))
    if "type" not in fields:
        return text
    if fields["type"] != "registry" or "ref" not in fields:
        raise Refused(
            f"the classic engine can't read the cache {shown(text)}",
            remedy="name an image to take layers from, or use `--engine buildkit`",
        )
    return fields["ref"]
