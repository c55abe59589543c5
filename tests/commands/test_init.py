"""`tidemill init`: from a grown repository to the last wave, and nothing that is there is lost."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.commands.terminal import at_terminal
from tests.grown import FLEET, HELM, KUSTOMIZE, MONOREPO, PLAIN, RENAMED, TAGS, UMBRELLA, Grown
from tests.world import announcement, git

from tidemill.__main__ import main
from tidemill.building import settings as app_settings

GITHUB = "https://github.com/acme/cfg"


def said(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["init", *words])
    return code, out.getvalue(), err.getvalue()


def done(*words: str) -> dict[str, Any]:
    code, out, err = said(*words, "--json")
    assert code == 0, out + err
    return dict(json.loads(out))


def error(*words: str) -> str:
    code, out, _ = said(*words, "--json")
    assert code == 1
    found = json.loads(out)["error"]
    return f"{found['what']}: {found['remedy']}"


def status_of(folder: Path) -> str:
    return git(folder, "status", "--porcelain", "--untracked-files=all")


REGIONS = ("eu", "us")
GROWN = {
    "kustomize": (KUSTOMIZE, "overlays/{wave}", {"staging": 1, "production": 1}),
    "helm": (HELM, "charts/shop/values-{wave}.yaml", {"dev": 1, "staging": 1, "prod": 1}),
    "plain": (PLAIN, "clusters/{wave}/{target}", {"staging": 1, "production": 2}),
    "renamed": (RENAMED, "k8s/envs/{wave}-{target}", {"stg": 1, "prd": 2}),
    "umbrella": (
        UMBRELLA,
        ["environments/{wave}/values.yaml", "environments/{wave}/{target}.yaml"],
        {"dev": 1, "staging": 1, "production": 2},
    ),
    "fleet": (FLEET, "platform/{wave}", {"staging": 1, "production": 2}),
    "tags": (TAGS, "environments/{wave}/{target}/values.yaml", {"qa": 1, "prod": 2}),
    "monorepo": (
        MONOREPO,
        [
            f"apps/{one}/overlays/{{wave}}/{region}"
            for one in ("orders", "web")
            for region in REGIONS
        ],
        {"dev": 2, "live": 4},
    ),
}


@pytest.mark.parametrize("name", GROWN)
def test_what_it_makes_of_a_grown_repository_carries_a_set_to_the_last_wave(
    name: str, tmp_path: Path
) -> None:
    files, path, waves = GROWN[name]
    grown = Grown(tmp_path, files)
    assert done("cfg", str(grown.clone), "--yes")["changed"] is True
    settings = tomllib.loads((grown.clone / "tidemill.toml").read_text())
    assert settings["deployments"]["path"] == path
    assert {one["name"]: len(one["targets"]) for one in settings["waves"]} == waves
    assert [one["name"] for one in settings["waves"]] == list(waves)
    assert settings["images"]["allow"] == ["ghcr.io/acme/*"]
    assert main(["check-cfg-app", "--repo", str(grown.clone)]) == 0
    grown.commit("it adopts Tidemill")
    grown.targets = {one["name"]: one["targets"] for one in settings["waves"]}
    images = announcement(1, {"web": "1", "orders": "1"})
    assert grown.announce(1, {"web": "1", "orders": "1"}).code == 0
    for wave in waves:
        looped = grown.run("loop", "--once")
        assert (looped.code, looped["evicted"]) == (0, []), looped
        assert grown.on_main(wave) == images["sha"], grown.in_git()
        grown.deploy(wave)
    grown.pull()
    assert_names_the_images(grown, path, settings, images["images"])
    states = [one["sets"][0]["state"] for one in grown.status()["waves"]]
    assert states == ["deployed"] * len(waves)
    assert done("cfg", str(grown.clone))["files"] == []


def test_of_many_apps_only_those_that_change_have_to_report(tmp_path: Path) -> None:
    grown = Grown(tmp_path, MONOREPO)
    done("cfg", str(grown.clone), "--yes")
    grown.commit("it adopts Tidemill")
    settings = tomllib.loads((grown.clone / "tidemill.toml").read_text())
    grown.targets = {one["name"]: one["targets"] for one in settings["waves"]}
    for position, web in ((1, "1"), (2, "2")):
        assert grown.announce(position, {"web": web, "orders": "1"}).code == 0
        for wave, targets in grown.targets.items():
            assert grown.run("loop", "--once").code == 0
            changed = targets if position == 1 else [one for one in targets if "web" in one]
            for target in changed:
                grown.report(wave, target)
    states = [one["sets"][0] for one in grown.status()["waves"]]
    assert [(one["state"], one["position"]) for one in states] == [("deployed", 2)] * 2


def assert_names_the_images(
    grown: Grown, path: Sequence[str], settings: dict[str, Any], images: dict[str, dict[str, str]]
) -> None:
    """Every target's files name each image, and all else in them is as it was."""
    for wave in settings["waves"]:
        for target in wave["targets"]:
            paths = [path] if isinstance(path, str) else path
            places = [grown.clone / one.format(wave=wave["name"], target=target) for one in paths]
            texts = [
                one for place in places for one in (place, *place.rglob("*.yaml")) if one.is_file()
            ]
            whole = "".join(file.read_text() for file in texts)
            assert not re.search(r":\s?v1\b", whole)
            for image in images.values():
                assert image["Digest"].partition("@")[2] in whole or image["Tag"][-40:] in whole
            assert all(list(yaml.safe_load_all(file.read_text())) for file in texts)


@pytest.mark.parametrize("name", GROWN)
def test_doctor_finds_nothing_that_would_stop_the_loop(name: str, tmp_path: Path) -> None:
    grown = Grown(tmp_path, GROWN[name][0], GITHUB)
    done("cfg", str(grown.clone), "--yes")
    grown.commit("it adopts Tidemill", push=False)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        code = main(["doctor", str(grown.clone), "--offline"])
    assert (code, "0 problems" in out.getvalue()) == (0, True), out.getvalue()


def test_what_flux_deploys_reports_as_doctor_wants_it(tmp_path: Path) -> None:
    grown = Grown(tmp_path, FLEET, GITHUB)
    acts = {one["path"]: one["act"] for one in done("cfg", str(grown.clone), "--yes")["files"]}
    assert acts["tidemill/flux-notifications.yaml"] == "create"
    assert acts["clusters/staging/shop.yaml"] == "add lines"
    shop = yaml.safe_load((grown.clone / "clusters/staging/shop.yaml").read_text())
    assert shop["spec"]["wait"] is True
    assert shop["metadata"]["labels"] == {"tidemill.dev/wave": "staging"}
    grown.commit("it adopts Tidemill", push=False)
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()):
        main(["doctor", str(grown.clone), "--offline"])
    assert "ok: targets: " in out.getvalue(), out.getvalue()
    assert done("cfg", str(grown.clone))["files"] == []


def test_lines_that_a_person_adds_are_printed_as_yaml(tmp_path: Path) -> None:
    braces = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\n"
        "spec: {source: {path: overlays/staging}}\n"
    )
    grown = Grown(tmp_path, {**KUSTOMIZE, "argocd/staging.yaml": braces}, GITHUB)
    out = said("cfg", str(grown.clone), "--yes")[1]
    head = "argocd/staging.yaml, to Application web:\n"
    pasted = out.partition(head)[2].partition("\n\n")[0]
    labels = yaml.safe_load(pasted)["metadata"]["labels"]
    assert labels == {"tidemill.dev/wave": "staging"}, out


DIGESTS = {one["Digest"] for one in announcement(1, {"web": "1", "orders": "1"})["images"].values()}
TAG = announcement(1, {"web": "1"})["images"]["web"]["Tag"]
RENDER: dict[str, tuple[list[str], set[str]]] = {
    "kustomize": (["kustomize", "build", "overlays/staging"], DIGESTS | {"redis:8"}),
    "renamed": (
        ["kustomize", "build", "k8s/envs/stg-euw1"], DIGESTS | {"redis:7", "otel/collector:0.1"}
    ),
    "helm": (
        ["helm", "template", "charts/shop", "--values", "charts/shop/values-staging.yaml"], {TAG}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RENDER)
def test_whoever_renders_it_gets_the_images_of_the_wave(
    name: str, tmp_path: Path, renderers: Path
) -> None:
    grown = Grown(tmp_path, GROWN[name][0])
    done("cfg", str(grown.clone), "--yes")
    images = announcement(1, {"web": "1", "orders": "1"})["images"]
    env = {"HOME": str(tmp_path), "PATH": os.defpath}  # of the tests' own, helm reads no settings
    folder = grown.clone / "images" / next(iter(GROWN[name][2].keys() & {"staging", "stg"}))
    folder.mkdir(parents=True)
    for file, kind in (("digests.json", "Digest"), ("tags.json", "Tag")):
        (folder / file).write_text(json.dumps({one: images[one][kind] for one in images}))
    (program, *words), expected = RENDER[name]
    for line in (
        [sys.executable, "scripts/generate.py"],
        [str(renderers / program), *words],
    ):
        ran = subprocess.run(
            line, cwd=grown.clone, env=env, check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
    found = set(re.findall(r"image: \"?([^\s\"]+)", ran.stdout))
    assert found == expected


def test_second_run_changes_nothing_and_says_so(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    done("cfg", str(grown.clone), "--yes")
    before = status_of(grown.clone)
    again = done("cfg", str(grown.clone), "--yes")
    assert (again["changed"], again["files"]) == (False, [])
    assert status_of(grown.clone) == before
    out = said("cfg", str(grown.clone), "--yes")[1]
    assert "Nothing to do" in out
    assert "git commit" not in out


def test_without_a_terminal_it_shows_the_diff_and_writes_nothing(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    code, out, _ = said("cfg", str(grown.clone))
    assert code == 0
    assert "+++ b/tidemill.toml" in out
    assert '+generate = "python3 scripts/generate.py"' in out
    assert "--yes writes" in out
    assert status_of(grown.clone) == ""


def test_dry_run_writes_nothing_even_where_yes_is_said(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    assert done("cfg", str(grown.clone), "--yes", "--dry-run")["changed"] is False
    assert status_of(grown.clone) == ""


def test_the_diff_is_one_that_git_applies(tmp_path: Path) -> None:
    grown = Grown(tmp_path, {**KUSTOMIZE, ".gitattributes": "* text=auto"}, GITHUB)
    diff = said("cfg", str(grown.clone))[1].partition("\nWhat was found")[0]
    git(grown.clone, "apply", data=f"{diff}\n".encode())
    applied = status_of(grown.clone)
    assert ".gitattributes" in applied
    assert done("cfg", str(grown.clone))["files"] == []


@pytest.mark.parametrize(("answer", "is_written"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_terminal_is_asked(answer: str, is_written: bool, tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    code, out = at_terminal(["init", "cfg", str(grown.clone)], typed=answer)
    assert code == 0
    assert out.index("+++ b/tidemill.toml") < out.index("Write this? [y/N]") < out.index("Next")
    assert (grown.clone / "tidemill.toml").exists() is is_written


def test_file_that_differs_stays_unless_it_is_forced(tmp_path: Path) -> None:
    files = {**KUSTOMIZE, "scripts/generate.py": "mine = 1\n", ".gitattributes": "*.png binary\n"}
    grown = Grown(tmp_path, files, GITHUB)
    acts = {one["path"]: one["act"] for one in done("cfg", str(grown.clone), "--yes")["files"]}
    assert acts["scripts/generate.py"] == "keep"
    assert acts[".gitattributes"] == "add lines"
    assert (grown.clone / "scripts/generate.py").read_text() == "mine = 1\n"
    assert (grown.clone / ".gitattributes").read_text().startswith("*.png binary\n")
    done("cfg", str(grown.clone), "--yes", "--force")
    assert "def main" in (grown.clone / "scripts/generate.py").read_text()


def test_lines_are_added_and_every_other_byte_stays(tmp_path: Path) -> None:
    folder = Grown(tmp_path, KUSTOMIZE, GITHUB).clone
    before = "# f\xfcr alle\r\n*.txt text\r\n".encode("latin-1")
    (folder / ".gitattributes").write_bytes(before)
    done("cfg", str(folder), "--yes")
    after = (folder / ".gitattributes").read_bytes()
    assert after.startswith(before)
    assert after.endswith(b"\r\n/images/**/*.json -merge\r\n")
    assert after.count(b"\n") == after.count(b"\r\n")


def test_link_is_not_written_through(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    (grown.clone / "scripts").symlink_to(tmp_path)
    assert "is a link, or behind one" in error("cfg", str(grown.clone), "--yes")
    assert not (tmp_path / "generate.py").exists()


def test_nothing_is_made_behind_a_link(tmp_path: Path) -> None:
    grown, outside = Grown(tmp_path, KUSTOMIZE, GITHUB), tmp_path / "outside"
    outside.mkdir()
    (grown.clone / ".github").symlink_to(outside)
    assert "is a link, or behind one" in error("cfg", str(grown.clone), "--yes")
    assert list(outside.iterdir()) == []


def test_nothing_is_written_behind_a_link_to_another_folder_of_the_checkout(tmp_path: Path) -> None:
    """Git would add nothing that is there; and what it leads to may be Git's own."""
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    (grown.clone / "scripts").symlink_to(".git")
    assert "is a link, or behind one" in error("cfg", str(grown.clone), "--yes")
    assert not (grown.clone / ".git/generate.py").exists()


# Git takes all of these as names of branches.
@pytest.mark.parametrize("branch", ["1.0", "null", "release/2", "v#1"])
def test_branch_is_a_text_in_the_workflow_whatever_it_is_called(
    branch: str, tmp_path: Path
) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    git(grown.clone, "branch", "-m", "main", branch)
    done("cfg", str(grown.clone), "--yes")
    workflow = yaml.safe_load((grown.clone / ".github/workflows/tidemill.yml").read_text())
    assert workflow[True]["push"] == {"branches": [branch]}
    assert tomllib.loads((grown.clone / "tidemill.toml").read_text())["main"] == branch


@pytest.mark.parametrize("branch", ["main]", "a,b", 'x"y', "${{x}}", "ma\U0001f30ain"])
@pytest.mark.parametrize("kind", ["cfg", "app"])
def test_what_no_settings_take_is_not_proposed(kind: str, branch: str, tmp_path: Path) -> None:
    grown = Grown(tmp_path, {**KUSTOMIZE, "Dockerfile": "FROM scratch\n"}, GITHUB)
    git(grown.clone, "branch", "-m", "main", branch)
    more = ["--cfg-repository", "a/b"] if kind == "app" else []
    found = error(kind, str(grown.clone), *more, "--yes")
    assert "what was found here makes no valid settings" in found
    assert "is not a valid name of a branch" in found
    assert status_of(grown.clone) == ""


@pytest.mark.parametrize(
    "name", ["\U0001f30a", "a\x7f", "x'y\"z", os.fsdecode(b"s\xff")], ids=ascii
)
def test_dockerfile_in_a_folder_of_any_name_makes_settings_that_say_so(
    name: str, tmp_path: Path
) -> None:
    files = {"a/Dockerfile": "FROM scratch\nCOPY x /x\n", "a/x": ""}
    grown = Grown(tmp_path, files, GITHUB)
    (grown.clone / "a").rename(grown.clone / name)
    code, out, _ = said("app", str(grown.clone), "--cfg-repository", "a/b", "--yes", "--json")
    if code == 0:
        (service,) = app_settings.parse((grown.clone / "tidemill.toml").read_text()).services
        assert (service.file, service.context) == (f"{name}/Dockerfile", name)
    else:
        assert "makes no valid settings" in json.loads(out)["error"]["what"]
        assert not (grown.clone / "tidemill.toml").exists()
    assert (code == 0) == name.isprintable()


@pytest.mark.parametrize(
    "prefix", ["ghcr.io/Acme", "ghcr.io/x\n  evil: 1", "a b", "https://ghcr.io/a", "r.example/{x}"]
)
@pytest.mark.parametrize("kind", ["cfg", "app"])
def test_prefix_that_no_image_has_is_refused(kind: str, prefix: str, tmp_path: Path) -> None:
    grown = Grown(tmp_path, {**KUSTOMIZE, "Dockerfile": "FROM scratch\n"}, GITHUB)
    more = ["--cfg-repository", "a/b"] if kind == "app" else []
    found = error(kind, str(grown.clone), "--image-prefix", prefix, *more)
    assert "--image-prefix: no image's name begins with" in found


def test_cfg_repository_has_an_owner(tmp_path: Path) -> None:
    grown = Grown(tmp_path, APP, GITHUB)
    for name in ("cfg", "a/b/c", "a/b\nx"):
        assert "owner/name" in error("app", str(grown.clone), "--cfg-repository", name)


@pytest.mark.parametrize(
    ("kind", "other", "option", "value"),
    [
        ("cfg", "app", "--cfg-repository", "acme/cfg"),
        ("app", "cfg", "--targets", "staging=staging-eu"),
        ("app", "cfg", "--path", "deploy/{wave}"),
    ],
)
def test_an_option_of_the_other_kind_is_refused(
    kind: str, other: str, option: str, value: str, tmp_path: Path
) -> None:
    grown = Grown(tmp_path, APP, GITHUB)
    found = error(kind, str(grown.clone), option, value)
    assert f"{option} is an option of `tidemill init {other}`" in found
    assert grown.clone.joinpath("tidemill.toml").exists() is False


def test_settings_that_are_there_get_nothing_into_the_workflow(tmp_path: Path) -> None:
    images = 'images = "r.example\\n    evil: 1/{service}"\n'
    grown = Grown(tmp_path, {**APP, "tidemill.toml": f"{images}[[services]]\n"}, GITHUB)
    done("app", str(grown.clone), "--cfg-repository", "a/b", "--yes")
    workflow = yaml.safe_load((grown.clone / ".github/workflows/images.yml").read_text())
    assert workflow["jobs"]["publish"]["with"].keys() == {
        "cfg-repository",
        "registry",
        "registry-username",
    }


def test_files_are_added_whatever_they_are_called(tmp_path: Path) -> None:
    """A folder may be called like an option of Git's, or like one of its patterns."""
    application = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: web-staging
spec: {source: {path: overlays/staging}}
"""
    names = ("--all/a.yaml", ":(top)/a.yaml")
    grown = Grown(tmp_path, {**KUSTOMIZE, **dict.fromkeys(names, application)}, GITHUB)
    found = done("cfg", str(grown.clone), "--yes")
    assert {*names} < {one["path"] for one in found["files"]}
    (command,) = (one["command"] for one in found["steps"] if " add " in one["command"])
    subprocess.run(["sh", "-c", command.partition(" && ")[0]], check=True, capture_output=True)
    assert {line[:2] for line in status_of(grown.clone).splitlines()} == {"A ", "M "}


def test_folder_of_go_with_words_of_a_shell_gets_into_no_command(tmp_path: Path) -> None:
    main_go = "package main\n\nfunc main() {}\n"
    hostile = ("cmd/x;id", "cmd/y' z", "cmd/$(id)")
    files = {f"{one}/main.go": main_go for one in ("cmd/api", *hostile)}
    grown = Grown(tmp_path, {"go.mod": "module example.com/shop\n", **files}, GITHUB)
    done("app", str(grown.clone), "--cfg-repository", "a/b", "--yes")
    settings = app_settings.parse((grown.clone / "tidemill.toml").read_text())
    assert settings.compile
    assert settings.compile.words[-1].endswith("-o bin/ ./cmd/api")


def test_file_in_the_place_of_a_folder_is_an_error_that_says_what_was_written(
    tmp_path: Path,
) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    (grown.clone / ".github").write_text("")
    code, out, _ = said("cfg", str(grown.clone), "--yes", "--json")
    found = json.loads(out)["error"]
    assert code == 1
    assert "'.github/workflows/tidemill.yml' can't be written" in found["what"]
    assert sorted(found["written"].split(", ")) == sorted(
        line[3:] for line in status_of(grown.clone).splitlines() if line != "?? .github"
    )


def test_settings_that_are_there_are_gone_by(tmp_path: Path) -> None:
    text = '[[waves]]\nname = "only"\ntargets = ["one"]\n[deployments]\npath = "overlays/staging"\n'
    grown = Grown(tmp_path, {**KUSTOMIZE, "tidemill.toml": text}, GITHUB)
    found = done("cfg", str(grown.clone), "--yes")
    assert [one["path"] for one in found["files"]] == [
        ".gitattributes",
        ".github/workflows/tidemill.yml",
        ".github/workflows/tidemill-wake.yml",
        "argocd/staging.yaml",
        "tidemill/argocd-notifications.yaml",
    ]
    assert (grown.clone / "tidemill.toml").read_text() == text


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (["--path", "sites/{wave}/{target}"], "sites/{wave}/{target}"),
        ([], "sites/{target}"),
    ],
    ids=["with a path", "by its files"],
)
def test_what_is_not_found_is_asked_for_and_taken(
    words: list[str], path: str, tmp_path: Path
) -> None:
    manifests = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {image: web}\n"
    grown = Grown(tmp_path, {f"sites/{one}/web.yaml": manifests for one in ("x1", "x2", "y1")})
    assert "--targets" in error("cfg", str(grown.clone))
    targets = ("--targets", "first=x1,x2", "--targets", "last=y1")
    assert "--image-prefix" in error("cfg", str(grown.clone), *targets)
    prefix = ("--image-prefix", "registry.example.com/shop/")
    done("cfg", str(grown.clone), *targets, *words, *prefix, "--yes")
    settings = tomllib.loads((grown.clone / "tidemill.toml").read_text())
    assert settings["deployments"]["path"] == path
    assert settings["images"]["allow"] == ["registry.example.com/shop/*"]
    assert [(one["name"], one["targets"]) for one in settings["waves"]] == [
        ("first", ["x1", "x2"]),
        ("last", ["y1"]),
    ]


def test_wave_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE, GITHUB)
    targets = ("--targets", "staging=a,b", "--targets", "staging=c")
    said = error("cfg", str(grown.clone), *targets)
    assert said.startswith("--targets names the wave staging twice: name it once")


def test_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    assert "no checkout of a Git repository" in error("cfg", str(tmp_path))
    grown = Grown(tmp_path, KUSTOMIZE)
    assert "not the root of its checkout" in error("cfg", str(grown.clone / "base"))


def test_workflow_knows_the_branch_and_the_own_ci(tmp_path: Path) -> None:
    ci = "name: build and test\non: push\njobs: {}\n"
    grown = Grown(tmp_path, {**KUSTOMIZE, ".github/workflows/x.yml": ci}, GITHUB)
    git(grown.clone, "branch", "-m", "main", "master")
    done("cfg", str(grown.clone), "--yes")
    workflow = yaml.safe_load((grown.clone / ".github/workflows/tidemill.yml").read_text())
    events = workflow[True]
    assert events["push"] == {"branches": ["master"]}
    assert events["workflow_run"]["workflows"] == ["build and test"]
    assert events["workflow_run"]["branches"] == ["master", "auto"]
    assert tomllib.loads((grown.clone / "tidemill.toml").read_text())["main"] == "master"


def test_next_steps_run_as_printed(tmp_path: Path) -> None:
    grown = Grown(tmp_path, KUSTOMIZE)
    git(grown.clone, "config", "push.autoSetupRemote", "true")
    steps = [one["command"] for one in done("cfg", str(grown.clone), "--yes")["steps"]]
    assert len(steps) == 4
    for command in steps:
        if command.endswith(" --help"):
            with pytest.raises(SystemExit, match=r"\A0\Z"):
                main(shlex.split(command)[1:])
        elif command.startswith("tidemill "):
            assert main(shlex.split(command)[1:]) == 0
        else:
            subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert status_of(grown.clone) == ""


APP = {
    "api/Dockerfile": "FROM scratch\nCOPY main /main\n",
    "api/main": "x",
    "worker/Dockerfile": "FROM scratch\nCOPY worker/main /main\n",
    "worker/main": "x",
    "api/Dockerfile.dev": "FROM golang\n",
    "web/package.json": '{"name": "@acme/web", "scripts": {"start": "node ."}}',
}


def test_next_steps_are_about_the_checkout_wherever_they_are_typed(tmp_path: Path) -> None:
    cfg, app = (
        Grown(tmp_path / "cfg", KUSTOMIZE, GITHUB),
        Grown(tmp_path / "app", APP, "git@git.example.com:acme/shop.git"),
    )
    steps = done("cfg", str(cfg.clone), "--yes")["steps"]
    words = [word for one in steps for word in shlex.split(one["command"])]
    files = [file for word, file in pairwise(words) if word == "-f"]
    assert len(files) == 3
    assert all(Path(one).is_file() for one in files)
    (app.clone / ".github/workflows").mkdir(parents=True)
    (app.clone / ".github/workflows/x.yml").write_text("name: x\n")
    steps = done("app", str(app.clone), "--cfg-repository", "acme/cfg")["steps"]
    commands = [one["command"] for one in steps]
    assert "gh secret set ANNOUNCE_TOKEN -R git.example.com/acme/shop" in commands


def test_services_of_dockerfiles(tmp_path: Path) -> None:
    grown = Grown(tmp_path, APP, "git@github.com:Acme/shop.git")
    assert "--cfg-repository" in error("app", str(grown.clone))
    found = done("app", str(grown.clone), "--cfg-repository", "acme/cfg", "--yes")
    assert found["missing"] == ["a Dockerfile in web, if web is a service"]
    settings = app_settings.parse((grown.clone / "tidemill.toml").read_text())
    assert [(one.name, one.file, one.context) for one in settings.services] == [
        ("api", "api/Dockerfile", "api"),
        ("worker", "worker/Dockerfile", None),
    ]
    assert settings.images == "ghcr.io/acme/{service}"
    workflow = yaml.safe_load((grown.clone / ".github/workflows/images.yml").read_text())
    assert workflow["jobs"]["publish"]["with"] == {"cfg-repository": "acme/cfg"}
    again = done("app", str(grown.clone), "--yes")
    assert (again["changed"], again["files"]) == (False, [])
    assert main(["plan-images", "--checkout", str(grown.clone)]) == 0


COMPILED = "# What is compiled for the images."


def test_second_dockerfile_of_a_name_is_not_left_out_silently(tmp_path: Path) -> None:
    files = {f"{one}/api/Dockerfile": "FROM scratch\n" for one in ("a", "b")}
    grown = Grown(tmp_path, files, GITHUB)
    found = done("app", str(grown.clone), "--cfg-repository", "acme/cfg", "--yes")
    assert found["missing"] == [
        "another name for the service api of b/api/Dockerfile: a/api/Dockerfile has that one"
    ]


def test_repository_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    grown = Grown(tmp_path, {**KUSTOMIZE, "Dockerfile": "FROM scratch\n"}, GITHUB)
    done("cfg", str(grown.clone), "--yes")
    assert "is that of a cfg-app.git" in error("app", str(grown.clone), "--cfg-repository", "a/b")
    (grown.clone / "tidemill.toml").unlink()
    done("app", str(grown.clone), "--cfg-repository", "a/b", "--yes")
    assert "is that of an app.git" in error("cfg", str(grown.clone))


def test_workflow_logs_in_where_the_images_go(tmp_path: Path) -> None:
    grown = Grown(tmp_path, APP, "git@github.com:acme/shop.git")
    prefix = ("--image-prefix", "registry.example.com/shop")
    found = done("app", str(grown.clone), "--cfg-repository", "acme/cfg", *prefix, "--yes")
    workflow = yaml.safe_load((grown.clone / ".github/workflows/images.yml").read_text())
    publish = workflow["jobs"]["publish"]
    assert publish["with"] == {
        "cfg-repository": "acme/cfg",
        "registry": "registry.example.com",
        "registry-username": "${{ vars.REGISTRY_USERNAME }}",
    }
    assert publish["secrets"].keys() == {"announce-token", "registry-password"}
    assert "gh secret set REGISTRY_PASSWORD" in " ".join(one["command"] for one in found["steps"])
    assert done("app", str(grown.clone), "--cfg-repository", "acme/cfg")["files"] == []


def test_services_of_go_commands(tmp_path: Path) -> None:
    main_go = "package main\n\nfunc main() {}\n"
    files = {"go.mod": "module example.com/shop\n\ngo 1.22\n", "cmd/api/main.go": main_go}
    files |= {"cmd/tool/main.go": main_go, "api/api.go": "package api\n", ".gitignore": "/dist/\n"}
    grown = Grown(tmp_path, files, "https://git.example.com/shop.git")
    assert "--image-prefix" in error("app", str(grown.clone))
    done("app", str(grown.clone), "--image-prefix", "registry.example.com/shop", "--yes")
    settings = app_settings.parse((grown.clone / "tidemill.toml").read_text())
    assert [one.name for one in settings.services] == ["api", "tool"]
    assert settings.compile
    assert settings.compile.words[-1].endswith("-o bin/ ./cmd/api ./cmd/tool")
    assert not (grown.clone / ".github").exists()
    assert (grown.clone / ".gitignore").read_text().splitlines() == [
        "/dist/",
        "",
        COMPILED,
        "/bin/",
    ]
