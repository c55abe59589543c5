"""Trees and commits that are made without Git are those that Git makes by an index."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.clients.bench import THEN, Bench, as_json

from tidemill.facts.settings import Bot

_NAMES = ("images", "images-b", "images.b", "images0", "a", "é", "lab", "tags.json", "z z", "Z")
_MODES = ("100644", "100755", "120000", "160000")
_WANTED = ("images/lab/tags.json", "images/lab/digests.json", "images/lab/source.json")


def _random_files(rng: random.Random, depth: int = 3) -> dict[str, str]:
    """Paths and modes, often with a file or a folder in the way of what is wanted."""
    found: dict[str, str] = {}
    for name in rng.sample(_NAMES, rng.randint(1, 5)):
        if depth and rng.random() < 0.6:
            below = _random_files(rng, depth - 1)
            found |= {f"{name}/{path}": mode for path, mode in below.items()}
        else:
            found[name] = rng.choice(_MODES)
    return found


def _by_index(bench: Bench, index: Path, tree: str | None, lines: list[str]) -> str:
    git, env = bench.repository.git, {"GIT_INDEX_FILE": str(index)}
    index.unlink(missing_ok=True)
    if tree:
        git("read-tree", tree, env=env)
    data = "".join(f"{line}\0" for line in lines).encode()
    git("update-index", "-z", "--replace", "--index-info", data=data, env=env)
    return git("write-tree", "--missing-ok", env=env).decode().strip()


@pytest.mark.parametrize("seed", range(40))
def test_tree_with_other_files_is_the_one_that_an_index_makes(
    bench: Bench, tmp_path: Path, seed: int
) -> None:
    rng, git, index = random.Random(seed), bench.repository.git, tmp_path / "an-index"
    blob = git("hash-object", "-w", "--stdin", data=b"before").decode().strip()
    held = [f"{mode} {blob}\t{path}" for path, mode in _random_files(rng).items()]
    tree = _by_index(bench, index, None, held)
    files = {path: rng.choice([b"now", b"", None]) for path in _WANTED}
    files |= {rng.choice(_NAMES[1:]): b"on top"}
    made = bench.repository.tree_with(tree, files)
    lines = []
    for path, data in files.items():
        sha = "0" * 40
        if data is not None:
            sha = git("hash-object", "-w", "--stdin", data=data).decode().strip()
        lines.append(f"{'0' if data is None else '100644'} {sha}\t{path}")
    assert made == _by_index(bench, index, tree, lines), (held, files)


def test_modes_of_early_git_become_those_of_today_in_the_folders_that_change(bench: Bench) -> None:
    git = bench.repository.git
    blob = git("hash-object", "-w", "--stdin", data=b"before").decode().strip()
    entries = b"".join(
        mode + b" " + name + b"\0" + bytes.fromhex(blob)
        for mode, name in ((b"100664", b"a"), (b"100775", b"b"))
    )
    sha = git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", data=entries)
    made = bench.repository.tree_with(sha.decode().strip(), {"c": b"now"})
    found = git.blob(made)
    assert [found.count(mode) for mode in (b"100644 ", b"100755 ")] == [2, 1]


def test_folder_in_place_of_a_file_stays_where_that_file_is_only_to_go(bench: Bench) -> None:
    trees = bench.repository
    tree = trees.tree_with(None, {"a/source.json/inner": b"1"})
    assert trees.tree_with(tree, {"a/source.json": None}) == tree
    assert trees.tree_with(tree, {"a/source.json/inner/more": None}) == tree
    now = trees.tree_with(tree, {"a/source.json": b"2"})
    assert now == trees.tree_with(None, {"a/source.json": b"2"})


def test_what_was_made_can_be_read_by_the_user_of_the_commands_whatever_the_umask(
    bench: Bench,
) -> None:
    before = os.umask(0o077)
    try:
        bench.done(generate=None)
    finally:
        os.umask(before)
    objects = bench.repository.git.folder / "objects"
    folders = [one for one in objects.iterdir() if len(one.name) == 2]
    assert len(folders) > 3
    assert {one.stat().st_mode & 0o777 for one in folders} == {0o755}
    files = {file.stat().st_mode & 0o777 for one in folders for file in one.iterdir()}
    assert files == {0o444}


def test_last_file_takes_its_folders_along(bench: Bench) -> None:
    trees = bench.repository
    tree = trees.tree_with(None, {"a/b/c": b"1", "d": b"2"})
    assert trees.tree_with(tree, {"a/b/c": None}) == trees.tree_with(None, {"d": b"2"})
    assert trees.tree_with(tree, {"a/b/c": None, "d": None}) == trees.tree_with(None, {})


@pytest.mark.parametrize("seed", range(6))
def test_same_commit_comes_of_a_checkout_and_of_none(bench: Bench, seed: int) -> None:
    rng = random.Random(seed)
    for path, mode in _random_files(rng).items():
        file = bench.clone / "generated/random" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if mode == "120000":
            file.symlink_to("nowhere")
        else:
            file.write_text(f"{seed}")
            file.chmod(int(mode, 8) & 0o755 if mode == "100755" else 0o644)
    bench.push()
    changes = {
        "folder": rng.choice(["images/lab", "images/new/app", "deep/er/images"]),
        "source": rng.choice([as_json({"sha": "3"}), None]),
        "date": rng.choice([THEN, None]),
    }
    assert bench.done(generate=None, **changes) == bench.done(generate="true", **changes)


@pytest.mark.parametrize(
    ("name", "email"),
    [
        ("tidemill", "tidemill@users.noreply.github.com"),
        ("tidemill[bot]", "41898282+tidemill[bot]@users.noreply.github.com"),
        ("Acme, Inc.", "mill@example.com"),
        (' "Mill" ', "mill@example.com"),
        ("Mühle", "mill@example.com."),
        ("a", "b"),
    ],
)
def test_name_of_the_bot_stands_in_the_commit_as_git_writes_it(
    bench: Bench, name: str, email: str
) -> None:
    commit = bench.done(generate=None, bot=Bot(name=name, email=email))
    message = "Introduce app 2 to lab\n\nAutocommit-Target: lab\n"
    stamp = f"@{int(THEN.timestamp())} +0000"
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", email), ("DATE", stamp))
    }
    tree = bench.repository.tree_of(commit)
    wanted = bench.repository.git(
        "commit-tree", tree, "-p", bench.main, data=message.encode(), env=who
    )
    assert commit == wanted.decode().strip()
