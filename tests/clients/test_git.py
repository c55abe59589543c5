"""Git itself: one call, one time limit, one process group, and no password in any message."""

import os
import signal
from pathlib import Path

import pytest
from tests.clients.places import bare, eventually, imported, is_alive, pids
from tests.world import git

from tidemill.clients.git.git import Git, GitError, causes, configured
from tidemill.errors import Refused, TidemillError, TimeLimit
from tidemill.words.urls import redacted


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = bare(tmp_path / "a.git")
    imported(folder, [{"a": "1"}])
    return folder


SLOW = "!sh -c 'echo $$ >> {0}; sleep 600 & echo $! >> {0}; wait'"


def test_call_that_takes_too_long_ends_with_all_that_it_started(
    repository: Path, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    alias = f"alias.slow={SLOW.format(started)}"
    with pytest.raises(TimeLimit, match="git slow took longer than 3 seconds"):
        Git(repository)("-c", alias, "slow", seconds=3)
    assert len(pids(started)) == 2
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(started)))


def test_call_that_left_something_behind_ends_it(repository: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    alias = f"alias.lazy=!sh -c 'sleep 600 >/dev/null 2>&1 & echo $! > {started}'"
    Git(repository)("-c", alias, "lazy")
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(started)))


def test_failing_call_says_what_git_said(repository: Path) -> None:
    with pytest.raises(GitError) as failed:
        Git(repository)("rev-parse", "--verify", "refs/heads/none")
    assert failed.value.what == "git rev-parse failed: fatal: Needed a single revision"
    assert failed.value.written == "nothing"


@pytest.mark.parametrize(
    ("printed", "left"),
    [
        ("fatal: not atomic\nfatal: the remote end hung up unexpectedly\n", ["fatal: not atomic"]),
        ("fatal: the remote end hung up unexpectedly\nfatal: not atomic\n", ["fatal: not atomic"]),
        ("fatal: not atomic\n\n", ["fatal: not atomic"]),
        (
            "fatal: the remote end hung up unexpectedly\n",
            ["fatal: the remote end hung up unexpectedly"],
        ),
        ("", []),
    ],
)
def test_that_the_other_side_is_gone_is_told_only_where_nothing_else_is(
    printed: str, left: list[str]
) -> None:
    assert causes(printed) == left


def test_failing_call_is_named_by_its_command(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(GitError, match=r"^git add failed: fatal: "):
        Git(repository)(f"--work-tree={tmp_path}", "add", "nothing")


def test_attempt_that_fails_is_no_error(repository: Path) -> None:
    code, out, err = Git(repository).attempt("rev-parse", "--verify", "--quiet", "refs/heads/none")
    assert (code, out, err) == (1, b"", "")


def test_data_goes_in_and_bytes_come_out(repository: Path) -> None:
    here = Git(repository)
    data = bytes(range(256)) * 4096
    sha = here("hash-object", "-w", "--stdin", data=data).decode().strip()
    assert here("cat-file", "blob", sha) == data
    assert here.blob(sha) == data
    here.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://github.com/acme/cfg", "https://github.com/acme/cfg"),
        ("https://token@github.com/acme", "https://***@github.com/acme"),
        ("https://x-access-token:ghs_abc@github.com/a", "https://***@github.com/a"),
        ("https://user:p@ss@github.com/a", "https://***@github.com/a"),
        ("https://user:p%2Fss@github.com/a", "https://***@github.com/a"),
        ("ssh://git:secret@host:22/a", "ssh://***@host:22/a"),
        ("fatal: unable to access 'https://u:secret@h/'", "fatal: unable to access 'https://***@h/'"),
        ("https://a:secret@h/x and https://b:secret@h/y", "https://***@h/x and https://***@h/y"),
        ("https://user:secret/x@h/a", "https://***@h/a"),
        ("https://user:secret/x@y/z@h/a and b@c", "https://***@h/a and b@c"),
        ("https://h/a?private_token=secret", "https://h/a?private_token=***"),
        ("'https://h/a?x=1&access_token=secret&y=2/'", "'https://h/a?x=1&access_token=***&y=2/'"),
        ("https://h/a?Token=secret': no", "https://h/a?Token=***': no"),
        ("https://h/cfg?tokens=3", "https://h/cfg?tokens=3"),
        ("git@github.com:acme/cfg", "git@github.com:acme/cfg"),
    ],
)  # fmt: skip
def test_credentials_of_an_address_are_not_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert "secret" not in redacted(text)


def test_error_of_git_shows_no_credentials(repository: Path) -> None:
    with pytest.raises(GitError) as failed:
        Git(repository)("ls-remote", "https://ada:secret@localhost:1/cfg.git", seconds=60)
    for text in (failed.value.what, failed.value.output, str(failed.value)):
        assert "secret" not in text


@pytest.mark.parametrize("address", ["ext::sh -c 'touch {}'", "fd::17"])
def test_address_that_is_a_command_is_not_run(
    repository: Path, tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "ext:fd:file")
    with pytest.raises(GitError):
        Git(repository)("ls-remote", address.format(tmp_path / "touched"))
    assert not (tmp_path / "touched").exists()


def test_configuration_is_added_to_what_the_environment_has(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in configured({"user.name": "Grace"}).items():
        monkeypatch.setenv(name, value)
    env = configured({"user.email": "grace@example.com"})
    here = Git(repository, env)
    assert here("config", "user.name") == b"Grace\n"
    assert here("config", "user.email") == b"grace@example.com\n"
    assert here("config", "gc.auto") == b"0\n"


@pytest.mark.parametrize(
    "name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"]
)
def test_repository_of_whoever_called_us_is_not_taken_for_ours(
    repository: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's hook has GIT_DIR and its like in its environment."""
    head = git(repository, "rev-parse", "main")
    other = bare(tmp_path / "other.git")
    monkeypatch.setenv(name, str(other))
    here = Git(repository)
    assert here("rev-parse", "main").decode().strip() == head
    assert here("cat-file", "-t", head) == b"commit\n"
    here("hash-object", "-w", "--stdin", data=b"mine")
    assert not [file for file in (other / "objects").rglob("*") if file.is_file()]


PATHSPECS = ("LITERAL", "GLOB", "NOGLOB", "ICASE")


@pytest.mark.parametrize(
    "name", [*(f"GIT_{one}_PATHSPECS" for one in PATHSPECS), "GIT_INTERNAL_SUPER_PREFIX"]
)
def test_what_paths_mean_to_whoever_called_us_changes_nothing(
    repository: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Git(repository)
    calls = (("ls-tree", "main", "a"), ("rev-list", "main", "--", "[a]"))
    plain = [here(*call) for call in calls]
    assert all(plain)
    monkeypatch.setenv(name, "1")
    assert [here(*call) for call in calls] == plain


@pytest.mark.parametrize("count", ["abc", "-1", " 1", "1" * 30])
def test_count_of_settings_that_is_no_number_is_one_clear_error(
    count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", count)
    with pytest.raises(Refused, match="GIT_CONFIG_COUNT is") as caught:
        configured({"gc.auto": "0"})
    assert caught.value.remedy == "unset GIT_CONFIG_COUNT"


def test_git_does_not_ask_for_a_password(repository: Path) -> None:
    assert Git(repository)("var", "GIT_EDITOR") == b"false\n"
    code, _, err = Git(repository).attempt(
        "-c", "credential.helper=", "credential", "fill", data=b"protocol=https\nhost=h\n\n"
    )
    assert code != 0
    assert "terminal prompts disabled" in err


def test_object_that_is_not_here_is_an_error_and_nothing_is_fetched(
    repository: Path, tmp_path: Path
) -> None:
    """What reads objects would fetch one by one, and without a time limit."""
    other = bare(tmp_path / "other.git")
    here = Git(
        other,
        configured(
            {
                "remote.origin.url": str(repository),
                "remote.origin.promisor": "true",
                "extensions.partialclone": "origin",
                "core.repositoryformatversion": "1",
            }
        ),
    )
    for sha in (git(repository, "rev-parse", "main"), "0" * 40):
        with pytest.raises(GitError, match="git cat-file failed"):
            here.blob(sha)
    here.close()
    assert not [file for file in (other / "objects").rglob("*") if file.is_file()]


def test_many_objects_are_read_at_once_and_one_that_is_gone_spoils_no_other(
    repository: Path,
) -> None:
    here = Git(repository)
    datas = [b"x" * size for size in (0, 1, 70_000, 3)]
    shas = [here.line("hash-object", "-w", "--stdin", data=data) for data in datas]
    assert here.blobs(shas) == datas
    assert here.blobs([]) == []
    with pytest.raises(GitError, match=f"{'0' * 40} is not here"):
        here.blobs([shas[2], "0" * 40, shas[1]])
    assert here.blobs(shas) == datas
    here.close()


def test_reader_that_was_killed_is_an_error(repository: Path) -> None:
    head = git(repository, "rev-parse", "main")
    here = Git(repository)
    others = children()  # what other tests of this process keep running
    assert here.blob(head, "commit")
    (reader,) = [pid for pid in children() if pid not in others and is_alive(pid)]
    os.kill(reader, signal.SIGKILL)
    assert eventually(lambda: not is_alive(reader))
    with pytest.raises(GitError, match="git cat-file failed"):
        here.blob(head)
    here.close()


def test_reader_that_does_not_answer_is_ended(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(repository, "rev-parse", "main")
    here = Git(repository)
    others = children()
    assert here.blob(head, "commit")
    (reader,) = [pid for pid in children() if pid not in others and is_alive(pid)]
    os.kill(reader, signal.SIGSTOP)
    monkeypatch.setattr("tidemill.clients.git.git.LOCAL_SECONDS", 0.2)
    with pytest.raises(TimeLimit, match="git cat-file took longer"):
        here.blob(head)
    assert not is_alive(reader)
    monkeypatch.undo()
    assert here.blob(head, "commit"), "another one reads on"
    here.close()


def children() -> list[int]:
    """The processes that this one has started."""
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def test_git_that_is_not_there_is_an_error_with_a_remedy(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Git(repository)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TidemillError, match="git could not be started") as missing:
        here("version")
    assert "install Git" in missing.value.remedy


def test_folder_that_is_gone_is_not_taken_for_a_missing_git(repository: Path) -> None:
    """And no call is made in the folder of this process instead."""
    here = Git(repository)
    repository.rename(repository.with_name("elsewhere"))
    for command in ("version", "init"):
        with pytest.raises(TidemillError, match="is gone"):
            here(command)
    with pytest.raises(TidemillError, match="is gone"):
        here.started("cat-file", "--batch")


def test_reader_ends_with_what_it_reads_for(repository: Path) -> None:
    head = git(repository, "rev-parse", "main")
    others = children()
    here = Git(repository)
    assert here.blob(head, "commit")
    (reader,) = [pid for pid in children() if pid not in others and is_alive(pid)]
    del here
    assert not is_alive(reader)
