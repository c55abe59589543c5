"""BuildKit without Docker: buildkitd in a folder of its own, and buildx connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.components import golang
from tests.components.absence import Missing
from tests.components.commands import run
from tests.components.daemon import as_root, own_folder, start, surroundings
from tests.components.parts import DEBIAN_12, TOOLS
from tests.components.shapes import BuildKit
from tests.components.store import Part

BROKEN = "See `make components`, and its log."


@contextmanager
def buildkit(part: Part) -> Iterator[BuildKit]:
    """The buildkitd of this part, with `RUN` through Debian's runc, on the host's network."""
    as_root()
    compiled, tools, debian = part.ready(), TOOLS.ready(), DEBIAN_12.ready()
    with own_folder("tm-buildkit") as folder:
        address, log = f"unix://{folder}/buildkitd.sock", folder / "log"
        environment = _environment(folder, tools, debian)
        (folder / "buildkitd.toml").write_text("")  # so that the machine's own is not read
        command = [
            compiled / "buildkitd",
            f"--config={folder}/buildkitd.toml",
            f"--root={folder}/root",
            f"--addr={address}",
            f"--otel-socket-path={folder}/otel.sock",
            "--cdi-disabled",
            "--containerd-worker=false",
            "--oci-worker=true",
            "--oci-worker-gc=false",
            "--oci-worker-net=host",
            f"--oci-worker-binary={debian}/usr/sbin/runc",
        ]
        buildx = folder / "bin" / "buildx"
        create = [buildx, "create", "--name", part.name, "--driver", "remote", "--use", address]
        run(create, remedy=BROKEN, environment=environment)

        def answers() -> bool:
            with suppress(Missing):
                inspect = [buildx, "inspect", part.name]
                return "running" in run(inspect, remedy=BROKEN, environment=environment)
            return False

        daemon = start("buildkitd", command, log, answers, environment)
        try:
            yield BuildKit(
                address=address,
                version=golang.version(golang.BUILDKIT),
                go=part.versions()["go"],
                builder=part.name,
                buildx=buildx,
                docker=folder / "bin" / "docker",
                config=folder / "config",
                environment=environment,
                log=log,
            )
        finally:
            daemon.stop()


def _environment(folder: Path, tools: Path, debian: Path) -> dict[str, str]:
    programs, config = folder / "bin", folder / "config"
    plugins = config / "cli-plugins"
    for place in (programs, plugins):
        place.mkdir(parents=True)
    (programs / "buildx").symlink_to(tools / "buildx")
    (programs / "docker").symlink_to(debian / "usr" / "bin" / "docker")
    (plugins / "docker-buildx").symlink_to(tools / "buildx")
    environment = surroundings(folder, DOCKER_CONFIG=config, BUILDX_CONFIG=config / "buildx")
    return environment | {"PATH": f"{programs}:{environment['PATH']}"}
