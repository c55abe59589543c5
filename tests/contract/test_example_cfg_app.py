"""examples/cfg-app with real make and real Git, on a copy of it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tidemill.facts import image_files, settings_file

EXAMPLE = Path(__file__).parents[2] / "examples/cfg-app"
APP = ("billing", "catalog", "gateway", "orders")
BATCH = ("archiver", "reporter")


@dataclass(frozen=True)
class Clone:
    """A clone of the example in which commands run as Tidemill runs entry points."""

    path: Path
    env: Mapping[str, str]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.path, env=self.env, capture_output=True, text=True, check=False
        )

    def must(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *command: str) -> str:
        done = self.run(*command)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def git(self, *arguments: str) -> str:
        return self.must("git", *arguments).rstrip("\n")

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.path / path).read_text()
        assert old in text
        (self.path / path).write_text(text.replace(old, new))

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def changed(self) -> list[str]:
        lines = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return sorted(line[3:] for line in lines)

    def json(self, path: str) -> dict[str, str]:
        content: dict[str, str] = json.loads((self.path / path).read_text())
        return content

    def introduce(
        self, wave: str, image_set: str, built: Mapping[str, str], sha: str = "a" * 40
    ) -> tuple[str, ...]:
        """The command that introduces images; `built` has one hex digit of content per service."""
        file = self.path.parent / "built.json"
        file.write_text(
            json.dumps(
                {
                    service: {
                        "Digest": f"ghcr.io/acme/{service}@sha256:{content * 64}",
                        "Tag": f"ghcr.io/acme/{service}:{sha}",
                    }
                    for service, content in built.items()
                }
            )
        )
        return (
            "make",
            "introduce_images",
            f"WAVE={wave}",
            f"SET={image_set}",
            f"IMAGE_FILE={file}",
        )


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "home").mkdir()
    env = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder / "home"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_NAME": "Ada" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "ada@acme.example" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_DATE": "2026-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
    }
    cfg = Clone(folder / "cfg-app", env)
    shutil.copytree(EXAMPLE, cfg.path, ignore=shutil.ignore_patterns("__pycache__"))
    cfg.git("init", "--quiet", "--initial-branch=main")
    cfg.commit("The example")
    return cfg


@pytest.fixture
def cfg(pristine: Clone, tmp_path: Path) -> Clone:
    shutil.copytree(pristine.path, tmp_path / "cfg-app")
    return Clone(tmp_path / "cfg-app", pristine.env)


def services(target: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (EXAMPLE / "generated").glob(f"*/{target}/*.yaml")))


# What is committed


def test_committed_yaml_is_what_the_sources_generate_and_valid(cfg: Clone) -> None:
    assert "38 files are what the sources generate" in cfg.must("make", "check")
    assert "0 written, 0 removed" in cfg.must("make", "generate")
    assert cfg.changed() == []


def test_settings_and_generated_folders_name_the_same_waves_and_targets() -> None:
    parsed = settings_file.parse((EXAMPLE / "tidemill.toml").read_text())
    listed = {
        parsed.paths(wave.name, target)[0] for wave in parsed.waves for target in wave.targets
    }
    assert listed == {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.glob("generated/*/*")}
    assert [len(wave.targets) for wave in parsed.waves] == [2, 3, 4]


def test_image_files_of_every_wave_and_set_are_known_sets() -> None:
    parsed = settings_file.parse((EXAMPLE / "tidemill.toml").read_text())
    for wave in parsed.waves:
        for image_set, names in (("app", APP), ("batch", BATCH)):
            folder = EXAMPLE / parsed.folder(wave.name, image_set)
            files = {path.name: path.read_bytes() for path in folder.iterdir()}
            found = image_files.parse(files)
            assert found is not None
            assert found.position == 1
            assert tuple(sorted(found.digests)) == names
            assert files["tags.json"] == image_files.render(found.tags)
            assert files["digests.json"] == image_files.render(found.digests)


@pytest.mark.parametrize("place", ["staging", "internal", "prod"])
def test_each_wave_has_a_target_that_runs_all_and_one_that_runs_little(place: str) -> None:
    assert services(f"{place}-eu") == tuple(sorted(APP + BATCH))
    assert services(f"{place}-edge") == ("catalog", "gateway")


def test_pods_name_images_by_digest_and_never_by_tag() -> None:
    named = [
        container["image"]
        for path in EXAMPLE.glob("generated/*/*/*.yaml")
        for document in yaml.safe_load_all(path.read_text())
        if document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
    ]
    assert len(named) == 38
    assert all(re.fullmatch(r"ghcr\.io/acme/[a-z]+@sha256:[0-9a-f]{64}", image) for image in named)


def test_readme_asks_for_the_releases_that_are_locked() -> None:
    pins = (EXAMPLE / "requirements.txt").read_text().split()
    assert pins == [
        f"{name}=={version(name)}" for name in ("rjsonnet", "kubernetes-validate", "PyYAML")
    ]


def test_text_that_looks_like_a_number_stays_text_for_every_yaml_parser(cfg: Clone) -> None:
    cfg.edit("jsonnet/services.libsonnet", "'400'", "'7104347e9'")
    cfg.must("make", "generate")
    text = (cfg.path / "generated/staging/staging-eu/archiver.yaml").read_text()
    assert 'value: "7104347e9"' in text


def test_make_alone_lists_what_there_is_to_do(cfg: Clone) -> None:
    listed = re.findall(r"^make (\S+) +\S", cfg.must("make"), re.MULTILINE)
    assert {"generate", "check", "introduce_images", "promote_images"} < set(listed)


# What the check refuses


def test_check_refuses_yaml_edited_by_hand_and_says_what_to_do(cfg: Clone) -> None:
    path = "generated/staging/staging-eu/orders.yaml"
    cfg.edit(path, "replicas: 1", "replicas: 2")
    refusal = cfg.refused("make", "check")
    assert f"{path}: is not what the sources generate" in refusal
    assert "run `make generate`, and commit what it changes" in refusal


def test_check_refuses_an_edit_of_the_sources_without_generate(cfg: Clone) -> None:
    cfg.edit("jsonnet/services.libsonnet", "'400'", "'30'")
    assert "generated/production/prod-eu/archiver.yaml" in cfg.refused("make", "check")
    cfg.must("make", "generate")
    cfg.must("make", "check")


def test_check_refuses_missing_and_stray_files_and_generate_mends_both(
    cfg: Clone,
) -> None:
    (cfg.path / "generated/staging/staging-eu/orders.yaml").unlink()
    stray = cfg.path / "generated/staging/staging-old/orders.yaml"
    stray.parent.mkdir()
    stray.write_text("kind: Deployment\n")
    refusal = cfg.refused("make", "check")
    assert "generated/staging/staging-eu/orders.yaml: is missing" in refusal
    assert "generated/staging/staging-old/orders.yaml: comes from no source" in refusal
    cfg.must("make", "generate")
    assert cfg.changed() == []
    assert not stray.parent.exists()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "replicas: settings.replicas",
            "replicas: 'three'",
            "spec.replicas: 'three' is not of type",
        ),
        ("selector: { matchLabels", "selektor: { matchLabels", "'selektor' was unexpected"),
        ("kind: 'Deployment'", "kind: 'Deploiment'", "has no such kind in apps/v1"),
        (
            "namespace: 'acme'",
            "namespace: 'Acme!'",
            "metadata.namespace: 'Acme!' is not a valid name",
        ),
    ],
)
def test_check_refuses_what_kubernetes_would_refuse(
    cfg: Clone, old: str, new: str, reason: str
) -> None:
    cfg.edit("jsonnet/lib/workload.libsonnet", old, new)
    cfg.must("make", "generate")
    assert reason in cfg.refused("make", "check")


def test_a_new_service_is_deployed_with_defaults_where_all_services_run(
    cfg: Clone,
) -> None:
    cfg.must(*cfg.introduce("staging", "app", dict.fromkeys((*APP, "audit"), "a")))
    cfg.must("make", "check")
    added = [path for path in cfg.changed() if "audit" in path]
    assert added == ["generated/staging/staging-eu/audit.yaml"]


def test_a_new_service_with_a_name_that_kubernetes_refuses_generates_and_fails_the_check(
    cfg: Clone,
) -> None:
    cfg.must(*cfg.introduce("staging", "app", dict.fromkeys((*APP, "Audit_Log"), "a")))
    refusal = cfg.refused("make", "check")
    assert (
        "staging-eu/Audit_Log.yaml: Deployment: metadata.name: 'Audit_Log' is not a valid"
        in refusal
    )


# Introducing


def test_introducing_changes_that_wave_and_only_files_of_services_that_changed(
    cfg: Clone,
) -> None:
    present = dict.fromkeys(APP, "a")
    cfg.must(*cfg.introduce("staging", "app", present))
    cfg.commit("a")
    cfg.must(*cfg.introduce("staging", "app", {**present, "orders": "b", "billing": "b"}, "b" * 40))
    assert cfg.changed() == [
        "generated/staging/staging-eu/billing.yaml",
        "generated/staging/staging-eu/orders.yaml",
        "images/staging/app/digests.json",
        "images/staging/app/tags.json",
    ]


def test_new_tags_of_the_same_images_change_the_image_files_alone(cfg: Clone) -> None:
    built = dict.fromkeys(APP, "a")
    cfg.must(*cfg.introduce("staging", "app", built))
    cfg.commit("a")
    cfg.must(*cfg.introduce("staging", "app", built, sha="b" * 40))
    assert cfg.changed() == ["images/staging/app/tags.json"]


def test_introducing_twice_is_introducing_once_and_writes_no_file_again(
    cfg: Clone,
) -> None:
    command = cfg.introduce("internal", "batch", dict.fromkeys(BATCH, "a"))
    cfg.must(*command)
    times = {path: path.stat().st_mtime_ns for path in cfg.path.rglob("*.[jy]*") if path.is_file()}
    assert "0 written" in cfg.must(*command)
    assert times == {path: path.stat().st_mtime_ns for path in times}


def test_a_set_that_lacks_services_is_refused_whole_and_names_them(cfg: Clone) -> None:
    partial = dict.fromkeys(("catalog", "gateway"), "a")
    refusal = cfg.refused(*cfg.introduce("staging", "app", partial))
    assert (
        "images/staging/app/digests.json has no image of billing, orders, which staging-eu"
        in refusal
    )
    assert not [path for path in cfg.changed() if path.startswith("generated/")]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"orders": "x"}', '{"orders": {"Tag": "x"}}'])
def test_an_image_file_of_another_form_is_refused_and_writes_nothing(
    cfg: Clone, content: str
) -> None:
    command = cfg.introduce("staging", "app", {})
    Path(command[-1].removeprefix("IMAGE_FILE=")).write_text(content)
    assert "nothing was written" in cfg.refused(*command)
    assert cfg.changed() == []


def test_a_wave_that_does_not_exist_is_refused_with_those_that_do(cfg: Clone) -> None:
    refusal = cfg.refused(*cfg.introduce("stagin", "app", dict.fromkeys(APP, "a")))
    assert "There is no images/stagin/app. There are: internal/app, internal/batch" in refusal
    assert cfg.changed() == []


# Promoting


def test_promotion_copies_the_set_of_the_deployed_commit_and_not_of_the_tip(
    cfg: Clone,
) -> None:
    cfg.must(*cfg.introduce("staging", "app", dict.fromkeys(APP, "a")))
    deployed = cfg.commit("a")
    expected = cfg.json("images/staging/app/digests.json")
    cfg.must(*cfg.introduce("staging", "app", dict.fromkeys(APP, "b")))
    cfg.commit("b")
    cfg.must(
        "make",
        "promote_images",
        "FROM=staging",
        "TO=internal",
        "SET=app",
        f"DEPLOYED_SHA={deployed}",
    )
    assert cfg.json("images/internal/app/digests.json") == expected
    changed = cfg.changed()
    assert all(path.startswith(("images/internal/app/", "generated/internal/")) for path in changed)
    assert len([path for path in changed if path.startswith("generated/")]) == 10
    cfg.must("make", "check")


def test_promotion_from_a_commit_without_the_set_writes_nothing(cfg: Clone) -> None:
    command = ("make", "promote_images", "FROM=staging", "TO=internal", "SET=app")
    assert "nothing was written" in cfg.refused(*command, f"DEPLOYED_SHA={'0' * 40}")
    assert cfg.changed() == []


# Editing, merging and rebasing by hand


def test_replicas_are_changed_by_one_edit_in_one_file(cfg: Clone) -> None:
    cfg.edit(
        "jsonnet/waves/production.libsonnet", "orders+: { replicas: 3", "orders+: { replicas: 5"
    )
    cfg.must("make", "generate")
    assert cfg.changed() == [
        *(
            f"generated/production/{target}/orders.yaml"
            for target in ("prod-ap", "prod-eu", "prod-us")
        ),
        "jsonnet/waves/production.libsonnet",
    ]


@pytest.fixture
def diverged(cfg: Clone) -> Clone:
    """main and feature change other lines of Jsonnet, and the same lines of YAML."""
    cfg.must("make", "install-merge-driver")
    cfg.git("checkout", "--quiet", "-b", "feature")
    cfg.edit(
        "jsonnet/waves/production.libsonnet", "orders+: { replicas: 3", "orders+: { replicas: 5"
    )
    cfg.must("make", "generate")
    cfg.commit("More replicas")
    cfg.git("checkout", "--quiet", "main")
    cfg.edit(
        "jsonnet/lib/workload.libsonnet",
        "      replicas: settings.replicas,\n",
        "      replicas: settings.replicas,\n      revisionHistoryLimit: 3,\n",
    )
    cfg.must("make", "generate")
    cfg.commit("Less history")
    return cfg


def both_edits_are_committed(cfg: Clone) -> None:
    assert cfg.changed() == []
    cfg.must("make", "check")
    merged = cfg.git("show", "HEAD:generated/production/prod-eu/orders.yaml")
    assert "  replicas: 5\n  revisionHistoryLimit: 3\n" in merged


def test_the_yaml_conflicts_without_the_merge_driver(diverged: Clone) -> None:
    diverged.git("config", "--remove-section", "merge.regenerateyaml")
    assert "CONFLICT (content)" in diverged.refused("git", "merge", "feature")


@pytest.mark.parametrize("strategy", ["ort", "recursive"])
def test_a_merge_regenerates_yaml_that_would_conflict(diverged: Clone, strategy: str) -> None:
    parents = diverged.git("rev-parse", "main", "feature").split()
    diverged.git("merge", "--no-edit", "--strategy", strategy, "feature")
    assert diverged.git("log", "-1", "--format=%s") == "Merge branch 'feature'"
    assert diverged.git("log", "-1", "--format=%P").split() == parents
    both_edits_are_committed(diverged)


def test_a_rebase_regenerates_yaml_that_would_conflict(diverged: Clone) -> None:
    diverged.git("checkout", "--quiet", "feature")
    diverged.git("rebase", "--quiet", "main")
    assert diverged.git("log", "--format=%s", "main..") == "More replicas"
    both_edits_are_committed(diverged)


def test_a_rebase_can_make_every_commit_right(diverged: Clone) -> None:
    command = re.search(r"git rebase main --exec '(.*)'", (EXAMPLE / "README.md").read_text())
    assert command
    diverged.git("checkout", "--quiet", "feature")
    diverged.edit("jsonnet/services.libsonnet", "'400'", "'30'")
    diverged.must("make", "generate")
    diverged.commit("Keep less")
    diverged.git("rebase", "--quiet", "main", "--exec", command[1])
    both_edits_are_committed(diverged)
    diverged.git("checkout", "--quiet", "HEAD~")
    both_edits_are_committed(diverged)


def test_a_fast_forward_changes_no_commit_of_others(diverged: Clone) -> None:
    diverged.git("checkout", "--quiet", "feature")
    diverged.edit("generated/staging/staging-eu/orders.yaml", "replicas: 1", "replicas: 9")
    theirs = diverged.commit("By hand")
    diverged.git("checkout", "--quiet", "-b", "mine", "feature~")
    diverged.git("merge", "--quiet", "feature")
    assert diverged.git("rev-parse", "HEAD") == theirs
    assert diverged.changed() == []


def test_the_driver_leaves_a_conflict_where_no_source_has_the_file(diverged: Clone) -> None:
    out = diverged.path.parent / "merged.yaml"
    path = "generated/staging/staging-eu/unknown.yaml"
    command = ("make", "regenerate-single-yaml", f"REGENERATE_YAML={path}", f"GIT_MERGE_OUT={out}")
    assert f"{path} comes from no source" in diverged.refused(*command)
    assert not out.exists()


def test_two_image_sets_are_never_merged_line_by_line(cfg: Clone) -> None:
    present = dict.fromkeys(APP, "a")
    cfg.must(*cfg.introduce("staging", "app", present))
    cfg.commit("a")
    cfg.git("checkout", "--quiet", "-b", "other")
    cfg.must(*cfg.introduce("staging", "app", {**present, "billing": "b"}))
    cfg.commit("b")
    cfg.git("checkout", "--quiet", "main")
    cfg.must(*cfg.introduce("staging", "app", {**present, "orders": "c"}))
    cfg.commit("c")
    refusal = cfg.refused("git", "merge", "other")
    assert "Merge conflict in images/staging/app/digests.json" in refusal
    cfg.git("checkout", "other", "--", "images/staging/app")
    cfg.must("make", "generate")
    cfg.commit("Merge: the set of other")
    cfg.must("make", "check")
    assert not cfg.git("diff", "--name-only", "other")


def test_installing_twice_is_installing_once_and_leaves_hooks_of_others_alone(
    cfg: Clone,
) -> None:
    own = cfg.path / ".git/hooks/post-merge"
    own.parent.mkdir(exist_ok=True)
    own.write_text("#!/bin/sh\ntrue\n")
    said = cfg.must("make", "install-merge-driver")
    assert "post-merge is your own, and was left as it is" in said
    assert own.read_text() == "#!/bin/sh\ntrue\n"
    hook = (cfg.path / ".git/hooks/post-rewrite").read_text()
    cfg.must("make", "install-merge-driver")
    assert (cfg.path / ".git/hooks/post-rewrite").read_text() == hook


_TEXTS = [
    "a", "a:", "a:b", "yes", "No", "", "x y", " x", "x ", "7104347e9", "1", "null", "~", "é",
    "a\nb", 'q"q', "b\\s", "- a", "{", "[x]", "#c", "a #b", "a: b", "*x", "!t", "@", "'q'", "? x",
    "|", "<<", "2020-01-01", "0x1f", "x" * 101, "w " * 600, "\t", "/p", "on",
    "ghcr.io/a@sha256:" + "0" * 64,
]  # fmt: skip


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.random() if depth else 1
    if kind < 0.3:
        return {rng.choice(_TEXTS): _value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if kind < 0.5:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    return rng.choice([*_TEXTS, 1, -3, 10**20, True, False, None, 1.5, 0])


def test_yaml_is_what_the_library_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE / "scripts"))
    yaml_text = import_module("yaml_text")
    for seed in range(2_000):
        rng = random.Random(seed)
        keys = range(rng.randint(0, 4))
        documents = [{rng.choice(_TEXTS): _value(rng, 4) for _ in keys} for _ in keys]
        assert yaml_text.to_yaml(documents) == yaml_text.by_library(documents), seed


def test_many_files_are_generated_in_parts_and_come_out_the_same(cfg: Clone) -> None:
    cfg.edit("scripts/sources.py", "MANY = 500", "MANY = 1")
    cfg.edit("scripts/sources.py", "parts = os.cpu_count() or 1", "parts = 3")
    for file in sorted((cfg.path / "generated").rglob("*.yaml"))[:30]:
        file.unlink()
    assert "38 files, 30 written, 0 removed" in cfg.must("make", "generate")
    assert cfg.changed() == ["scripts/sources.py"]
    cfg.edit("images/staging/app/digests.json", '"orders"', '"another"')
    refusal = cfg.refused("make", "generate")
    assert "The sources do not evaluate, nothing was generated:" in refusal
    assert "digests.json has no image of orders" in refusal
    assert "Traceback" not in refusal
