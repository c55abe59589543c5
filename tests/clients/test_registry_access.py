"""Who we are to a registry: anybody, a person with a password, or the bearer of a token."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.clients.registry_places import (
    LARGE,
    behind_trouble,
    configured,
    content,
    image,
    layer_of,
    logged_in,
    published,
    run,
)
from tests.clients.registry_token_server import (
    IDENTITY,
    PASSWORD,
    SERVICE,
    USER,
    TokenServer,
    self_signed,
    token_server,
)
from tests.clients.registry_trouble import Say, SayInTheMiddle, troubled
from tests.components.shapes import Registry as Started
from tests.components.shapes import StartRegistry

from tidemill.clients.github.api import GitHub
from tidemill.clients.github.place import Place
from tidemill.clients.http.client import Call, Http
from tidemill.clients.http.trouble import Trouble, said_in
from tidemill.clients.registry import trust
from tidemill.clients.registry.access import Need, Session
from tidemill.clients.registry.registry import Registry
from tidemill.clients.registry.registry import registry as opened
from tidemill.clients.registry.tokens import Challenge, challenges
from tidemill.clients.registry.trust import Trust
from tidemill.errors import Refused, ServerRefused, TidemillError, Unreachable
from tidemill.images import oci
from tidemill.images.layout import Layout
from tidemill.images.oci import Descriptor

SECRETS = (PASSWORD, IDENTITY, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")


@pytest.fixture
def whole(layout: Layout) -> Descriptor:
    return image(layout, content(1000))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    with token_server(tmp_path_factory.mktemp("tokens")) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(start_registry: StartRegistry, tokens: TokenServer) -> Started:
    """A registry that wants tokens."""
    return start_registry(tokens.overrides)


@pytest.fixture
def asked(tokens: TokenServer) -> TokenServer:
    """The token server, which has been asked nothing yet."""
    tokens.asked.clear()
    tokens.lasts = 300
    return tokens


def holds_no_secret(error: TidemillError) -> bool:
    said = json.dumps(error.as_json()) + repr(error)
    return not any(secret in said for secret in SECRETS)


def repository_of(host: str, path: str, environment: dict[str, str]) -> Registry:
    return opened(f"{host}/{path}", session=run(environment).session)


def test_a_password_is_given_to_a_registry_that_asks_for_it(
    basic_registry: Started, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    assert basic_registry.user
    assert basic_registry.password
    environment = logged_in(
        tmp_path / "docker", basic_registry.host, basic_registry.user, basic_registry.password
    )
    repository = repository_of(basic_registry.host, "access/app", environment)
    assert published(whole, layout, repository, "main").changed
    assert repository.find("main") is not None


@pytest.mark.parametrize("password", [None, "wrong"])
def test_who_may_not_is_told_in_whose_name_it_was_asked(
    password: str | None, basic_registry: Started, tmp_path: Path
) -> None:
    environment = {}
    if password:
        environment = logged_in(tmp_path / "docker", basic_registry.host, "ada", password)
    with behind_trouble(basic_registry.host, "access/app") as (proxy, _, _):
        environment = (
            logged_in(tmp_path / "docker", proxy.host, "ada", password) if password else {}
        )
        with pytest.raises(ServerRefused, match="refused to show main: 401") as error:
            repository_of(proxy.host, "access/app", environment).find("main")
        assert len(proxy.seen) == (2 if password else 1), "a wrong password is not tried again"
    whose = f"with the password of {tmp_path}/docker/config.json" if password else "without"
    assert f"asked {whose}" in error.value.what
    assert "wrong" not in str(error.value.as_json())
    assert f"docker login {proxy.host}" in error.value.remedy


def test_one_token_serves_a_whole_image(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    session = run(environment).session
    repository = opened(f"{guarded.host}/access/one", session=session, push=True)
    assert published(whole, layout, repository, "main", "1.0").changed
    assert [(a.who, a.scopes) for a in asked.asked] == [
        (USER, ("repository:access/one:pull,push",))
    ]


def test_a_second_repository_needs_no_second_refusal(
    guarded: Started, asked: TokenServer, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    own = run(environment)
    opened(f"{guarded.host}/access/one", session=own.session).find("main")
    before = len(own.asked)
    opened(f"{guarded.host}/access/two", session=own.session).find("main")
    assert len(own.asked) == before + 2, "a token, and the question"


def test_reading_alone_asks_for_no_right_to_push(
    guarded: Started, asked: TokenServer, tmp_path: Path
) -> None:
    repository = repository_of(guarded.host, "public/app", {})
    assert repository.find("main") is None
    assert [(a.who, a.scopes) for a in asked.asked] == [(None, ("repository:public/app:pull",))]


def test_anybody_may_not_push(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor
) -> None:
    repository = repository_of(guarded.host, "public/app", {})
    with pytest.raises(ServerRefused, match=r"401 .*asked without credentials") as error:
        published(whole, layout, repository, "main")
    assert "right to push" in error.value.remedy
    assert error.value.written == "nothing"


def test_an_identity_token_is_traded_for_one(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    auth = base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode()
    entry = {"auth": auth, "identitytoken": IDENTITY}
    environment = configured(tmp_path / "docker", {"auths": {guarded.host: entry}})
    repository = repository_of(guarded.host, "access/identity", environment)
    assert published(whole, layout, repository, "main").changed
    assert {(a.method, a.who) for a in asked.asked} == {("POST", USER)}


def test_a_registry_token_is_used_as_it_is(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    token = asked.token(USER, ("repository:access/bearer:pull,push",))
    entry = {"registrytoken": token}
    environment = configured(tmp_path / "docker", {"auths": {guarded.host: entry}})
    repository = repository_of(guarded.host, "access/bearer", environment)
    assert published(whole, layout, repository, "main").changed
    assert asked.asked == []


def test_a_token_server_that_says_no_is_one_error(
    guarded: Started, asked: TokenServer, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, "wrong")
    with pytest.raises(ServerRefused, match=r"gave no token for .*: 401 .UNAUTHORIZED") as error:
        repository_of(guarded.host, "access/app", environment).find("main")
    assert f"asked with the password of {tmp_path}/docker/config.json" in error.value.what


def test_a_blob_is_mounted_with_a_token_for_both_repositories(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    base = repository_of(guarded.host, "access/base", environment)
    published(whole, layout, base, "main")
    asked.asked.clear()
    layer = layer_of(layout, whole)
    repository = repository_of(guarded.host, "access/mounts", environment)
    done = published(whole, layout, repository, "main", borrow={layer.digest: base.where})
    assert done.blobs_mounted == 1
    both = ("repository:access/mounts:pull,push", "repository:access/base:pull")
    assert both in [a.scopes for a in asked.asked]


def test_a_blob_of_a_repository_that_is_not_ours_to_read_is_sent(
    guarded: Started, asked: TokenServer, layout: Layout, whole: Descriptor, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    repository = repository_of(guarded.host, "access/borrows", environment)
    layer = layer_of(layout, whole)
    lender = guarded.name("secret/base")
    done = published(whole, layout, repository, "main", borrow={layer.digest: lender})
    assert (done.blobs_mounted, done.blobs_sent) == (0, 2)


def test_a_token_that_ends_during_an_upload_is_renewed(
    guarded: Started, asked: TokenServer, layout: Layout, tmp_path: Path
) -> None:
    layer = layer_of(layout, image(layout, content(LARGE)))
    with troubled(guarded.host) as proxy:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        own = run(environment)
        repository = opened(f"{proxy.host}/access/ends", session=own.session, push=True)
        challenge = {"WWW-Authenticate": f'Bearer realm="{asked.realm}",service="{SERVICE}"'}
        proxy.on("PUT", "/uploads/", SayInTheMiddle(401, challenge))
        repository.put(layer, lambda: layout.pieces(layer))
        used = [seen.headers["Authorization"] for seen in proxy.asked("PUT")]
        assert len(asked.asked) == 2
        assert used[0] != used[-1]
        assert b"".join(repository.pieces(layer)) == content(LARGE)
        assert own.pauses == []


def test_a_token_is_renewed_before_its_end(
    guarded: Started, asked: TokenServer, tmp_path: Path
) -> None:
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    now = 1000.0
    session = Session(Http(environment), now=lambda: now)
    repository = opened(f"{guarded.host}/access/app", session=session)
    for now, wanted in ((1000.0, 1), (1280.0, 1), (1295.0, 2), (1300.0, 2)):  # noqa: B007
        repository.find("main")
        assert len(asked.asked) == wanted


# Where credentials must not go


def test_a_redirect_for_a_blob_gets_no_credentials(
    guarded: Started,
    registry: Started,
    asked: TokenServer,
    layout: Layout,
    whole: Descriptor,
    tmp_path: Path,
) -> None:
    """The blob is where anybody may read it, as it is in a storage that signs addresses."""
    layer = layer_of(layout, whole)
    published(whole, layout, opened(registry.name("storage/app"), session=run().session), "main")
    with troubled(guarded.host) as proxy, troubled(registry.host) as storage:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        repository = repository_of(proxy.host, "access/redirects", environment)
        repository.find("main")
        target = f"http://{storage.host}/v2/storage/app/blobs/{layer.digest}"
        proxy.on("GET", "/blobs/", Say(307, {"Location": target}))
        assert b"".join(repository.pieces(layer)) == content(1000)
        assert "Authorization" in proxy.asked("GET")[0].headers
        assert len(storage.seen) == 1
        assert "Authorization" not in storage.seen[0].headers


def test_a_storage_that_asks_who_we_are_is_not_told(
    guarded: Started,
    basic_registry: Started,
    asked: TokenServer,
    layout: Layout,
    whole: Descriptor,
    tmp_path: Path,
) -> None:
    layer = layer_of(layout, whole)
    with troubled(guarded.host) as proxy, troubled(basic_registry.host) as storage:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        repository = repository_of(proxy.host, "access/redirects", environment)
        repository.find("main")
        proxy.on("GET", "/blobs/", Say(307, {"Location": f"http://{storage.host}/v2/"}), times=9)
        trap = {"WWW-Authenticate": f'Bearer realm="http://{storage.host}/token"'}
        storage.on("GET", "/v2/", Say(401, trap))
        for _ in range(2):  # with the trap, then as the storage is: it asks for a password
            with pytest.raises(ServerRefused, match="401"):
                list(repository.pieces(layer))
        assert {seen.path for seen in storage.seen} == {"/v2/"}
        assert not [seen for seen in storage.seen if "Authorization" in seen.headers]


def test_a_place_for_uploads_elsewhere_gets_no_credentials(
    guarded: Started,
    registry: Started,
    asked: TokenServer,
    layout: Layout,
    whole: Descriptor,
    tmp_path: Path,
) -> None:
    layer = layer_of(layout, whole)
    elsewhere = opened(registry.name("storage/uploads"), session=run().session)
    with troubled(guarded.host) as proxy, troubled(registry.host) as storage:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        repository = repository_of(proxy.host, "access/uploads", environment)
        repository.find("main")
        place = f"http://{storage.host}/v2/storage/uploads/blobs/uploads/"
        with troubled(registry.host) as begun:
            own = opened(f"{begun.host}/storage/uploads", session=run().session)
            begun.on("PUT", "/uploads/", Say(403))
            with pytest.raises(ServerRefused):
                own.put(layer, lambda: layout.pieces(layer))
            place = f"http://{storage.host}{begun.asked('PUT')[0].path.partition('&digest')[0]}"
        proxy.on("POST", "/uploads/", Say(202, {"Location": place}))
        repository.put(layer, lambda: layout.pieces(layer))
        assert [seen.method for seen in storage.seen] == ["PUT"]
        assert "Authorization" not in storage.seen[0].headers
    assert elsewhere.has(layer)


# Over TLS


@pytest.fixture(scope="module")
def certified(
    start_registry: StartRegistry, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Started, Path]:
    """A registry that speaks HTTPS, and the file with the authority that it can be known by."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = self_signed("127.0.0.1")
    file, secret = folder / "registry.pem", folder / "registry.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    tls = {"certificate": str(file), "key": str(secret)}
    return start_registry({"http": {"tls": tls}}), file


def test_an_authority_is_trusted_that_the_environment_names(
    certified: tuple[Started, Path], layout: Layout, whole: Descriptor
) -> None:
    started, file = certified
    session = run({"SSL_CERT_FILE": str(file)}).session
    repository = opened(started.name("tls/app"), session=session, insecure=False)
    assert published(whole, layout, repository, "main").changed


def test_an_authority_is_trusted_that_the_settings_name_for_its_registry(
    certified: tuple[Started, Path], layout: Layout, whole: Descriptor
) -> None:
    """Then TLS is spoken on this machine, too; another registry is believed no more than before."""
    started, file = certified
    session = run(registries={started.host: Trust(authority=file)}).session
    repository = opened(started.name("tls/own"), session=session)
    assert published(whole, layout, repository, "main").changed
    other = started.name("tls/own").replace("127.0.0.1", "localhost")
    stranger = opened(other, session=session, insecure=False)
    with pytest.raises(ServerRefused, match="can't be trusted"):
        stranger.find("main")


@pytest.mark.parametrize("place", [".config/containers", ".config/docker", "etc"])
def test_an_authority_is_trusted_that_docker_or_podman_knows_for_its_registry(
    place: str, certified: tuple[Started, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, file = certified
    monkeypatch.setattr(trust, "SYSTEM", (tmp_path / "etc/certs.d",))
    folder = tmp_path / place / "certs.d" / started.host
    folder.mkdir(parents=True)
    session = run({"HOME": str(tmp_path)}).session
    with pytest.raises(ServerRefused, match="can't be trusted"):
        opened(started.name("tls/own"), session=session, insecure=False).find("none")
    (folder / "ca.crt").write_bytes(file.read_bytes())
    session = run({"HOME": str(tmp_path)}).session
    assert opened(started.name("tls/own"), session=session).find("none") is None


def test_a_registry_that_wants_a_certificate_of_ours_gets_that_of_certs_d_and_no_one_else_does(
    start_registry: StartRegistry, certified: tuple[Started, Path], tmp_path: Path
) -> None:
    _, file = certified
    key = file.with_suffix(".key")
    tls = {"certificate": str(file), "key": str(key), "clientcas": [str(file)]}
    started = start_registry({"http": {"tls": tls}})
    folder = tmp_path / ".config/docker/certs.d" / started.host
    folder.mkdir(parents=True)
    (folder / "ca.crt").write_bytes(file.read_bytes())
    with pytest.raises(TidemillError):
        opened(started.name("tls/app"), session=run({"HOME": str(tmp_path)}).session).find("main")
    (folder / "own.cert").write_bytes(file.read_bytes())
    (folder / "own.key").write_bytes(key.read_bytes())
    session = run({"HOME": str(tmp_path)}).session
    repository = opened(started.name("tls/app"), session=session)
    assert repository.find("main") is None
    access = session.access(repository.address)
    elsewhere = f"https://localhost:{started.host.partition(':')[2]}/v2/"
    with pytest.raises(Trouble), access.stream(Call("GET", elsewhere), Need("tls/app")):
        pass
    started.stop()


def test_a_file_of_the_settings_that_is_no_authority_is_one_error(
    certified: tuple[Started, Path], tmp_path: Path
) -> None:
    started, _ = certified
    for data in (None, b"no certificate"):
        if data:
            (tmp_path / "ca.pem").write_bytes(data)
        session = run(registries={started.host: Trust(authority=tmp_path / "ca.pem")}).session
        with pytest.raises(Refused, match=r"the certificates in .*ca\.pem can't be read"):
            opened(started.name("tls/app"), session=session).find("main")


def test_a_certificate_of_nobody_we_know_is_one_error(certified: tuple[Started, Path]) -> None:
    started, _ = certified
    own = run()
    with pytest.raises(ServerRefused, match=r"the certificate of .* can't be trusted") as error:
        opened(started.name("tls/app"), session=own.session, insecure=False).find("main")
    assert "SSL_CERT_FILE" in error.value.remedy
    assert f'[registries."{started.host}"]' in error.value.remedy
    assert own.pauses == []


def test_the_api_of_github_is_trusted_as_a_registry_is(
    certified: tuple[Started, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry knows no rules, so none are required; what counts is that it is spoken to."""
    started, file = certified
    url = f"https://{started.host}"
    github = GitHub(Place(url, "acme/app", url), "token", pause=lambda _: None)
    with pytest.raises(Unreachable, match=r"the certificate of .* can't be trusted") as error:
        github.required("main")
    assert "SSL_CERT_FILE" in error.value.remedy
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    github = GitHub(Place(url, "acme/app", url), "token")
    assert github.required("main") == ()


def test_plain_http_where_tls_is_wanted_is_one_error(registry: Started) -> None:
    with pytest.raises(ServerRefused, match="could not be spoken to over TLS") as error:
        opened(registry.name("tls/app"), session=run().session, insecure=False).find("main")
    assert f"--insecure-registry {registry.host}" in error.value.remedy


def test_an_authority_that_can_not_be_read_is_one_error(
    certified: tuple[Started, Path], tmp_path: Path
) -> None:
    started, _ = certified
    session = run({"SSL_CERT_FILE": str(tmp_path / "none.pem")}).session
    with pytest.raises(Refused, match=r"the certificates in .*none\.pem can't be read"):
        opened(started.name("tls/app"), session=session, insecure=False).find("main")


def test_a_registry_over_tls_can_not_lead_us_away_from_it(
    certified: tuple[Started, Path], registry: Started
) -> None:
    started, _ = certified
    access = run().session.access(
        opened(started.name("tls/app"), session=run().session, insecure=False).address
    )
    with pytest.raises(Refused, match="sends us to plain HTTP"):
        access.target(f"{started.url}/v2/", f"http://{registry.host}/v2/blob")


@pytest.mark.parametrize(
    ("host", "location", "wanted"),
    [
        ("r.example", "http://r.example/v2/a?b=c", "https://r.example/v2/a?b=c"),
        ("r.example", "http://r.example:80/v2/a", "https://r.example/v2/a"),
        ("r.example:5000", "http://r.example:5000/v2/a", "https://r.example:5000/v2/a"),
        ("r.example", "http://r.example:5000/v2/a", None),
        ("r.example", "http://s.example/v2/a", None),
    ],
)
def test_a_registry_that_does_not_know_of_its_tls_is_reached_over_it(
    host: str, location: str, wanted: str | None
) -> None:
    access = run().session.access(opened(f"{host}/app", session=run().session).address)
    if wanted is None:
        with pytest.raises(Refused, match="sends us to plain HTTP"):
            access.target(f"https://{host}/v2/", location)
    else:
        assert access.target(f"https://{host}/v2/", location) == wanted


def test_credentials_for_a_registry_over_tls_are_never_sent_in_the_clear(
    start_registry: StartRegistry,
    certified: tuple[Started, Path],
    asked: TokenServer,
    tmp_path: Path,
) -> None:
    """A registry that names a server of tokens that speaks plain HTTP."""
    _, file = certified
    tls = {"certificate": str(file), "key": str(file.with_suffix(".key"))}
    started = start_registry({**asked.overrides, "http": {"tls": tls}})
    environment = {
        **logged_in(tmp_path / "docker", started.host, USER, PASSWORD),
        "SSL_CERT_FILE": str(file),
    }
    session = run(environment).session
    with pytest.raises(Refused, match="wants its credentials sent over plain HTTP") as error:
        opened(started.name("tls/app"), session=session, insecure=False).find("main")
    assert asked.asked == []
    assert holds_no_secret(error.value)
    started.stop()


# How registries ask


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", []),
        ("Negotiate", []),
        ('Basic realm="x"', [Challenge("basic", "x")]),
        ("basic", [Challenge("basic")]),
        (
            'Bearer realm="https://a/token",service="a b",scope="repository:x:pull,push"',
            [Challenge("bearer", "https://a/token", "a b", ("repository:x:pull,push",))],
        ),
        ("Bearer realm=https://a/token", [Challenge("bearer", "https://a/token")]),
        (
            r'BEARER service="s\"s" , realm="r", Basic realm="b"',
            [Challenge("bearer", "r", 's"s'), Challenge("basic", "b")],
        ),
        ('Digest realm="d", nonce="n", Basic realm="b"', [Challenge("basic", "b")]),
    ],
)
def test_challenges_are_read(header: str, wanted: list[Challenge]) -> None:
    assert challenges(header) == wanted


@pytest.mark.parametrize("realm", ["", "/token", "ftp://a/token", "https://ada:x@a/token"])
def test_a_realm_that_is_none_is_refused(realm: str, registry: Started, tmp_path: Path) -> None:
    with troubled(registry.host) as proxy:
        environment = logged_in(tmp_path / "docker", proxy.host, USER, PASSWORD)
        proxy.on("HEAD", "/", Say(401, {"WWW-Authenticate": f'Bearer realm="{realm}"'}))
        with pytest.raises(Refused, match="as where tokens are"):
            repository_of(proxy.host, "app", environment).find("main")


def test_a_refusal_nested_too_deeply_says_nothing() -> None:
    assert said_in(b'{"x": ' + b"[" * 100_000) == ""


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"[]", b'{"token": ""}', b'{"token": "a\\r\\nX: y"}', b'{"token": 5}', b"\xff"),
        pytest.param(b'{"x": ' + b"[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_token_that_is_none_is_refused(answer: bytes, registry: Started) -> None:
    with troubled(registry.host) as proxy:
        realm = f"http://{proxy.host}/token"
        proxy.on("HEAD", "/", Say(401, {"WWW-Authenticate": f'Bearer realm="{realm}"'}))
        proxy.on("GET", "/token", Say(200, body=answer))
        with pytest.raises(ServerRefused, match="gave no token that can be used"):
            repository_of(proxy.host, "app", {}).find("main")


def test_no_log_has_a_secret(
    guarded: Started,
    asked: TokenServer,
    layout: Layout,
    whole: Descriptor,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    environment = logged_in(tmp_path / "docker", guarded.host, USER, PASSWORD)
    own = run(environment)
    repository = opened(f"{guarded.host}/access/logged", session=own.session)
    published(whole, layout, repository, "main")
    said = caplog.text + "".join(own.told) + repr(vars(own.session)) + repr(vars(repository))
    assert not any(secret in said for secret in SECRETS)
    assert not re.search(r"eyJ[\w-]+\.", said), "a token"
    assert oci.DIGEST.search(caplog.text), "there is a log"
