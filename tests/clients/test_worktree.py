"""Operations: image files are written, the repository's own commands run, all is committed."""

import json
from pathlib import Path

import pytest
from tests.clients.bench import THEN, Bench, as_json
from tests.clients.places import eventually, is_alive, pids
from tests.world import git

from tidemill.clients.git.store import Work
from tidemill.facts.settings import Bot
from tidemill.facts.snapshot import BrokenParent, OperationFailure, Timeout
from tidemill.facts.staleness import Inspection

GENERATE = "cat images/lab/digests.json > generated/lab/all.yaml"
IMAGES = {
    "images/lab/tags.json": "M",
    "images/lab/digests.json": "M",
    "images/lab/source.json": "M",
}
INTRODUCE = (
    "python3 -c 'import json, sys; images = json.load(open(sys.argv[1]))\n"
    'for key, name in (("Tag", "tags"), ("Digest", "digests")):\n'
    "    found = {service: one[key] for service, one in images.items()}\n"
    '    json.dump(found, open(f"images/lab/{name}.json", "w"))\' {file}'
)


def test_image_files_are_written_and_what_they_generate_is_committed(bench: Bench) -> None:
    commit = bench.done(generate=GENERATE)
    assert bench.changed(commit) == IMAGES | {"generated/lab/all.yaml": "M"}
    assert bench.shown(commit, "images/lab/tags.json") == as_json({"web": "r/web:2"}).decode()
    assert json.loads(bench.shown(commit, "generated/lab/all.yaml")) == {"web": "r/web@sha256:2"}


def test_without_any_command_the_image_files_alone_are_committed(bench: Bench) -> None:
    commit = bench.done(generate=None)
    assert bench.changed(commit) == IMAGES
    same = bench.done(generate="true")
    assert same == commit, "with and without a checkout it is the same commit"


def test_without_a_source_there_is_no_such_file(bench: Bench) -> None:
    for generate in (None, "true"):
        commit = bench.done(source=None, generate=generate)
        assert bench.changed(commit)["images/lab/source.json"] == "D"


def test_folder_that_is_not_there_yet_is_made(bench: Bench) -> None:
    for generate in (None, "true"):
        commit = bench.done(folder="images/new/app", generate=generate)
        assert set(bench.changed(commit)) == {
            f"images/new/app/{name}.json" for name in ("tags", "digests", "source")
        }


def test_commit_is_signed_by_the_bot_and_dated_by_the_request(bench: Bench) -> None:
    commit = bench.done(bot=Bot(name="mill", email="mill@example.com"))
    shown = bench.repository.git("show", "-s", "--format=%an <%ae> %at|%cn <%ce> %ct|%B", commit)
    author, committer, message = shown.decode().split("|")
    assert author == committer == f"mill <mill@example.com> {int(THEN.timestamp())}"
    assert message.strip() == "Introduce app 2 to lab\n\nAutocommit-Target: lab"
    assert bench.repository.git("rev-parse", f"{commit}^").decode().strip() == bench.main


def test_commit_without_a_date_takes_that_of_its_parent(bench: Bench) -> None:
    commit = bench.done(date=None)
    dates = bench.repository.git("show", "-s", "--format=%at %ct", commit, bench.main).split()
    assert len(set(dates)) == 1


def test_same_operation_is_the_same_commit(bench: Bench) -> None:
    assert bench.done(generate=GENERATE) == bench.done(generate=GENERATE)


def test_operation_may_be_done_on_a_commit_that_was_made_just_now(bench: Bench) -> None:
    first = bench.done(generate=GENERATE)
    tags = as_json({"web": "r/web:3"})
    second = bench.done(parent=first, tags=tags, generate=GENERATE)
    assert bench.changed(second) == {"images/lab/tags.json": "M"}


def test_own_command_finds_the_images_in_the_file(bench: Bench) -> None:
    commit = bench.done(entry=INTRODUCE, generate=GENERATE)
    assert bench.changed(commit) == IMAGES | {"generated/lab/all.yaml": "M"}


def test_own_command_that_generates_too_is_not_followed_by_generate(bench: Bench) -> None:
    commit = bench.done(
        entry=f"{INTRODUCE}; echo by itself > generated/lab/all.yaml", generate="exit 9"
    )
    assert bench.shown(commit, "generated/lab/all.yaml") == "by itself\n"


@pytest.mark.parametrize(
    "entry",
    [
        "true",
        "rm images/lab/tags.json",
        "echo '{}' > images/lab/tags.json",
        "echo '{' > images/lab/digests.json",
        "rm images/lab/tags.json; mkfifo images/lab/tags.json",
        f'{INTRODUCE}; echo \'{{"web": "r/web:evil"}}\' > images/lab/tags.json',
    ],
    ids=["nothing", "removed", "empty", "broken", "a-pipe", "another"],
)
def test_own_command_has_to_leave_the_announced_images(bench: Bench, entry: str) -> None:
    result = bench.do(entry=entry)
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "did not leave the announced images in images/lab" in result.reason


FOREIGN = {
    "settings": "echo x >> tidemill.toml",
    "settings-removed": "rm tidemill.toml",
    "workflows": "echo x >> .github/workflows/gitops.yml",
    "a-new-workflow": "mkdir -p .github/workflows; echo x > .github/workflows/new.yml",
    "images-of-another-wave": "echo x > images/shop/tags.json",
    "sources": "echo x > jsonnet/main.jsonnet",
    "a-new-file-on-top": "echo x > new",
    "a-name-that-begins-alike": "mkdir generated2; echo x > generated2/a",
    "moved-out": "mv generated/lab/all.yaml jsonnet/all.yaml",
    "ignore-rules": "echo > .gitignore",
    "a-link-on-top": "ln -s generated/lab/all.yaml link",
    "a-mode": "chmod +x jsonnet/main.jsonnet",
    "a-folder-for-a-link": "rm -r jsonnet; ln -s generated jsonnet",
}


@pytest.mark.parametrize("command", FOREIGN.values(), ids=FOREIGN.keys())
def test_change_that_is_not_its_own_is_refused_and_nothing_is_committed(
    bench: Bench, command: str
) -> None:
    for part in ({"generate": command}, {"entry": f"{INTRODUCE}; {command}"}):
        result = bench.do(**part)
        assert isinstance(result, OperationFailure | BrokenParent)
        assert "which is not its own to change" in result.reason
    assert bench.done(generate=GENERATE), "and it is gone afterwards"


@pytest.mark.parametrize(
    "command",
    [
        "echo x > images/lab/notes.txt",
        "mkdir images/lab/sub; echo x > images/lab/sub/tags.json",
        "cp images/lab/tags.json t; rm images/lab/tags.json; ln -s ../../t images/lab/tags.json",
    ],
    ids=["another-file", "a-folder", "a-link"],
)
def test_beside_the_image_files_nothing_in_their_folder_may_change(
    bench: Bench, command: str
) -> None:
    for part in ({"generate": command}, {"entry": f"{INTRODUCE}; {command}"}):
        assert isinstance(bench.do(**part), OperationFailure | BrokenParent)


def test_generate_may_not_change_the_image_files(bench: Bench) -> None:
    result = bench.do(generate='echo \'{"web": "r/web:evil"}\' > images/lab/tags.json')
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "images/lab" in result.reason


def test_place_that_is_a_file_may_be_changed_and_nothing_that_is_called_nearly_so(
    bench: Bench,
) -> None:
    assert bench.done(own=("generated", "all.yaml"), generate="echo x > all.yaml")
    for name in ("all.yaml2", "other.yaml"):
        result = bench.do(own=("generated", "all.yaml"), generate=f"echo x > {name}")
        assert isinstance(result, OperationFailure | BrokenParent)


def test_without_a_fixed_place_all_but_the_barred_may_change(bench: Bench) -> None:
    commit = bench.done(own=(), generate="echo x > anywhere; mkdir k; echo y > k/z")
    assert bench.changed(commit) == IMAGES | {"anywhere": "A", "k/z": "A"}
    for command in ("echo x > tidemill.toml", "echo x > images/shop/tags.json"):
        assert isinstance(bench.do(own=(), generate=command), OperationFailure | BrokenParent)


def test_generated_files_may_come_and_go(bench: Bench) -> None:
    commit = bench.done(
        generate="rm generated/lab/all.yaml; mkdir generated/x; echo > generated/x/a"
    )
    assert bench.changed(commit) == IMAGES | {
        "generated/lab/all.yaml": "D",
        "generated/x/a": "A",
    }


def test_failing_command_says_how_it_ended(bench: Bench) -> None:
    result = bench.do(generate="echo one; echo two >&2; printf '\\033[31mthree\\n'; exit 7")
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "exit code 7: one | two | ?[31mthree" in result.reason


def test_who_is_to_blame_shows_on_the_parent_as_it_is(bench: Bench) -> None:
    innocent = bench.do(generate="grep -q r/web:1 images/lab/tags.json")
    assert isinstance(innocent, OperationFailure), "the parent generates: it is the operation"
    broken = bench.do(generate="echo broken; exit 1")
    assert isinstance(broken, BrokenParent)
    assert "broken" in broken.reason
    entry = bench.do(entry="exit 1", generate=GENERATE)
    assert isinstance(entry, OperationFailure)


def test_command_that_takes_too_long_is_lost_and_ended(bench: Bench) -> None:
    started = bench.clone.parent / "started"
    command = f"echo $$ > {started}; sleep 600 & echo $! >> {started}; wait"
    result = bench.do(generate=command, seconds=3)
    assert isinstance(result, Timeout)
    assert "took longer than 3 seconds" in result.reason
    assert eventually(lambda: not any(is_alive(pid) for pid in pids(started)))
    assert bench.done(generate=GENERATE)


@pytest.mark.parametrize(
    "left",
    ["printf '\\377'", "printf '\"\\377\"'", "python3 -c 'print(\"[\" * 100000)'"],
    ids=["bytes", "no-text", "nested"],
)
def test_own_command_that_leaves_no_json_at_all_has_failed(bench: Bench, left: str) -> None:
    result = bench.do(entry=f"{INTRODUCE}; {left} > images/lab/tags.json")
    assert isinstance(result, OperationFailure | BrokenParent)
    assert "did not leave the announced images in images/lab" in result.reason


def test_name_of_a_file_can_not_forge_a_line_of_the_reason(bench: Bench) -> None:
    result = bench.do(generate="touch 'a\n::error::b'")
    assert isinstance(result, OperationFailure | BrokenParent)
    assert result.reason.isprintable()


def test_look_at_what_generate_changes_says_who_made_the_commit_and_on_what(bench: Bench) -> None:
    parent = bench.main
    (bench.clone / "jsonnet/main.jsonnet").write_text("[]\n")
    tip = bench.push("author Somebody Else <else@acme.example>")
    bench.repository.fetch([tip], [], [])
    command = "git rev-parse HEAD > generated/lab/all.yaml"
    found = bench.repository.look(Work(parent=tip, generate=command, seconds=30))
    assert isinstance(found, Inspection), found
    made = git(bench.server, "--git-dir=.", "hash-object", "--stdin", data=f"{tip}\n".encode())
    assert found.changed == {"generated/lab/all.yaml": f"100644 {made}"}
    author = git(bench.server, "log", "-1", "--format=%an", tip)
    assert (found.author, found.parents) == (author, (parent,))


def test_each_operation_has_an_empty_home_of_its_own(bench: Bench) -> None:
    homes = bench.clone.parent / "homes"
    command = f'ls -A "$HOME" >> {homes}; echo "$HOME" >> {homes}; mkdir -p "$HOME/go/mod"'
    for _ in range(2):
        bench.done(generate=f'{command}; chmod 500 "$HOME/go/mod" "$HOME/go"')
    first, second = homes.read_text().splitlines()
    assert first != second
    assert not Path(first).exists()
