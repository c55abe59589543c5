"""buildx as a process: which program it is here, what it may see, and how long it may take."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path

from tidemill.building.engines.output import Output
from tidemill.clients.machine import processes
from tidemill.errors import Refused, TimeLimit
from tidemill.images.build import DockerfileBuild

# What Docker and buildx find their way by. What else is in the environment can't get into an image.
_PASSED = (
    r"PATH|HOME|USER|TMPDIR|XDG_(RUNTIME_DIR|CONFIG_HOME)|SSL_CERT_(FILE|DIR)|SSH_AUTH_SOCK|KUBECONFIG",
    r"(DOCKER|BUILDX|BUILDKIT)_\w+|(https?|no|all|ftp)_proxy",
)
# These put something of the machine or the moment into an image or what is said of it.
_NEVER = r"DOCKER_METADATA_\w+|BUILDX_(GIT|METADATA|BAKE)_\w+|BUILDKIT_(COLORS|PROGRESS)"
_FIXED = {
    "BUILDX_METADATA_PROVENANCE": "disabled",
    "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    "NO_COLOR": "1",
}
# What caches that are not in a registry are reached with.
_OF_CACHES = {"gha": r"ACTIONS_\w+", "s3": r"AWS_\w+", "azblob": r"AZURE_\w+"}
_VERSION_SECONDS = 60


def environment(build: DockerfileBuild) -> dict[str, str]:
    """What buildx needs of the environment: to find its builder, its caches and the secrets."""
    caches = ",".join((*build.cache_from, *build.cache_to))
    patterns = [
        *_PASSED,
        *(names for kind, names in _OF_CACHES.items() if f"type={kind}" in caches),
    ]
    passed, never = re.compile("|".join(patterns), re.IGNORECASE), re.compile(_NEVER)
    secret = {name for text in build.secrets for name in _sources(text)}
    return {
        name: value
        for name, value in os.environ.items()
        if name in secret or (passed.fullmatch(name) and not never.fullmatch(name))
    } | _FIXED


def command(env: Mapping[str, str], seconds: float) -> tuple[str, ...]:
    """Docker with its plugin, or else buildx as a program of its own; looked for once.

    Raises:
        Refused: neither is here.
        TimeLimit: Docker did not say within these seconds, or a minute, if it has its plugin.
    """
    return _command(tuple(sorted(env.items())), min(seconds, _VERSION_SECONDS))


@cache
def _command(variables: tuple[tuple[str, str], ...], seconds: float) -> tuple[str, ...]:
    env = dict(variables)
    path = env.get("PATH")
    docker = shutil.which("docker", path=path)
    if docker is not None:
        asked = [docker, "buildx", "version"]
        name = "`docker buildx version`"
        if processes.run(asked, cwd=Path(), env=env, seconds=seconds, name=name).code == 0:
            return (docker, "buildx")
    for name in ("buildx", "docker-buildx"):
        if (alone := shutil.which(name, path=path)) is not None:
            return (alone,)
    raise Refused(
        "there is no buildx: neither `docker buildx` nor `buildx` can be run",
        remedy="install Docker's buildx, or use `--engine classic`",
    )


def run(words: Sequence[str], env: Mapping[str, str], output: Output, seconds: float) -> None:
    """Run a build to its end, and pass on what it says.

    Raises:
        TidemillError: it failed (see `Output.failed`).
        TimeLimit: it took longer than `seconds`; it was ended with all that it started.
    """
    process = subprocess.Popen(
        words,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        processes.end_group(process.pid)

    limit = threading.Timer(seconds, end)
    limit.start()
    try:
        with process.stdout or nullcontext(()) as said:
            output.take(line.decode(errors="replace") for line in said)
        process.wait()
    finally:
        limit.cancel()
        processes.end_group(process.pid)
        process.wait()
    if late.is_set():
        raise TimeLimit(
            f"{output.name}: BuildKit took longer than {seconds:g} seconds and was ended",
            remedy="build again: what is done is in its cache; or find out which step is slow",
        )
    if process.returncode:
        raise output.failed(f"buildx exited with {process.returncode}")


def _sources(secret: str) -> list[str]:
    """The variables that a secret may be read from (docs.docker.com, `--secret`)."""
    fields = dict(field.strip().partition("=")[::2] for field in secret.split(","))
    return [fields[key] for key in ("id", "env", "src", "source") if key in fields]
