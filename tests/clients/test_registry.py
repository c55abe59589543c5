"""A repository of a real registry, as a place for images; other clients read what we wrote."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.clients.registry_places import (
    LARGE,
    content,
    image,
    index,
    layer_of,
    own_name,
    published,
    real_image,
    run,
)
from tests.components.shapes import Registry as Started

from tidemill.clients.registry.address import parse
from tidemill.clients.registry.registry import Registry
from tidemill.clients.registry.registry import registry as opened
from tidemill.errors import Refused, ServerRefused, Unreachable
from tidemill.images import oci
from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


@pytest.fixture
def name(registry: Started, request: pytest.FixtureRequest) -> str:
    """A repository of this test's own."""
    return registry.name(f"tests/{own_name(request)}")


@pytest.fixture
def repository(name: str) -> Registry:
    return opened(name, session=run().session)


def said(*command: str | Path) -> bytes:
    """What another client prints; it has to succeed."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere"}
    return subprocess.run(command, capture_output=True, check=True, env=environment).stdout


def test_a_layout_and_a_registry_are_places_for_images(
    layout: Layout, repository: Registry
) -> None:
    places: list[ImageStore] = [layout, repository]
    assert [place.where for place in places] == [f"oci:{layout.root}", repository.where]


def test_a_repository_that_is_not_there_has_nothing(repository: Registry, layout: Layout) -> None:
    whole = image(layout)
    assert repository.find("main") is None
    assert repository.find(whole.digest) is None
    assert not repository.has(layer_of(layout, whole))


def test_what_was_published_comes_back_as_it_was(layout: Layout, name: str, tmp_path: Path) -> None:
    whole = index(layout, content(LARGE))
    done = published(whole, layout, opened(name, session=run().session), "main", "1.0")
    assert (done.tags, done.blobs_sent, done.changed) == (("main", "1.0"), 3, True)
    back = Layout.create(tmp_path / "back")
    from_there = opened(name, session=run().session)
    found = from_there.find("1.0")
    assert found is not None
    assert (found.digest, found.size, found.media_type) == (whole.digest, whole.size, oci.INDEX)
    published(found, from_there, back, "main")
    wanted = {path.name: path.read_bytes() for path in (layout.root / "blobs/sha256").iterdir()}
    assert {p.name: p.read_bytes() for p in (back.root / "blobs/sha256").iterdir()} == wanted


def test_other_clients_read_it(
    layout: Layout, repository: Registry, skopeo: Path, crane: Path, tmp_path: Path
) -> None:
    whole = real_image(layout, content(LARGE))
    published(whole, layout, repository, "main")
    remote = f"docker://{repository.where}:main"
    assert said(skopeo, "inspect", "--raw", "--tls-verify=false", remote) == layout.read(
        whole.digest
    )
    copy = Layout.create(tmp_path / "copy")
    said(
        *(skopeo, "copy", "--insecure-policy", "--preserve-digests", "--src-tls-verify=false"),
        *(remote, f"oci:{copy.root}:main"),
    )
    assert copy.tags()["main"].digest == whole.digest
    assert said(crane, "digest", f"{repository.where}:main").decode().strip() == whole.digest
    assert b"PASS" in said(crane, "validate", "--remote", f"{repository.where}:main")


def test_what_others_pushed_is_read(
    layout: Layout, name: str, skopeo: Path, repository: Registry
) -> None:
    """Also in the form that Docker had before there was a specification."""
    whole = real_image(layout, content(1000))
    layout.tag(["main"], whole)
    said(
        *(skopeo, "copy", "--insecure-policy", "--format=v2s2", "--dest-tls-verify=false"),
        *(f"oci:{layout.root}:main", f"docker://{name}:main"),
    )
    found = repository.find("main")
    assert found is not None
    assert found.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    back = Layout.create(layout.root.parent / "back")
    published(found, repository, back, "main")
    assert back.has(layer_of(layout, whole))


def test_twice_is_once(layout: Layout, name: str) -> None:
    whole = index(layout)
    published(whole, layout, opened(name, session=run().session), "main", "1.0")
    own = run()
    second = published(whole, layout, opened(name, session=own.session), "main", "1.0")
    assert not second.changed
    assert len(own.asked) == 2, "one question about each tag"


def test_a_new_tag_for_what_is_there_sends_a_manifest_and_no_blob(
    layout: Layout, name: str
) -> None:
    whole = image(layout)
    published(whole, layout, opened(name, session=run().session), "main")
    done = published(whole, layout, opened(name, session=run().session), "main", "1.0")
    assert (done.tags, done.sent, done.blobs_sent) == (("1.0",), 0, 0)
    moved = opened(name, session=run().session).find("1.0")
    assert moved is not None
    assert moved.digest == whole.digest


def test_a_blob_that_is_there_is_not_needed_here(layout: Layout, name: str) -> None:
    first = image(layout, content(1000))
    published(first, layout, opened(name, session=run().session), "main")
    layer = layer_of(layout, first)
    config = layout.add(oci.CONFIG, b'{"other": "config"}')
    second = layout.add(oci.MANIFEST, oci.manifest(config, [layer]))
    layout.path(layer.digest).unlink()
    done = published(second, layout, opened(name, session=run().session), "main")
    assert (done.blobs_sent, done.blobs_skipped, done.tags) == (1, 1, ("main",))


def test_a_blob_that_is_nowhere_is_one_error_and_no_tag(layout: Layout, name: str) -> None:
    whole = image(layout)
    layer = layer_of(layout, whole)
    layout.path(layer.digest).unlink()
    repository = opened(name, session=run().session)
    with pytest.raises(Refused, match=f"{layer.digest} is neither in .* nor in {name}") as error:
        published(whole, layout, repository, "main")
    assert error.value.written == "nothing"
    assert repository.find("main") is None


def test_a_blob_is_mounted_from_its_repository(
    layout: Layout, registry: Started, name: str
) -> None:
    whole = image(layout, content(LARGE))
    base = registry.name("tests/a-base")
    published(whole, layout, opened(base, session=run().session), "main")
    layer = layer_of(layout, whole)
    layout.path(layer.digest).unlink()
    own = run()
    done = published(
        whole, layout, opened(name, session=own.session), "main", borrow={layer.digest: base}
    )
    assert (done.blobs_mounted, done.blobs_sent) == (1, 1)
    assert sum(own.sent) < 4096
    assert opened(name, session=own.session).has(layer)


def test_a_blob_that_the_lender_lacks_is_sent(layout: Layout, registry: Started, name: str) -> None:
    """Into the place that the registry gave instead: no request is lost."""
    whole = image(layout)
    layer = layer_of(layout, whole)
    lender = registry.name("tests/has-nothing")
    own = run()
    done = published(
        whole, layout, opened(name, session=own.session), "main", borrow={layer.digest: lender}
    )
    assert (done.blobs_mounted, done.blobs_sent) == (0, 2)


def test_nothing_is_borrowed_from_another_registry(layout: Layout, name: str) -> None:
    layer, own = layer_of(layout, image(layout)), run()
    repository = opened(name, session=own.session)
    assert not repository.borrow(layer, "registry.example.com/base")
    assert not repository.borrow(layer, repository.where)
    assert own.asked == []


def test_many_images_are_published_at_once(tmp_path: Path, registry: Started, name: str) -> None:
    session = run().session
    layouts = [Layout.create(tmp_path / str(n)) for n in range(6)]
    images = [image(layout, content(200_000, n)) for n, layout in enumerate(layouts)]

    def one(number: int) -> None:
        place = opened(f"{name}/{number % 3}", session=session)
        published(images[number], layouts[number], place, f"tag-{number}")

    with ThreadPoolExecutor(6) as people:
        list(people.map(one, range(6)))
    for number, whole in enumerate(images):
        found = opened(f"{name}/{number % 3}", session=session).find(f"tag-{number}")
        assert found is not None
        assert found.digest == whole.digest


def test_an_empty_blob_is_a_blob(layout: Layout, repository: Registry) -> None:
    empty = layout.add(oci.LAYER, b"")
    repository.put(empty, lambda: layout.pieces(empty))
    assert b"".join(repository.pieces(empty)) == b""


def test_a_blob_that_is_damaged_here_does_not_get_there(
    layout: Layout, repository: Registry
) -> None:
    whole = image(layout, b"layer")
    layer = layer_of(layout, whole)
    for damage in (b"lay3r", b"layer and more", b"lay"):
        layout.path(layer.digest).write_bytes(damage)
        with pytest.raises(Refused):
            repository.put(layer, lambda: layout.pieces(layer))
    assert not repository.has(layer)


def test_what_a_source_reads_badly_is_not_taken_for_the_networks_fault(
    layout: Layout, name: str
) -> None:
    layer = layer_of(layout, image(layout, content(LARGE)))
    own = run()

    def broken():  # type: ignore[no-untyped-def]
        yield content(1000)
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        opened(name, session=own.session).put(layer, broken)
    assert own.pauses == []


def test_what_is_not_there_is_said_to_be_absent(layout: Layout, repository: Registry) -> None:
    whole = image(layout)
    with pytest.raises(Refused, match="is not in"):
        repository.read(whole.digest)
    with pytest.raises(Refused, match="is not in"):
        list(repository.pieces(whole))


def test_a_manifest_whose_blobs_lack_is_refused_by_the_registry(
    layout: Layout, repository: Registry
) -> None:
    whole = image(layout)
    with pytest.raises(ServerRefused, match=r"refused to store the manifest .*: 40[04] .*BLOB"):
        repository.put_manifest(whole, layout.read(whole.digest))


def test_a_registry_that_does_not_run_is_unreachable() -> None:
    own = run()
    with pytest.raises(Unreachable, match="can't be connected to: Connection refused") as error:
        opened("127.0.0.1:1/app", session=own.session).find("main")
    assert error.value.written == "nothing"
    assert len(own.pauses) == 2
    assert own.told[0].startswith("127.0.0.1:1 can't be connected to")


def test_a_registry_whose_name_means_nothing_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"the name of registry\.invalid can't be resolved"):
        opened("registry.invalid/app", session=run().session).find("main")


def test_a_registry_that_says_nothing_is_not_waited_for_for_ever() -> None:
    """It takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        own = run(seconds=0.1)
        with pytest.raises(Unreachable, match=r"did not go on within 0\.1 s"):
            opened(f"{host}/app", session=own.session).find("main")
    assert len(own.pauses) == 1


@pytest.mark.parametrize("reference", ["", "../../x", "a b", "-x", "a/b", "sha256:0", "x" * 129])
def test_what_is_no_tag_is_not_asked_for(reference: str, name: str) -> None:
    own = run()
    with pytest.raises(Refused, match="is neither a tag nor a digest"):
        opened(name, session=own.session).find(reference)
    assert own.asked == []


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("alpine", ("docker.io", "library/alpine", "https://registry-1.docker.io")),
        ("ada/app", ("docker.io", "ada/app", "https://registry-1.docker.io")),
        ("docker.io/app", ("docker.io", "library/app", "https://registry-1.docker.io")),
        ("index.docker.io/a/b", ("docker.io", "a/b", "https://registry-1.docker.io")),
        ("ghcr.io/ada/app", ("ghcr.io", "ada/app", "https://ghcr.io")),
        ("localhost/app", ("localhost", "app", "http://localhost")),
        ("localhost:5000/app", ("localhost:5000", "app", "http://localhost:5000")),
        ("127.9.9.9:5000/a", ("127.9.9.9:5000", "a", "http://127.9.9.9:5000")),
        ("[::1]:5000/a/b", ("[::1]:5000", "a/b", "http://[::1]:5000")),
        ("[2001:db8::1]/a", ("[2001:db8::1]", "a", "https://[2001:db8::1]")),
        ("10.0.0.1/a", ("10.0.0.1", "a", "https://10.0.0.1")),
        (
            "localhost.example.com/a",
            ("localhost.example.com", "a", "https://localhost.example.com"),
        ),
    ],
)
def test_a_name_is_read_as_docker_reads_it(name: str, wanted: tuple[str, str, str]) -> None:
    address = parse(name)
    assert (address.host, address.path, address.origin) == wanted


@pytest.mark.parametrize(
    ("insecure", "origin"), [(True, "http://h.example:5000"), (False, "https://h.example:5000")]
)
def test_plain_http_is_up_to_who_asks(insecure: bool, origin: str) -> None:
    assert parse("h.example:5000/a", insecure).origin == origin


@pytest.mark.parametrize(
    "name", ["", "ghcr.io/Ada/App", "ghcr.io/app:1", "a//b", "ghcr.io/a b", "[::1]/A", "http://h/a"]
)
def test_what_is_no_name_of_a_repository_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        parse(name)
