"""What people read is true: links, commands, settings, make targets, quoted messages."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest
from tests.world import git
from tools.settings_tables import anchor as anchor_of

from tidemill.announcing.announcement import parse as parse_announcement
from tidemill.building import settings as app_settings
from tidemill.commands import _table
from tidemill.commands._command_line import COMPLETION, parse
from tidemill.errors import SettingsInvalid
from tidemill.facts import ledger_files, settings_file
from tidemill.facts.image_files import Source
from tidemill.facts.ledger import Landing, Ledger
from tidemill.facts.operation import Operation
from tidemill.facts.refs import RefNames
from tidemill.facts.trailers import trailers
from tidemill_sandbox.__main__ import COMMANDS as SANDBOX

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = {
    file.relative_to(ROOT).as_posix(): file.read_text()
    for pages in ("*.md", "docs/**/*.md", "sandbox/*.md", "[aei]*/*/README.md")
    for file in sorted(ROOT.glob(pages))
}
SETTINGS = DOCUMENTS["docs/reference/settings.md"]
ANNOUNCE = DOCUMENTS["docs/jobs/announce.md"]
IMAGES = DOCUMENTS["docs/images.md"]
APP_SETTINGS = DOCUMENTS["docs/reference/app-settings.md"]
STATE = DOCUMENTS["docs/reference/state.md"]
HOW = DOCUMENTS["docs/how-it-decides.md"]
EACH = pytest.mark.parametrize("name", DOCUMENTS)
PACKAGE = ROOT / "src" / "tidemill"
FOLDERS = "|".join(
    ["src", "docs", "tools", "examples", "sandbox", "tests", "bench"]
    + [file.name for file in PACKAGE.iterdir() if file.is_dir() and file.name != "images"]
)


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language, also those in lists."""
    found = re.findall(rf"(?ms)^( *)```{language}\n(.*?)^\1```", text)
    return [dedent(block) for _, block in found]


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next of the same level."""
    found = re.search(rf"(?ms)^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text)
    assert found, title
    return found[2]


def first_column(text: str) -> list[str]:
    """The code in the first column of a table."""
    return [
        code
        for cell in re.findall(r"(?m)^\| (.+?) \|", text)
        for code in re.findall("`(.+?)`", cell)
    ]


# Links


@EACH
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if anchor:
            assert anchor in map(anchor_of, re.findall(r"(?m)^#+ (.+)$", file.read_text())), target


def test_pages_that_the_code_names_exist() -> None:
    for text in messages():
        for path, anchor in re.findall(r"blob/main/([\w./-]+)(?:#([\w-]+))?", text):
            assert (ROOT / path).exists(), text
            if anchor:
                headings = re.findall(r"(?m)^#+ (.+)$", (ROOT / path).read_text())
                assert anchor in map(anchor_of, headings), text
        for path in re.findall(r"\bdocs/[\w/-]+\.md\b", text):
            assert (ROOT / path).exists(), text


@EACH
def test_files_that_are_named_exist(name: str) -> None:
    for code in re.findall(r"`([^`\n]+)`", DOCUMENTS[name]):
        for path in re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]+", code):
            assert any((root / path).exists() for root in (ROOT, PACKAGE)), path


def linked_from(name: str) -> Iterator[str]:
    """The documents that a document links to."""
    for path in re.findall(r"\]\(([\w./-]+\.md)[#)]", DOCUMENTS[name]):
        yield os.path.normpath(Path(name).parent / path)


@pytest.mark.parametrize("start", ["README.md", "docs/index.md"])
def test_every_document_is_found_from_the_start(start: str) -> None:
    found, new = {start}, [start]
    while new:
        fresh = {one for one in linked_from(new.pop()) if one in DOCUMENTS} - found
        found |= fresh
        new += fresh
    assert {name for name in DOCUMENTS if name.startswith("docs/")} - found <= {"docs/index.md"}


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name.startswith("docs/")])
def test_each_page_begins_with_whom_it_is_for(name: str) -> None:
    _, first, *_ = DOCUMENTS[name].split("\n\n")
    assert first.startswith(("For ", "This page is for ")), first


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len(README.splitlines()) <= 200


# Commands

VARIABLES = {"$state": "success"}


def command_lines(line: str) -> Iterator[list[str]]:
    """The arguments of each call of tidemill in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = "#"
    call: list[str] | None = None
    for token in (*lexer, ";"):
        if call is not None and set(token) <= set("();<>|&"):
            if call:
                yield call
            call = None
        elif call is not None:
            call.append(VARIABLES.get(token, token))
        elif token == "tidemill" or token.endswith("/tidemill"):
            call = []


def quoted(text: str) -> list[list[str]]:
    """Every call in the shell blocks of a document."""
    lines = [
        line
        for block in blocks(text, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if "tidemill" in line
    ]
    return [call for line in lines for call in command_lines(line)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader stands: commands need no --repo there."""
    folder = tmp_path_factory.mktemp("cfg-app")
    git(folder, "init", "--quiet")
    git(folder, "remote", "add", "origin", "https://github.com/acme/cfg-app")
    return folder


@EACH
def test_command_lines_parse(name: str, checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    for call in quoted(DOCUMENTS[name]):
        if call[-1:] not in (["--help"], ["--version"]):
            parse(call)


@cache
def options(name: str, program: str = "tidemill") -> set[str]:
    """The options of a command."""
    help_text = subprocess.run(
        [sys.executable, "-m", program, name, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"--[a-z-]+", help_text.stdout))


@EACH
def test_commands_that_are_named_exist(name: str) -> None:
    for code in re.findall(r"`((?:[\w./]+/)?tidemill [^`\n…]+)`", DOCUMENTS[name]):
        for call in command_lines(code):
            if call in (["--help"], ["--version"]):
                continue
            assert call[0] in (*_table.COMMANDS, COMPLETION), code
            assert set(re.findall(r"--[a-z-]+", code)) <= options(call[0]), code


@EACH
def test_commands_of_the_sandbox_that_are_named_exist(name: str) -> None:
    for command, rest in re.findall(r"tidemill-sandbox ([a-z][\w-]*)(.*)", DOCUMENTS[name]):
        assert command in SANDBOX.commands, command
        if code := rest.partition("`")[0]:
            assert set(re.findall(r"--[a-z-]+", code)) <= options(command, "tidemill_sandbox"), code


# The change log


def test_releases_in_the_change_log_have_a_date_and_the_four_sections() -> None:
    parts = re.split(r"(?m)^## ", DOCUMENTS["CHANGELOG.md"])[1:]
    for part in parts[1:] if parts[0].startswith("Unreleased\n") else parts:
        assert re.match(r"\d+\.\d+\.\d+ \(\d{4}-\d\d-\d\d\)\n", part), part[:40]
    kinds = ["Added", "Changed", "Fixed", "Security"]
    for part in parts:
        sections = re.findall(r"(?m)^### (.+)$", part)
        assert sections == [kind for kind in kinds if kind in sections], part[:40]
        assert re.search(r"(?m)^- ", part.partition("\n### ")[0]) is None, "a line in no section"


# Make


def targets(makefile: Path) -> set[str]:
    """The targets of a Makefile."""
    return set(re.findall(r"(?m)^([a-z_-]+):", makefile.read_text()))


@EACH
def test_make_targets_exist(name: str) -> None:
    known = targets(ROOT / "Makefile") | targets(ROOT / "examples" / "cfg-app" / "Makefile")
    text = DOCUMENTS[name]
    named = re.findall(r"(?m)(?:`|^ {4}|^|\")make ([a-z_-]+)", text)
    assert set(named) <= known


# Settings


def keys_of(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a parsed file."""
    for key, value in table.items():
        parts = (
            value if isinstance(value, list) and value and isinstance(value[0], dict) else [value]
        )
        for part in parts:
            if isinstance(part, dict):
                yield from keys_of(part, f"{key}.")
            else:
                yield f"{prefix}{key}"


@EACH
def test_examples_of_settings_are_valid(name: str) -> None:
    for example in blocks(DOCUMENTS[name], "toml"):
        if is_of_app(example):
            app_settings.parse(example)
        else:
            settings_file.parse(example)


def is_of_app(example: str) -> bool:
    """Whether an example is app.git's, which has services, and not cfg-app.git's."""
    return "services" in tomllib.loads(example)


def test_the_example_of_app_has_every_key() -> None:
    example = tomllib.loads(next(b for b in blocks(APP_SETTINGS, "toml") if is_of_app(b)))
    wanted = {key.rpartition(".")[2] for key in keys_in(APP_SETTINGS)}
    assert wanted - {key for key, _ in every_key(example)} == set()


def keys_in(page: str) -> set[str]:
    """The keys that the table of a page has, but for those that are tables themselves."""
    table = section(page, "Every key")
    return set(re.findall(r"(?m)^\| `([\w.]+)` \| (?!tables? \|)", table))


def every_key(tree: object) -> Iterator[tuple[str, object]]:
    """Every key below a document, at any depth, and its value."""
    match tree:
        case dict():
            for key, value in tree.items():
                yield key, value
                yield from every_key(value)
        case list():
            for value in tree:
                yield from every_key(value)
        case _:
            pass


def test_the_example_has_every_key() -> None:
    example = set(keys_of(tomllib.loads(blocks(SETTINGS, "toml")[0])))
    assert example == keys_in(SETTINGS) - {"targets.path"}


# What else is quoted


@pytest.mark.parametrize("block", blocks(ANNOUNCE, "json"))
def test_examples_of_announcements_are_valid(block: str) -> None:
    parse_announcement(block.encode())


def test_the_table_of_refs_is_the_code_s() -> None:
    names = RefNames("refs/tidemill", "<main>", "<auto>")
    assert set(first_column(STATE.split("\n## ")[0])) - {"_"} == {
        names.main,
        names.auto,
        names.journal,
        names.rest,
        names.inbox("<id>"),
        names.check("<sha>"),
        names.deployed("<wave>", "<target>"),
        names.hold("<wave>", "<set>"),
        names.evicted("<sha>"),
        names.rejected("<id>"),
    }


def test_the_page_of_the_state_names_what_image_files_and_the_ledger_have() -> None:
    image_files, journal = section(STATE, "The image files"), section(STATE, "The journal")
    (example,) = blocks(image_files, "json")
    msgspec.json.decode(example, type=Source)
    told = {*json.loads(example), *first_column(image_files)} - {"tags.json", "digests.json"}
    assert told - {"source.json"} == {*Source.__struct_fields__}
    every = {*first_column(journal)}
    lists = {one.name for one in vars(ledger_files).values() if type(one).__name__ == "_List"}
    of_ledger = {*Ledger.__struct_fields__} - lists - {"rejected", "moved", "moved_since"}
    told_later = {"ledger.json", "record.json", "earlier-0000.json"}
    of_landing = every - lists - of_ledger - told_later
    assert lists | of_ledger | told_later <= every
    assert of_landing <= {*Landing.__struct_fields__}


def test_the_trailers_are_the_code_s() -> None:
    whole = Operation(
        kind="promote", wave="w", set="s", app_sha="a", position=1, repository="r", content="c",
        request="q", source="v", commit="k", reason="b", removes=("d",),
    )  # fmt: skip
    assert set(re.findall(r"Autocommit-[A-Za-z-]+", HOW)) == set(trailers(whole))


def messages() -> list[str]:
    """Every text in the code; what is filled in is `…`."""
    found = []
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Constant(value=str(text)):
                    found.append(text)
                case ast.JoinedStr(values=parts):
                    found.append(
                        "".join(
                            str(part.value) if isinstance(part, ast.Constant) else "…"
                            for part in parts
                        )
                    )
                case _:
                    pass
    try:
        settings_file.parse("main = 1", commit="c")
    except SettingsInvalid as error:
        found.append(error.what)
    return found


@pytest.mark.parametrize(
    "document",
    [DOCUMENTS["docs/jobs/why-not-in-production.md"], IMAGES],
    ids=["why-not-in-production", "images"],
)
def test_symptoms_are_messages_of_the_code(document: str) -> None:
    known = messages()
    for symptom in first_column(section(document, "When it stops")):
        parts = [part.strip() for part in symptom.split("…") if part.strip()]
        form = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
        assert any(form.search(text) for text in known), symptom
