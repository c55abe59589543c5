"""A checkout is judged by what would be committed, whatever its owner has told Git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.clients.test_checkout import scratch as scratch  # noqa: PLC0414 - it is a fixture
from tests.world import git

from tidemill.clients.git.checkout import Local
from tidemill.errors import FilterFailed, Refused

FILES = {"a.yaml": "a: 1\n", "dir/b.yaml": "b: 1\n", "dos.txt": "x\r\n", "same.sh": "echo\n"}
GENERATE = "printf 'a: 1\\n' > a.yaml; printf 'b: 1\\n' > dir/b.yaml"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A repository whose files have the line ends that they have."""
    folder = tmp_path / "server"
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode())
    (folder / "same.sh").chmod(0o755)
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "files")
    return folder


def attributes(server: Path, text: str) -> None:
    (server / ".gitattributes").write_text(text)
    git(server, "add", "--renormalize", ".")
    git(server, "add", "-A")
    git(server, "commit", "-qm", "attributes")


def cloned(server: Path, monkeypatch: pytest.MonkeyPatch, config: str) -> Path:
    """A clone of a person with a configuration."""
    place = server.parent
    (place / "gitconfig").write_text(config.format(place=place))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    (place / "attributes").write_text("*.yaml text eol=crlf\n*.txt text\n*.sh filter=mine\n")
    git(place, "clone", "-q", str(server), "person")
    return place / "person"


CONFIGS = {
    "autocrlf": "[core]\n\tautocrlf = true\n",
    "autocrlf-that-is-safe": "[core]\n\tautocrlf = true\n\tsafecrlf = true\n",
    "autocrlf-input": "[core]\n\tautocrlf = input\n",
    "eol": "[core]\n\teol = crlf\n\tautocrlf = true\n",
    "attributes": "[core]\n\tattributesFile = {place}/attributes\n",
    "filter": "[core]\n\tattributesFile = {place}/attributes\n"
    '[filter "mine"]\n\tclean = tr a-z A-Z\n\tsmudge = tr A-Z a-z\n\trequired = true\n',
    "modes": "[core]\n\tfileMode = false\n",
    "split-index": "[core]\n\tsplitIndex = true\n",
    "hooks": "[core]\n\thooksPath = {place}/nowhere\n\tfsmonitor = false\n",
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_files_are_as_committed_whatever_their_owner_has_configured(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, config: str
) -> None:
    person = cloned(server, monkeypatch, config)
    before = {file: file.read_bytes() for file in person.rglob("*") if file.is_file()}
    checkout = Local(person).files(scratch)
    assert {name: (checkout.read(name) or b"").decode() for name in FILES} == FILES
    checkout.run(GENERATE, seconds=60)
    assert checkout.changed() == {}
    assert {file: file.read_bytes() for file in person.rglob("*") if file.is_file()} == before


def test_what_is_not_committed_yet_counts_as_it_would_be(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = cloned(server, monkeypatch, "[core]\n\tautocrlf = true\n\tsafecrlf = true\n")
    (person / "a.yaml").write_bytes(b"a: 2\r\n")
    (person / "new.yaml").write_bytes(b"n: 1\r\n")
    (person / "dir/b.yaml").unlink()
    (person / "same.sh").chmod(0o644)
    (person / "mine").write_bytes(b"not told to Git\r\n")
    (person / ".git/info/exclude").write_text("mine\n")
    checkout = Local(person).files(scratch)
    assert checkout.read("a.yaml") == b"a: 2\n"
    assert checkout.read("new.yaml") == b"n: 1\n"
    assert checkout.read("dir/b.yaml") is None
    assert checkout.read("mine") is None
    checkout.run(
        "printf 'n: 1\\n' > new.yaml; mkdir -p dir; printf 'b: 1\\n' > dir/b.yaml", seconds=60
    )
    assert set(checkout.changed()) == {"dir/b.yaml"}
    checkout.run("chmod +x same.sh", seconds=60)
    assert set(checkout.changed()) == {"dir/b.yaml", "same.sh"}


def test_attributes_of_the_repository_count(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes(server, "*.yaml text eol=crlf\n")
    person = cloned(server, monkeypatch, "[core]\n\tautocrlf = input\n\teol = lf\n")
    checkout = Local(person).files(scratch)
    assert checkout.read("a.yaml") == b"a: 1\r\n"
    checkout.run(GENERATE, seconds=60)
    assert checkout.changed() == {}, "it is committed with line feeds, either way"


UPPER = '[filter "upper"]\n\tclean = tr a-z A-Z\n\tsmudge = tr A-Z a-z\n\trequired = true\n'


@pytest.mark.parametrize("where", ["global", "local"])
def test_file_that_goes_through_a_filter_is_compared_as_committed(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(server.parent / "gitconfig"))
    (server.parent / "gitconfig").write_text(UPPER)
    attributes(server, "*.yaml filter=upper\n")
    assert git(server, "show", "HEAD:a.yaml") == "A: 1"
    person = cloned(server, monkeypatch, UPPER)
    if where == "local":
        (server.parent / "gitconfig").write_text("")
        with (person / ".git/config").open("a") as file:
            file.write(UPPER)
    checkout = Local(person).files(scratch)
    assert checkout.read("a.yaml") == b"a: 1\n", "as its owner has it"
    assert checkout.filters.missing == {}
    assert checkout.parent() is not None, "it is the commit"
    checkout.run("printf 'A: 1\\n' > a.yaml; printf 'b: 2\\n' > dir/b.yaml", seconds=60)
    assert set(checkout.changed()) == {"dir/b.yaml"}


def test_filter_that_is_not_configured_is_named(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes(server, "* filter=\n*.yaml filter=lfs\n*.sh -filter\n*.txt filter=other\n")
    person = cloned(server, monkeypatch, "")
    checkout = Local(person).files(scratch)
    assert checkout.filters.missing == {"lfs": "a.yaml", "other": "dos.txt"}


def test_filter_that_does_not_work_is_named_with_the_remedy(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attributes(server, "*.yaml filter=lfs\n")
    person = cloned(server, monkeypatch, "")
    (server.parent / "gitconfig").write_text(
        '[filter "lfs"]\n\tprocess = git-lfs-that-is-nowhere\n\trequired = true\n'
    )
    os.utime(person / "a.yaml", (1, 1))
    with pytest.raises(FilterFailed, match=r"'a\.yaml' through 'lfs'") as failed:
        Local(person).files(scratch)
    assert "git lfs install" in failed.value.remedy


def test_checkout_that_git_can_not_read_is_said_to_be_that(
    server: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = cloned(server, monkeypatch, "")
    (server.parent / "gitconfig").write_text("[core\n")
    with pytest.raises(Refused, match="bad config line 1 in file"):
        Local(person).files(scratch)
