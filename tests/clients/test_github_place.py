"""Where a repository is on GitHub, and for which servers the token is."""

from __future__ import annotations

import pytest

from tidemill.clients.github.connecting import NoGitHub, connected
from tidemill.clients.github.place import (
    Place,
    here,
    of_remote,
    of_url,
    server_url,
    status_token_for,
    token_for,
)
from tidemill.errors import Refused


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", "the-token")


@pytest.mark.parametrize(
    ("server", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://octocorp.ghe.com", "https://api.octocorp.ghe.com"),
        ("https://github.acme.example", "https://github.acme.example/api/v3"),
        ("https://acme.example:8443", "https://acme.example:8443/api/v3"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000/api/v3"),
    ],
)
def test_api_follows_from_the_server(
    monkeypatch: pytest.MonkeyPatch, server: str, api: str
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", f"{server}/")
    assert of_url(f"{server}/acme/cfg-app.git") == Place(server, "acme/cfg-app", api)
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/cfg-app")
    assert here() == Place(server, "acme/cfg-app", api)


def test_api_that_the_workflow_names_is_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://acme.example")
    monkeypatch.setenv("GITHUB_API_URL", "https://acme.example/rest/")
    place = of_url("https://acme.example/acme/cfg-app")
    assert place is not None
    assert place.api == "https://acme.example/rest"


ELSEWHERE = [
    "https://github.com.evil.example/acme/cfg-app",
    "https://github.com@evil.example/acme/cfg-app",
    "http://github.com/acme/cfg-app",
    "/tmp/cfg-app",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_token_is_for_one_server_alone(url: str) -> None:
    assert of_url(url) is None
    assert token_for(url) is None
    assert isinstance(connected(url, lambda _: None), NoGitHub)


@pytest.mark.parametrize(
    "path", ["", "acme", "acme/cfg-app/x", "acme/../x", "acme/..", "acme/cfg app", "a/b?c"]
)
def test_address_that_is_no_repository_s_has_no_place(path: str) -> None:
    assert of_url(f"https://github.com/{path}") is None


def test_owner_whom_a_company_manages_has_repositories(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Place("https://github.com", "alice_acme/cfg-app", "https://api.github.com")
    assert of_url("https://github.com/alice_acme/cfg-app.git") == wanted
    monkeypatch.setenv("GITHUB_REPOSITORY", "alice_acme/cfg-app")
    assert here() == wanted


def test_plain_http_gets_the_token_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEMILL_STATUS_TOKEN", "another")
    for server, found in (
        ("http://127.0.0.1:3000", ("the-token", "another")),
        ("http://localhost:3000", ("the-token", "another")),
        ("http://acme.example", (None, None)),
        ("https://acme.example", ("the-token", "another")),
    ):
        monkeypatch.setenv("GITHUB_SERVER_URL", server)
        url = f"{server}/acme/cfg-app"
        assert (token_for(url), status_token_for(url)) == found


URL = "https://github.com/acme/cfg-app"


@pytest.mark.parametrize("given", [" ghs_1\n", "ghs_1\r\n", "\tghs_1"])
def test_space_around_a_token_is_not_the_token_s(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", given)
    assert token_for(URL) == "ghs_1"


@pytest.mark.parametrize("given", [" ", "\n"])
def test_empty_token_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", given)
    assert token_for(URL) is None


@pytest.mark.parametrize("given", ["ghs_1\nX-Evil: 1", "ghs 1", "ghs_\N{BULLET}", "ghs_\udc80"])
@pytest.mark.parametrize("variable", ["TIDEMILL_TOKEN", "TIDEMILL_STATUS_TOKEN"])
def test_what_is_no_token_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str
) -> None:
    monkeypatch.setenv(variable, given)
    with pytest.raises(Refused, match=f"what {variable} holds is no token") as caught:
        (token_for if variable == "TIDEMILL_TOKEN" else status_token_for)(URL)
    assert given not in caught.value.what + caught.value.remedy


@pytest.mark.parametrize(
    "given",
    [
        "github.acme.example", "127.0.0.1:3000", "ssh://github.acme.example", "https://", "https:",
        "https://ada:secret@acme.example", "https://acme.example?x", "https://acme example",
        "https://acme.example:port", "file:///tmp", "https://acme.example\n::error::x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("variable", ["GITHUB_SERVER_URL", "GITHUB_API_URL"])
def test_what_is_no_server_s_address_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://acme.example")
    monkeypatch.setenv(variable, given)
    with pytest.raises(Refused, match=f"{variable} is .*not the address of a server") as caught:
        of_url("https://acme.example/acme/cfg-app")
    assert "https://HOST" in caught.value.remedy
    assert "\n" not in caught.value.what
    assert "secret" not in caught.value.what


def test_empty_server_is_github_com(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "")
    assert server_url() == "https://github.com"


@pytest.mark.parametrize("given", ["cfg-app", "acme/cfg-app/x", "acme/..", "acme/cfg app", "/"])
def test_workflow_s_repository_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", given)
    with pytest.raises(Refused, match=r"GITHUB_REPOSITORY is .*not owner/name"):
        here()


def test_without_a_token_it_is_said_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEMILL_TOKEN")
    found = connected("https://github.com/acme/cfg-app", lambda _: None)
    with pytest.raises(Refused) as caught:
        found.required("main")
    assert "no token" in caught.value.what
    assert "TIDEMILL_TOKEN" in caught.value.remedy


def test_password_in_an_address_is_not_shown() -> None:
    found = connected("https://ada:secret@elsewhere.example/acme/cfg-app", lambda _: None)
    with pytest.raises(Refused) as caught:
        found.required("main")
    assert "secret" not in caught.value.what


REMOTES = {
    "https": ("https://github.com/acme/cfg.git", True),
    "https with a user": ("https://ada:secret@github.com/acme/cfg", True),
    "ssh": ("git@github.com:acme/cfg.git", True),
    "ssh as an address": ("ssh://git@github.com/acme/cfg.git", True),
    "ssh with a port": ("ssh://git@github.com:22/acme/cfg.git", True),
    "ssh on the port of https": ("ssh://git@ssh.github.com:443/acme/cfg.git", True),
    "ssh by a name of its own": ("work:acme/cfg.git", False),
    "ssh of another host": ("git@gitlab.com:acme/cfg.git", False),
    "ssh of a host that begins alike": ("git@github.com.evil.example:acme/cfg.git", False),
    "https of another host with a user": ("https://github.com@evil.example/acme/cfg", False),
    "https of another port with a user": ("https://ada@github.com:8443/acme/cfg", False),
    "https, where the user begins like the host": ("https://github.com/@evil.example/cfg", False),
    "folder": ("/srv/cfg.git", False),
}


@pytest.mark.parametrize(("address", "is_there"), REMOTES.values(), ids=REMOTES.keys())
def test_a_remote_of_git_is_on_github_by_its_host(address: str, is_there: bool) -> None:
    found, asked = of_remote(address), connected(address, lambda _: None)
    assert (found is not None) is is_there
    assert isinstance(asked, NoGitHub) is not is_there
    if found is not None:
        assert found.url == "https://github.com/acme/cfg"


def test_ssh_before_another_server_is_a_host_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://acme.com")
    assert of_remote("git@acme.com:org/repo") is not None
    assert of_remote("git@ssh.acme.com:org/repo") is None


def test_over_ssh_git_gets_no_token() -> None:
    assert token_for("git@github.com:acme/cfg-app.git") is None
