"""Builds that are pushed to a real registry: what is there is not sent, and others can read it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import re
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clients.registry_places import own_name
from tests.clients.registry_trouble import Say, Seen, Troubled, troubled
from tests.commands.checkouts import Checkout, Said, in_a_process, new_checkout, service, tidemill
from tests.components.shapes import Registry
from tests.world import git

from tidemill.images import compression
from tidemill.images.layout import Layout


@pytest.fixture
def app(tmp_path: Path) -> Checkout:
    return new_checkout(tmp_path / "app", "web", "api")


@pytest.fixture
def to(registry: Registry, request: pytest.FixtureRequest) -> str:
    """A place of this test's own."""
    return registry.name(f"build/{own_name(request)}")


def said(*command: str | Path) -> bytes:
    """What another client prints; it has to succeed."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout


def manifest(crane: Path, image: str) -> Any:
    return json.loads(said(crane, "manifest", image))


def pushes(registry: Registry, path: str) -> list[str]:
    """The requests that wrote something below a path, as the registry's own log has them."""
    place = re.escape(path.removeprefix(f"{registry.host}/"))
    found = rf'"((?:POST|PUT|PATCH|DELETE) /v2/{place}/[^ ?"]*)'
    return re.findall(found, registry.log.read_text())


def asked(registry: Registry, path: str) -> list[str]:
    """All requests about a repository: the method, and what of it; uploads count as blobs."""
    place = re.escape(path.removeprefix(f"{registry.host}/"))
    found = rf'"([A-Z]+) /v2/{place}/(blobs|manifests/[^: ?"]*)'
    return [" ".join(one) for one in re.findall(found, registry.log.read_text())]


def test_the_first_build_is_pushed_with_its_tags(
    app: Checkout, to: str, crane: Path, skopeo: Path, tmp_path: Path
) -> None:
    built = app.built("--to", to)
    for name, image in built.items():
        assert image["image"] == f"{to}/{name}@{image['digest']}"
        assert image["tags"] == [f"{to}/{name}:{app.sha}", f"{to}/{name}:main"]
        assert (image["changed"], image["published"], image["verified"]) == (True, True, None)
        assert image["sent"] > 0
        for tag in image["tags"]:
            assert said(crane, "digest", tag).decode().strip() == image["digest"]
        assert manifest(crane, image["image"])["config"]["digest"] == image["imageid"]
        assert b"PASS" in said(crane, "validate", "--remote", image["tag"])
        said(skopeo, "copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false",
             f"docker://{image['tag']}", f"oci:{tmp_path / name}:main")  # fmt: skip
        assert Layout.open(tmp_path / name).tags()["main"].digest == image["digest"]


def test_nothing_changed_sends_no_blob_and_sets_the_tag_of_the_commit(
    app: Checkout, to: str, registry: Registry
) -> None:
    first = app.built("--to", to)
    app.write("README.md", "hello")
    sha = app.commit()
    before = len(pushes(registry, f"{to}/web"))
    fresh = in_a_process("build-reproducible-image", "--json", "--checkout", app.folder, "--to", to)
    assert (fresh.code, fresh.json["changed"]) == (0, False)
    for image in fresh.json["images"]:
        name = image["service"]
        assert image["digest"] == first[name]["digest"]
        assert image["tag"] == f"{to}/{name}:{sha}"
        assert (image["changed"], image["published"], image["sent"]) == (False, True, 0)
    path = f"{to}/web".removeprefix(f"{registry.host}/")
    assert pushes(registry, f"{to}/web")[before:] == [f"PUT /v2/{path}/manifests/{sha}"]


def test_no_request_asks_what_is_known(app: Checkout, to: str, registry: Registry) -> None:
    """Each is needed: without it a blob, a manifest or a tag might not be there."""
    app.built("--to", to, "--service", "web")
    first = asked(registry, f"{to}/web")
    assert Counter(first) == Counter(
        ("GET manifests/main", "HEAD blobs", *["POST blobs", "PUT blobs"] * 2,
         "PUT manifests/sha256", f"PUT manifests/{app.sha}", "PUT manifests/main")
    )  # fmt: skip
    app.write("README.md", "hello")
    sha = app.commit()
    app.built("--to", to, "--service", "web")
    assert asked(registry, f"{to}/web")[len(first):] == [
        "GET manifests/main", "GET blobs", "HEAD blobs",
        f"HEAD manifests/{sha}", f"PUT manifests/{sha}",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["layer", "config"])
def test_what_a_registry_has_lost_is_sent_again(
    kind: str, app: Checkout, to: str, registry: Registry, crane: Path
) -> None:
    first = app.built("--to", to, "--service", "web")["web"]
    found = manifest(crane, first["image"])
    lost = found["config"] if kind == "config" else found["layers"][0]
    path = f"{to}/web".removeprefix(f"{registry.host}/")
    with contextlib.closing(http.client.HTTPConnection(registry.host)) as connection:
        connection.request("DELETE", f"/v2/{path}/blobs/{lost['digest']}")
        assert connection.getresponse().status == 202
    app.write("README.md", "hello")
    app.commit()
    again = app.built("--to", to, "--service", "web")["web"]
    assert (again["digest"], again["changed"]) == (first["digest"], False)
    assert again["sent"] >= lost["size"]
    assert b"PASS" in said(crane, "validate", "--remote", again["tag"])


@pytest.mark.parametrize("is_new", [True, False], ids=["one image is new", "none is new"])
def test_a_branch_s_tag_that_was_moved_meanwhile_is_put_back_where_an_image_is_new(
    is_new: bool, app: Checkout, to: str, crane: Path
) -> None:
    """Where none is, it is as if the run had ended before the tag was moved."""
    elsewhere = app.built("--to", to)["api"]["digest"]
    app.write("api", "another program")
    app.commit()
    here = app.built("--to", to)["api"]["digest"]
    moving = f"[compile]\ncommand = '{crane} tag {to}/api@{elsewhere} main'\n"
    app.settings(moving + service("web") + service("api"))
    if is_new:
        app.write("web", "another program")
    app.commit()
    built = app.built("--to", to)
    assert (built["web"]["changed"], built["api"]["digest"]) == (is_new, here)
    main = said(crane, "digest", f"{to}/api:main").decode().strip()
    assert main == (here if is_new else elsewhere)
    assert said(crane, "digest", f"{to}/api:{app.sha}").decode().strip() == here


def test_twice_is_once(app: Checkout, to: str, registry: Registry) -> None:
    first = app.built("--to", to)
    before = pushes(registry, f"{to}/web")
    again = app.built("--to", to)
    assert pushes(registry, f"{to}/web") == before
    for name, image in again.items():
        assert (image["digest"], image["changed"]) == (first[name]["digest"], False)


def test_of_two_services_only_the_changed_one_is_sent(
    app: Checkout, to: str, registry: Registry, crane: Path
) -> None:
    first = app.built("--to", to)
    app.write("web", "another program")
    sha = app.commit()
    before = [pushes(registry, f"{to}/{name}") for name in ("web", "api")]
    built = app.built("--to", to)
    assert {name: image["changed"] for name, image in built.items()} == {"web": True, "api": False}
    assert built["api"]["digest"] == first["api"]["digest"]
    web, api = (pushes(registry, f"{to}/{name}")[len(old):]
                for name, old in zip(("web", "api"), before, strict=True))  # fmt: skip
    assert len([one for one in web if one.startswith("POST")]) == 2, "the layer and the config"
    assert [one.rpartition("/")[2] for one in api] == [sha]
    assert said(crane, "digest", f"{to}/web:main").decode().strip() == built["web"]["digest"]


def test_a_layer_that_the_registry_has_is_not_compressed_again(
    app: Checkout, to: str, registry: Registry
) -> None:
    """On a machine that has nothing, the tag of the branch is all there is to know it by."""
    content = bytes(range(256)) * 4096
    app.write("web", content)
    first = app.built("--to", to)["web"]
    app.settings(service("web", 'labels = { team = "shop" }') + service("api"))
    app.commit()
    before = pushes(registry, f"{to}/web")
    second = app.built("--to", to)["web"]
    assert second["digest"] != first["digest"]
    assert second["changed"]
    sent = [one for one in pushes(registry, f"{to}/web")[len(before) :] if one.startswith("POST")]
    assert len(sent) == 1, "the config, and not the layer"
    assert second["sent"] < 2000


def test_a_branch_that_is_new_is_compared_with_nothing(app: Checkout, to: str) -> None:
    first = app.built("--to", to)
    git(app.folder, "checkout", "--quiet", "-b", "feature/a")
    built = app.built("--to", to)
    for name, image in built.items():
        assert image["digest"] == first[name]["digest"]
        assert image["changed"]
        assert image["tags"][1] == f"{to}/{name}:feature-a-951d42dc02dc7431"


@pytest.mark.parametrize(
    "branch",
    ["main", "feature/a", "feature_a", "x" * 200, "a@b#c", "dependabot/npm_and_yarn/x-1.2"],
)
def test_every_branch_has_a_tag_that_the_registry_takes(
    app: Checkout, to: str, branch: str
) -> None:
    built = app.built("--to", to, "--branch", branch, "--service", "web")
    again = app.built("--to", to, "--branch", branch, "--service", "web")
    assert (built["web"]["tags"], again["web"]["changed"]) == (again["web"]["tags"], False)


def test_more_tags_are_set_too(app: Checkout, to: str, crane: Path) -> None:
    lines = f"v1\nlatest\n{to}/web:edge"
    built = app.built("--to", to, "--service", "web", "--tags", lines, "--tag", "a,b")
    tags = {"v1", "latest", "edge", "a", "b", "main", app.sha}
    assert {tag.rpartition(":")[2] for tag in built["web"]["tags"]} == tags
    assert set(said(crane, "ls", f"{to}/web").decode().split()) == tags


def test_variables_of_other_actions_and_labels_of_a_commit_change_nothing(
    app: Checkout, to: str, crane: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = app.built("--to", to)["web"]["digest"]
    for name in ("LABELS", "TAGS", "ANNOTATIONS", "JSON", "VERSION"):
        monkeypatch.setenv(f"DOCKER_METADATA_OUTPUT_{name}", "org.opencontainers.image.created=now")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    labels = "org.opencontainers.image.revision=1\norg.opencontainers.image.created=2026"
    told = app.build("--to", to, "--labels", labels)
    assert {one["service"]: one["digest"] for one in told.json["images"]}["web"] == wanted
    assert "left out: the label org.opencontainers.image.revision" in told.err
    labelled = app.built("--to", to, "--label", "team=shop")["web"]
    assert labelled["digest"] != wanted
    config = json.loads(said(crane, "config", labelled["image"]))
    assert config["config"]["Labels"] == {"team": "shop"}


FOR_TWO = """[[services]]
name = "web"
platforms = ["linux/amd64", "linux/arm64"]
files = [{ from = "{os}-{arch}/web", to = "/web" }]
entrypoint = ["/web"]
"""


@pytest.fixture
def for_two(tmp_path: Path) -> Checkout:
    """One service for two platforms, from files and from a Dockerfile."""
    app = new_checkout(tmp_path / "app")
    app.settings(FOR_TWO)
    for arch in ("amd64", "arm64"):
        app.write(f"linux-{arch}/web", f"for {arch}", 0o755)
    text = 'FROM scratch\nARG TARGETARCH\nCOPY linux-${TARGETARCH}/web /web\nENTRYPOINT ["/web"]\n'
    app.write("Dockerfile", text)
    app.commit()
    return app


def test_an_index_has_an_image_for_each_platform_in_whatever_order(
    for_two: Checkout, to: str, crane: Path, skopeo: Path, tmp_path: Path
) -> None:
    built = for_two.built("--to", to)["web"]
    index = manifest(crane, built["tag"])
    assert [one["platform"] for one in index["manifests"]] == [
        {"os": "linux", "architecture": "amd64"},
        {"os": "linux", "architecture": "arm64"},
    ]
    assert built["imageid"] == built["digest"]
    assert built["platforms"] == ["linux/amd64", "linux/arm64"]
    assert b"PASS" in said(crane, "validate", "--remote", built["tag"])
    copy = (skopeo, "copy", "--all", "--insecure-policy", "--preserve-digests")
    said(*copy, "--src-tls-verify=false", f"docker://{built['tag']}", f"oci:{tmp_path / 'o'}:x")
    assert Layout.open(tmp_path / "o").tags()["x"].digest == built["digest"]
    other_way = ["--platform", "linux/arm64,linux/amd64"]
    again = for_two.built("--to", to, *other_way)["web"]
    assert (again["digest"], again["changed"], again["sent"]) == (built["digest"], False, 0)
    one = for_two.built("--to", f"{to}-one", "--platforms", "linux/arm64/v8")["web"]
    assert one["digest"] == index["manifests"][1]["digest"]


def test_a_dockerfile_gives_the_same_index_as_files(for_two: Checkout, to: str) -> None:
    wanted = for_two.built("--to", to)["web"]["digest"]
    platforms = "linux/arm64\nlinux/amd64"
    told = tidemill(
        *("build-reproducible-image", "--json", "--context", for_two.folder),
        *("--to", f"{to}-docker", "--platforms", platforms),
    )
    assert told.code == 0, told.out
    assert told.json["digest"] == wanted


def test_without_a_platform_s_file_nothing_is_pushed(
    for_two: Checkout, to: str, registry: Registry
) -> None:
    (for_two.folder / "linux-arm64/web").unlink()
    error = for_two.error("--to", to)
    assert "linux-arm64/web is not in" in error["what"]
    assert not any("manifests" in one for one in pushes(registry, f"{to}/web"))


@pytest.fixture
def base(registry: Registry, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A base that another tool's bytes are in: pushed, and named by digest."""
    own = new_checkout(tmp_path / "base", "os")
    own.write("os", bytes(range(256)) * 256)
    place = registry.name(f"bases/{own_name(request)}")
    built = own.built("--to", place)["os"]
    return str(built["image"])


def with_base(app: Checkout, base: str) -> None:
    app.settings(service("web", f'base = "{base}"') + service("api", f'base = "{base}"'))


def test_the_layers_of_a_base_are_mounted_byte_for_byte(
    app: Checkout, base: str, to: str, registry: Registry, crane: Path
) -> None:
    with_base(app, base)
    built = app.built("--to", to)
    lowest = manifest(crane, base)["layers"]
    for name, image in built.items():
        assert manifest(crane, image["image"])["layers"][:1] == lowest
        assert b"PASS" in said(crane, "validate", "--remote", image["tag"])
        posts = [one for one in pushes(registry, f"{to}/{name}") if one.startswith("POST")]
        puts = [
            one for one in pushes(registry, f"{to}/{name}") if "PUT" in one and "uploads" in one
        ]
        assert (len(posts), len(puts)) == (3, 2), "of three blobs one is mounted, two are sent"
        assert image["sent"] < 3000


def test_a_base_may_be_in_a_layout(app: Checkout, base: str, to: str, skopeo: Path) -> None:
    with_base(app, base)
    wanted = app.built("--to", to)
    said(skopeo, "copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false",
         f"docker://{base}", f"oci:{app.folder / 'base'}:x")  # fmt: skip
    with_base(app, f"oci:base@{base.partition('@')[2]}")
    built = app.built("--to", f"{to}-layout")
    assert {n: i["digest"] for n, i in built.items()} == {n: i["digest"] for n, i in wanted.items()}


def test_a_base_that_is_not_there_is_refused(app: Checkout, to: str, registry: Registry) -> None:
    with_base(app, f"{registry.name('bases/none')}@sha256:{'a' * 64}")
    assert app.error("--to", to)["written"] == "nothing"
    assert pushes(registry, f"{to}/web") == []


def test_two_sets_go_side_by_side(app: Checkout, to: str) -> None:
    app.settings(service("web") + service("api", 'set = "batch"'))
    (entry,) = tidemill("plan-images", "--checkout", app.folder, "--max-jobs", "1").json["include"]
    assert entry["sets"] == "app,batch"
    assert list(app.built("--to", to)) == ["web", "api"]


def test_two_runs_at_once_give_one_result(app: Checkout, to: str, crane: Path) -> None:
    for name in ("web", "api"):
        app.write(name, bytes(range(256)) * 4096)
    told: list[Said] = []

    def build() -> None:
        told.append(
            in_a_process(
                *("build-reproducible-image", "--json", "--checkout", app.folder, "--to", to)
            )
        )

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.code for one in told] == [0, 0, 0], [one.out for one in told]
    assert len({tuple(image["digest"] for image in one.json["images"]) for one in told}) == 1
    assert b"PASS" in said(crane, "validate", "--remote", f"{to}/web:main")


def test_a_registry_that_wants_a_password_gets_it(
    app: Checkout, basic_registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = basic_registry.name("build/password")
    error = app.error("--to", place)
    assert error["written"] == "nothing"
    auth = base64.b64encode(f"{basic_registry.user}:{basic_registry.password}".encode()).decode()
    (tmp_path / "config.json").write_text(
        json.dumps({"auths": {basic_registry.host: {"auth": auth}}})
    )
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    assert app.built("--to", place)["web"]["published"]


def test_a_blob_that_a_destination_has_lost_is_sent_again(app: Checkout, tmp_path: Path) -> None:
    layout = tmp_path / "out" / "web"
    first = app.built("--to", f"oci:{tmp_path / 'out'}", "--service", "web")
    for blob in (layout / "blobs" / "sha256").iterdir():
        if blob.read_bytes()[:1] != b"{":
            blob.write_bytes(b"")
    again = app.built("--to", f"oci:{tmp_path / 'out'}", "--service", "web")
    assert again["web"]["digest"] == first["web"]["digest"]
    for blob in (layout / "blobs" / "sha256").iterdir():
        assert hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name


# Registries that are reached otherwise, or know no OCI images


@pytest.fixture
def beyond(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    """What stands between here and `registry.test:5000`, which is the real registry by that name.

    It lets plain HTTP through, and no TLS: the registry speaks none.
    """
    with troubled(registry.host) as proxy:
        proxy.on("CONNECT", "", Say(502), times=1000)
        monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.host}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        monkeypatch.setattr(time, "sleep", lambda _: None)
        yield proxy


BEYOND = "registry.test:5000/insecure/{service}"


def test_a_registry_by_plain_http_is_one_that_the_settings_name(
    app: Checkout, beyond: Troubled
) -> None:
    app.settings(service("web"), images=BEYOND)
    app.error()
    assert {seen.method for seen in beyond.seen} == {"CONNECT"}
    app.settings(
        f'{service("web")}\n[registries."registry.test:5000"]\ninsecure = true\n', images=BEYOND
    )
    image = app.built()["web"]
    assert image["image"] == f"registry.test:5000/insecure/web@{image['digest']}"


def test_a_registry_by_plain_http_is_one_that_an_option_names(
    app: Checkout, beyond: Troubled, tmp_path: Path
) -> None:
    option = ("--insecure-registry", "registry.test:5000")
    to = "registry.test:5000/insecure/option"
    app.write("build.json", app.build("--to", to, *option).out)
    image = app.built("--to", to, "--service", "web", *option)["web"]
    assert not image["changed"]
    place = f"oci:{tmp_path / 'layout'}"
    app.built("--to", place, "--service", "web")
    compared = tidemill("compare", f"{place}/web:main", f"{to}/web:main", *option, "--json")
    assert (compared.code, compared.json["verdict"]) == (0, "identical")
    record = ("record-image-artifact", "--build", app.folder / "build.json")
    assert tidemill(*record, "--verify", *option, "--output", tmp_path / "records").code == 0
    assert tidemill(*record, "--verify", "--output", tmp_path / "records").code == 1


@pytest.mark.parametrize("host", ["registry", "registry.test/x", "REGISTRY:1/", "", "a b:5"])
def test_what_is_no_registry_is_refused(host: str, app: Checkout) -> None:
    app.settings(f'{service("web")}\n[registries."{host}"]\ninsecure = true\n')
    assert "is not a registry: write it as" in app.error("--no-push")["what"]
    if host:
        app.settings(service("web"))
        said = app.error("--no-push", "--insecure-registry", host)
        assert said["remedy"] == "give --insecure-registry HOST:PORT"


@pytest.fixture
def without_oci(registry: Registry) -> Iterator[Troubled]:
    """A registry from before there was a specification, as far as types of manifests go."""

    def is_oci(seen: Seen) -> bool:
        return "vnd.oci" in seen.headers.get("Content-Type", "")

    with troubled(registry.host) as proxy:
        body = b'{"errors": [{"code": "MANIFEST_INVALID", "message": "unknown"}]}'
        proxy.on("PUT", "/manifests/", Say(400, body=body), times=1000, when=is_oci)
        yield proxy


def docker_types(document: Any) -> set[str]:
    """All media types in a manifest or an index."""
    parts = [document, document.get("config", {}), *document.get("layers", [])]
    return {part["mediaType"] for part in (*parts, *document.get("manifests", [])) if part}


@pytest.mark.parametrize("platforms", [("linux/amd64",), ("linux/amd64", "linux/arm64")])
def test_a_registry_without_oci_types_gets_docker_s_where_that_is_asked_for(
    platforms: tuple[str, ...], app: Checkout, without_oci: Troubled, crane: Path, skopeo: Path
) -> None:
    to = f"{without_oci.host}/docker/types-{len(platforms)}"
    asked = ("--to", to, "--platform", ",".join(platforms))
    refused = app.error(*asked)
    assert "refused to store the manifest" in refused["what"]
    assert refused["remedy"].startswith("if it knows no OCI images, give --media-types docker")
    first = app.built(*asked, "--media-types", "docker")["web"]
    found = manifest(crane, first["image"])
    assert all(kind.startswith("application/vnd.docker.") for kind in docker_types(found))
    assert "annotations" not in found
    assert b"PASS" in said(crane, "validate", "--remote", first["tag"])
    said(skopeo, "inspect", "--raw", "--tls-verify=false", f"docker://{first['tag']}")
    # In the settings it is the same, wherever it is said; nothing is sent or compressed again.
    app.settings(f'{service("web")}\n[registries."{without_oci.host}"]\nmedia_types = "docker"\n')
    app.commit()
    again = app.built(*asked)["web"]
    assert (again["digest"], again["changed"], again["sent"]) == (first["digest"], False, 0)
    app.settings(f'media_types = "docker"\n{service("web")}')
    last = app.built("--to", f"{to}/whole", "--platform", ",".join(platforms), "--verify")["web"]
    assert (last["digest"], last["verified"]) == (first["digest"], True)


def test_an_image_in_docker_s_form_has_the_same_layers_and_is_known_by_its_next_build(
    app: Checkout, to: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = ("--to", to, "--service", "web", "--media-types", "docker")
    app.built(*asked_for)
    monkeypatch.setattr(compression, "member", lambda _: pytest.fail("it was compressed again"))
    assert not app.built(*asked_for)["web"]["changed"]
