"""A token for Git: shown to one server, and to nobody else."""

from __future__ import annotations

import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.clients.bench import Bench
from tests.clients.git_server import GitServer, serving
from tests.clients.places import bare, imported, refs
from tests.world import git

from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.clients.git.git import Git, configured
from tidemill.clients.git.remote import listed, remote
from tidemill.clients.git.repository import Repository, opened
from tidemill.clients.git.store import Committed, Declined, Pushed, Update, Work
from tidemill.clients.machine.workflow import SECRETS
from tidemill.errors import Unreachable

TOKEN = "ghs_hush"
CODED = b64encode(f"x-access-token:{TOKEN}".encode()).decode()
READS, WRITES = {TOKEN: "read"}, {TOKEN: "write"}
TRACES = (
    "GIT_TRACE", "GIT_TRACE_CURL", "GIT_TRACE_SETUP", "GIT_TRACE2", "GIT_TRACE2_EVENT",
    "GIT_TRACE2_PERF",
)  # fmt: skip
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
FILES = {
    "tidemill.toml": "settings",
    "generated/all.yaml": "image: 1\n",
    "images/lab/tags.json": "",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A server with acme/cfg-app, which nobody may read yet."""
    (tmp_path / "root/acme").mkdir(parents=True)
    imported(bare(tmp_path / "root/acme/cfg-app"), [FILES, {"generated/all.yaml": "image: 2\n"}])
    with serving(tmp_path / "root", {}) as running:
        yield running


@pytest.fixture
def url(server: GitServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """acme/cfg-app, in a workflow that has a token; all tokens have still to be let in."""
    monkeypatch.setenv("GITHUB_SERVER_URL", server.url)
    monkeypatch.setenv("TIDEMILL_TOKEN", TOKEN)
    return f"{server.url}/acme/cfg-app"


def there(server: GitServer) -> Path:
    return server.root / "acme/cfg-app"


def use_it_all(repository: Repository, main: str, server: GitServer) -> str:
    """Everything that talks to a remote: list, fetch, deepen, check out, push."""
    assert repository.refs().shas["refs/heads/main"] == main
    repository.fetch([main], [], ["tidemill.toml"])
    assert repository.files(main, ["tidemill.toml"]) == {"tidemill.toml": b"settings"}
    first = git(there(server), "rev-parse", "main^")
    assert repository.is_ancestor(first, main)
    assert repository.exists(first)
    generate = "cat images/lab/tags.json > generated/all.yaml"
    work = Work(main, "images/lab", b"{}", b"{}", None, "m", generate=generate, date=THEN)
    done = repository.work(work)
    assert isinstance(done, Committed)
    assert repository.push([Update("refs/heads/auto", None, done.sha)]) == Pushed()
    return done.sha


def test_no_character_in_the_name_of_a_branch_makes_it_another_one(tmp_path: Path) -> None:
    """Python parts lines at more of them than Git refuses in names."""
    there = bare(tmp_path / "cfg.git")
    commits = imported(there, [{"a": "main"}, {"a": "theirs"}])
    git(there, "update-ref", "refs/heads/main", commits[0])
    odd = [f"refs/heads/main{one}x" for one in "\x85\u2028\u2029"]
    for ref in odd:
        git(there, "update-ref", ref, commits[1])
    refs, head = listed(Git(there)("ls-remote", "--symref", str(there)))
    assert refs == {"refs/heads/main": commits[0], **dict.fromkeys(odd, commits[1])}
    assert head == "main"


def test_all_that_talks_to_the_server_shows_the_token_once(server: GitServer, url: str) -> None:
    server.tokens.update(WRITES)
    main = git(there(server), "rev-parse", "main")
    with opened(url) as repository:
        commit = use_it_all(repository, main, server)
    assert refs(there(server))["refs/heads/auto"] == commit
    assert server.headers
    assert all(given == [f"Basic {CODED}"] for given in server.headers)


def test_token_is_in_no_argument_no_file_and_no_message(
    server: GitServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where somebody has all of Git's tracing on."""
    for name in TRACES:
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    monkeypatch.setenv("GIT_TRACE2_CONFIG_PARAMS", "http.*,remote.*")
    names = [f"GIT_CONFIG_VALUE_{number}" for number in range(20)]
    monkeypatch.setenv("GIT_TRACE2_ENV_VARS", ",".join(names))
    monkeypatch.setenv("TIDEMILL_TMPDIR", str(tmp_path))
    server.tokens.update(WRITES)
    main = git(there(server), "rev-parse", "main")
    with opened(url) as repository:
        use_it_all(repository, main, server)
        written = [file for file in tmp_path.rglob("*") if file.is_file() and not file.is_symlink()]
        assert {*TRACES, "config"} <= {file.name for file in written}
        for file in written:
            for secret in (TOKEN, CODED):
                assert secret.encode() not in file.read_bytes(), file
    assert any("git-remote-http" in line for line in server.seen), "somebody looked"
    assert not [line for line in server.seen if TOKEN in line or CODED in line]
    assert TOKEN not in repr(remote(url))


def test_git_that_talks_to_nobody_has_no_token(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tokens.update(READS)
    for name in SECRETS:
        monkeypatch.setenv(name, TOKEN)
    with opened(url) as repository:
        env = repository.git("-c", "alias.env=!env", "env").decode()
        assert "remote.origin.url" in env
        assert TOKEN not in env
        assert CODED not in env


@pytest.mark.parametrize("where", ["http.extraHeader", "http.{server}/.extraHeader",
                                   "http.{server}/acme/.extraHeader"])  # fmt: skip
def test_header_that_is_configured_already_is_not_sent_too(
    server: GitServer, url: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As actions/checkout leaves one: GitHub answers a request with two by 400."""
    server.tokens.update(READS)
    other = configured({where.format(server=server.url): "Authorization: Basic b3RoZXI="})
    for name, value in other.items():
        monkeypatch.setenv(name, value)
    with opened(url) as repository:
        assert "refs/heads/main" in repository.refs().shas
    assert all(given == [f"Basic {CODED}"] for given in server.headers)


@pytest.mark.parametrize(("away", "is_read"), [(1, True), (2, True), (3, False)])
def test_reading_is_tried_again_where_a_server_is_away_for_a_moment(
    server: GitServer, url: str, away: int, is_read: bool
) -> None:
    server.tokens, server.away = READS, away
    with opened(url) as repository:
        if is_read:
            assert repository.refs().shas
        else:
            with pytest.raises(Unreachable, match="could not be read"):
                repository.refs()
    assert server.away == 0


def test_token_is_not_shown_to_another_server(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.com")
    with opened(url) as repository, pytest.raises(Unreachable):
        repository.refs()
    assert server.headers
    assert not any(server.headers)


def test_token_does_not_follow_to_where_requests_are_sent_on(
    server: GitServer, url: str, tmp_path: Path
) -> None:
    with serving(server.root, WRITES) as other:
        server.redirect = other.url
        with opened(url) as repository, pytest.raises(Unreachable):
            repository.refs()
        assert other.headers == []


def test_token_is_not_shown_to_where_an_address_is_rewritten_to(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(server.root, WRITES) as other:
        for name, value in configured({f"url.{other.url}/.insteadOf": f"{server.url}/"}).items():
            monkeypatch.setenv(name, value)
        with opened(url) as repository, pytest.raises(Unreachable):
            repository.refs()
        assert other.headers
        assert not any(other.headers)
    assert server.headers == []


def test_nobody_is_asked_for_a_password_where_the_token_is_refused(
    server: GitServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    asker = tmp_path / "ask"
    asker.write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
    asker.chmod(0o755)
    for name in ("GIT_ASKPASS", "SSH_ASKPASS"):
        monkeypatch.setenv(name, str(asker))
    helpers = {"credential.helper": f"!{asker}", f"credential.{server.url}.helper": f"!{asker}"}
    for name, value in configured({**helpers, "core.askPass": str(asker)}).items():
        monkeypatch.setenv(name, value)
    with opened(url) as repository, pytest.raises(Unreachable):
        repository.refs()
    assert not asked.exists()


def test_whoever_may_not_read_is_told_which_right_is_missing(server: GitServer, url: str) -> None:
    with opened(url) as repository, pytest.raises(Unreachable) as found:
        repository.refs()
    assert "`contents: read` for acme/cfg-app" in found.value.remedy
    assert TOKEN not in f"{found.value.what}{found.value.remedy}"


def test_whoever_has_no_token_is_told_to_give_one(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TIDEMILL_TOKEN")
    with opened(url) as repository, pytest.raises(Unreachable) as found:
        repository.refs()
    assert "TIDEMILL_TOKEN" in found.value.remedy
    assert "acme/cfg-app" in found.value.remedy


def test_whoever_may_not_write_is_told_which_right_is_missing(server: GitServer, url: str) -> None:
    """A workflow that forgot its `permissions:` reads well, and then may not push."""
    server.tokens.update(READS)
    main = git(there(server), "rev-parse", "main")
    with opened(url) as repository:
        repository.fetch([main], [])
        outcome = repository.push([Update("refs/heads/auto", None, main)])
    assert isinstance(outcome, Declined)
    assert "403" in outcome.reason
    assert "`contents: write` for acme/cfg-app" in outcome.remedy


def test_rule_that_refuses_is_not_taken_for_a_missing_right(server: GitServer, url: str) -> None:
    server.tokens.update(WRITES)
    hook = there(server) / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho main is protected >&2\nexit 1\n")
    hook.chmod(0o755)
    main = git(there(server), "rev-parse", "main")
    with opened(url) as repository:
        repository.fetch([main], [])
        outcome = repository.push([Update("refs/heads/auto", None, main)])
    assert isinstance(outcome, Declined)
    assert "main is protected" in outcome.reason
    assert not outcome.remedy


def test_path_and_other_addresses_get_no_token(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEMILL_TOKEN", TOKEN)
    for address in (str(bench.server), "git@github.com:acme/cfg-app", "http://github.com/a/b"):
        assert remote(address).token is None
    assert remote("https://github.com/acme/cfg-app").token == TOKEN
    assert "TIDEMILL_TOKEN" in os.environ


def test_shallow_checkout_of_app_git_is_deepened_with_the_token(
    server: GitServer, url: str, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=1", f"file://{there(server)}", str(clone))
    git(clone, "remote", "set-url", "origin", url)
    server.tokens.update(READS)
    assert AppCheckout(clone).origin(Given()).position == 2
    assert CODED not in (clone / ".git/config").read_text()


def test_what_is_no_file_leads_nowhere_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    asked = threading.Thread(target=remote, args=(str(tmp_path),), daemon=True)
    asked.start()
    asked.join(30)
    assert not asked.is_alive()
    assert remote(str(tmp_path)).url == str(tmp_path / ".git")


@pytest.mark.parametrize("name", ["plain", "a b", "ü", "no-utf-\udcff8", "100%"], ids=ascii)
def test_address_of_a_file_leads_to_the_folder_that_git_finds(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    git(tmp_path, "init", "-q", "--bare", str(folder))
    url = f"file://{quote(os.fsencode(folder))}"
    git(tmp_path, "ls-remote", url)
    assert remote(url).folder == folder
