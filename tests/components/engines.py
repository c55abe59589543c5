"""Docker engines, each with its own containerd, folders and socket; no other daemon is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.components import debian
from tests.components.absence import Missing
from tests.components.bridge import new_bridge
from tests.components.commands import run
from tests.components.daemon import as_root, end_those_that_name, own_folder, start, surroundings
from tests.components.parts import DEBIAN_12, DOCKER_26
from tests.components.shapes import Engine

CONTAINERD = """\
version = 2
root = "{folder}/containerd"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]

[grpc]
address = "{folder}/containerd.sock"
"""
BROKEN = "See `make components`, and its log."


@contextmanager
def old_engine() -> Iterator[Engine]:
    """Debian 12's Docker: overlay2, the classic builder."""
    with _engine(DEBIAN_12.ready(), "none", {}) as engine:
        yield engine


@contextmanager
def docker26() -> Iterator[Engine]:
    """Debian 13's Docker with the containerd store, and its buildx."""
    containerd_store = {"features": {"containerd-snapshotter": True}}
    with new_bridge() as bridge, _engine(DOCKER_26.ready(), bridge, containerd_store) as engine:
        yield engine


@contextmanager
def _engine(unpacked: Path, bridge: str, settings: Mapping[str, object]) -> Iterator[Engine]:
    as_root()
    with own_folder("tm-docker") as folder:
        host = f"unix://{folder}/docker.sock"
        environment = _environment(folder, unpacked, host)
        (folder / "containerd.toml").write_text(CONTAINERD.format(folder=folder))
        key = {"deprecated-key-path": f"{folder}/key.json"}  # only the old one has it, else in /etc
        own = {} if settings else key
        (folder / "daemon.json").write_text(json.dumps({**settings, **own, "bridge": bridge}))
        with (
            _containerd(folder, unpacked, environment) as address,
            _dockerd(folder, unpacked, address, environment) as version,
        ):
            yield Engine(
                host=host,
                version=version,
                docker=folder / "bin" / "docker",
                buildx=_buildx(unpacked),
                config=folder / "config",
                environment=environment,
                log=folder / "dockerd.log",
            )


@contextmanager
def _containerd(folder: Path, unpacked: Path, environment: dict[str, str]) -> Iterator[Path]:
    """A containerd of its own: dockerd would use the machine's, if it has one."""
    address = folder / "containerd.sock"
    command = [unpacked / "usr" / "bin" / "containerd", "--config", folder / "containerd.toml"]
    log = folder / "containerd.log"
    server = environment | _server_paths(unpacked)
    daemon = start("containerd", command, log, address.is_socket, server)
    try:
        yield address
    finally:
        end_those_that_name(address)
        daemon.stop()


@contextmanager
def _dockerd(
    folder: Path, unpacked: Path, containerd: Path, environment: dict[str, str]
) -> Iterator[str]:
    command = [
        unpacked / "usr" / "sbin" / "dockerd",
        f"--config-file={folder}/daemon.json",
        f"--containerd={containerd}",
        f"--data-root={folder}/data",
        f"--exec-root={folder}/exec",
        f"--pidfile={folder}/pid",
        f"--host={environment['DOCKER_HOST']}",
        "--ip-forward=false",  # nothing of the machine's network is changed
        "--ip-masq=false",
        "--userland-proxy=false",
        "--iptables=false",
        "--ip6tables=false",
        "--insecure-registry=127.0.0.0/8",
    ]
    versions: list[str] = []

    def answers() -> bool:
        with suppress(Missing):
            ask = [folder / "bin" / "docker", "version", "--format", "{{.Server.Version}}"]
            versions.append(run(ask, remedy=BROKEN, environment=environment).strip())
        return bool(versions)

    server = environment | _server_paths(unpacked)
    daemon = start("dockerd", command, folder / "dockerd.log", answers, server)
    try:
        yield versions[-1]
    finally:
        daemon.stop()


def _server_paths(unpacked: Path) -> dict[str, str]:
    """What dockerd finds its helpers and libraries by; runc is Debian 12's for both."""
    ours = DEBIAN_12.ready()
    places = [unpacked / "usr" / "bin", unpacked / "usr" / "sbin", ours / "usr" / "sbin"]
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "PATH": ":".join([*map(str, places), system]),
        "LD_LIBRARY_PATH": str(debian.libraries(ours)),
    }


def _environment(folder: Path, unpacked: Path, host: str) -> dict[str, str]:
    programs, plugins = folder / "bin", folder / "config" / "cli-plugins"
    for place in (programs, plugins):
        place.mkdir(parents=True)
    (programs / "docker").symlink_to(unpacked / "usr" / "bin" / "docker")
    if buildx := _buildx(unpacked):
        (plugins / "docker-buildx").symlink_to(buildx)
    environment = surroundings(folder, DOCKER_CONFIG=folder / "config", DOCKER_HOST=host)
    return environment | {"PATH": f"{programs}:{environment['PATH']}"}


def _buildx(unpacked: Path) -> Path | None:
    path = unpacked / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-buildx"
    return path if path.is_file() else None
