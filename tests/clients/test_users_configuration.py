"""The configuration of whoever runs it changes nothing: the same operation is the same commit."""

from pathlib import Path

import pytest
from tests.clients.bench import Bench
from tests.world import git

from tidemill.clients.git.checkout import Local, Remote
from tidemill.clients.git.inspection import Inspection
from tidemill.clients.git.store import Pushed, Update
from tidemill.commands import diff

GENERATE = (
    "cat images/lab/digests.json > generated/lab/all.yaml; printf 'a\\r\\n' > generated/dos.txt;"
    " git ls-files > generated/names.txt && echo x > generated/new.yaml;"
    " chmod +x generated/new.yaml; ln -s new.yaml generated/link"
)

CONFIGURATIONS = {
    "ignores": "[core]\n\texcludesFile = {place}/ignore",
    "attributes": "[core]\n\tattributesFile = {place}/attributes",
    "autocrlf": "[core]\n\tautocrlf = true",
    "autocrlf-input": "[core]\n\tautocrlf = input",
    "eol": "[core]\n\teol = crlf",
    "no-modes": "[core]\n\tfileMode = false",
    "no-links": "[core]\n\tsymlinks = false",
    "ignores-case": "[core]\n\tignoreCase = true",
    "quotes-paths": "[core]\n\tquotePath = true",
    "hooks": "[core]\n\thooksPath = {place}/hooks",
    "monitor": "[core]\n\tfsmonitor = {place}/monitor",
    "untracked-cache": "[core]\n\tuntrackedCache = true",
    "index-of-another-form": "[index]\n\tversion = 4\n[core]\n\tsplitIndex = true",
    "sparse": "[core]\n\tsparseCheckout = true\n[index]\n\tsparse = true",
    "signs-commits": "[commit]\n\tgpgSign = true\n[user]\n\tsigningKey = nobody",
    "encoding": "[i18n]\n\tcommitEncoding = ISO-8859-1",
    "identity": "[user]\n\tname = Grace\n\temail = grace@example.com\n\tuseConfigOnly = true",
    "colours": "[color]\n\tui = always",
    "dates": "[log]\n\tdate = relative\n\tshowSignature = true",
    "pushes-tags-too": "[push]\n\tfollowTags = true\n\tdefault = nothing",
    "pushes-submodules": "[push]\n\trecurseSubmodules = on-demand\n[submodule]\n\trecurse = true",
    "pushes-submodules-alone": "[push]\n\trecurseSubmodules = only",
    "prunes": "[fetch]\n\tprune = true\n\tpruneTags = true\n\twriteCommitGraph = true",
    "checks-objects": "[transfer]\n\tfsckObjects = true",
    "old-protocol": "[protocol]\n\tversion = 0",
    "another-remote": "[remote]\n\tpushDefault = elsewhere",
    "advice": "[advice]\n\tdetachedHead = true",
    "collects-garbage": "[gc]\n\tauto = 1\n\tautoDetach = false",
    "no-bare-by-chance": "[safe]\n\tbareRepository = explicit",
    "logs": "[core]\n\tlogAllRefUpdates = always\n\tpackedRefsTimeout = 1",
}


@pytest.fixture
def place(bench: Bench) -> Path:
    """A folder with a user's files for Git."""
    folder = bench.clone.parent / "user"
    (folder / "hooks").mkdir(parents=True)
    (folder / "ignore").write_text("*.yaml\n*.json\n")
    (folder / "attributes").write_text("*.yaml text eol=crlf\n*.json binary\n")
    for name in ("monitor", "hooks/pre-push", "hooks/post-index-change"):
        (folder / name).write_text(f"#!/bin/sh\ntouch {folder}/touched\nexit 1\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize("text", CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys())
def test_same_operation_is_the_same_commit_whatever_the_user_has_configured(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    git(bench.server, "tag", "-a", "-m", "a tag", "v1", "main")
    plain = bench.done(generate=GENERATE)
    (place / "gitconfig").write_text(text.format(place=place) + "\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    assert bench.done(generate=GENERATE) == plain
    auto = Update("refs/heads/auto", None, plain)
    assert bench.repository.push([auto]) == Pushed()
    found = bench.repository.refs().shas
    assert found["refs/heads/auto"] == plain
    assert set(found) == {"refs/heads/main", "refs/heads/auto", "refs/tags/v1"}
    assert not (place / "touched").exists()


SIGNED_AS_UTF_8 = """\
tree {tree}
parent {parent}
author Jörg <joerg@example.com> 1700000000 +0000
committer Jörg <joerg@example.com> 1700000000 +0000
gpgsig -----BEGIN SSH SIGNATURE-----
 bm90aGluZw==
 -----END SSH SIGNATURE-----

größer
"""


@pytest.mark.parametrize(
    "text",
    ["[log]\n\tshowSignature = true", "[i18n]\n\tlogOutputEncoding = ISO-8859-1"],
    ids=["signatures", "encoding"],
)
def test_history_is_the_same_whatever_the_user_has_configured(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    tree = git(bench.server, "rev-parse", "main^{tree}")
    commit = SIGNED_AS_UTF_8.format(tree=tree, parent=bench.main).encode()
    sha = git(bench.server, "hash-object", "-w", "-t", "commit", "--stdin", data=commit)
    git(bench.server, "update-ref", "refs/heads/main", sha)
    (place / "gitconfig").write_text(f"{text}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    [_, found] = bench.repository.history(sha, 2)
    assert (found.sha, found.author, found.message) == (sha, "Jörg", "größer\n")
    [shown] = diff._log(bench.server, f"{sha}^", sha)
    assert (shown.sha, shown.author, shown.subject) == (sha, "Jörg", "größer")


def test_submodules_are_left_alone_whatever_the_user_has_configured(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(bench.clone, "config", "-f", ".gitmodules", "submodule.lib.path", "lib")
    git(bench.clone, "config", "-f", ".gitmodules", "submodule.lib.url", "../lib")
    git(bench.clone, "update-index", "--add", "--cacheinfo", f"160000,{bench.main},lib")
    git(bench.clone, "add", ".gitmodules")
    git(bench.clone, "commit", "-q", "-m", "a submodule")
    git(bench.clone, "push", "-q", "origin", "HEAD:main")
    (place / "gitconfig").write_text("[submodule]\n\trecurse = true\n\tactive = .\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    bench.done(generate=GENERATE)
    for name, source in (
        ("local", Local(bench.clone)),
        ("remote", Remote(bench.repository, bench.main)),
    ):
        (place / name).mkdir()
        assert source.files(place / name).read("tidemill.toml") == b"# settings\n"


@pytest.mark.parametrize(
    "text", ["[color]\n\tui = always", "[submodule]\n\trecurse = true"], ids=["colours", "recurses"]
)
def test_files_with_a_word_are_found_whatever_the_user_has_configured(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (place / "gitconfig").write_text(f"{text}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    found = Inspection(bench.clone).containing(["image: 1"], ["*.yaml"])
    assert found == ["generated/lab/all.yaml"]


def test_home_of_the_user_changes_nothing_either(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bench.done(generate=GENERATE)
    (place / "git").mkdir()
    for name in ("ignore", "attributes"):
        (place / name).rename(place / "git" / name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place))
    monkeypatch.setenv("HOME", str(place))
    assert bench.done(generate=GENERATE) == plain


def test_address_that_the_user_rewrites_is_rewritten(
    bench: Bench, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`url.….insteadOf` is how people point to a mirror, or give a token."""
    from tidemill.clients.git.repository import opened

    (place / "gitconfig").write_text(f'[url "{bench.server}"]\n\tinsteadOf = corp:cfg-app\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(place / "gitconfig"))
    with opened("corp:cfg-app") as repository:
        assert repository.refs().shas["refs/heads/main"] == bench.main
