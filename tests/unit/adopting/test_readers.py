"""Each reader finds what its tool means, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.adopting.trees import resource, tree

from tidemill.adopting import dockerfiles, images_seen, programs, sources
from tidemill.adopting.tree import Tree

APPLICATION = resource("Application", "argoproj.io/v1alpha1", spec="{source: {path: live/a}}")
GO = "package main\n\nfunc main() {}\n"

FOUND: dict[str, tuple[Callable[[Tree], Any], dict[str, str], Any]] = {
    "kustomize: overlays, no component, not the root": (
        sources.overlays,
        {
            "base/kustomization.yaml": "resources: [a.yaml]\n",
            "live/dev/kustomization.yml": "resources: [../../base]\n",
            "parts/kustomization.yaml": "kind: Component\n",
            "kustomization.yaml": "resources: [base]\n",
        },
        ["base", "live/dev"],
    ),
    "helm: values, without templates": (
        sources.value_files,
        {
            "c/Chart.yaml": "name: c\n",
            "c/values-dev.yaml": "a: 1\n",
            "c/templates/x.yaml": "a: {{ .Values.a }}\n",
            "live/x.yaml": resource("Pod"),
        },
        ["c/values-dev.yaml"],
    ),
    "helm: none without a chart": (sources.value_files, {"values-dev.yaml": "a: 1\n"}, []),
    "plain: files of manifests, without what Flux is told": (
        sources.manifests,
        {
            "live/a.yaml": f"---\n{resource('Pod')}---\n{resource('Service')}",
            "apps/a.yaml": APPLICATION,
            "apps/b.yaml": resource("GitRepository", "source.toolkit.fluxcd.io/v1"),
            "notes/a.yaml": "a: 1\n",
            "node_modules/x/a.yaml": resource("Pod"),
            ".github/workflows/ci.yml": "name: ci\n",
            "broken.yaml": "a: [\n",
        },
        ["live/a.yaml"],
    ),
    "jsonnet": (
        sources.jsonnet_files,
        {"a.jsonnet": "", "lib/b.libsonnet": "", "vendor/c.jsonnet": ""},
        ["a.jsonnet", "lib/b.libsonnet"],
    ),
    "dockerfiles": (
        lambda one: [(x.file, x.name, x.context, x.runs) for x in dockerfiles.dockerfiles(one)],
        {
            "Dockerfile": "FROM a\nRUN make\n",
            "Dockerfile.worker": "FROM a\n",
            "Dockerfile.dev": "FROM a\n",
            "api/Dockerfile": "FROM a\nCOPY --from=build /x /x\nCOPY go.mod main.go /src/\n",
            "api/go.mod": "",
            "api/main.go": "",
            "web/Dockerfile": "FROM a\nCOPY web/x .\n",
            "web/x": "",
            "web/Dockerfile.dockerignore": "*\n",
            ".devcontainer/Dockerfile": "FROM a\n",
            "build/package/Dockerfile": "FROM a\n",
            "apps/pay/docker/Dockerfile": "FROM a\nCOPY pay.js .\n",
            "apps/pay/pay.js": "",
        },
        [
            ("Dockerfile", "", None, True),
            ("Dockerfile.worker", "worker", None, False),
            ("api/Dockerfile", "api", "api", False),
            ("apps/pay/docker/Dockerfile", "pay", "apps/pay", False),
            ("build/package/Dockerfile", "", "build/package", False),
            ("web/Dockerfile", "web", None, False),
        ],
    ),
    "go: main packages": (
        programs.go_commands,
        {
            "go.mod": "module example.com/a\n",
            "cmd/x/main.go": GO,
            "cmd/x/more.go": GO,
            "cmd/y/main_test.go": GO,
            "gen.go": f"//go:build ignore\n\n{GO}",
            "vendor/z/main.go": GO,
        },
        ["cmd/x"],
    ),
    "go: none without a module": (programs.go_commands, {"main.go": GO}, []),
    "python": (
        programs.python_projects,
        {"pyproject.toml": '[project]\nname = "a"\n', "b/pyproject.toml": "[tool.x]\n",
         "c/pyproject.toml": "["},
        {".": "a"},
    ),
    "node": (
        programs.node_packages,
        {"package.json": '{"private": true}', "a/package.json": '{"name": "@x/a", "bin": "a.js"}',
         "b/package.json": "["},
        {"a": "a"},
    ),
    "images: one of ours, however it is named": (
        lambda one: sorted(images_seen.repositories(one)),
        {
            "a.yaml": "image: ghcr.io/acme/a:1\n",
            "b.yaml": "image: {registry: ghcr.io, repository: acme/b}\n",
            "c.yaml": "images: [{name: c, newName: ghcr.io/acme/c}]\n",
            "d.yaml": "image: redis:7\n",
            "e.yaml": "image: {{ .Values.image }}\n",
        },
        ["ghcr.io/acme/a", "ghcr.io/acme/b", "ghcr.io/acme/c"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("read", "files", "found"), FOUND.values(), ids=FOUND)
def test_reader_finds(read: Callable[[Tree], Any], files: dict[str, str], found: Any) -> None:
    assert read(tree(files)) == found


@pytest.mark.parametrize(
    "copied",
    [
        "COPY main.go .",
        "COPY --link --from=b /x /y\nCOPY main.go .",
        "COPY --chown=1:1 --from=b /x /y\nADD --chmod=644 main.go .",
        'COPY ["main.go", "a b", "/x/"]',
        "COPY \\\n  main.go \\\n  # more\n  go.mod \\\n  /x/",
        "COPY <<EOF /x\nCOPY none /y\nEOF\nCOPY main.go /x",
        'COPY ./main.go ./lib/ "go.mod" /x/',
        "COPY $NAME *.go lib/[a-z] https://a.example/b main.go /x/",
        "BOGUS\nCOPY main.go /x",
    ],
)
def test_a_context_is_the_folder_that_has_what_is_copied(copied: str) -> None:
    names = ("main.go", "go.mod", "a b", "lib/x")
    files = {f"services/web/{name}": "" for name in names}
    files["services/web/Dockerfile"] = f"FROM a AS b\nFROM a\n{copied}\n"
    [found] = dockerfiles.dockerfiles(tree(files))
    assert found.context == "services/web"


@pytest.mark.parametrize(
    ("files", "owner", "prefix"),
    [
        ({"a.yaml": "image: ghcr.io/acme/a:1\n"}, "", "ghcr.io/acme"),
        ({"a.yaml": "image: ghcr.io/acme/a:1\n", "b.yaml": "image: quay.io/other/b:1\n",
          "c.yaml": "image: quay.io/other/c:1\n"}, "Acme", "ghcr.io/acme"),
        ({"a.yaml": "image: registry.k8s.io/x/y:1\n"}, "acme", "ghcr.io/acme"),
        ({"a.yaml": "image: 1.dkr.ecr.amazonaws.com/a:1\n"}, "acme", "1.dkr.ecr.amazonaws.com"),
    ],
    ids=["the only one", "the owner's", "of the owner, where others' alone are named",
         "a registry without folders"],
)  # fmt: skip
def test_prefix_of_images(files: dict[str, str], owner: str, prefix: str) -> None:
    found = images_seen.prefix(tree(files), owner)
    assert found
    assert found[0] == prefix


def test_prefix_is_not_guessed() -> None:
    assert images_seen.prefix(tree({"a.yaml": "image: redis:7\n"}), "") is None
