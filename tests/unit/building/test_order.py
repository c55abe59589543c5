"""What is to be built: settings and options, as an order that an engine can carry out."""

from pathlib import Path

import pytest

from tidemill.building.order import (
    OF_A_COMMIT,
    BuildOptions,
    Order,
    build_contexts,
    kept_labels,
    order_of_dockerfile,
    order_of_services,
)
from tidemill.building.settings import parse
from tidemill.errors import Refused
from tidemill.images.build import DockerfileBuild
from tidemill.images.location import Location
from tidemill.images.recipe import Recipe

DIGEST = "sha256:" + "a" * 64
ROOT = Path("checkout")
TEXT = f"""
images = "acme/{{service}}"
engine = "buildkit"
[base]
file = "docker/Dockerfile.base"
context = "bin"
[[services]]
name = "plain"
files = [{{ from = "plain", to = "/plain" }}]
labels = {{ team = "shop" }}
[[services]]
name = "docker"
file = "docker/Dockerfile"
context = "docker"
target = "run"
build_args = {{ A = "1" }}
build_contexts = {{ lib = "lib", os = "docker-image://acme/os@{DIGEST}", own = "oci:own@{DIGEST}" }}
labels = {{ team = "shop" }}
"""


def order(options: BuildOptions | None = None, *names: str, text: str = TEXT) -> Order:
    settings = parse(text)
    return order_of_services(settings, ROOT, settings.picked(names), options or BuildOptions())


def test_paths_are_those_of_the_checkout() -> None:
    source = order().items[1].source
    assert isinstance(source, DockerfileBuild)
    assert (source.context, source.file) == (ROOT / "docker", ROOT / "docker/Dockerfile")
    assert source.folders == {"lib": ROOT / "lib"}
    assert source.contexts == {
        "os": Location(repository="acme/os", digest=DIGEST),
        "own": Location(folder=str(ROOT / "own"), digest=DIGEST),
    }


def test_the_base_is_built_where_a_dockerfile_is_and_only_there() -> None:
    whole = order()
    assert [item.needs_base for item in whole.items] == [False, True]
    assert whole.base is not None
    assert (whole.base.file, whole.base_arg) == (ROOT / "docker/Dockerfile.base", "BASE_IMAGE")
    assert order(None, "plain").base is None


def test_wishes_come_before_the_settings() -> None:
    options = BuildOptions(
        engine="classic",
        platforms=("linux/arm64", "linux/amd64", "linux/arm64/v8"),
        labels={"team": "ops", "more": "yes", "org.opencontainers.image.revision": "x"},
        no_cache=True,
        builder="mine",
    )
    found = order(options)
    assert (found.engine, found.builder) == ("classic", "mine")
    for item in found.items:
        assert list(map(str, item.platforms)) == ["linux/amd64", "linux/arm64"]
        assert item.source.labels == {"team": "ops", "more": "yes"}
    source = found.items[1].source
    assert isinstance(source, DockerfileBuild)
    assert source.no_cache
    assert found.base is not None
    assert found.base.no_cache


@pytest.mark.parametrize(
    "platform", ["", "linux", "linux/", "Linux/amd64", "linux/amd64/v1/x", "x y/z"]
)
def test_what_is_no_platform_is_refused(platform: str) -> None:
    with pytest.raises(Refused, match="is not a platform"):
        order(BuildOptions(platforms=(platform,)))


@pytest.mark.parametrize("label", OF_A_COMMIT)
def test_labels_that_tell_of_a_commit_are_left_out(label: str) -> None:
    assert kept_labels({label: "x", "org.opencontainers.image.source": "y"}) == {
        "org.opencontainers.image.source": "y"
    }


def test_a_dockerfile_without_settings_is_one_item() -> None:
    build = DockerfileBuild("web", Path("ctx"), Path("ctx/Dockerfile"))
    found = order_of_dockerfile(build, BuildOptions(labels={"a": "b"}, no_cache=True))
    (item,) = found.items
    assert (found.engine, found.root, found.base) == ("assemble", Path("ctx"), None)
    assert list(map(str, item.platforms)) == ["linux/amd64"]
    assert isinstance(item.source, DockerfileBuild)
    assert (item.source.labels, item.source.no_cache) == ({"a": "b"}, True)


def test_a_file_service_keeps_what_it_is_made_of() -> None:
    source = order().items[0].source
    assert isinstance(source, Recipe)
    assert [copy.path for copy in source.files] == ["plain"]


@pytest.mark.parametrize("text", ["docker-image://alpine:3", "oci:own", "oci-layout://own:tag"])
def test_a_build_context_that_is_an_image_names_a_digest(text: str) -> None:
    with pytest.raises(Refused, match="is not given by digest") as refused:
        build_contexts({"x": text}, ROOT)
    assert ("tidemill pin" in refused.value.remedy) == text.startswith("docker-image")
