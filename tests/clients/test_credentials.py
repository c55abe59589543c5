"""Credentials as `docker login`, `podman login` and credential helpers leave them."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.clients.places import eventually, is_alive, pids

from tidemill.clients.registry import credentials
from tidemill.clients.registry.credentials import Credentials, Kind, Logins
from tidemill.errors import Refused, TidemillError, TimeLimit

SECRET = "open sesame"


def basic(user: str = "ada", password: str = SECRET) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def configured(folder: Path, settings: object) -> dict[str, str]:
    """An environment with Docker's file; its PATH has helpers, and what they are written in."""
    (folder / "config.json").write_text(json.dumps(settings))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def helper(folder: Path, name: str, script: str) -> None:
    file = folder / f"docker-credential-{name}"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def found(
    environment: Mapping[str, str], host: str = "ghcr.io", path: str = "ada/app"
) -> Credentials | None:
    return Logins(environment).find(host, path)


def plain(known: Credentials | None) -> tuple[Kind, str, str] | None:
    return (known.kind, known.user, known.secret) if known else None


ENTRIES: dict[str, tuple[object, tuple[Kind, str, str] | None]] = {
    "auth": ({"auth": basic()}, (Kind.PASSWORD, "ada", SECRET)),
    "a password with a colon": ({"auth": basic("ada", "a:b")}, (Kind.PASSWORD, "ada", "a:b")),
    "zeros at the end": ({"auth": basic("ada", "x\0\0")}, (Kind.PASSWORD, "ada", "x")),
    "in two fields": ({"username": "ada", "password": "x"}, (Kind.PASSWORD, "ada", "x")),
    "an identity token": (
        {"auth": basic("<token>", ""), "identitytoken": "id"},
        (Kind.IDENTITY, "<token>", "id"),
    ),
    "a registry token": ({"registrytoken": "jwt"}, (Kind.BEARER, "", "jwt")),
    "nothing": ({}, None),
    "only an address": ({"email": "ada@example.com"}, None),
    "null": (None, None),
    "null in a field": (
        {"auth": basic(), "identitytoken": None, "registrytoken": None, "username": None},
        (Kind.PASSWORD, "ada", SECRET),
    ),
    "lines": (
        {"auth": f"{basic()[:5]}\n{basic()[5:9]}\r\n{basic()[9:]}\n"},
        (Kind.PASSWORD, "ada", SECRET),
    ),
    "bytes that are no text": (
        {"auth": base64.b64encode(b"ada:\xe9").decode()},
        (Kind.PASSWORD, "ada", "\udce9"),
    ),
}


@pytest.mark.parametrize(("entry", "wanted"), ENTRIES.values(), ids=ENTRIES.keys())
def test_an_entry_is_read(
    entry: object, wanted: tuple[Kind, str, str] | None, tmp_path: Path
) -> None:
    assert plain(found(configured(tmp_path, {"auths": {"ghcr.io": entry}}))) == wanted


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("http://ghcr.io/", "ghcr.io"),
        ("https://ghcr.io/v1/", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("ghcr.io/ada", "ghcr.io"),
        ("ghcr.io/ada/app", "ghcr.io"),
    ],
)
def test_a_registry_is_known_by_all_its_names(key: str, host: str, tmp_path: Path) -> None:
    environment = configured(tmp_path, {"auths": {key: {"auth": basic()}}})
    assert plain(found(environment, host)) == (Kind.PASSWORD, "ada", SECRET)


@pytest.mark.parametrize(
    "key", ["ghcr.io:443", "hcr.io", "ghcr.io.example.com", "ghcr.io/eve", "ghcr.io/ad", "io"]
)
def test_another_place_s_credentials_are_not_used(key: str, tmp_path: Path) -> None:
    assert found(configured(tmp_path, {"auths": {key: {"auth": basic()}}})) is None


def test_the_nearest_entry_counts(tmp_path: Path) -> None:
    entries = {
        key: {"auth": basic(key.replace("/", "-"))}
        for key in ("ghcr.io", "ghcr.io/ada", "ghcr.io/ada/app", "ghcr.io/eve")
    }
    environment = configured(tmp_path, {"auths": entries})
    users = {
        path: known.user
        for path in ("ada/app", "ada/other", "bob/app", "ada")
        if (known := found(environment, path=path))
    }
    assert users == {
        "ada/app": "ghcr.io-ada-app",
        "ada/other": "ghcr.io-ada",
        "bob/app": "ghcr.io",
        "ada": "ghcr.io-ada",
    }


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert found({}) is None
    assert found({"DOCKER_CONFIG": str(tmp_path / "none")}) is None
    assert found({"HOME": str(tmp_path), "REGISTRY_AUTH_FILE": str(tmp_path / "none")}) is None


def test_the_home_folder_is_looked_in_unless_docker_has_another(tmp_path: Path) -> None:
    home = tmp_path / ".docker"
    home.mkdir()
    configured(home, {"auths": {"ghcr.io": {"auth": basic("home")}}})
    known = found({"HOME": str(tmp_path)})
    assert known
    assert (known.user, known.source) == ("home", f"{home}/config.json (auths, 'ghcr.io')")
    assert found({"HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}) is None


def test_podmans_file_comes_first_and_dockers_is_not_lost(tmp_path: Path) -> None:
    environment = configured(
        tmp_path, {"auths": {host: {"auth": basic("docker")} for host in ("ghcr.io", "quay.io")}}
    )
    podman = tmp_path / "auth.json"
    podman.write_text(json.dumps({"auths": {"ghcr.io": {"auth": basic("podman")}}}))
    environment["REGISTRY_AUTH_FILE"] = str(podman)
    users = [known.user for host in ("ghcr.io", "quay.io") if (known := found(environment, host))]
    assert users == ["podman", "docker"]


@pytest.mark.parametrize(
    "settings",
    [None, {"auths": None, "credsStore": None, "credHelpers": None}, {"credHelpers": {"x": None}}],
)
def test_null_is_as_good_as_not_given(settings: object, tmp_path: Path) -> None:
    assert found(configured(tmp_path, settings)) is None


def test_bytes_that_are_no_text_are_passed_on_as_they_are(tmp_path: Path) -> None:
    auth = base64.b64encode(b"ada:\xe9").decode()
    known = found(configured(tmp_path, {"auths": {"ghcr.io": {"auth": auth}}}))
    assert known
    assert known.basic == f"Basic {auth}"


def test_where_podman_logs_in_counts_after_dockers_place(tmp_path: Path) -> None:
    """In the order of the places; each has something that those before it lack."""
    hosts = ["docker.example", "run.example", "config.example"]
    folders = [tmp_path / ".docker", tmp_path / "run/containers", tmp_path / ".config/containers"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        entries = {host: {"auth": basic(f"{number}")} for host in hosts[number:]}
        name = "auth.json" if number else "config.json"
        (folder / name).write_text(json.dumps({"auths": entries}))
    environment = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    assert [(k := found(environment, host)) and k.user for host in hosts] == ["0", "0", "0"]
    (folders[0] / "config.json").unlink()
    assert [(k := found(environment, host)) and k.user for host in hosts[1:]] == ["1", "1"]
    (folders[1] / "auth.json").unlink()
    assert [(k := found(environment, host)) and k.user for host in hosts[2:]] == ["2"]
    moved = {**environment, "XDG_CONFIG_HOME": str(tmp_path / ".config")}
    assert found({"XDG_CONFIG_HOME": moved["XDG_CONFIG_HOME"]}, hosts[2])


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[]", '{"auths": []}', '{"auths": {"ghcr.io": 5}}', "open sesame", "\x00"),
        pytest.param('{"x": ' + "[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_file_that_can_not_be_read_is_one_error_without_its_content(
    text: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(Refused, match="is not the JSON that docker login writes") as error:
        found({"DOCKER_CONFIG": str(tmp_path)})
    assert SECRET not in str(error.value.as_json())


@pytest.mark.parametrize("auth", ["%%%", base64.b64encode(b"open sesame").decode(), "b3Bl\xff"])
def test_an_entry_that_can_not_be_read_is_one_error_without_its_content(
    auth: str, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"the entry for 'ghcr\.io' in .* can't be read") as error:
        found(configured(tmp_path, {"auths": {"ghcr.io": {"auth": auth}}}))
    said = str(error.value.as_json())
    assert SECRET not in said
    assert auth not in said
    assert error.value.remedy == "log in again: docker login ghcr.io"


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    known = found(configured(tmp_path, {"auths": {"ghcr.io": {"auth": basic()}}}))
    assert known
    assert SECRET not in repr(known)
    assert known.basic == f"Basic {basic()}"


# Helpers

ANSWER = '{"ServerURL": "x", "Username": "ada", "Secret": "%s"}'


@pytest.mark.parametrize("settings", [{"credsStore": "own"}, {"credHelpers": {"ghcr.io": "own"}}])
def test_a_helper_is_asked_on_its_input(settings: object, tmp_path: Path) -> None:
    helper(tmp_path, "own", f"echo \"$*\" > args; cat > input; echo '{ANSWER % SECRET}'")
    script = (tmp_path / "docker-credential-own").read_text()
    (tmp_path / "docker-credential-own").write_text(script.replace("> ", f"> {tmp_path}/"))
    known = found(configured(tmp_path, settings))
    assert plain(known) == (Kind.PASSWORD, "ada", SECRET)
    assert known
    assert known.source == f"docker-credential-own ({tmp_path}/config.json)"
    assert (tmp_path / "args").read_text() == "get\n"
    assert (tmp_path / "input").read_text() == "ghcr.io"


def test_a_registrys_own_helper_comes_before_that_for_all(tmp_path: Path) -> None:
    helper(tmp_path, "own", f"echo '{ANSWER % 'own'}'")
    helper(tmp_path, "all", f"echo '{ANSWER % 'all'}'")
    environment = configured(
        tmp_path, {"credsStore": "all", "credHelpers": {"https://ghcr.io": "own"}}
    )
    secrets = [
        known.secret for host in ("ghcr.io", "quay.io") if (known := found(environment, host))
    ]
    assert secrets == ["own", "all"]


def test_docker_hub_has_one_name_for_helpers(tmp_path: Path) -> None:
    helper(tmp_path, "own", f"read key; echo '{ANSWER}' | sed s,%s,$key,")
    known = found(configured(tmp_path, {"credsStore": "own"}), "docker.io")
    assert known
    assert known.secret == "https://index.docker.io/v1/"


def test_a_helper_may_give_an_identity_token(tmp_path: Path) -> None:
    helper(tmp_path, "own", 'echo \'{"Username": "<token>", "Secret": "id"}\'')
    known = found(configured(tmp_path, {"credsStore": "own"}))
    assert plain(known) == (Kind.IDENTITY, "", "id")


def test_a_helper_that_knows_nothing_leaves_the_word_to_the_file(tmp_path: Path) -> None:
    helper(tmp_path, "own", "echo credentials not found in native keychain; exit 1")
    settings = {"credsStore": "own", "auths": {"ghcr.io": {"auth": basic()}, "quay.io": {}}}
    environment = configured(tmp_path, settings)
    assert plain(found(environment)) == (Kind.PASSWORD, "ada", SECRET)
    assert found(environment, "quay.io") is None


def test_a_helper_is_asked_once_for_each_registry(tmp_path: Path) -> None:
    helper(tmp_path, "own", f"echo x >> {tmp_path}/asked; echo '{ANSWER % SECRET}'")
    logins = Logins(configured(tmp_path, {"credsStore": "own"}))
    for host in ("ghcr.io", "ghcr.io", "quay.io"):
        for path in ("ada/one", "ada/two"):
            assert logins.find(host, path)
    assert (tmp_path / "asked").read_text() == "x\n" * 2


BROKEN = {
    "fails": (
        f"echo {SECRET}; exit 3",
        "docker-credential-own failed for ghcr.io, with exit code 3",
    ),
    "says nothing": ("true", "gave no answer that can be read"),
    "nests too deeply": (
        "printf '{\"x\": '; head -c 100000 /dev/zero | tr '\\0' '['",
        "gave no answer that can be read",
    ),
    "says something else": (f"echo {SECRET}", "gave no answer that can be read"),
    "lacks a secret": ('echo \'{"Username": "open sesame"}\'', "gave no answer that can be read"),
}


@pytest.mark.parametrize(("script", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_helper_that_is_broken_is_one_error_without_what_it_printed(
    script: str, said: str, tmp_path: Path
) -> None:
    helper(tmp_path, "own", script)
    with pytest.raises(Refused, match=said) as error:
        found(configured(tmp_path, {"credsStore": "own"}))
    assert SECRET not in str(error.value.as_json())


def test_a_helper_that_is_not_installed_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match=r"docker-credential-none, which .* asks for, can't be started"
    ):
        found(configured(tmp_path, {"credsStore": "none"}))


@pytest.mark.parametrize("name", ["../own", "a/b", "-x", "a b", "x\n"])
def test_a_helper_s_name_is_no_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not the name of a credential helper"):
        found(configured(tmp_path, {"credHelpers": {"ghcr.io": name}}))


def test_a_helper_that_does_not_answer_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "HELPER_SECONDS", 3.0)
    helper(tmp_path, "own", f"echo $$ > {tmp_path}/pids; sleep 600")
    with pytest.raises(TimeLimit, match="docker-credential-own took longer than"):
        found(configured(tmp_path, {"credsStore": "own"}))
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(tmp_path / "pids")))


def test_every_error_has_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(TidemillError) as error:
        found(configured(tmp_path, {"credsStore": "none"}))
    assert error.value.remedy
    assert error.value.written == "nothing"


def said(registry: str = "ghcr.io", **others: str) -> dict[str, str]:
    """What a workflow says in variables."""
    return {
        "TIDEMILL_REGISTRY": registry,
        "TIDEMILL_REGISTRY_USERNAME": "octocat",
        "TIDEMILL_REGISTRY_PASSWORD": "of the workflow",
        **others,
    }


def test_what_a_workflow_says_comes_before_what_a_login_left(tmp_path: Path) -> None:
    left = configured(tmp_path, {"auths": {"ghcr.io": {"auth": basic()}}})
    assert plain(found(said(**left))) == (Kind.PASSWORD, "octocat", "of the workflow")


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("https://ghcr.io/", "ghcr.io"),
        ("ghcr.io/acme", "ghcr.io"),
        (" GHCR.io\n", "ghcr.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("http://localhost:5000/v2/", "localhost:5000"),
    ],
)
def test_a_workflow_may_name_its_registry_as_logins_do(given: str, host: str) -> None:
    assert plain(found(said(given), host)) == (Kind.PASSWORD, "octocat", "of the workflow")
    assert found(said(given), f"{host}.example") is None


def test_what_a_workflow_says_is_for_its_registry_alone(tmp_path: Path) -> None:
    left = configured(tmp_path, {"auths": {"quay.io": {"auth": basic()}}})
    assert found(said(), "quay.io") is None
    assert plain(found(said(**left), "quay.io")) == (Kind.PASSWORD, "ada", SECRET)


def test_without_a_password_a_workflow_says_nothing() -> None:
    assert found(said(TIDEMILL_REGISTRY_PASSWORD="")) is None


TOKEN = "ghs_of_the_workflow"


@pytest.mark.parametrize(
    ("server", "registry", "others"),
    [
        ("", "ghcr.io", {}),
        ("https://github.com", "ghcr.io", {}),
        ("https://github.com/", "ghcr.io", {"TIDEMILL_REGISTRY_PASSWORD": TOKEN}),
        ("https://acme.ghe.com", "containers.acme.ghe.com", {}),
        ("https://github.acme.example", "containers.github.acme.example", {}),
    ],
)
def test_the_workflow_s_token_is_for_the_registry_of_its_github(
    server: str, registry: str, others: dict[str, str]
) -> None:
    environment = {
        "TIDEMILL_REGISTRY": registry,
        "TIDEMILL_WORKFLOW_TOKEN": TOKEN,
        "GITHUB_SERVER_URL": server,
        "GITHUB_ACTOR": "octocat",
        **others,
    }
    assert plain(found(environment, registry)) == (Kind.PASSWORD, "octocat", TOKEN)
    assert found(environment, "quay.io") is None


@pytest.mark.parametrize(
    ("server", "registry"),
    [
        ("https://github.com", "registry.acme.example"),
        ("https://github.com", "docker.io"),
        ("https://github.com", "ghcr.io.acme.example"),
        ("https://github.com", "ghcr.io:8443"),
        ("https://github.com", "containers.github.com"),
        ("https://github.acme.example", "ghcr.io"),
        ("http://github.acme.example", "containers.github.acme.example"),
        ("https://github.acme.example:8443", "containers.github.acme.example"),
    ],
)
def test_no_other_registry_gets_the_workflow_s_token(server: str, registry: str) -> None:
    environment = {
        "TIDEMILL_REGISTRY": registry,
        "TIDEMILL_WORKFLOW_TOKEN": TOKEN,
        "GITHUB_SERVER_URL": server,
        "GITHUB_ACTOR": "octocat",
    }
    assert found(environment, registry) is None
    own = {"TIDEMILL_REGISTRY_USERNAME": "ada", "TIDEMILL_REGISTRY_PASSWORD": SECRET}
    assert plain(found(environment | own, registry)) == (Kind.PASSWORD, "ada", SECRET)
    with pytest.raises(Refused, match="the workflow's own token is given as the password") as error:
        found(environment | {"TIDEMILL_REGISTRY_PASSWORD": f" {TOKEN}\n"}, registry)
    assert TOKEN not in str(error.value.as_json())
