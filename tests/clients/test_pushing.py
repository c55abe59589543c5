"""A push: all updates or none, and its outcome by the refs, not by git's words."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.clients.places import bare, hook, imported, refs
from tests.world import git

from tidemill.clients.git.repository import Repository, opened
from tidemill.clients.git.store import Declined, Pushed, Raced, Update
from tidemill.errors import TimeLimit, Unreachable

THEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
MAIN, JOURNAL, INBOX = "refs/heads/main", "refs/tidemill/journal", "refs/tidemill/inbox/hold-1"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A bare repository with a main of two commits."""
    folder = bare(tmp_path / "cfg-app.git")
    imported(folder, [{"a": "1"}, {"a": "2"}])
    return folder


@pytest.fixture
def repository(server: Path) -> Iterator[Repository]:
    with opened(str(server)) as found:
        yield found


def made(repository: Repository, parent: str | None = None, text: str = "x") -> str:
    return repository.write({"record.json": text.encode()}, parent, f"{text}\n", THEN)


def main_of(repository: Repository) -> str:
    main = repository.refs().shas[MAIN]
    repository.fetch([main], [], [])
    return main


def test_refs_are_made_moved_and_removed_in_one_push(server: Path, repository: Repository) -> None:
    main = main_of(repository)
    git(server, "update-ref", INBOX, main)
    journal, landed = made(repository), made(repository, main)
    outcome = repository.push(
        [Update(JOURNAL, None, journal), Update(MAIN, main, landed), Update(INBOX, main, None)]
    )
    assert outcome == Pushed()
    assert refs(server) == {MAIN: landed, JOURNAL: journal}


def test_nothing_is_pushed_but_what_was_asked_for(server: Path, repository: Repository) -> None:
    main_of(repository)
    made(repository, text="not pushed")
    journal = made(repository)
    repository.push([Update(JOURNAL, None, journal)])
    objects = git(server, "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)")
    assert objects.split().count("commit") == 3


def moved(server: Path, ref: str, to: str) -> None:
    git(server, "update-ref", ref, to)


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "last"])
@pytest.mark.parametrize("which", ["moved", "removed", "made"])
def test_ref_that_is_not_as_it_was_loses_the_race_and_nothing_is_written(
    server: Path, repository: Repository, which: str, is_first: bool
) -> None:
    main = main_of(repository)
    older = git(server, "rev-parse", "main~1")
    expected: str | None = main
    if which == "made":
        expected = None
    elif which == "moved":
        moved(server, MAIN, older)
    else:
        git(server, "update-ref", "-d", MAIN)
    before = refs(server)
    journal = made(repository)
    updates = [Update(JOURNAL, None, journal), Update(MAIN, expected, made(repository, main))]
    outcome = repository.push(updates[::-1] if is_first else updates)
    assert outcome == Raced(MAIN, expected, before.get(MAIN))
    assert refs(server) == before


def test_race_is_lost_where_the_winner_has_written_a_part_of_the_same(
    server: Path, repository: Repository
) -> None:
    main = main_of(repository)
    older = git(server, "rev-parse", "main~1")
    for ref in (INBOX, JOURNAL):
        git(server, "update-ref", ref, main)
    updates = [Update(JOURNAL, main, made(repository, main)), Update(INBOX, main, None)]
    git(server, "update-ref", "-d", INBOX)
    git(server, "update-ref", JOURNAL, older)
    assert repository.push(updates) == Raced(JOURNAL, main, older)
    assert refs(server) == {MAIN: main, JOURNAL: older}


def test_race_for_a_ref_that_is_to_be_removed_is_lost_too(
    server: Path, repository: Repository
) -> None:
    main = main_of(repository)
    git(server, "update-ref", INBOX, git(server, "rev-parse", "main~1"))
    before = refs(server)
    outcome = repository.push([Update(JOURNAL, None, made(repository)), Update(INBOX, main, None)])
    assert isinstance(outcome, Raced)
    assert refs(server) == before


REFUSES_MAIN = f"""\
if [ "$1" = {MAIN} ]; then echo "changes to main need a review" >&2; exit 1; fi"""
REFUSES_ALL = 'echo "the server is closed" >&2; exit 1'


@pytest.mark.parametrize(
    ("name", "script", "words"),
    [
        ("update", REFUSES_MAIN, "changes to main need a review"),
        ("pre-receive", REFUSES_ALL, "the server is closed"),
        ("reference-transaction", '[ "$1" = prepared ] && exit 1; exit 0', "hook"),
    ],
)
def test_server_that_refuses_one_ref_writes_none_and_its_words_are_kept(
    server: Path, repository: Repository, name: str, script: str, words: str
) -> None:
    main = main_of(repository)
    hook(server, name, script)
    before = refs(server)
    outcome = repository.push(
        [Update(JOURNAL, None, made(repository)), Update(MAIN, main, made(repository, main))]
    )
    assert isinstance(outcome, Declined)
    assert words in outcome.reason
    assert outcome.reason.isprintable()
    assert refs(server) == before


@pytest.mark.parametrize(
    ("setting", "old_is_main"),
    [("receive.denyDeletes", True), ("receive.denyNonFastForwards", False)],
)
def test_settings_of_the_server_are_a_refusal(
    server: Path, repository: Repository, setting: str, old_is_main: bool
) -> None:
    main = main_of(repository)
    git(server, "config", setting, "true")
    new = None if old_is_main else made(repository)
    git(server, "update-ref", "refs/heads/auto", main)
    outcome = repository.push([Update("refs/heads/auto", main, new)])
    assert isinstance(outcome, Declined)
    assert refs(server)["refs/heads/auto"] == main


def test_ref_below_another_ref_is_a_refusal(server: Path, repository: Repository) -> None:
    main_of(repository)
    outcome = repository.push([Update(f"{MAIN}/below", None, made(repository))])
    assert isinstance(outcome, Declined)
    assert outcome.reason


def test_locked_ref_is_a_refusal_that_may_pass(server: Path, repository: Repository) -> None:
    main = main_of(repository)
    landed = made(repository, main)
    lock = server / "refs" / "heads" / "main.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    assert isinstance(repository.push([Update(MAIN, main, landed)]), Declined)
    lock.unlink()
    assert repository.push([Update(MAIN, main, landed)]) == Pushed()


def test_push_that_arrived_although_the_client_saw_an_error_counts(
    server: Path, repository: Repository
) -> None:
    """The server dies after it wrote the refs, and before it says so."""
    main = main_of(repository)
    hook(server, "post-receive", "kill -9 $PPID")
    journal, landed = made(repository), made(repository, main)
    outcome = repository.push([Update(JOURNAL, None, journal), Update(MAIN, main, landed)])
    assert refs(server) == {MAIN: landed, JOURNAL: journal}
    assert outcome == Pushed()


def test_push_that_died_before_anything_was_written_is_a_refusal(
    server: Path, repository: Repository
) -> None:
    main = main_of(repository)
    hook(server, "pre-receive", "kill -9 $PPID")
    outcome = repository.push([Update(MAIN, main, made(repository, main))])
    assert isinstance(outcome, Declined)
    assert "the right to write" in outcome.remedy, "a trial of it is let in, atomic or not"
    assert refs(server) == {MAIN: main}


def test_push_that_ends_well_and_names_no_ref_is_looked_at(
    server: Path, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = main_of(repository)
    update = Update(MAIN, main, made(repository, main))
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$1" = push ] || exec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    outcome = repository.push([update])
    assert isinstance(outcome, Declined)
    assert "wrote nothing" in outcome.reason
    assert refs(server) == {MAIN: main}


def test_same_push_twice_is_once(server: Path, repository: Repository) -> None:
    main = main_of(repository)
    update = Update(MAIN, main, made(repository, main))
    assert repository.push([update]) == Pushed()
    before = refs(server)
    assert repository.push([update]) == Pushed()
    assert refs(server) == before


def test_what_is_so_already_keeps_nothing_else_from_being_written(
    server: Path, repository: Repository
) -> None:
    """Two turns that decide the same on the same journal write the same commit."""
    main = main_of(repository)
    journal = made(repository)
    ends = [Update(JOURNAL, None, journal), Update(INBOX, main, None)]
    for _ in range(2):  # the same request comes once more after its end
        git(server, "update-ref", INBOX, main)
        assert repository.push(ends) == Pushed()
        assert refs(server) == {MAIN: main, JOURNAL: journal}


def test_hooks_of_the_user_do_not_run(
    server: Path, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        (hooks / name).write_text("#!/bin/sh\nexit 1\n")
        (hooks / name).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    git(server, "config", "core.hooksPath", "/dev/null")
    main = main_of(repository)
    assert repository.push([Update(MAIN, main, made(repository, main))]) == Pushed()


def test_two_hundred_refs_go_in_one_push(server: Path, repository: Repository) -> None:
    facts = {f"refs/tidemill/inbox/hold-{at}": made(repository, text=str(at)) for at in range(200)}
    assert repository.push([Update(ref, None, sha) for ref, sha in facts.items()]) == Pushed()
    assert repository.push([Update(ref, sha, None) for ref, sha in facts.items()]) == Pushed()
    assert set(refs(server)) == {MAIN}


def test_push_of_which_nothing_is_known_does_not_say_that_nothing_was_written(
    server: Path, repository: Repository
) -> None:
    """The server wrote the refs, and can't be reached any more."""
    main = main_of(repository)
    landed = made(repository, main)
    elsewhere = server.with_name("elsewhere.git")
    hook(server, "post-receive", f'mv "{server}" "{elsewhere}"; kill -9 $PPID')
    with pytest.raises(Unreachable) as lost:
        repository.push([Update(MAIN, main, landed)])
    assert lost.value.written == "unknown: the push may have arrived; the next turn sees"
    assert refs(elsewhere) == {MAIN: landed}


def test_push_that_hangs_is_ended_once_and_not_taken_for_a_refusal(
    server: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = main_of(repository)
    hook(server, "pre-receive", "echo once >> hung; sleep 600")
    monkeypatch.setattr("tidemill.clients.git.repository.REMOTE_SECONDS", 5.0)
    with pytest.raises(TimeLimit, match="git push took longer") as found:
        repository.push([Update(MAIN, main, made(repository, main))])
    assert "as a whole" in found.value.written
    assert (server / "hung").read_text() == "once\n"
    assert refs(server) == {MAIN: main}


def test_push_that_hangs_has_lost_the_race_where_the_ref_was_moved_meanwhile(
    server: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    main, older = main_of(repository), git(server, "rev-parse", "main~1")
    move = f"env -u GIT_QUARANTINE_PATH git update-ref {MAIN} {older}"
    hook(server, "pre-receive", f"{move}; sleep 600")
    monkeypatch.setattr("tidemill.clients.git.repository.REMOTE_SECONDS", 5.0)
    outcome = repository.push([Update(MAIN, main, made(repository, main))])
    assert outcome == Raced(MAIN, main, older)


def test_server_without_atomic_pushes_is_told_from_one_that_lets_nobody_in(
    server: Path, repository: Repository
) -> None:
    main = main_of(repository)
    git(server, "config", "receive.advertiseAtomic", "false")
    outcome = repository.push([Update(MAIN, main, made(repository, main))])
    assert isinstance(outcome, Declined)
    assert "atomic" in outcome.remedy
    assert refs(server) == {MAIN: main}
