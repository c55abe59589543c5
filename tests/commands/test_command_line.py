"""The command line itself: help, mistakes, completion, and what a start imports."""

from __future__ import annotations

import errno
import io
import json
import os
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Said
from tests.world import git

from tidemill.__main__ import main
from tidemill.commands._command_line import COMPLETION, SHELLS, parse
from tidemill.commands._options import Repository
from tidemill.commands._table import COMMANDS, TIDEMILL, Table, command
from tidemill.errors import CommandLineWrong
from tidemill_sandbox.__main__ import COMMANDS as SANDBOX

BIN = Path(sys.executable).parent
HOLD = ("hold-wave", "--repo", "x", "--wave", "lab", "--reason", "y")


def said(*words: str, table: Table = TIDEMILL) -> Said:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main(words, table)
        except SystemExit as ended:
            code = int(str(ended.code))
    return Said(code, out.getvalue(), err.getvalue())


def test_without_arguments_it_says_what_one_does_first() -> None:
    found = said()
    assert (found.code, found.out) == (2, ""), "a script that lost its command must not go on"
    for line in TIDEMILL.first:
        assert line in found.err
    assert len(found.err.splitlines()) <= 16
    assert max(map(len, found.err.splitlines())) <= 80


@pytest.mark.parametrize("table", [TIDEMILL, SANDBOX], ids=lambda table: table.name)
def test_what_one_does_first_is_a_command_or_an_address(table: Table) -> None:
    for line in table.first:
        program, *words = line.split()
        assert line.startswith("https://") or program == table.name
        assert not words or parse(words, table).command in table.commands


def test_the_help_lists_every_command_with_what_it_is_for() -> None:
    found = said("--help")
    assert found.code == 0
    assert found.out.startswith("usage: tidemill COMMAND [OPTIONS]\n")
    told = " ".join(found.out.split())
    for name, about in COMMANDS.items():
        assert f"{name} {about}" in told
    assert COMPLETION in told


@pytest.mark.parametrize(
    ("table", "name"), [(table, name) for table in (TIDEMILL, SANDBOX) for name in table.commands]
)
def test_the_help_of_a_command_ends_with_an_example_that_is_taken(table: Table, name: str) -> None:
    text = said(name, "--help", table=table).out
    program, *words = shlex.split(text.partition("example:\n")[2])
    assert program == table.name
    assert parse(words, table).command == words[0] == name


def test_whatever_is_about_cfg_app_takes_a_time_and_has_json() -> None:
    for name in COMMANDS:
        parameters = command(name).PARAMETERS
        if any(isinstance(one, Repository) for one in parameters):
            assert {"now", "json"} <= {one.name for one in parameters}, name


@pytest.mark.parametrize("words", [("help",), ("help", "doctor"), ("help", "hold-wave")])
def test_help_as_a_word_is_the_option(words: tuple[str, ...]) -> None:
    assert said(*words) == said(*words[1:], "--help")


@pytest.mark.parametrize(
    ("name", "needs"),
    {
        "update-cfg-app": "--announcement",
        "promote-wave": "--wave",
        "rollback-wave": "--wave and --reason",
        "hold-wave": "--reason",
        "release-wave": "--reason",
        "drop": "--id",
        "retry": "--sha",
        "page": "--out",
        "explain": "WHAT",
    }.items(),
)
def test_what_a_command_can_not_do_without_is_asked_for(name: str, needs: str) -> None:
    found = said(name, "--repo", "x")
    assert (found.code, found.out) == (2, "")
    assert f"tidemill {name} needs {needs}." in found.err


MISTAKES = {
    "command": (("statsu",), "there is no command 'statsu'.", "did you mean status? "),
    "command, its beginning": (("reconcile",), "'reconcile'", "did you mean reconcile-cfg-app? "),
    "command, like none": (("xyz",), "there is no command 'xyz'.", "`tidemill --help` lists them"),
    "option": ((*HOLD, "--reasn=x"), "has no option --reasn.", "did you mean --reason? "),
    "option, its beginning": ((*HOLD, "--dry"), "has no option --dry.", "did you mean --dry-run? "),
    "option, like none": ((*HOLD, "--xyz"), "--xyz.", "`tidemill hold-wave --help` lists"),
    "option before the command": (("--json", "status"), "no option --json.", "stand after it"),
    "help": ((*HOLD, "--hlep"), "has no option --hlep.", "did you mean --help? "),
    "short option": ((*HOLD, "-x"), "has no option -x.", "lists its options"),
    "negative": (
        ("build-reproducible-image", "--no-psh"),
        "has no option --no-psh.",
        "did you mean --no-push? ",
    ),
    "two are missing": (("record-check", "--repo", "x"), "needs --sha and --context", "an example"),
    "argument is missing": (("compare", "a"), "tidemill compare needs RIGHT.", "an example"),
    "argument too much": (("compare", "a", "b", "c"), "has no place for 'c'.", "--help"),
    "value without its option": (
        ("drop", "--repo", "x", "an id"),
        "has no place for 'an id'.",
        "did you mean --id 'an id'? ",
    ),
    "value without its option, and it is there": (
        ("drop", "--repo", "x", "--id", "a", "b"),
        "has no place for 'b'.",
        "  remedy: `tidemill drop --help`",
    ),
    "value is missing": ((*HOLD, "--set"), "'--set' requires an argument", "--help"),
    "option where a value belongs": (
        ("hold-wave", "--repo", "x", "--wave", "--reason", "y"),
        "--wave has no value; for one that begins with - write --wave=VALUE.",
        "--help",
    ),
    "value of a flag": ((*HOLD, "--json=1"), "'--json' does not take a value.", "--help"),
    "value that is none of those": (
        ("build-reproducible-image", "--engine", "Buildkitt"),
        "--engine: 'Buildkitt' is none of assemble, buildkit, classic (did you mean buildkit?).",
        "says what it takes",
    ),
    "no number": (("plan-images", "--max-jobs", "x"), "--max-jobs: 'x' is not a valid", "--help"),
    "shell": ((COMPLETION, "zssh"), "is none of bash, zsh, fish (did you mean zsh?).", "--help"),
}


@pytest.mark.parametrize(("words", "what", "remedy"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_error_with_what_was_meant(
    words: tuple[str, ...], what: str, remedy: str
) -> None:
    found = said(*words)
    assert (found.code, found.out) == (2, "")
    error, usage, last = found.err.splitlines()
    assert error.startswith("error: ")
    assert what in error
    assert usage.startswith("  usage: tidemill ")
    assert last.startswith("  remedy: ")
    assert remedy in last


SECRETS = [
    ("status", "https://ada:s3cret@example.com/x"),
    ("status", "--nosuch=s3cret"),
    ("drop", "https://ada:s3cret@example.com/x"),
    ("status", "--https://ada:s3cret@example.com/x"),
    ("https://ada:s3cret@example.com/x",),
    ("build-reproducible-image", "--engine", "https://ada:s3cret@example.com/x"),
    ("build-reproducible-image", "--secret", "id=s3cret", "--nosuch"),
]


@pytest.mark.parametrize("words", SECRETS, ids=" ".join)
def test_a_mistake_shows_no_secret(words: tuple[str, ...]) -> None:
    found = said(*words)
    assert found.code == 2
    assert "s3cret" not in found.err


@pytest.mark.parametrize("word", ["a\nb", "a\x1b[31mb", "\udcff", "x" * 5000, "\u202e", "ä"])
def test_a_mistake_is_shown_in_one_line(word: str) -> None:
    for words in (
        (word,),
        ("status", f"--{word}"),
        ("status", word),
        (*HOLD, f"--set={word}", "x"),
    ):
        found = said(*words)
        assert found.code == 2
        assert len(found.err.splitlines()) == 3
        assert all(line.isprintable() for line in found.err.splitlines())


VALUES = {
    "empty": ("--wave=", ""),
    "dashes": ("--wave=--", "--"),
    "like an option": ("--wave=--json", "--json"),
    "equals": ("--wave=a=b", "a=b"),
    "lines": ("--wave=a\nb", "a\nb"),
}


@pytest.mark.parametrize(("word", "value"), VALUES.values(), ids=VALUES.keys())
def test_a_value_after_equals_is_taken_as_it_stands(word: str, value: str) -> None:
    assert parse(["hold-wave", "--repo", "x", word, "--reason", "y"]).wave == value


def test_a_value_may_be_a_negative_number_a_dash_or_a_text_that_begins_with_one() -> None:
    found = parse(["update-cfg-app", "--repo", "x", "--announcement", "-", "--position", "-5"])
    assert (found.announcement, found.position) == ("-", -5)
    assert parse([*HOLD[:-1], "--dry-run is broken"]).reason == "--dry-run is broken"


def test_after_two_dashes_nothing_is_an_option() -> None:
    found = parse(["compare", "--limit", "3", "--", "--left", "--"])
    assert (found.left, found.right, found.limit) == ("--left", "--", 3)


def test_what_is_not_given_has_its_default() -> None:
    assert vars(parse(["status", "--repo", "x"])) == {
        "command": "status", "repo": "x", "now": None, "json": False,
    }  # fmt: skip
    found = parse(["build-reproducible-image"])
    assert (found.push, found.services, found.context, found.checkout) == (True, (), None, ".")


def test_the_last_of_two_counts_and_a_switch_has_both() -> None:
    assert parse([*HOLD, "--wave", "shop"]).wave == "shop"
    assert parse(["build-reproducible-image", "--no-push"]).push is False
    assert parse(["build-reproducible-image", "--no-push", "--push"]).push is True


def test_every_parameter_says_what_it_means_and_has_a_name_of_its_own() -> None:
    for name in COMMANDS:
        parameters = command(name).PARAMETERS
        assert all(getattr(one, "help", "") for one in parameters), name
        assert len({one.name for one in parameters}) == len(parameters), name


def test_a_command_line_that_is_wrong_says_what_was_meant_as_a_value() -> None:
    with pytest.raises(CommandLineWrong) as wrong:
        parse(["stats"])
    assert (wrong.value.meant, wrong.value.written) == ("did you mean status? ", "nothing")
    assert wrong.value.usage == "tidemill COMMAND [OPTIONS]"


# Completion


def completed(*words: str, folder: Path | None = None, shell: str = "bash") -> list[str]:
    """What a shell is offered for the last word in a folder, by the installed program."""
    given = subprocess.run(
        [BIN / "tidemill"],
        cwd=folder,
        env={
            **os.environ,
            "_TIDEMILL_COMPLETE": f"{shell}_complete",
            "COMP_WORDS": " ".join(("tidemill", *words)),
            "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return given.stdout.split()


def test_commands_options_and_values_are_completed() -> None:
    assert completed("re") == [f"plain,{name}" for name in COMMANDS if name.startswith("re")]
    assert completed("status", "--r") == ["plain,--repo"]
    assert completed("record-check", "--state", "su") == ["plain,success"]
    assert completed(COMPLETION, "z") == ["plain,zsh"]
    assert completed("update-cfg-app", "--announcement", "a") == ["file,a"]


NAMES = """
[[sets]]
name = "app"
[[waves]]
name = "staging"
targets = ["staging-eu", "us"]
[[waves]]
name = "store; rm"
[[waves]]
name = "production"
targets = 3
"""


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("hold-wave", "--wave", ""), ["staging", "production"]),
        (("promote-wave", "--set", "a"), ["app"]),
        (("history", "--target", ""), ["staging-eu", "us"]),
        (("diff", "pro"), ["production"]),
        (("diff", "production", "st"), ["staging"]),
        (("explain", "st"), ["staging-eu", "staging"]),
        (("status", "--wave", "x"), []),
    ],
    ids=" ".join,
)
def test_names_are_completed_from_the_settings_here(
    tmp_path: Path, words: tuple[str, ...], offered: list[str]
) -> None:
    (tmp_path / "tidemill.toml").write_text(NAMES)
    below = tmp_path / "images"
    below.mkdir()
    for folder in (tmp_path, below):
        assert completed(*words, folder=folder) == [f"plain,{one}" for one in offered]


def test_the_set_that_is_not_named_is_completed(tmp_path: Path) -> None:
    (tmp_path / "tidemill.toml").write_text('[[waves]]\nname = "staging"\n')
    assert completed("hold-wave", "--set", "", folder=tmp_path) == ["plain,app"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("hold-wave", "--repo", "x", "prodution"), "did you mean --wave production? "),
        (("rollback-wave", "--repo", "x", "staging", "--reason", "y"), "did you mean --wave stag"),
        (("hold-wave", "--repo", "x", "--wave", "staging", "too slow"), "--reason 'too slow'? "),
    ],
    ids=" ".join,
)
def test_a_word_that_is_a_wave_here_is_for_the_option_of_waves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], meant: str
) -> None:
    (tmp_path / "tidemill.toml").write_text(NAMES)
    monkeypatch.chdir(tmp_path)
    found = said(*words)
    assert found.code == 2
    assert meant in found.err


@pytest.mark.parametrize("text", ["waves = 1", "waves = [1]", "= no TOML", b"\xff", None])
def test_settings_that_can_not_be_read_have_no_names(
    tmp_path: Path, text: str | bytes | None
) -> None:
    if text is not None:
        data = text.encode() if isinstance(text, str) else text
        (tmp_path / "tidemill.toml").write_bytes(data)
    assert completed("hold-wave", "--wave", "", folder=tmp_path) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell: str) -> None:
    found = said(COMPLETION, shell)
    assert found.code == 0
    assert "_TIDEMILL_COMPLETE" in found.out
    assert "tidemill" in found.out


# Words as bash has them: with `=` in COMP_WORDBREAKS, it parts an option and its value.
IN_BASH = {
    "--rea": (("--rea",), "--reason"),
    "--wave p": (("--wave", "p"), "production"),
    "--wave=p": (("--wave", "=", "p"), "production"),
    "--set=": (("--set", "="), "app"),
    "--set=app --wave=s": (("--set", "=", "app", "--wave", "=", "s"), "staging"),
    "--wave=p without = in COMP_WORDBREAKS": (("--wave=p",), "--wave=production"),
}


@pytest.mark.parametrize(("words", "offered"), IN_BASH.values(), ids=IN_BASH.keys())
def test_bash_completes_by_the_script_that_is_printed(
    tmp_path: Path, words: tuple[str, ...], offered: str
) -> None:
    """The script is sourced, and its function called as bash calls it."""
    (tmp_path / "tidemill.toml").write_text(NAMES)
    script = """
        eval "$(tidemill completion bash)"
        COMP_WORDS=(tidemill hold-wave "$@") COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _tidemill_completion tidemill
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", *words],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [offered]


@pytest.mark.parametrize(
    ("shell", "offered"),
    [
        ("zsh", ["plain", "--wave=production", "_"]),
        ("fish", ["plain,--wave=production"]),
    ],
)
def test_a_shell_that_keeps_an_option_and_its_value_together_gets_both(
    tmp_path: Path, shell: str, offered: list[str]
) -> None:
    (tmp_path / "tidemill.toml").write_text(NAMES)
    assert completed("hold-wave", "--wave=p", folder=tmp_path, shell=shell) == offered


# What a start imports


def imported(*words: str) -> set[str]:
    """The modules of a process that has run a command line to its end."""
    code = (
        "import sys, json\nfrom tidemill.__main__ import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print(json.dumps([*sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_the_version_needs_next_to_nothing() -> None:
    ours = {one for one in imported("--version") if one.partition(".")[0] == "tidemill"}
    assert ours == {"tidemill", "tidemill.__main__"}
    assert not imported("--version") & {"click", "dataclasses", "pathlib", "msgspec"}


@pytest.mark.parametrize(
    "words",
    [
        ("build-reproducible-image", "--context"),
        ("record-image-artifact", "--merge"),
        ("doctor",),
    ],
    ids=lambda words: words[0],
)
def test_a_path_that_is_too_long_is_said_to_be_so(words: tuple[str, ...]) -> None:
    found = said(*words, "x" * 5000)
    assert (found.code, found.out) == (1, "")
    assert "is too long for a path.\n" in found.err


def test_a_file_that_this_user_may_not_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cfg"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "tidemill.toml").write_text("")
    git(folder, "add", "--all")

    real = Path.read_text

    def read(file: Path, *args: Any, **named: Any) -> str:  # to root all may be read
        if file.name == "tidemill.toml":
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        return real(file, *args, **named)

    monkeypatch.setattr(Path, "read_text", read)
    found = said("doctor", str(folder))
    assert (found.code, found.out) == (1, "")
    assert f"error: '{folder}/tidemill.toml': Permission denied.\n" in found.err


@pytest.mark.parametrize("words", [("--help",), ("statsu",), ()], ids=str)
def test_no_command_is_imported_where_none_is_run(words: tuple[str, ...]) -> None:
    modules = imported(*words)
    assert not {f"tidemill.commands.{name.replace('-', '_')}" for name in COMMANDS} & modules
    assert not {"git", "github", "docker", "rich"} & modules


def test_only_the_command_that_runs_is_imported() -> None:
    modules = imported("plan-images", "--checkout", "/nowhere")
    commands = {f"tidemill.commands.{name.replace('-', '_')}" for name in COMMANDS}
    assert commands & modules == {"tidemill.commands.plan_images"}


def test_a_build_asks_git_without_what_turns_need(tmp_path: Path) -> None:
    """GitPython takes longer to import than Git to answer."""
    (tmp_path / "tidemill.toml").write_text(
        'images = "registry.invalid/{service}"\n'
        '[[services]]\nname = "a"\nfiles = [{ from = "tidemill.toml", to = "/a" }]\n'
    )
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Work")
    to = tmp_path / "out"
    modules = imported("build-reproducible-image", "--checkout", str(tmp_path), "--to", f"oci:{to}")
    assert (to / "a" / "index.json").exists()
    assert not {"git", "github", "urllib3", "tidemill.facts.settings"} & modules


def imported_at_first_git(name: str, **inputs: str) -> set[str]:
    """The modules that an action has imported when it first starts Git for a repository."""
    code = (
        "import sys, json\n"
        "def look(event, given):\n"
        "    if event == 'subprocess.Popen' and 'remote-http' in given[1]:\n"
        "        print(json.dumps([*sys.modules]), file=sys.stderr)\n"
        "sys.addaudithook(look)\n"
        "from tidemill.__main__ import main\n"
        "main(['--as-action', sys.argv[1]])"
    )
    given = {f"INPUT_{key.upper()}": value for key, value in inputs.items()}
    done = subprocess.run(
        [sys.executable, "-c", code, name],
        env={**os.environ, "INPUT_REPO": "http://127.0.0.1:9/none", **given},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(next(line for line in done.stderr.splitlines() if line[:1] == "[")))


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("reconcile-cfg-app", {}),
        ("loop", {"entrypoints": "same-user"}),
        ("hold-wave", {"wave": "lab", "reason": "x"}),
    ],
)
def test_git_is_asked_before_what_a_turn_takes_is_imported(
    name: str, inputs: dict[str, str]
) -> None:
    """So the server answers meanwhile."""
    modules = imported_at_first_git(name, **inputs)
    assert "tidemill.clients.git.connection" in modules
    late = {
        "tidemill.turn.turn",
        "tidemill.plan.plan",
        "tidemill.turn.read",
        "tidemill.action.summary",
    }
    assert not late & modules
    assert not {"git", "github", "ssl", "rich"} & modules


@pytest.mark.parametrize(
    ("command", "remedy"),
    [
        ("rollback-wave --wave lab --reason x", 'add --repo "$(git remote get-url origin)"'),
        ("status", "run it in a checkout of cfg-app.git, or add --repo URL"),
    ],
)
def test_where_nothing_says_the_repository_it_says_what_to_add(
    command: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    found = said(*command.split())
    assert (found.code, remedy in found.err) == (2, True), found.err


def test_a_choice_that_is_missing_is_called_as_the_usage_has_it() -> None:
    assert "tidemill init needs {cfg|app}." in said("init").err
