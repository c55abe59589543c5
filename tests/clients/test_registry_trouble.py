"""A registry on a bad day: uploads and downloads get through, or end in one error and no tag."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.clients.registry_places import (
    LARGE,
    Run,
    behind_trouble,
    content,
    image,
    index,
    layer_of,
    own_name,
    published,
    run,
)
from tests.clients.registry_trouble import (
    Change,
    CutTheAnswer,
    Endless,
    HangUp,
    LoseTheAnswer,
    Say,
    SayInTheMiddle,
    Trouble,
    Troubled,
)
from tests.components.shapes import Registry as Started

from tidemill.clients.registry.registry import Registry
from tidemill.clients.registry.registry import registry as opened
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor
from tidemill.images.reuse import earlier

UPLOAD, BLOB, MANIFEST, MAIN = "/blobs/uploads/", "/blobs/sha256:", "/manifests/sha256:", "/main$"
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


@pytest.fixture
def whole(layout: Layout) -> Descriptor:
    """An image with a layer that takes more than one breath to send."""
    return image(layout, content(LARGE))


@pytest.fixture
def path(request: pytest.FixtureRequest) -> str:
    """A repository of this test's own."""
    return f"trouble/{own_name(request)}"


@pytest.fixture
def _behind(registry: Started, path: str) -> Iterator[tuple[Troubled, Registry, Run]]:
    with behind_trouble(registry.host, path) as made:
        yield made


@pytest.fixture
def proxy(_behind: tuple[Troubled, Registry, Run]) -> Troubled:
    return _behind[0]


@pytest.fixture
def repository(_behind: tuple[Troubled, Registry, Run]) -> Registry:
    """The repository, through the proxy that makes trouble."""
    return _behind[1]


@pytest.fixture
def own(_behind: tuple[Troubled, Registry, Run]) -> Run:
    return _behind[2]


@pytest.fixture
def truth(registry: Started, path: str) -> Registry:
    """The repository, as it is."""
    return opened(registry.name(path), session=run().session)


@dataclass(frozen=True)
class Scene:
    """An image to publish, and the repository: through the proxy, and as it is."""

    layout: Layout
    whole: Descriptor
    proxy: Troubled
    repository: Registry
    own: Run
    truth: Registry


@pytest.fixture
def scene(
    layout: Layout,
    whole: Descriptor,
    _behind: tuple[Troubled, Registry, Run],
    truth: Registry,
) -> Scene:
    return Scene(layout, whole, *_behind, truth)


PASSING = {
    "too many requests": Say(429, {"Retry-After": "7"}),
    "not now": Say(503),
    "bad gateway": Say(502, body=b"<html>"),
    "hangs up at once": HangUp(),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize(
    ("method", "where"),
    [
        ("HEAD", MAIN),
        ("HEAD", BLOB),
        ("POST", UPLOAD),
        ("PUT", UPLOAD),
        ("PUT", MANIFEST),
        ("PUT", MAIN),
    ],
)
def test_trouble_that_passes_is_waited_for(
    method: str, where: str, trouble: Trouble, scene: Scene
) -> None:
    scene.proxy.on(method, where, trouble, trouble)
    done = published(scene.whole, scene.layout, scene.repository, "main")
    assert done.tags == ("main",)
    assert len(scene.own.pauses) == len(scene.own.told) == 2
    if isinstance(trouble, Say) and trouble.headers:
        assert scene.own.pauses == [7.0, 7.0]
    assert published(scene.whole, scene.layout, scene.truth, "main").changed is False
    assert b"".join(scene.truth.pieces(layer_of(scene.layout, scene.whole))) == content(LARGE)


MIDDLE = {
    "hangs up in the middle": HangUp(LARGE // 2),
    "503 in the middle": SayInTheMiddle(503),
    "the upload is lost": Say(404, body=b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}'),
    "401 in the middle": SayInTheMiddle(401),
}


@pytest.mark.parametrize("trouble", MIDDLE.values(), ids=MIDDLE.keys())
def test_an_upload_that_broke_off_is_begun_again(
    trouble: Trouble,
    layout: Layout,
    whole: Descriptor,
    proxy: Troubled,
    repository: Registry,
    truth: Registry,
) -> None:
    proxy.on("PUT", UPLOAD, trouble)
    published(whole, layout, repository, "main")
    assert b"".join(truth.pieces(layer_of(layout, whole))) == content(LARGE)
    found = truth.find("main")
    assert found is not None
    assert found.digest == whole.digest


def test_an_upload_whose_answer_was_lost_is_not_sent_again(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    layer = layer_of(layout, whole)
    proxy.on("PUT", UPLOAD, LoseTheAnswer())
    repository.put(layer, lambda: layout.pieces(layer))
    assert len(proxy.asked("PUT")) == 1
    assert truth.has(layer)


def test_a_date_to_come_back_at_counts_from_the_servers_clock(
    proxy: Troubled, repository: Registry, own: Run
) -> None:
    proxy.on(
        "HEAD",
        MAIN,
        Say(
            503,
            {
                "Date": "Thu, 01 Jan 1998 10:00:00 GMT",
                "Retry-After": "Thu, 01 Jan 1998 10:00:12 GMT",
            },
        ),
    )
    assert repository.find("main") is None
    assert own.pauses == [12.0]


@pytest.mark.parametrize("nonsense", ["soon", "-3", "", "9" * 400, "Thu, 99 Jan"])
def test_a_wish_that_makes_no_sense_is_as_good_as_none(
    nonsense: str, proxy: Troubled, repository: Registry, own: Run
) -> None:
    proxy.on("HEAD", MAIN, Say(503, {"Retry-After": nonsense}))
    assert repository.find("main") is None
    assert own.pauses == [1.0]


def test_patience_ends_after_about_a_minute(
    proxy: Troubled, repository: Registry, own: Run
) -> None:
    proxy.on("HEAD", MAIN, Say(503), times=100)
    with pytest.raises(Unreachable, match="answered 503"):
        repository.find("main")
    assert own.pauses == sorted(own.pauses), "they grow"
    assert 10 < sum(own.pauses) <= 60
    assert len(proxy.asked("HEAD")) == len(own.pauses) + 1


def test_a_pause_of_an_hour_is_not_waited_for(
    proxy: Troubled, repository: Registry, own: Run
) -> None:
    proxy.on("HEAD", MAIN, Say(429, {"Retry-After": "3600"}))
    with pytest.raises(Unreachable, match="429, and asks for a pause of 3600 s"):
        repository.find("main")
    assert own.pauses == []


STAGES = [
    ("HEAD", BLOB, "nothing"),
    ("POST", UPLOAD, "nothing"),
    ("PUT", UPLOAD, "nothing"),
    ("PUT", MANIFEST, "blobs without a tag"),
    ("PUT", MAIN, "blobs without a tag"),
]


@pytest.mark.parametrize(("method", "where", "written"), STAGES)
@pytest.mark.parametrize("trouble", [Say(403), Say(413), Say(507)], ids=str)
def test_an_error_leaves_no_tag_and_says_what_was_written(
    method: str, where: str, written: str, trouble: Trouble, scene: Scene
) -> None:
    whole = index(scene.layout, content(LARGE))
    scene.proxy.on(method, where, trouble, times=1000)
    with pytest.raises(TidemillError) as error:
        published(whole, scene.layout, scene.repository, "main", "1.0")
    assert error.value.written == written
    assert scene.truth.find("main") is None
    assert scene.truth.find("1.0") is None


@pytest.mark.parametrize(("method", "where", "written"), STAGES)
@pytest.mark.parametrize("trouble", [Say(503), HangUp(10)], ids=str)
def test_a_registry_that_stays_away_leaves_no_tag(
    method: str, where: str, written: str, trouble: Trouble, scene: Scene
) -> None:
    whole = index(scene.layout, content(LARGE))
    scene.proxy.on(method, where, trouble, times=1000)
    with pytest.raises(Unreachable) as error:
        published(whole, scene.layout, scene.repository, "main", "1.0")
    if where == MAIN:
        written = "perhaps the tag main"
    elif where == UPLOAD:
        written = "perhaps blobs without a tag"
    assert error.value.written == written
    assert scene.truth.find("main") is None
    assert scene.truth.find("1.0") is None


def test_a_tag_whose_answer_never_comes_is_not_said_to_be_unwritten(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    proxy.on("PUT", MAIN, LoseTheAnswer(), times=1000)
    with pytest.raises(Unreachable) as error:
        published(whole, layout, repository, "1.0", "main")
    assert error.value.written == "the tag 1.0, and perhaps main"
    assert truth.find("main") is not None


def test_tags_that_were_set_before_an_error_are_named(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    proxy.on("PUT", MAIN, Say(403))
    with pytest.raises(ServerRefused) as error:
        published(whole, layout, repository, "1.0", "main")
    assert error.value.written == "the tag 1.0"
    assert truth.find("1.0") is not None
    assert truth.find("main") is None


def test_one_blob_that_fails_ends_the_others(
    layout: Layout, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    layers = [layout.add(oci.LAYER, content(LARGE, seed)) for seed in range(6)]
    config = layout.add(oci.CONFIG, b"{}")
    whole = layout.add(oci.MANIFEST, oci.manifest(config, layers))
    proxy.on("PUT", UPLOAD, Say(403))
    with pytest.raises(ServerRefused, match="refused to store"):
        published(whole, layout, repository, "main")
    assert sum(truth.has(layer) for layer in layers) < 5
    assert truth.find("main") is None


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (401, "UNAUTHORIZED", ServerRefused, "asked without credentials"),
        (403, "DENIED", ServerRefused, "refused to take a blob: 403 .DENIED no., asked without"),
        (404, "NAME_UNKNOWN", ServerRefused, "knows no .*, or hides it from us: 404"),
        (413, "", ServerRefused, "has no room to take a blob: 413"),
        (405, "UNSUPPORTED", ServerRefused, "refused to take a blob: 405 .UNSUPPORTED no"),
    ],
)
def test_a_refusal_is_one_error_with_a_remedy(
    status: int, code: str, error: type[TidemillError], words: str, scene: Scene
) -> None:
    body = f'{{"errors":[{{"code":"{code}","message":"no"}}]}}' if code else "<html>"
    scene.proxy.on("POST", UPLOAD, Say(status, body=body.encode()), times=9)
    with pytest.raises(error, match=words) as raised:
        scene.repository.put(layer_of(scene.layout, scene.whole), lambda: iter([b""]))
    assert raised.value.remedy
    assert scene.own.pauses == []


def test_what_a_registry_says_can_do_no_harm_in_a_log(
    proxy: Troubled, repository: Registry
) -> None:
    said = '{"errors":[{"code":"X","message":"\\u001b[31m\\n::error::' + "y" * 500 + '"}]}'
    proxy.on("HEAD", MAIN, Say(405))
    proxy.on("GET", MAIN, Say(400, body=said.encode()))
    with pytest.raises(ServerRefused) as error:
        repository.find("main")
    assert "\n" not in error.value.what
    assert "\x1b" not in error.value.what
    assert len(error.value.what) < 250


# What comes in


def test_a_download_that_broke_off_goes_on_where_it_was(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    published(whole, layout, repository, "main")
    proxy.on("GET", BLOB, CutTheAnswer(LARGE // 2), HangUp())
    assert b"".join(repository.pieces(layer_of(layout, whole))) == content(LARGE)
    third = proxy.asked("GET", BLOB)[2].headers["Range"]
    assert int(third.removeprefix("bytes=").removesuffix("-")) > 0


def test_a_registry_that_heeds_no_ranges_sends_it_all_again(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    published(whole, layout, repository, "main")
    proxy.on("GET", BLOB, CutTheAnswer(LARGE // 2), Say(200, body=content(LARGE)))
    assert b"".join(repository.pieces(layer_of(layout, whole))) == content(LARGE)


def test_a_download_that_never_ends_well_is_given_up(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    published(whole, layout, repository, "main")
    proxy.on("GET", BLOB, CutTheAnswer(1000), times=1000)
    with pytest.raises(Unreachable, match="broke the connection off"):
        list(repository.pieces(layer_of(layout, whole)))


DIFFERENT = {
    "other bytes": Change(body=lambda data: bytes(len(data))),
    "too few": Change(body=lambda data: data[:-1]),
    "too many": Change(body=lambda data: data + b"\0"),
    "none": Change(body=lambda _: b""),
}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_blob_that_is_another_is_found_out(
    change: Trouble, layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    published(whole, layout, repository, "main")
    proxy.on("GET", BLOB, change)
    with pytest.raises(Refused, match=r"sent something else for|sends too many bytes for"):
        list(repository.pieces(layer_of(layout, whole)))


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_nothing_of_a_blob_that_is_another_gets_into_a_layout(
    change: Trouble,
    layout: Layout,
    whole: Descriptor,
    proxy: Troubled,
    repository: Registry,
    tmp_path: Path,
) -> None:
    published(whole, layout, repository, "main")
    proxy.on("GET", layer_of(layout, whole).digest, change)
    copy = Layout.create(tmp_path / "copy")
    with pytest.raises(Refused):
        published(whole, repository, copy, "main")
    assert copy.tags() == {}
    assert not copy.has(layer_of(layout, whole))
    assert not list(copy.root.rglob(".part-*"))


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_document_that_is_another_is_found_out(
    change: Trouble, layout: Layout, whole: Descriptor, proxy: Troubled, path: str
) -> None:
    published(whole, layout, opened(f"{proxy.host}/{path}", session=run().session), "main")
    proxy.on("GET", MANIFEST, change)
    with pytest.raises(Refused, match="sent something else for"):
        opened(f"{proxy.host}/{path}", session=run().session).read(whole.digest)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "999999999999"}], ids=["open", "huge"])
def test_a_body_without_end_is_cut_off(
    headers: dict[str, str], layout: Layout, whole: Descriptor, proxy: Troubled, path: str
) -> None:
    published(whole, layout, opened(f"{proxy.host}/{path}", session=run().session), "main")
    fresh = opened(f"{proxy.host}/{path}", session=run().session)
    proxy.on("GET", MANIFEST, Endless(headers))
    with pytest.raises(Refused, match="sent a document of more than 4194304 bytes"):
        fresh.read(whole.digest)
    proxy.on("GET", BLOB, Endless(headers))
    with pytest.raises(Refused, match="sends too many bytes"):
        list(fresh.pieces(layer_of(layout, whole)))
    assert proxy.endless < 64 << 20


def test_a_tag_without_a_digest_is_read_to_know_it(
    layout: Layout, whole: Descriptor, proxy: Troubled, path: str
) -> None:
    published(whole, layout, opened(f"{proxy.host}/{path}", session=run().session), "main")
    fresh = opened(f"{proxy.host}/{path}", session=run().session)
    proxy.on("HEAD", MAIN, Change({"Docker-Content-Digest": None}), Say(405))
    wanted = (whole.digest, whole.size, whole.media_type)
    for _ in range(2):
        found = fresh.find("main")
        assert found is not None
        assert (found.digest, found.size, found.media_type) == wanted


@pytest.mark.parametrize("body", [b"{}", b"<html>", b"[1]"], ids=repr)
def test_of_a_tag_whose_document_can_not_be_read_the_digest_is_known(
    body: bytes, layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry,
    truth: Registry,
) -> None:  # fmt: skip
    published(whole, layout, truth, "main")
    proxy.on("GET", MAIN, Say(200, {}, body), times=10)
    assert repository.find("main", whole=True) == whole
    assert earlier(repository, "main").digest == whole.digest


def test_a_tag_s_document_comes_with_it(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    published(whole, layout, truth, "main")
    assert repository.find("main", whole=True) == whole
    proxy.on("GET", MANIFEST, Say(500), times=10)
    assert repository.read(whole.digest) == layout.read(whole.digest)


def test_a_registry_that_says_another_digest_is_not_believed(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    lie = Change({"Docker-Content-Digest": OTHER})
    published(whole, layout, truth, "main")
    proxy.on("HEAD", MANIFEST, lie)
    with pytest.raises(Refused, match=f"has another digest for {whole.digest}: {OTHER}"):
        repository.find(whole.digest)
    proxy.on("HEAD", BLOB, Change({"Content-Length": "5"}))
    with pytest.raises(Refused, match="has 5 bytes for"):
        repository.has(layer_of(layout, whole))
    proxy.on("PUT", MANIFEST, lie)
    with pytest.raises(Refused, match=r"stored the manifest .* with another digest"):
        repository.put_manifest(whole, layout.read(whole.digest))
    other = layout.add(oci.LAYER, b"another")
    proxy.on("PUT", UPLOAD, lie)
    with pytest.raises(Refused, match=r"stored .* as another blob"):
        repository.put(other, lambda: layout.pieces(other))


@pytest.mark.parametrize(
    "location",
    ["", "ftp://127.0.0.1/x", "http://user:secret@127.0.0.1/x", "http://h:99999999/x"],
)
def test_a_place_that_is_none_is_refused(
    location: str, layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    layer = layer_of(layout, whole)
    proxy.on("POST", UPLOAD, Change({"Location": location}))
    with pytest.raises(Refused, match="sends us to an address that can't be used") as error:
        repository.put(layer, lambda: layout.pieces(layer))
    assert "secret" not in str(error.value.as_json())


def test_a_place_may_be_given_by_its_path(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry, truth: Registry
) -> None:
    """With a query of its own, to which the digest is added."""
    layer = layer_of(layout, whole)
    proxy.on("POST", UPLOAD, Change(location=lambda place: re.sub("^http://[^/]*", "", place)))
    repository.put(layer, lambda: layout.pieces(layer))
    assert re.search("_state=.*&digest=sha256%3A", proxy.asked("PUT")[0].path)
    assert truth.has(layer)


def test_redirects_that_lead_to_each_other_end(
    layout: Layout, whole: Descriptor, proxy: Troubled, repository: Registry
) -> None:
    url = f"http://{proxy.host}/v2/trouble/blobs/sha256:0"
    proxy.on("GET", BLOB, Say(307, {"Location": url}), times=1000)
    with pytest.raises(Refused, match="without end"):
        list(repository.pieces(layer_of(layout, whole)))
    assert len(proxy.asked("GET")) < 10
