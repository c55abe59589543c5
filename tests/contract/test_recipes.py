"""Each example of a cfg-app.git goes from an announcement to production, by the real tools."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.adopted import Adopted
from tests.world import announcement, git

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = EXAMPLES.parent / "src" / "tidemill" / "adopting" / "files"
WEB_AND_WORKER = {"web": "1", "worker": "1"}
PINNED = re.compile(r"ghcr\.io/acme/([a-z]+)@(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Recipe:
    """An example.

    Attributes:
        services: an announcement of them is fit to land.
        unfit: another one, which is not, and what the check says of it.
        parts: the files, below the clone, that hold the images of a wave.
    """

    name: str
    services: dict[str, str]
    unfit: dict[str, str]
    says: str
    parts: str = "generated/{wave}"


APP = dict.fromkeys(("billing", "catalog", "gateway", "orders"), "1")
JSONNET = Recipe("cfg-app", APP, {**APP, "Audit_Log": "2"}, "is not a valid name")
NO_WEB = "ghcr.io/acme/web is no image that its wave has"
OLD_WEB = "is no image that its wave has"
RENDERED = [
    Recipe(name, WEB_AND_WORKER, {"worker": "2"}, NO_WEB) for name in ("cfg-kustomize", "cfg-helm")
]
UNRENDERED = Recipe(
    "cfg-kustomize-unrendered", WEB_AND_WORKER, {"worker": "2"}, OLD_WEB, "overlays/{wave}"
)
PLAIN = Recipe("cfg-plain", WEB_AND_WORKER, {"worker": "2"}, OLD_WEB, "manifests/{wave}")
NEW = [*RENDERED, UNRENDERED, PLAIN]
ALL = [pytest.param(one, id=one.name) for one in [JSONNET, *NEW]]


@pytest.fixture
def adopted(
    recipe: Recipe, renderers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Adopted:
    """A cfg-app.git that is a copy of the example; nothing has been announced."""
    own = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{renderers}:{own}:{os.environ['PATH']}")
    return Adopted(tmp_path, EXAMPLES / recipe.name)


def loop(world: Adopted) -> None:
    done = world.run("loop", "--once")
    assert done.code == 0, done


def images_in(world: Adopted, recipe: Recipe, wave: str) -> set[tuple[str, str]]:
    """Services and digests that the files of a wave name, on main."""
    folder = recipe.parts.format(wave=wave)
    found = git(world.bare, "grep", "-h", "ghcr.io\\|sha256", "main", "--", folder)
    joined = re.sub(r"(ghcr\.io/acme/[a-z]+)\n +digest: ", r"\1@", found)
    return set(PINNED.findall(joined))


def digests(position: int, services: dict[str, str], set_name: str = "app") -> set[tuple[str, str]]:
    images = announcement(position, services, set_name=set_name)["images"]
    return {(name, one["Digest"].partition("@")[2]) for name, one in images.items()}


@pytest.mark.parametrize("recipe", ALL)
def test_a_set_goes_from_its_announcement_to_the_last_wave(
    recipe: Recipe, adopted: Adopted
) -> None:
    assert adopted.run("check-cfg-app", "--repo", str(adopted.clone), repo=False).code == 0
    adopted.announce(2, recipe.services, set_name="app")
    wanted = digests(2, recipe.services)
    for wave in adopted.targets:
        before = git(adopted.bare, "rev-parse", "main")
        loop(adopted)
        landed = git(adopted.bare, "rev-parse", "main")
        assert images_in(adopted, recipe, wave) >= wanted
        changed = git(adopted.bare, "diff", "--name-only", f"{before}..{landed}").splitlines()
        assert {path.split("/")[1] for path in changed} == {wave}
        adopted.deploy(wave)
        adopted.later(minutes=11)
    assert not adopted.turn()["to_check"]
    status = adopted.status()
    assert [one["state"] for wave in status["waves"] for one in wave["sets"][:1]] == [
        "deployed"
    ] * len(adopted.targets)


@pytest.mark.parametrize("recipe", ALL)
def test_a_set_that_is_not_fit_is_red_and_goes_and_the_next_one_lands(
    recipe: Recipe, adopted: Adopted
) -> None:
    first = next(iter(adopted.targets))
    adopted.announce(2, recipe.services)
    loop(adopted)
    adopted.deploy(first)
    adopted.later(minutes=1)
    adopted.announce(3, recipe.unfit)
    done = adopted.run("loop", "--once")
    assert [one["wave"] for one in done["evicted"]] == [first]
    assert recipe.says in str(adopted.status())
    assert images_in(adopted, recipe, first) >= digests(2, recipe.services)
    better = {**recipe.services, next(iter(recipe.services)): "4"}
    adopted.later(minutes=1)
    adopted.announce(4, better)
    loop(adopted)
    assert images_in(adopted, recipe, first) >= digests(4, better)


@pytest.mark.parametrize("recipe", ALL)
def test_generating_twice_gives_the_same_bytes(recipe: Recipe, adopted: Adopted) -> None:
    adopted.announce(2, recipe.services)
    loop(adopted)
    git(adopted.clone, "pull", "-q", str(adopted.bare), "main")
    for _ in range(2):
        generate(adopted)
        assert git(adopted.clone, "status", "--porcelain") == ""


def generate(world: Adopted) -> str:
    command = ["sh", "-c", world.parsed.entrypoints.generate or ""]
    env = {"PATH": os.environ["PATH"], "HOME": str(world.folder)}
    done = subprocess.run(
        command, cwd=world.clone, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(world: Adopted) -> str:
    """What is wrong with the clone of a person, who has committed what they changed."""
    world.commit("a person's edit", push=False)
    done = world.run("check-cfg-app", "--repo", str(world.clone), repo=False)
    assert done.code == 1, done
    return str(done["error"])


NO_BASE = ("overlays/production/prod-us/kustomization.yaml", "../base", "../bas")
BROKEN = {
    "cfg-kustomize": NO_BASE,
    "cfg-kustomize-unrendered": NO_BASE,
    "cfg-helm": ("values/production/prod-us.yaml", "region: us", ""),
    "cfg-plain": ("manifests/production/prod-us/web.yaml", "kind: Service", ""),
}


@pytest.mark.parametrize("recipe", [pytest.param(one, id=one.name) for one in NEW])
def test_broken_sources_are_refused_before_they_land(recipe: Recipe, adopted: Adopted) -> None:
    path, old, new = BROKEN[recipe.name]
    file = adopted.clone / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert "prod-us" in check(adopted)


@pytest.mark.parametrize("recipe", [pytest.param(one, id=one.name) for one in RENDERED])
def test_only_the_waves_whose_images_changed_are_rendered(recipe: Recipe, adopted: Adopted) -> None:
    assert "3 of 3 targets rendered" in generate(adopted)
    folder = adopted.clone / "images/staging"
    folder.mkdir(parents=True)
    digest = announcement(2, {"web": "1"})["images"]["web"]["Digest"]
    (folder / "digests.json").write_text(f'{{"web": "{digest}"}}')
    assert "1 of 3 targets rendered" in generate(adopted)
    (adopted.clone / "README.md").write_text("edited\n")
    assert "3 of 3 targets rendered" in generate(adopted)


@pytest.mark.parametrize("recipe", [pytest.param(one, id=one.name) for one in RENDERED])
def test_files_of_a_target_that_is_gone_go(recipe: Recipe, adopted: Adopted) -> None:
    settings = adopted.clone / "tidemill.toml"
    settings.write_text(settings.read_text().replace(', "prod-us"', ""))
    generate(adopted)
    assert [file.parent.name for file in adopted.clone.glob("generated/production/*/*")] == [
        "prod-eu"
    ]


TEXT = """\
image: ghcr.io/acme/web
image: "ghcr.io/acme/web:v1"
- image: ghcr.io/acme/web:v1@sha256:{old}
args: [--sidecar=ghcr.io/acme/web:v2]
repository: ghcr.io/acme/web
image: ghcr.io/acme/web-admin:v1
image: other.example/ghcr.io/acme/web:v1
image: ghcr.io/acme/web/more:v1
"""
WRITTEN = """\
image: {new}
image: "{new}"
- image: {new}
args: [--sidecar={new}]
repository: ghcr.io/acme/web
image: ghcr.io/acme/web-admin:v1
image: other.example/ghcr.io/acme/web:v1
image: ghcr.io/acme/web/more:v1
"""


@pytest.mark.parametrize("recipe", [one.name for one in RENDERED])
def test_digests_come_where_an_image_of_the_wave_is_named_and_nowhere_else(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(EXAMPLES / recipe)
    with_digests = runpy.run_path("scripts/generate.py")["with_digests"]
    digest = announcement(2, {"web": "1"})["images"]["web"]["Digest"]
    file = tmp_path / "digests.json"
    file.write_text(f'{{"web": "{digest}"}}')
    written = with_digests(TEXT.format(old="0" * 64), [file])
    assert written == WRITTEN.format(new=digest)
    assert with_digests(written, [file]) == written
    assert with_digests(TEXT, []) == TEXT


@pytest.mark.parametrize("recipe", ALL)
def test_doctor_finds_nothing_that_stops_the_loop(recipe: Recipe, adopted: Adopted) -> None:
    command = [sys.executable, "-m", "tidemill", "doctor", "--offline"]
    done = subprocess.run(command, cwd=adopted.clone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 problems, 0 warnings" in done.stdout, done.stdout


COPIED = shutil.ignore_patterns(
    "scripts", "tidemill.toml", ".github", ".gitattributes", "generated"
)


@pytest.mark.parametrize("recipe", [pytest.param(one, id=one.name) for one in NEW])
def test_the_readme_s_commands_make_a_repository_fit(
    recipe: Recipe, renderers: Path, tmp_path: Path
) -> None:
    example, folder = EXAMPLES / recipe.name, tmp_path / "own"
    shutil.copytree(example, folder, ignore=COPIED)
    git(tmp_path, "init", "-q", str(folder))
    script = (example / "README.md").read_text().partition("```sh\n")[2].partition("```")[0]
    own = Path(sys.executable).parent
    env = {name: value for name, value in os.environ.items() if name.startswith("GIT_")} | {
        "PATH": f"{renderers}:{own}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "EXAMPLE": str(example),
        "EDITOR": "true",
    }
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "green: tidemill.toml" in done.stdout, done.stdout


# What is in several files is the same


@pytest.mark.parametrize("recipe", RENDERED, ids=lambda one: one.name)
def test_sources_beside_what_is_generated_stay(recipe: Recipe, tmp_path: Path) -> None:
    folder, tools = tmp_path / "cfg", tmp_path / "bin"
    shutil.copytree(EXAMPLES / recipe.name, folder)
    settings = (folder / "tidemill.toml").read_text()
    (folder / "tidemill.toml").write_text(settings.replace('"generated/{wave}', '"deploy/{wave}'))
    sources = [folder / "deploy" / one for one in ("chart/values.yaml", "base/web/web.yaml")]
    gone = folder / "deploy/staging/of-old/manifests.yaml"
    for file in (*sources, gone):
        file.parent.mkdir(parents=True)
        file.touch()
    tools.mkdir()
    for name in ("helm", "kustomize"):  # what they print is not what this is about
        (tools / name).write_text("#!/bin/sh\necho 'kind: Service'\n")
        (tools / name).chmod(0o755)
    path = f"{tools}:{os.environ['PATH']}"
    run = [sys.executable, "scripts/generate.py"]
    subprocess.run(run, cwd=folder, env={**os.environ, "PATH": path}, check=True)
    assert (folder / "deploy/production/prod-us/manifests.yaml").is_file()
    assert [one.exists() for one in (*sources, gone)] == [True, True, False]


def script(recipe: str, name: str = "generate.py") -> str:
    return (EXAMPLES / recipe / "scripts" / name).read_text()


def test_the_scripts_differ_only_where_their_tools_do() -> None:
    def after(line: str, text: str) -> str:
        head, found, tail = text.partition(line)
        assert found, head
        return tail

    kustomize, helm = map(script, ("cfg-kustomize", "cfg-helm"))
    assert after("SETTINGS =", kustomize) == after("SETTINGS =", helm)
    checks = [script(one.name, "check.py") for one in NEW]
    assert checks[0] == checks[1] == checks[3]
    assert after("def images_of", checks[0]) == after("def images_of", checks[2])


@pytest.mark.parametrize(
    "path", ['"manifests/{wave}/{target}.yaml"', '["base", "base.yaml", "{wave}", "{target}.yaml"]']
)
def test_a_check_judges_all_that_targets_are_made_of(path: str, tmp_path: Path) -> None:
    settings = script("cfg-plain", "../tidemill.toml")
    (tmp_path / "tidemill.toml").write_text(
        settings.replace('"manifests/{wave}/{target}"', path).replace('"prod-eu", ', "")
    )
    (tmp_path / "base").mkdir()
    for file in ("base/any.yaml", "base.yaml"):  # which say nothing of a wave
        (tmp_path / file).write_text("image: ghcr.io/acme/web\n")
    for file in ("manifests/staging/staging-eu.yaml", "staging-eu.yaml", "production/a.yml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("kind: Service\n")
    check = EXAMPLES / "cfg-plain" / "scripts" / "check.py"
    done = subprocess.run(
        [sys.executable, check], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    wanted = (
        {"staging-eu.yaml", "production/a.yml"}
        if "[" in path
        else {"manifests/staging/staging-eu.yaml"}
    )
    said = "has a document without apiVersion or kind"
    assert set(done.stderr.splitlines()[:-1]) == {f"{file}: {said}" for file in wanted}


@pytest.mark.parametrize(
    ("recipe", "written"), [(UNRENDERED, "generate_kustomize.py"), (PLAIN, "generate_yaml.py")]
)
def test_init_writes_the_script_of_the_example(recipe: Recipe, written: str) -> None:
    assert script(recipe.name) == (FILES / written).read_text()


def test_the_workflow_is_that_of_the_first_example_without_a_setup() -> None:
    file = Path(".github/workflows/tidemill.yml")
    first = (EXAMPLES / "cfg-app" / file).read_text()
    wanted = first.replace("    with:\n      setup: make setup\n", "")
    assert wanted != first
    for recipe in NEW:
        assert (EXAMPLES / recipe.name / file).read_text() == wanted
