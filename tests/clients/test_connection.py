"""Reading over one connection: how many requests it takes, and servers that fail or can't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.clients.git_server import GitServer, serving
from tests.clients.places import bare, eventually, imported, is_alive
from tests.world import git

from tidemill.clients.git import connection
from tidemill.clients.git import repository as repository_module
from tidemill.clients.git.git import configured
from tidemill.clients.git.repository import Repository, opened
from tidemill.clients.git.store import Committed, Pushed, Update, Work
from tidemill.clients.machine.processes import children
from tidemill.errors import TimeLimit, Unreachable

TOKEN = "ghs_hush"
THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
FILES = {"tidemill.toml": "settings", "generated/all.yaml": "image: 1\n" * 1000, "a/tags.json": "x"}
RECORD = {"record.json": "fact"}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """A server with acme/cfg-app, which may be read with the token that there is."""
    folder = tmp_path / "root/acme/cfg-app"
    folder.parent.mkdir(parents=True)
    imported(bare(folder), [FILES, {"generated/all.yaml": "image: 2\n"}])
    imported(folder, [RECORD], "refs/tidemill/inbox/a")
    with serving(tmp_path / "root", {TOKEN: "write"}) as running:
        monkeypatch.setenv("GITHUB_SERVER_URL", running.url)
        monkeypatch.setenv("TIDEMILL_TOKEN", TOKEN)
        yield running


@pytest.fixture
def url(server: GitServer) -> str:
    return f"{server.url}/acme/cfg-app"


@pytest.fixture
def there(server: GitServer) -> Path:
    return server.root / "acme/cfg-app"


def read(repository: Repository) -> str:
    """What a turn reads: settings of main, and a fact; returns main."""
    refs = repository.refs()
    assert refs.head == "main"
    main, fact = refs.shas["refs/heads/main"], refs.shas["refs/tidemill/inbox/a"]
    repository.fetch([main], [fact], ["tidemill.toml"])
    assert repository.files(main, ["tidemill.toml"]) == {"tidemill.toml": b"settings"}
    assert repository.files(fact, ["record.json"]) == {"record.json": b"fact"}
    return main


def test_turn_reads_in_four_requests_over_one_connection(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        read(repository)
        assert [path.rpartition("/")[2] for path in server.paths] == [
            "refs?service=git-upload-pack",
            *["git-upload-pack"] * 3,
        ]
        read(repository)
        assert len(server.paths) == 5, "nothing has changed, and only that was asked"
        assert server.connections == 1


def test_server_that_ends_idle_connections_is_read_all_the_same(
    server: GitServer, url: str, there: Path
) -> None:
    """As it happens while a command runs for minutes."""
    server.closes = True
    with opened(url) as repository:
        read(repository)
        assert repository.exists(git(there, "rev-parse", "main^"))
        read(repository)
    assert server.connections == len(server.paths) > 4


def test_server_is_asked_who_it_is_before_anything_is_read(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        assert eventually(lambda: len(server.paths) == 1), "nobody has waited for it"
        read(repository)
        assert (len(server.paths), server.connections) == (4, 1)


def test_what_is_read_later_comes_over_the_same_connection(
    server: GitServer, url: str, there: Path
) -> None:
    first = git(there, "rev-parse", "main^")
    with opened(url) as repository:
        main = read(repository)
        assert repository.is_ancestor(first, main)
        assert [one.sha for one in repository.history(main, 5)] == [first, main]
        assert repository.exists(first, ["generated"])
        assert repository.files(first, ["generated/all.yaml"])
        assert server.connections == 1


def test_files_of_a_checkout_come_in_one_request(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        main = read(repository)
        work = Work(main, "a", b"{}", b"{}", None, "m", generate="cat a/tags.json > b", date=THEN)
        done = repository.work(work)
        assert isinstance(done, Committed)
        assert repository.files(done.sha, ["b"]) == {"b": b"{}"}
        assert len(server.paths) == 5
        assert server.connections == 1


def test_nothing_is_asked_for_where_no_command_runs(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        main = read(repository)
        done = repository.work(Work(main, "a", b"1", b"2", None, "m", date=THEN))
        assert isinstance(done, Committed)
        assert repository.files(done.sha, ["a/tags.json"]) == {"a/tags.json": b"1"}
        assert len(server.paths) == 4


def test_history_that_is_here_is_not_asked_for_again(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        main = read(repository)
        shas = repository.commits(main)
        before = len(server.paths)
        assert repository.commits(main) == shas
        assert repository.is_ancestor(main, main)
        assert len(server.paths) == before


def test_no_process_is_left(url: str) -> None:
    before = children()
    with opened(url) as repository:
        read(repository)
        started = children() - before
        assert started
    assert eventually(lambda: not any(is_alive(pid) for pid in started))


@pytest.mark.parametrize("as_path", [False, True], ids=["http", "path"])
def test_commit_that_is_not_there_does_not_end_the_reading(
    url: str, there: Path, pauses: list[float], *, as_path: bool
) -> None:
    """And a folder is not asked again, for nothing is between us and it."""
    with opened(str(there) if as_path else url) as repository:
        main = read(repository)
        assert not repository.exists("0" * 40, again=as_path)
        assert repository.exists(main)
        read(repository)
    assert pauses == []


def test_server_that_leaves_nothing_out_is_read_over_one_connection(
    server: GitServer, url: str
) -> None:
    server.settings = ()
    with opened(url) as repository:
        main = read(repository)
        assert len(server.paths) == 3, "the files came with their commits"
        assert repository.files(main, ["a/tags.json"]) == {"a/tags.json": b"x"}
        assert len(server.paths) == 3
        assert server.connections == 1


def test_server_of_an_older_protocol_is_read_by_commands(
    server: GitServer, url: str, there: Path
) -> None:
    server.is_old = True
    with opened(url) as repository:
        main = read(repository)
        assert repository.is_ancestor(git(there, "rev-parse", "main^"), main)
        assert not repository.exists("0" * 40, again=False)
        assert server.connections > 1


def test_server_without_git_is_an_error_with_a_remedy(
    server: GitServer, url: str, there: Path
) -> None:
    """Git itself can't get a part of what such a server has."""
    git(there, "update-server-info")
    server.is_dumb = True
    with opened(url) as repository:
        main = repository.refs().shas["refs/heads/main"]
        with pytest.raises(Unreachable, match="could not be read") as failed:
            repository.fetch([main], [])
    assert failed.value.remedy


def test_address_that_is_rewritten_to_one_for_another_transport_is_read(
    server: GitServer, url: str, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many have it for ssh: `url.git@github.com:.insteadOf https://github.com/`."""
    for name, value in configured({f"url.file://{there}.insteadOf": url}).items():
        monkeypatch.setenv(name, value)
    with opened(url) as repository:
        read(repository)
    assert server.paths == []


def test_address_that_is_rewritten_to_a_command_is_refused(
    server: GitServer, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = f"ext::sh -c 'touch {tmp_path}/touched'"
    for name, value in configured({f"url.{command}.insteadOf": url}).items():
        monkeypatch.setenv(name, value)
    with opened(url) as repository, pytest.raises(Unreachable, match="could not be read"):
        repository.refs()
    assert server.paths == []
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("key", ["insteadOf", "pushInsteadOf"])
def test_folder_is_written_to_where_it_is_read(
    there: Path, tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the user's configuration puts in place of its path."""
    other = bare(tmp_path / "other.git")
    for name, value in configured({f"url.{other}.{key}": str(there)[:-1]}).items():
        monkeypatch.setenv(name, value)
    with opened(str(there)) as repository:
        main = read(repository)
        assert repository.push([Update("refs/heads/auto", None, main)]) == Pushed()
    assert git(there, "rev-parse", "auto") == main
    assert git(other, "for-each-ref") == ""


@pytest.mark.parametrize(("cut", "is_read"), [(1, True), (2, True), (3, False)])
def test_answer_that_is_cut_off_is_asked_for_again(
    server: GitServer, url: str, cut: int, *, is_read: bool
) -> None:
    server.cut = cut
    with opened(url) as repository:
        if is_read:
            read(repository)
        else:
            with pytest.raises(Unreachable, match="could not be read"):
                read(repository)
    assert server.cut == 0


def test_server_that_fails_in_the_middle_is_asked_again(server: GitServer, url: str) -> None:
    with opened(url) as repository:
        repository.refs()
        server.away = 2
        read(repository)
        server.away = 100
        with pytest.raises(Unreachable, match="502") as failed:
            repository.refs()
        assert failed.value.remedy


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it is waited, without that it takes so long."""
    found: list[float] = []
    monkeypatch.setattr(repository_module, "time", SimpleNamespace(sleep=found.append))
    return found


@pytest.mark.parametrize("form", ["ssh://git@git.test{}", "git@git.test:{}"])
def test_server_over_ssh_is_asked_again(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nmkdir {tmp_path}/once && exit 255\nexec sh -c "$2"\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(program))
    monkeypatch.setenv("GIT_SSH_VARIANT", "simple")
    imported(bare(tmp_path / "cfg-app"), [{"a": "x"}])
    with opened(form.format(tmp_path / "cfg-app")) as repository:
        assert "refs/heads/main" in repository.refs().shas
    assert pauses == [0.5]


@pytest.mark.parametrize(
    "ask",
    [
        lambda to, main: to.files(main, ["a/tags.json"]),
        lambda to, main: dict(to.texts(main, ["a"])),
    ],
    ids=["files", "texts"],
)
def test_file_that_is_read_later_is_asked_for_again_after_pauses_as_well(
    ask: Callable[[Repository, str], dict[str, bytes]],
    server: GitServer,
    url: str,
    pauses: list[float],
) -> None:
    with opened(url) as repository:
        main = read(repository)
        server.away = 2
        assert ask(repository, main) == {"a/tags.json": b"x"}
        assert (server.away, pauses) == (0, [0.5, 2.0])


@pytest.mark.parametrize(
    "ask",
    [
        lambda to, main: to.fetch([main], []),
        lambda to, main: to.fetch_below(main, ["a"]),
        lambda to, main: to.commits(main),
    ],
    ids=["commits", "files", "past"],
)
def test_what_is_fetched_ahead_is_asked_for_again_after_pauses_as_well(
    ask: Callable[[Repository, str], object], server: GitServer, url: str, pauses: list[float]
) -> None:
    with opened(url) as repository:
        main = repository.refs().shas["refs/heads/main"]
        server.away = 2
        ask(repository, main)
        assert (server.away, pauses) == (0, [0.5, 2.0])


def test_commits_that_are_gone_are_waited_for_once_each_and_keep_no_other_one_away(
    url: str, there: Path, pauses: list[float]
) -> None:
    """Only where one is alone: before that, others may be what could not be had."""
    shas = git(there, "rev-list", "main").splitlines()
    gone = [f"{at:040x}" for at in range(2)]
    with opened(url) as repository:
        places = [(one, "generated/all.yaml") for one in (shas[0], *gone, shas[1])]
        found = repository.versions(places)
    assert found == [b"image: 2\n", b"", b"", FILES["generated/all.yaml"].encode()]
    assert pauses == [0.5, 2.0] * 2


def test_server_that_is_away_is_not_asked_for_each_of_many_commits(
    server: GitServer, url: str, there: Path, pauses: list[float]
) -> None:
    shas = imported(there, [{"generated/all.yaml": f"{at}"} for at in range(16)])
    with opened(url) as repository:
        repository.refs()
        server.away = 100
        with pytest.raises(Unreachable, match="502"):
            repository.versions([(one, "generated/all.yaml") for one in shas])
    assert 100 - server.away == 4, "for all of them once, and then three times for the refs"
    assert pauses == [0.5, 2.0]


def test_server_that_does_not_answer_is_given_up(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "REMOTE_SECONDS", 1.0)
    server.hangs = True
    before = children()
    with opened(url) as repository:
        with pytest.raises(TimeLimit, match="git remote-http took longer than 1 seconds"):
            read(repository)
        assert eventually(lambda: not (children() - before))


def test_git_that_is_configured_to_an_old_protocol_reads_over_one_connection(
    server: GitServer, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[protocol]\n\tversion = 0\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    with opened(url) as repository:
        read(repository)
        assert server.connections == 1
