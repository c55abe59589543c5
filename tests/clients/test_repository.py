"""A repository somewhere else: what is read of it, and that nothing is cloned."""

import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.clients.places import bare, imported, refs
from tests.world import git

from tidemill.clients.git import repository as repository_module
from tidemill.clients.git.mirror import Tree
from tidemill.clients.git.repository import Repository, opened
from tidemill.clients.git.store import Logged, Pushed, Update
from tidemill.clients.machine import scratch
from tidemill.errors import Refused, Unreachable

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
NAMES = ("tidemill.toml", "tags.json")
FILES = {
    "tidemill.toml": "settings",
    "images/lab/tags.json": "tags of lab",
    "images/shop/tags.json": "tags of shop",
    "images/lab/digests.json": "digests of lab",
    "generated/lab/a.yaml": "image: r/web@sha256:abc\n",
    "generated/lab/deep/b.yaml": "image: r/website@sha256:abc\n",
    "generated/shop/a.yaml": "image: r/api@sha256:def\n",
}


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A cfg-app.git of 200 commits."""
    folder = bare(tmp_path / "cfg-app.git")
    history = [{"counter": str(at), f"old/{at}": str(at)} for at in range(199)]
    imported(folder, [*history, FILES])
    return folder


@pytest.fixture
def repository(server: Path) -> Iterator[Repository]:
    with opened(str(server)) as found:
        yield found


def have(repository: Repository) -> Counter[str]:
    """How many objects of each kind are here."""
    out = repository.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    return Counter(out.decode().split())


def test_refs_and_the_head_are_listed(server: Path, repository: Repository) -> None:
    main = git(server, "rev-parse", "main")
    git(server, "update-ref", "refs/tidemill/inbox/hold-1", main)
    git(server, "tag", "-a", "-m", "x", "v1", main)
    found = repository.refs()
    assert found.head == "main"
    assert dict(found.shas) == refs(server)
    assert found.below("refs/tidemill/inbox") == {"hold-1": main}
    assert found.get("refs/heads/none") is None


def test_repository_without_a_commit_has_no_refs(tmp_path: Path) -> None:
    with opened(str(bare(tmp_path / "new.git"))) as repository:
        assert dict(repository.refs().shas) == {}


def test_nothing_is_cloned(server: Path, repository: Repository) -> None:
    main = git(server, "rev-parse", "main")
    fact = repository.write({"record.json": b"{}"}, None, "fact\n", THEN)
    git(server, "fetch", "-q", str(repository.git.folder), f"{fact}:refs/tidemill/inbox/x")
    with opened(str(server)) as other:
        other.refs()
        assert have(other) == {}
        other.fetch([main], [fact], NAMES)
        here = have(other)
        assert here["commit"] == 2, "of 200 commits"
        assert here["blob"] == 4, "two tags.json, the settings, and the record"
        assert other.files(main, list(FILES)[:3]) == {
            name: FILES[name].encode() for name in list(FILES)[:3]
        }
        other.fetch([main], [fact], NAMES)
        assert have(other) == here, "nothing is fetched twice"


def test_files_below_a_path_are_fetched_together(server: Path, repository: Repository) -> None:
    main = git(server, "rev-parse", "main")
    repository.fetch_below(main, ["generated/lab", "images/lab/tags.json", "nowhere"])
    assert have(repository)["blob"] == 3
    paths = ["generated/lab/deep/b.yaml", "images/lab/tags.json", "nowhere", "generated/lab"]
    assert set(repository.files(main, paths)) == {paths[0], paths[1]}
    assert set(repository.objects(main, paths)) == {paths[0], paths[1], paths[3]}
    tree = git(server, "rev-parse", "main:generated/lab")
    assert repository.objects(main, ["generated/lab"]) == {"generated/lab": tree}


def test_files_below_a_path_are_read_with_their_bytes(server: Path, repository: Repository) -> None:
    main = git(server, "rev-parse", "main")
    repository.fetch_below(main, ["generated/lab"])
    found = dict(repository.texts(main, ["generated/lab", "images/lab/tags.json", "nowhere"]))
    paths = git(server, "ls-tree", "-r", "--name-only", "main", "generated/lab").splitlines()
    assert set(found) == {*paths, "images/lab/tags.json"}
    for name, data in found.items():
        assert git(server, "show", f"main:{name}") == data.decode().strip()


def test_odd_names_of_files_are_read(server: Path) -> None:
    odd = {"a b/ü\n.json": "1", 'quo"te\\/x': "2", "a.b/c": "3", "a-b": "4", "a": "5"}
    imported(server, [{}], "refs/heads/odd")
    git(server, "update-ref", "-d", "refs/heads/odd")
    work = server.parent / "odd"
    git(server.parent, "clone", "-q", str(server), "odd")
    for name, text in odd.items():
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(text)
    (work / "link").symlink_to("a")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "odd")
    git(work, "push", "-q", "origin", "HEAD:main")
    with opened(str(server)) as repository:
        main = repository.refs().shas["refs/heads/main"]
        repository.fetch_below(main, [*odd, "link"])
        found = repository.files(main, [*odd, "link"])
        assert found == {name: text.encode() for name, text in {**odd, "link": "a"}.items()}
        assert repository.date(main) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_file_that_the_parent_holds_is_not_stored_again(server: Path) -> None:
    with opened(str(server)) as repository:
        first = repository.write({"a.json": b"1", "b.json": b"2"}, None, "a\n", THEN)
        git(server, "fetch", "-q", str(repository.git.folder), f"{first}:refs/tidemill/journal")
    with opened(str(server)) as repository:
        repository.fetch([first], [])
        before = have(repository)
        second = repository.write({"a.json": b"1", "b.json": b"3"}, first, "b\n", THEN)
        assert have(repository) - before == {"blob": 1, "tree": 1, "commit": 1}
        assert repository.push([Update("refs/tidemill/journal", first, second)]) == Pushed()
        assert repository.files(second, ["a.json", "b.json"]) == {"a.json": b"1", "b.json": b"3"}
    assert git(server, "fsck", "--strict", "--no-dangling") == ""


def test_commit_is_the_same_for_the_same_contents(server: Path, repository: Repository) -> None:
    first = repository.write({"record.json": b"{}\n"}, None, "a\n", THEN)
    assert repository.write({"record.json": b"{}\n"}, None, "a\n", THEN) == first
    second = repository.write({"record.json": b"{}\n"}, first, "b ü\n", THEN)
    assert repository.files(second, ["record.json"]) == {"record.json": b"{}\n"}
    git(server, "fetch", "-q", str(repository.git.folder), f"{second}:refs/heads/x")
    assert git(server, "log", "--format=%s|%an|%ct", "x").splitlines() == [
        f"b ü|tidemill|{int(THEN.timestamp())}",
        f"a|tidemill|{int(THEN.timestamp())}",
    ]
    assert git(server, "fsck", "--strict", "--no-dangling") == ""


def test_commit_exists_or_does_not(server: Path, repository: Repository) -> None:
    assert repository.exists(git(server, "rev-parse", "main"))
    assert repository.exists(git(server, "rev-parse", "main~150"))
    assert not repository.exists("0" * 40)
    assert not repository.exists(git(server, "rev-parse", "main:tidemill.toml"))


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """1,500 commits of main, and a branch that was never merged."""
    folder = bare(tmp_path_factory.mktemp("long") / "long.git")
    commits = imported(folder, [{"counter": str(at)} for at in range(1500)])
    imported(folder, [{"counter": "side"}], "refs/heads/side")
    return folder, commits


@pytest.mark.parametrize("back", [0, 1, 62, 63, 64, 65, 1022, 1023, 1024, 1499])
def test_ancestor_is_found_however_deep_it_lies(
    long_history: tuple[Path, list[str]], back: int
) -> None:
    folder, commits = long_history
    with opened(str(folder)) as repository:
        assert repository.is_ancestor(commits[-1 - back], commits[-1])
        if back:
            assert not repository.is_ancestor(commits[-1], commits[-1 - back])


def test_ancestor_is_found_below_where_a_history_ended_before(
    long_history: tuple[Path, list[str]],
) -> None:
    folder, commits = long_history
    with opened(str(folder)) as repository:
        found = repository.history(commits[-1], 3)
        assert [one.sha for one in found] == commits[-3:]
        assert [one.parent for one in found[1:]] == commits[-3:-1]
        assert repository.is_ancestor(commits[-10], commits[-1])
        assert [one.sha for one in repository.history(commits[-1], 2)] == commits[-2:]


def test_history_says_who_wrote_what_and_when(server: Path) -> None:
    tip, tree = git(server, "rev-parse", "main"), git(server, "rev-parse", "main^{tree}")
    one = git(server, "commit-tree", tree, "-p", tip, "-m", "ü\n\nmore")
    name, seconds = git(server, "log", "-1", "--format=%an|%ct", one).split("|")
    when = datetime.fromtimestamp(int(seconds), UTC)
    git(server, "update-ref", "refs/heads/main", one)
    with opened(str(server)) as repository:
        assert repository.history(one, 2)[1:] == [Logged(one, when, "ü\n\nmore\n", tip, name)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
@pytest.mark.parametrize("address", ["{}", "file://{}", "{}/clone", "file://{}/clone"])
def test_repository_of_another_user_is_read_after_the_command_that_is_named(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    git(tmp_path, "clone", "-q", str(server), str(server / "clone"))
    subprocess.run(["chown", "-R", "12345", server], check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.setattr(repository_module, "_PAUSES", ())
    with opened(address.format(server)) as repository:
        with pytest.raises(Unreachable) as caught:
            repository.refs()
        subprocess.run(caught.value.remedy, shell=True, check=True)
        assert "refs/heads/main" in repository.refs().shas


@pytest.mark.parametrize("start", ["", "file://"])
def test_repository_with_sha_256_is_refused_as_such(tmp_path: Path, start: str) -> None:
    folder = tmp_path / "long.git"
    git(tmp_path, "init", "-q", "--bare", "--object-format=sha256", "-b", "main", str(folder))
    imported(folder, [FILES])
    with opened(f"{start}{folder}") as repository, pytest.raises(Refused) as caught:
        repository.refs()
    assert "has SHA-256 for its commits" in caught.value.what
    assert "git init --object-format=sha1" in caught.value.remedy


def test_commit_of_another_branch_is_no_ancestor(long_history: tuple[Path, list[str]]) -> None:
    folder, commits = long_history
    side = git(folder, "rev-parse", "side")
    with opened(str(folder)) as repository:
        assert not repository.is_ancestor(side, commits[-1])
        assert not repository.is_ancestor(commits[-1], side)


def test_commit_that_does_not_exist_is_nobody_s_ancestor(
    long_history: tuple[Path, list[str]],
) -> None:
    folder, commits = long_history
    with opened(str(folder)) as repository:
        assert not repository.is_ancestor("0" * 40, commits[-1])
        with pytest.raises(Unreachable):
            repository.is_ancestor(commits[-1], "0" * 40)


def test_merged_commit_is_an_ancestor(server: Path) -> None:
    side = imported(server, [{"side": "1"}, {"side": "2"}], "refs/heads/side")
    tree = git(server, "rev-parse", "main^{tree}")
    merge = git(server, "commit-tree", tree, "-p", "main", "-p", "side", "-m", "merge")
    git(server, "update-ref", "refs/heads/main", merge)
    with opened(str(server)) as repository:
        assert repository.is_ancestor(side[0], merge)
        assert repository.is_ancestor(git(server, "rev-parse", "main~199"), merge)
        assert len(repository.history(merge, 2)) == 2, "though both parents came with it"


def test_history_that_was_looked_at_holds_no_files(long_history: tuple[Path, list[str]]) -> None:
    folder, commits = long_history
    with opened(str(folder)) as repository:
        repository.is_ancestor(commits[0], commits[-1])
        assert have(repository) == {}, "it is looked at in a place of its own"


@pytest.mark.parametrize("address", ["", "-x", "--upload-pack=touch x"])
def test_address_that_could_be_an_option_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="is not the address of a repository"), opened(address):
        pass


def test_address_may_be_anything_that_git_clone_takes(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = server.rename(server.parent / "cfg app 'ü' #1 $(id) %41;.git")
    monkeypatch.chdir(server.parent)
    for address in (str(odd), odd.name, f"./{odd.name}", f"{odd}/"):
        with opened(address) as repository:
            assert repository.refs().head == "main"
    plain = odd.rename(server.parent / "plain.git")
    with opened(f"file://{plain}") as repository:
        main = repository.refs().shas["refs/heads/main"]
        repository.fetch([main], [], NAMES)
        assert repository.files(main, ["tidemill.toml"])


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize(
    ("origin", "named"),
    [
        (
            "https://ada:secret@git.test/acme/cfg-app",
            "that it is of: --repo https://git.test/acme/cfg-app;",
        ),
        (None, "itself;"),
    ],
)
def test_clone_that_lacks_files_is_refused_and_what_it_is_of_is_named(
    server: Path, tmp_path: Path, form: str, origin: str | None, named: str
) -> None:
    git(server, "config", "uploadpack.allowFilter", "true")
    part, whole = tmp_path / "part.git", tmp_path / "whole.git"
    git(tmp_path, "clone", "-q", "--bare", "--filter=blob:none", f"file://{server}", str(part))
    git(tmp_path, "clone", "-q", "--bare", f"file://{server}", str(whole))
    if origin:
        git(part, "config", "remote.origin.url", origin)
    else:
        git(part, "config", "--rename-section", "remote.origin", "remote.upstream")
    with opened(form.format(whole)) as repository:
        assert repository.refs().head == "main"
    with pytest.raises(Refused, match="is a partial clone") as refused, opened(form.format(part)):
        pass
    assert f"name the repository {named}" in (refused.value.remedy or "")
    assert "secret" not in (refused.value.remedy or "")


@pytest.mark.parametrize(
    "address", ["/nowhere/at/all", "file:///nowhere", "http://ada:secret@localhost:1/cfg.git"]
)
def test_address_where_nothing_is_says_so_without_its_password(address: str) -> None:
    with pytest.raises(Unreachable) as unreachable, opened(address) as repository:
        repository.refs()
    assert "could not be read" in unreachable.value.what
    assert "secret" not in unreachable.value.what
    assert unreachable.value.written == "nothing"


def test_address_with_a_password_is_written_to_no_file(tmp_path: Path) -> None:
    address = "http://ada:secret@localhost:1/cfg.git"
    with opened(address) as repository:
        with pytest.raises(Unreachable):
            repository.refs()
        folder = repository.git.folder.parent
        written = [file for file in folder.rglob("*") if file.is_file()]
        assert written
        assert not [file for file in written if b"secret" in file.read_bytes()]
    assert not folder.exists()


def test_full_disk_is_told_from_a_repository_that_can_not_be_read(
    server: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(str(server)) as repository:
        with pytest.raises(Unreachable):
            repository.fetch(["0" * 40], [])
        monkeypatch.setattr(scratch, "_LEAST", 2**62)  # so no disk has room
        with pytest.raises(OSError, match="No space left"):
            repository.fetch(["0" * 40], [])


def test_repository_that_does_not_answer_is_no_answer(server: Path) -> None:
    main = git(server, "rev-parse", "main")
    older = git(server, "rev-parse", "main~1")
    with opened(str(server)) as repository:
        server.rename(server.with_name("gone.git"))
        with pytest.raises(Unreachable):
            repository.exists(main)
        with pytest.raises(Unreachable):
            repository.is_ancestor(older, main)


def test_file_that_nobody_asked_for_before_is_fetched_when_it_is_read(
    server: Path, repository: Repository
) -> None:
    main = git(server, "rev-parse", "main")
    repository.fetch([main], [], NAMES)
    path = "generated/lab/a.yaml"
    assert repository.files(main, [path, "nowhere"]) == {path: FILES[path].encode()}


def test_files_that_differ_between_two_commits_are_named(server: Path) -> None:
    changed = {"tidemill.toml": "others", "new/b": "b", "images/lab/tags.json": ""}
    first, second, third = imported(server, [FILES, changed, {}], "refs/heads/pair")
    with opened(str(server)) as repository:
        repository.fetch([first, second, third], [])
        assert list(repository.differing(first, second).items()) == [
            ("images/lab/tags.json", ("100644", "100644")),
            ("new/b", (None, "100644")),
            ("tidemill.toml", ("100644", "100644")),
        ]
        assert repository.differing(second, first)["new/b"] == ("100644", None)
        assert repository.differing(second, third) == {}


@pytest.mark.parametrize("form", ["{}", "file://{}"])
def test_files_of_a_commit_are_put_into_a_work_tree(
    server: Path, tmp_path: Path, form: str
) -> None:
    main = git(server, "rev-parse", "main")
    tree = Tree(tmp_path / "tree", tmp_path / "index")
    tree.folder.mkdir()
    with opened(form.format(server)) as repository:
        repository.check_out(main, tree)
    found = {
        str(path.relative_to(tree.folder)): path.read_text()
        for path in tree.folder.rglob("*")
        if path.is_file()
    }
    assert {name: found[name] for name in FILES} == FILES
    assert len(found) == len(git(server, "ls-tree", "-r", "--name-only", "main").splitlines())
    assert tree.index.is_file()


REPORT = "To x\n!\tmain:refs/heads/main\t[remote rejected] (no)\n!\tj:refs/j\t{}\nDone\n"


@pytest.mark.parametrize(
    ("out", "err", "said"),
    [
        ("", "", "no reason given"),
        (REPORT.format("[rejected] (stale)"), "", "[remote rejected] (no); [rejected] (stale)"),
        (REPORT.format("[remote rejected] (no)"), "", "[remote rejected] (no)"),
        (
            REPORT.format("[remote rejected] (no)"),
            "remote: a review  \nremote:\nremote: a review\nTo x\n",
            "a review; [remote rejected] (no)",
        ),
        ("", "fatal: one\nfatal: two\n", "fatal: one | fatal: two"),
        ("", f"remote: {'x' * 600}", "x" * 500),
    ],
    ids=["nothing", "two", "the-same-twice", "remarks", "no-report", "long"],
)
def test_what_the_server_said_is_told_in_one_line(out: str, err: str, said: str) -> None:
    assert repository_module._said(out, err) == said


def test_report_is_what_the_server_says_of_a_ref() -> None:
    assert repository_module._has_report(REPORT.format("x").encode())
    assert not repository_module._has_report(b"To x\nDone\n")
    assert not repository_module._has_report(b"")


@pytest.mark.parametrize(
    ("name", "kept"), [("Ada", "Ada"), ("  Ada  ", "Ada"), ("x" * 61, "x" * 60), ("", "")]
)
def test_name_of_an_author_is_one_short_line(name: str, kept: str) -> None:
    assert repository_module._author(name) == kept
