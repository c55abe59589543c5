"""Registries that answer a little differently: one mood a row, and what crane does of it."""

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.clients.registry_places import (
    LARGE,
    Run,
    content,
    layer_of,
    logged_in,
    own_name,
    real_image,
    run,
)
from tests.clients.registry_token_server import (
    PASSWORD,
    SERVICE,
    USER,
    TokenServer,
    token_server,
)
from tests.clients.registry_trouble import (
    Change,
    HangUp,
    Keep,
    Pass,
    Say,
    SayNothing,
    Trouble,
    Troubled,
    larger_than,
    troubled,
)
from tests.components.shapes import Registry as Started
from tests.components.shapes import StartRegistry

from tidemill.clients.registry import blobs
from tidemill.clients.registry.registry import Registry
from tidemill.clients.registry.registry import registry as opened
from tidemill.errors import Refused, ServerRefused
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor
from tidemill.images.publish import Publication, publish

ALWAYS = 1000
MOUNT, UPLOAD, BLOB = r"/app-[^/]+/blobs/uploads/\?mount=", r"/blobs/uploads/", r"/blobs/sha256:"
OWN_BLOB, OWN_MANIFEST = r"/app-[^/]+/blobs/sha256:", r"/app-[^/]+/manifests/"


@dataclass(frozen=True)
class Moods:
    """A registry with an image in `lender`, a place for it in `app`, and a place elsewhere."""

    proxy: Troubled
    elsewhere: Troubled
    lender: str
    app: str
    image: Descriptor
    layout: Layout
    truth: Registry

    def published(self, seconds: float = 30) -> Publication:
        """Copy the image from its repository into the other one, as a base is."""
        session = run(seconds=seconds).session
        source = opened(self.lender, session=session)
        to = opened(self.app, push=True, session=session)
        layer = layer_of(self.layout, self.image)
        with ThreadPoolExecutor(2) as workers:
            return publish(
                self.image,
                source,
                to,
                ["main"],
                workers=workers,
                borrow={layer.digest: self.lender},
            )

    def copied(self, crane: Path) -> bool:
        """Whether crane does the same."""
        return said(crane, "copy", f"{self.lender}:main", f"{self.app}:main")

    @property
    def is_there(self) -> bool:
        """Whether all of the image is really in the repository that it was sent to."""
        layer = layer_of(self.layout, self.image)
        found = self.truth.find("main")
        return (
            found is not None
            and found.digest == self.image.digest
            and b"".join(self.truth.pieces(layer)) == b"".join(self.layout.pieces(layer))
        )


def said(*command: str | Path, **environment: str) -> bool:
    """Whether another client ends well."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **environment}
    done = subprocess.run(command, capture_output=True, check=False, env=env, timeout=60)
    return done.returncode == 0


@pytest.fixture
def moods(
    registry: Started, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Moods]]:
    """Begins anew with each name: nothing is in the repository yet."""
    layout = Layout.create(tmp_path / "layout")
    image = real_image(layout, content(1000))
    layout.tag(["main"], image)
    own = own_name(request)
    with troubled(registry.host) as proxy, troubled(registry.host) as elsewhere:
        lender = f"moods/base-{own}"
        truth = opened(registry.name(lender), session=run().session)
        with ThreadPoolExecutor(2) as workers:
            publish(image, layout, truth, ["main"], workers=workers)

        def begun(name: str) -> Moods:
            app = f"moods/app-{name}-{own}"
            truth = opened(registry.name(app), session=run().session)
            places = (f"{proxy.host}/{lender}", f"{proxy.host}/{app}")
            return Moods(proxy, elsewhere, *places, image, layout, truth)

        yield begun


# A mount that fails is no mount


@pytest.mark.parametrize(
    "trouble",
    [
        *(Say(status) for status in (200, 202, 307, 400, 401, 403, 404, 405, 409, 416, 422, 429)),
        *(Say(status) for status in (500, 501, 502, 503, 504)),
        Say(202, {"Location": "ftp://nowhere/"}),
        Say(403, {}, b'{"errors": [{"code": "DENIED"}]}'),
        HangUp(),
        SayNothing(),
    ],
    ids=str,
)
def test_a_mount_that_fails_for_any_reason_is_an_upload(
    trouble: Trouble, moods: Callable[[str], Moods]
) -> None:
    scene = moods("ours")
    scene.proxy.on("POST", MOUNT, trouble, times=ALWAYS)
    done = scene.published(seconds=2 if isinstance(trouble, SayNothing) else 30)
    assert (done.blobs_mounted, done.blobs_sent) == (0, 2)
    assert scene.is_there
    assert len(scene.proxy.asked("POST", MOUNT)) == 1


# What HEAD says


def no_head(trouble: Trouble, path: str) -> Callable[[Moods], None]:
    return lambda scene: scene.proxy.on("HEAD", path, trouble, times=ALWAYS)


def leads_to(method: str, path: str, status: int) -> Callable[[Moods], None]:
    """What is asked for is said to be elsewhere, and is refused there."""

    def made(scene: Moods) -> None:
        there = Say(307, {"Location": f"http://{scene.elsewhere.host}/signed?secret"})
        scene.proxy.on(method, path, there, times=ALWAYS)
        scene.elsewhere.on(method, "/signed", Say(status), times=ALWAYS)

    return made


HEADS: dict[str, tuple[Callable[[Moods], None], bool]] = {
    f"of a {what}: {name}": (made, crane)
    for what, path in (("manifest", OWN_MANIFEST), ("blob", OWN_BLOB))
    for name, made, crane in (
        ("length 0", no_head(Change({"Content-Length": "0"}), path), True),
        ("no length", no_head(Change({"Content-Length": None}), path), True),
        ("405", no_head(Say(405), path), False),
        ("redirected, and refused", leads_to("HEAD", path, 403), what == "manifest"),
        ("redirected, and not allowed", leads_to("HEAD", path, 405), False),
    )
} | {
    "of a manifest: 403": (no_head(Say(403), OWN_MANIFEST), True),
    "of a manifest: 400": (no_head(Say(400), OWN_MANIFEST), False),
    "of a manifest: a page": (no_head(Change({"Content-Type": "text/html"}), OWN_MANIFEST), True),
    "of a manifest: no digest": (
        no_head(Change({"Docker-Content-Digest": None}), OWN_MANIFEST),
        True,
    ),
}


@pytest.mark.parametrize(("mood", "crane_does_it"), HEADS.values(), ids=HEADS.keys())
def test_what_head_leaves_open_is_found_out(
    mood: Callable[[Moods], None],
    crane_does_it: bool,
    moods: Callable[[str], Moods],
    crane: Path,
) -> None:
    other = moods("crane")
    mood(other)
    assert other.copied(crane) == crane_does_it
    scene = moods("ours")
    assert scene.published().changed
    assert scene.is_there
    assert not scene.published().changed
    assert opened(scene.app, session=run().session).find("main") == scene.image
    # Another image of the same layer, which is there by now, whatever HEAD says of it.
    layer = layer_of(scene.layout, scene.image)
    config = scene.layout.add(oci.CONFIG, b'{"another": "config"}')
    second = scene.layout.add(oci.MANIFEST, oci.manifest(config, [layer]))
    to = opened(scene.app, push=True, session=run().session)
    with ThreadPoolExecutor(2) as workers:
        done = publish(second, scene.layout, to, ["1.0"], workers=workers)
    assert done.tags == ("1.0",)
    assert done.blobs_skipped == (1 if crane_does_it else done.blobs_skipped)


def test_a_registry_that_refuses_to_say_what_it_has_ends_it_as_with_crane(
    moods: Callable[[str], Moods], crane: Path
) -> None:
    scene = moods("ours")
    scene.proxy.on("HEAD", OWN_BLOB, Say(403), times=ALWAYS)
    assert not scene.copied(crane)
    with pytest.raises(
        ServerRefused, match=r"refused to show sha256:.*: 403, asked without"
    ) as error:
        scene.published()
    host = scene.proxy.host
    assert error.value.remedy == f"log in with a right to pull and push there: docker login {host}"


def test_a_blob_that_is_refused_where_the_registry_leads_is_not_said_to_be_the_registry_s_no(
    moods: Callable[[str], Moods],
) -> None:
    scene = moods("ours")
    leads_to("GET", BLOB, 403)(scene)
    lender = opened(scene.lender, session=run().session)
    with pytest.raises(ServerRefused, match=r"refused to send sha256:.*: 403$") as error:
        list(lender.pieces(layer_of(scene.layout, scene.image)))
    assert error.value.what.startswith(
        f"{scene.elsewhere.host}, where {scene.proxy.host} leads us, refused"
    )
    assert f"tell who runs {scene.proxy.host}" in error.value.remedy
    assert "secret" not in str(error.value.as_json())


def test_who_may_write_and_not_read_publishes(moods: Callable[[str], Moods]) -> None:
    """Also where what is not there is said to be forbidden."""
    scene = moods("ours")
    scene.proxy.on("HEAD", OWN_MANIFEST, Say(403), times=ALWAYS)
    scene.proxy.on("GET", OWN_MANIFEST, Say(403), times=ALWAYS)
    assert scene.published().tags == ("main",)
    assert scene.is_there


# Uploads


def test_a_registry_that_sends_whoever_writes_elsewhere_is_followed(
    moods: Callable[[str], Moods], crane: Path
) -> None:
    """As a host that has moved does, with 308, or one that balances loads, with 307."""
    for name, status in (("moved", 308), ("balanced", 307)):
        scene = moods(name)
        for method, path in (("POST", UPLOAD), ("PUT", "/manifests/")):
            for seen in ("ours", "crane"):
                own = f"{scene.app.partition('/')[2]}-{seen}"
                place = {"POST": f"/v2/{own}/blobs/uploads/", "PUT": f"/v2/{own}/manifests/main"}
                to = f"http://{scene.elsewhere.host}{place[method]}"
                where = rf"{own}{path}$" if method == "POST" else rf"{own}{path}main$"
                scene.proxy.on(method, where, Say(status, {"Location": to}), times=ALWAYS)
        for seen in ("ours", "crane"):
            other = replace(
                scene,
                app=f"{scene.app}-{seen}",
                truth=opened(
                    f"{scene.proxy.registry}/{scene.app.partition('/')[2]}-{seen}",
                    session=run().session,
                ),
            )
            if seen == "ours":
                assert other.published().tags == ("main",)
            else:
                assert other.copied(crane)
            assert other.is_there


# Uploads that break off, or are not taken whole


@pytest.fixture
def large(moods: Callable[[str], Moods]) -> tuple[Moods, Descriptor]:
    """A place that has nothing yet, and a blob that takes more than one breath to send."""
    scene = moods("large")
    return scene, scene.layout.add(oci.LAYER, content(LARGE))


def sent(scene: Moods, blob: Descriptor) -> Run:
    """Send the blob; it is really there then."""
    own = run()
    to = opened(scene.app, push=True, session=own.session)
    to.put(blob, lambda: scene.layout.pieces(blob))
    assert b"".join(scene.truth.pieces(blob)) == content(LARGE)
    return own


def ranges(proxy: Troubled) -> list[str]:
    """Which bytes came in parts."""
    return [seen.headers["Content-Range"] for seen in proxy.asked("PATCH")]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """Parts of which the blob is several."""
    monkeypatch.setattr(blobs, "_PART", LARGE // 3)
    return LARGE // 3


@pytest.mark.parametrize("cut", [LARGE // 2, 100_000])
def test_an_upload_goes_on_from_where_it_broke_off(
    cut: int, large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    scene, blob = large
    keep = Keep(cut)
    for method in ("POST", "PUT", "GET"):
        scene.proxy.on(method, UPLOAD, keep, times=ALWAYS)
    scene.proxy.on("PATCH", UPLOAD, replace(keep, cut=LARGE), times=ALWAYS)
    own = sent(scene, blob)
    parts = [
        f"PATCH {start}-{min(start + small_parts, LARGE) - 1}"
        for start in range(cut, LARGE, small_parts)
    ]
    assert keep.ranges == ["POST 0", f"PUT {LARGE}", "GET 0", *parts, "PUT 0"]
    assert len(own.pauses) == 1


def test_an_upload_that_is_cut_off_again_and_again_gets_there(
    large: tuple[Moods, Descriptor],
) -> None:
    """In parts that get smaller, each of which goes on from the one before."""
    scene, blob = large
    keep = Keep((1 << 20) + 5)
    for method in ("POST", "PUT", "GET", "PATCH"):
        scene.proxy.on(method, UPLOAD, keep, times=ALWAYS)
    sent(scene, blob)
    assert keep.ranges.count("POST 0") == 1


def test_an_upload_that_the_registry_has_lost_is_begun_again(
    large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    """The real one loses those of which it took a part that did not arrive whole."""
    scene, blob = large
    scene.proxy.on("PUT", UPLOAD, HangUp(LARGE // 2))
    scene.proxy.on("PATCH", UPLOAD, HangUp(small_parts // 2))
    sent(scene, blob)
    assert len(scene.proxy.asked("POST")) == 3
    assert [part.partition("-")[0] for part in ranges(scene.proxy)][:2] == ["0", "0"]


def test_a_part_that_never_got_there_is_sent_again_and_no_other(
    large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    scene, blob = large
    scene.proxy.on("PUT", UPLOAD, HangUp())
    scene.proxy.on("PATCH", UPLOAD, Pass(), Say(503), Say(502))
    sent(scene, blob)
    starts = [int(part.partition("-")[0]) for part in ranges(scene.proxy)]
    assert starts[:4] == [0, small_parts, small_parts, small_parts]
    assert starts == sorted(starts)
    assert len(scene.proxy.asked("POST")) == 1


def no_more_than(size: int) -> Callable[[Troubled], None]:
    """What a proxy before the registry says to larger bodies."""

    def made(proxy: Troubled) -> None:
        for method in ("PUT", "PATCH"):
            proxy.on(method, UPLOAD, Say(413), times=ALWAYS, when=larger_than(size))

    return made


LIMITS: dict[str, tuple[Callable[[Troubled], None], int]] = {
    "429 twice, without a time": (lambda proxy: proxy.on("PUT", UPLOAD, Say(429), Say(429)), 1),
    "500 twice, without a time": (lambda proxy: proxy.on("PUT", UPLOAD, Say(500), Say(500)), 1),
    "405 of whole blobs": (
        lambda proxy: proxy.on("PUT", UPLOAD, Say(405), times=ALWAYS, when=larger_than(0)),
        1,
    ),
    "400 of whole blobs": (
        lambda proxy: proxy.on("PUT", UPLOAD, Say(400), times=ALWAYS, when=larger_than(0)),
        1,
    ),
    "413 beyond 2 MiB": (no_more_than(2 << 20), 6),
    "413 beyond 1 MiB": (no_more_than(1 << 20), 6),
}


@pytest.mark.parametrize(("mood", "parts"), LIMITS.values(), ids=LIMITS.keys())
def test_a_blob_that_is_not_taken_whole_is_sent_in_parts(
    mood: Callable[[Troubled], None], parts: int, large: tuple[Moods, Descriptor]
) -> None:
    scene, blob = large
    mood(scene.proxy)
    sent(scene, blob)
    done = [seen for seen in scene.proxy.asked("PATCH") if "-" in seen.headers["Content-Range"]]
    assert len(done) >= parts


def test_a_registry_that_takes_no_parts_gets_it_whole(large: tuple[Moods, Descriptor]) -> None:
    scene, blob = large
    scene.proxy.on("PUT", UPLOAD, HangUp(LARGE // 2))
    scene.proxy.on("PATCH", UPLOAD, Say(405), times=ALWAYS)
    sent(scene, blob)
    assert len(scene.proxy.asked("PATCH")) == 1


def test_parts_are_as_large_as_the_registry_wants_them(
    large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    scene, blob = large
    scene.proxy.on("POST", UPLOAD, Change({"OCI-Chunk-Min-Length": str(LARGE // 2)}))
    scene.proxy.on("PUT", UPLOAD, HangUp())
    sent(scene, blob)
    assert ranges(scene.proxy) == [f"0-{LARGE // 2 - 1}", f"{LARGE // 2}-{LARGE - 1}"]


def test_a_part_of_which_less_was_taken_is_gone_on_with(
    large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    """As the registry says; where that can't be so, from the start."""
    scene, blob = large
    scene.proxy.on("PUT", UPLOAD, HangUp())
    scene.proxy.on("PATCH", UPLOAD, Change({"Range": "0-99"}))
    sent(scene, blob)
    assert ranges(scene.proxy)[1].startswith(f"{small_parts}-")


def test_a_blob_that_is_damaged_here_does_not_get_there_in_parts(
    large: tuple[Moods, Descriptor], small_parts: int
) -> None:
    scene, blob = large
    for damage in (content(LARGE)[:-1], content(LARGE, seed=2), content(LARGE) + b"more"):
        scene.layout.path(blob.digest).write_bytes(damage)
        scene.proxy.on("PUT", UPLOAD, HangUp())
        to = opened(scene.app, push=True, session=run().session)
        with pytest.raises(Refused):
            to.put(blob, lambda: scene.layout.pieces(blob))
    assert not scene.truth.has(blob)


# Who we are


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with token_server(tmp_path_factory.mktemp("tokens")) as server:
        # By name: crane gets no token from an address of this machine.
        server.realm = server.realm.replace("127.0.0.1", "localhost")
        yield server


@pytest.fixture(scope="module")
def guarded(start_registry: StartRegistry, tokens: TokenServer) -> Started:
    """A registry that wants tokens."""
    return start_registry(tokens.overrides)


def test_a_registry_behind_a_path_gets_a_token_for_the_name_that_it_says(
    guarded: Started, tokens: TokenServer, moods: Callable[[str], Moods], crane: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    """A proxy shows its repositories below `mirror/`, and the registry knows them by `real/`."""
    scene = moods("layout")
    tokens.asked.clear()
    with troubled(guarded.host, "mirror/", "real/") as proxy:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        to = opened(f"{proxy.host}/mirror/app", push=True, session=run(environment).session)
        with ThreadPoolExecutor(2) as workers:
            publish(scene.image, scene.layout, to, ["main"], workers=workers)
        # The registry names the actions in any order.
        scopes = [
            tuple(s.replace("push,pull", "pull,push") for s in a.scopes) for a in tokens.asked
        ]
        own, real = "repository:mirror/app:pull,push", "repository:real/app"
        assert scopes == [(own,), (f"{real}:pull", own), (f"{real}:pull,push", f"{real}:pull", own)]
        layout = str(scene.layout.root)
        assert said(crane, "push", layout, f"{proxy.host}/mirror/crane", **environment)
    inside = logged_in(tmp_path / "inside", guarded.host, USER, PASSWORD)
    found = opened(f"{guarded.host}/real/app", session=run(inside).session).find("main")
    assert found == scene.image


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_registry_that_hides_from_strangers_is_asked_how_it_wants_to_be_asked(
    status: int, basic_registry: Started, moods: Callable[[str], Moods], crane: Path, tmp_path: Path
) -> None:
    """Once, by whoever has credentials for it."""
    scene = moods("layout")
    with troubled(basic_registry.host) as proxy:
        for method in ("HEAD", "GET", "POST", "PUT", "PATCH"):
            proxy.on(
                *(method, "/hidden/", Say(status)),
                times=ALWAYS,
                when=lambda seen: "Authorization" not in seen.headers,
            )
        user, password = basic_registry.user or "", basic_registry.password or ""
        environment = logged_in(tmp_path / "docker", proxy.host, user, password)
        assert said(crane, "push", str(scene.layout.root), f"{proxy.host}/hidden/crane-{status}",
                    **environment)  # fmt: skip
        before = len(proxy.asked("GET", "/v2/$"))
        own = run(environment)
        to = opened(f"{proxy.host}/hidden/app-{status}", push=True, session=own.session)
        with ThreadPoolExecutor(2) as workers:
            publish(scene.image, scene.layout, to, ["main"], workers=workers)
        assert to.find("main") == scene.image
        assert len(proxy.asked("GET", "/v2/$")) == before + 1
        stranger = opened(f"{proxy.host}/hidden/app-{status}", session=run().session)
        with suppress(ServerRefused):
            assert stranger.find("main") is None
        assert len(proxy.asked("GET", "/v2/$")) == before + 1


def test_a_token_that_the_registry_never_takes_is_given_up(
    tokens: TokenServer, moods: Callable[[str], Moods], tmp_path: Path
) -> None:
    """Also where each answer names another scope."""
    scene = moods("ours")
    tokens.asked.clear()
    environment = logged_in(tmp_path / "docker", scene.proxy.host, USER, PASSWORD)
    for number in range(9):
        challenge = (
            f'Bearer realm="{tokens.realm}",service="{SERVICE}",scope="repository:n{number}:pull"'
        )
        scene.proxy.on("HEAD", "/", Say(401, {"WWW-Authenticate": challenge}))
    with pytest.raises(ServerRefused, match="refused to show main: 401"):
        opened(scene.app, session=run(environment).session).find("main")
    assert len(tokens.asked) == len(scene.proxy.seen) - 1 <= 3


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_null_in_an_answer_with_a_token_is_as_good_as_not_given(
    name: str, registry: Started, crane: Path
) -> None:
    other = {"token": "access_token", "access_token": "token"}[name]
    answer = f'{{"{name}": "abc", "{other}": null, "expires_in": null, "refresh_token": null}}'
    with troubled(registry.host) as proxy:
        for method in ("HEAD", "GET"):
            challenge = f'Bearer realm="http://{proxy.host}/token"'
            proxy.on(method, "/v2/", Say(401, {"WWW-Authenticate": challenge}))
        proxy.on("GET", "/token", Say(200, body=answer.encode()), times=ALWAYS)
        assert opened(f"{proxy.host}/null/app", session=run().session).find("main") is None
        assert proxy.asked("HEAD")[-1].headers["Authorization"] == "Bearer abc"
        assert said(crane, "catalog", proxy.host)


# All at once


@pytest.mark.parametrize("seed", range(8))
def test_moods_that_come_together_change_the_time_it_takes_and_not_the_result(
    seed: int, moods: Callable[[str], Moods]
) -> None:
    """A dozen of those above, of which half are chosen, and some trouble that passes."""
    chance = random.Random(seed)
    scene = moods("mixed")
    large = real_image(scene.layout, content(LARGE, seed=7))
    lender = opened(scene.truth.where.replace("app-mixed", "base"), session=run().session)
    with ThreadPoolExecutor(2) as workers:
        publish(large, scene.layout, lender, ["main"], workers=workers)
    scene = replace(scene, image=large)
    lasting: list[Callable[[Moods], None]] = [
        *(mood for mood, _ in HEADS.values()),
        lambda s: s.proxy.on("POST", MOUNT, Say(405), times=ALWAYS),
        lambda s: no_more_than(1 << 20)(s.proxy),
        lambda s: s.proxy.on("PUT", UPLOAD, Say(400), times=ALWAYS, when=larger_than(0)),
        lambda s: s.proxy.on("PUT", "", Change({"Docker-Content-Digest": None}), times=ALWAYS),
    ]
    passing: list[Trouble] = [Say(429), Say(500), Say(503, {"Retry-After": "1"}), HangUp()]
    for method, path in (
        *(("HEAD", OWN_MANIFEST), ("HEAD", OWN_BLOB), ("POST", UPLOAD), ("PATCH", UPLOAD)),
        *(("PUT", UPLOAD), ("PUT", OWN_MANIFEST), ("GET", BLOB)),
    ):
        scene.proxy.on(method, path, *chance.sample(passing, 2))
    for mood in chance.sample(lasting, len(lasting) // 2):
        mood(scene)
    assert scene.published().tags == ("main",)
    assert scene.is_there
    assert not scene.published().changed
