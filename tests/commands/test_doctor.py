"""`tidemill doctor` on real checkouts: what it reads, runs and mends."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.commands.checkouts import Said, tidemill
from tests.world import git

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = """\
[checks]
required = ["tidemill/check"]
[images]
allow = ["ghcr.io/acme/*"]
[entrypoints]
generate = "./generate"
[deployments]
path = "deployed/{wave}"
[[waves]]
name = "staging"
targets = ["staging-eu"]
[[waves]]
name = "production"
targets = ["prod-eu"]
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {template: {spec: {containers: [{name: web, image: "ghcr.io/acme/web:v1"}]}}}
"""
GENERATE = """\
#!/bin/sh
set -eu
for wave in staging production; do
    mkdir -p deployed/$wave
    image=ghcr.io/acme/web:v1
    file=images/$wave/digests.json
    if [ -f $file ]; then image=$(sed -n 's/.*"web": "\\([^"]*\\)".*/\\1/p' $file); fi
    echo "image: $image" >deployed/$wave/web.yaml
done
"""


class Grown:
    """A cfg-app.git on its first day: files name images by tags, and nothing was announced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        git(folder, "init", "--quiet", "--initial-branch=main")
        self.write("tidemill.toml", SETTINGS)
        self.write("generate", GENERATE, 0o755)
        self.write("deployed/staging/web.yaml", "image: ghcr.io/acme/web:v1\n")
        self.write("deployed/production/web.yaml", "image: ghcr.io/acme/web:v1\n")
        self.commit()

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def commit(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message", "Work")

    def doctor(self, *options: str) -> Said:
        return doctor(self.folder, *options)

    def found(self, check: str, *options: str) -> dict[str, list[str]]:
        """What one check says, by state."""
        return by_state(self.doctor(*options), check)


def doctor(folder: Path, *options: str) -> Said:
    return tidemill("doctor", folder, "--json", "--entrypoints", "same-user", *options)


def by_state(said: Said, check: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in said.json["findings"]:
        if one["check"] == check:
            found.setdefault(one["state"], []).append(one["what"])
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def grown(tmp_path: Path) -> Grown:
    return Grown(tmp_path / "cfg")


def example(name: str, to: Path) -> Path:
    shutil.copytree(EXAMPLES / name, to)
    git(to, "init", "--quiet", "--initial-branch=main")
    git(to, "add", "--all")
    git(to, "commit", "--quiet", "--message", "Begin")
    return to


@pytest.mark.parametrize("name", ["cfg-app", "app"])
def test_an_example_has_no_problem_and_is_not_changed(name: str, tmp_path: Path) -> None:
    folder = example(name, tmp_path / name)
    before = contents(folder)
    said = doctor(folder, "--offline")
    assert said.code == 0, said.out
    assert {one["state"] for one in said.json["findings"]} == {"ok", "unknown"}
    assert said.json["of"] == f"{name}.git"
    assert said.json["stops"] is False
    assert contents(folder) == before


def test_of_yaml_that_cannot_be_read_what_targets_are_made_of_is_named(grown: Grown) -> None:
    grown.write("deployed/staging/web.yaml", "<<<<<<< HEAD\nimage: ghcr.io/acme/web:v1\n")
    # An overlay of all waves makes no target of what else the repository has.
    grown.write("kustomization.yaml", "resources: [deployed/staging/web.yaml]\n")
    grown.write("skeletons/service/web.yaml", "{% if has_web %}\nimage: web\n{% endif %}\n")
    grown.write("charts/web/Chart.yaml", "name: web\n")
    grown.write("charts/web/templates/web.yaml", "{{ if .Values.web }}\nimage: web\n{{ end }}\n")
    grown.commit()
    (found,) = grown.found("rendering", "--offline")["problem"]
    assert found.startswith("deployed/staging/web.yaml can't be read as YAML, line 2: ")


def test_invented_digests_show_where_those_of_services_arrive(grown: Grown) -> None:
    before = contents(grown.folder)
    found = grown.found("digests", "--offline")
    assert set(found) == {"ok"}
    assert [one.partition(" arrive")[2] for one in found["ok"]] == [
        " (with invented digests): web in deployed/staging/web.yaml",
        " (with invented digests): web in deployed/production/web.yaml",
    ]
    assert contents(grown.folder) == before


def test_a_file_whose_name_is_not_utf8_is_named_in_json_too(grown: Grown) -> None:
    grown.write("generate", GENERATE.replace("/web.yaml", "/$(printf 'caf\\351.yaml')"), 0o755)
    grown.commit()
    said = grown.doctor("--offline")
    assert by_state(said, "digests")["ok"][0].endswith(r"/caf\udce9.yaml")


def test_services_are_known_by_a_base_that_waves_share(grown: Grown) -> None:
    for wave in ("staging", "production"):
        grown.write(f"deployed/{wave}/web.yaml", "image: base\n")
    grown.write("base/web.yaml", "image: ghcr.io/acme/web:v1\n")
    grown.write("generate", GENERATE.replace("ghcr.io/acme/web:v1", "base"), 0o755)
    grown.commit()
    assert len(grown.found("digests", "--offline")["ok"]) == 2


def test_a_region_whose_values_lack_the_repository_is_named(grown: Grown) -> None:
    image = "web:\n  image:\n    repository: ghcr.io/acme/web\n    tag: v1\n"
    for name, text in (
        ("eu", image),
        ("us", image.replace("    repository: ghcr.io/acme/web\n", "")),
    ):
        grown.write(f"deployed/staging/{name}/values.yaml", text)
    grown.commit()
    (said,) = grown.found("digests", "--offline")["problem"]
    assert "deployed/staging/us/values.yaml has a tag at web.image and no repository" in said


def test_a_base_of_an_overlay_that_is_gone_is_named(grown: Grown) -> None:
    file = "deployed/staging/kustomization.yaml"
    grown.write(file, "resources: [web.yaml, ../../base]\n")
    grown.commit()
    assert grown.found("rendering", "--offline") == {
        "problem": [
            f"{file} names ../../base, which is not there, so that Kustomize can't build it"
        ]
    }
    (grown.folder / "base").symlink_to("kept-elsewhere")
    grown.write("kept-elsewhere/web.yaml", "kind: Service\n")
    grown.commit()
    assert not grown.found("rendering", "--offline").get("problem")


def test_an_allow_that_lists_none_of_the_images_is_named(grown: Grown) -> None:
    grown.write("tidemill.toml", SETTINGS.replace("ghcr.io/acme", "ghcr.io/acm"))
    found = grown.found("digests", "--offline")
    assert found == {"problem": ["files name ghcr.io/acme/web, of which [images] allow lists none"]}


def test_what_init_makes_has_no_problem(tmp_path: Path) -> None:
    cfg = tmp_path / "cfg"
    for wave in ("staging", "production"):
        (cfg / "deploy" / wave).mkdir(parents=True)
        (cfg / "deploy" / wave / "web.yaml").write_text(DEPLOYMENT)
    app = tmp_path / "app"
    app.mkdir()
    (app / "Dockerfile").write_text("FROM scratch\nCOPY web /web\n")
    for kind, folder in (("cfg", cfg), ("app", app)):
        git(folder, "init", "--quiet", "--initial-branch=main")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", "Begin")
        more: tuple[str, ...] = ("--image-prefix", "ghcr.io/acme", "--cfg-repository", "acme/cfg")
        more = more if kind == "app" else ()
        assert tidemill("init", kind, folder, "--yes", *more).code == 0
        said = doctor(folder, "--offline")
        assert said.json["of"] == f"{kind.replace('cfg', 'cfg-app')}.git"
        states = {one["check"]: one["state"] for one in said.json["findings"]}
        assert {"problem", "warning"}.isdisjoint(states.values()), said.out
        assert states["workflow"] == "ok"


def test_a_generate_that_reads_another_file_is_named(grown: Grown) -> None:
    grown.write("generate", GENERATE.replace("digests.json", "digest.json"), 0o755)
    grown.commit()
    found = grown.found("digests", "--offline")
    assert set(found) == {"problem"}
    assert "no file names the digest of web" in found["problem"][0]


def test_a_generate_that_does_not_take_images_is_a_problem(grown: Grown) -> None:
    grown.write("generate", GENERATE.replace("then image", "then exit 3; image"), 0o755)
    grown.commit()
    said = grown.doctor("--offline")
    (found,) = by_state(said, "digests")["problem"]
    assert "generate fails where a wave gets images" in found
    assert "exit code 3" in found
    assert said.code == 1


def test_a_wave_that_is_forgotten_is_a_problem_where_services_are_known(grown: Grown) -> None:
    digest = "ghcr.io/acme/web@sha256:" + "1" * 64
    sha = "a" * 40
    grown.write("images/staging/digests.json", f'{{"web": "{digest}"}}\n')
    grown.write("images/staging/tags.json", f'{{"web": "ghcr.io/acme/web:{sha}"}}\n')
    grown.write("deployed/staging/web.yaml", f"image: {digest}\n")
    grown.write("generate", GENERATE.replace("staging production", "staging"), 0o755)
    grown.commit()
    said = grown.doctor("--offline")
    found = by_state(said, "digests")
    assert "web in deployed/staging/web.yaml" in found["ok"][0]
    assert found["problem"] == [
        "production, set app: no file names the digest of web (with invented digests): the set "
        "would never count as deployed"
    ]
    assert said.code == 1


def test_a_generate_that_is_not_deterministic_is_named(grown: Grown) -> None:
    grown.write("generate", GENERATE.replace('echo "', 'echo "$$ '), 0o755)
    grown.commit()
    said = grown.doctor("--offline")
    assert said.code == 1
    (found,) = by_state(said, "fit-to-land")["problem"]
    assert found.startswith("`./generate` is not deterministic")


def test_fix_mends_what_is_safe_and_shows_how(grown: Grown) -> None:
    (grown.folder / "generate").chmod(0o644)
    said = grown.doctor("--offline", "--fix")
    assert os.access(grown.folder / "generate", os.X_OK)
    attributes = (grown.folder / ".gitattributes").read_text()
    assert attributes == "/images/**/*.json -merge\n"
    mended = {one["path"]: one["diff"] for one in said.json["mended"]}
    assert mended["generate"] == "old mode 100644\nnew mode 100755"
    assert mended[".gitattributes"].endswith("\n+/images/**/*.json -merge")
    assert set(by_state(said, "entry-points")) == set(by_state(said, "attributes")) == {"ok"}
    again = grown.doctor("--offline", "--fix")
    assert again.json["changed"] is False


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_fix_leaves_every_other_byte_as_it_is(grown: Grown, end: str) -> None:
    call = f"# f\xfcr alle\r# Macs{end}on: push{end}jobs:{end}  a:{end}"
    uses = f"    uses: acme/x/.github/workflows/gitops.yml@v1{end}"
    attributes = f"# f\xfcr alle{end}*.txt text"
    files = {".gitattributes": attributes, ".github/workflows/a.yml": call + uses}
    for name, text in files.items():
        grown.write(name, "")
        (grown.folder / name).write_bytes(text.encode("latin-1"))
    assert len(grown.doctor("--offline", "--fix").json["mended"]) == 2
    mended, workflow = ((grown.folder / name).read_bytes().decode("latin-1") for name in files)
    assert mended == f"{attributes}{end}/images/**/*.json -merge{end}"
    assert workflow.startswith(f"{call}    permissions:{end}      contents: write{end}")
    assert workflow.endswith(f"{end}{uses}")


def test_without_fix_nothing_is_mended(grown: Grown) -> None:
    (grown.folder / "generate").chmod(0o644)
    assert grown.doctor("--offline").code == 1
    assert not os.access(grown.folder / "generate", os.X_OK)
    assert not (grown.folder / ".gitattributes").exists()


def test_people_read_problems_first_with_what_to_do(grown: Grown) -> None:
    (grown.folder / "generate").chmod(0o644)
    said = tidemill("doctor", grown.folder, "--offline", "--entrypoints", "same-user")
    first, *lines = said.out.splitlines()
    assert first.startswith("problem: ")
    assert "    chmod +x generate && git add --chmod=+x generate" in lines
    assert lines[-1].endswith("the loop would stop")


BROKEN = {
    "none": (None, "there is no tidemill.toml"),
    "neither's": ("x = 1\n", "waves"),
    "of app.git, and wrong": ("[[services]]\n", "of app.git"),
    "no TOML": ("[[waves]\n", "this checkout"),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_settings_that_are_of_no_use_are_one_problem(
    grown: Grown, text: str | None, words: str
) -> None:
    file = grown.folder / "tidemill.toml"
    file.unlink()
    if text is not None:
        file.write_text(text)
    said = grown.doctor("--offline")
    assert said.code == 1
    (found,) = by_state(said, "settings")["problem"]
    assert words in found


def test_a_folder_without_settings_names_the_root_that_lacks_them(grown: Grown) -> None:
    (grown.folder / "tidemill.toml").rename(grown.folder / "deployed" / "tidemill.toml")
    said = doctor(grown.folder / "deployed", "--offline")
    (found,) = [one for one in said.json["findings"] if one["check"] == "settings"]
    assert f"'{grown.folder}'" in found["what"]
    assert "deployed/tidemill.toml is not read" in found["what"]
    assert found["paste"] == f"tidemill init cfg {grown.folder}"


VALUES = "image:\n  registry: ghcr.io\n  repository: acme/web\n  tag: TAG\n"


def test_tags_beside_a_registry_by_itself_arrive(grown: Grown) -> None:
    for wave in ("staging", "production"):
        (grown.folder / f"deployed/{wave}/web.yaml").write_text(VALUES)
    grown.write(
        "generate",
        "#!/bin/sh\nfor wave in staging production; do\n"
        "tag=$(sed -n 's/.*:\\([0-9a-f]*\\)\".*/\\1/p' images/$wave/tags.json) || continue\n"
        'sed -i "s/tag: .*/tag: ${tag:-v1}/" deployed/$wave/web.yaml\ndone\n',
        0o755,
    )
    grown.commit()
    found = grown.found("digests", "--offline")
    assert list(found) == ["ok"], found
    assert "web in deployed/staging/web.yaml" in found["ok"][0]


def test_ignored_image_files_are_named(grown: Grown) -> None:
    grown.write(".gitignore", "images/\n")
    found = grown.found("ignored", "--offline")
    assert found["problem"] == [
        ".gitignore names images/staging/digests.json, images/production/digests.json, which "
        "Tidemill commits"
    ]


def test_a_remote_that_takes_pushes_says_nothing_of_the_refs_until_they_are_there(
    grown: Grown, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    git(grown.folder, "remote", "add", "origin", str(bare))
    assert set(grown.found("state-refs")) == {"unknown"}
    assert git(bare, "for-each-ref") == ""
    git(grown.folder, "push", "--quiet", "origin", "HEAD:refs/tidemill/journal")
    assert set(grown.found("state-refs")) == {"ok"}
    git(grown.folder, "remote", "set-url", "origin", str(tmp_path / "gone"))
    assert set(grown.found("state-refs")) == {"unknown"}


def test_a_hook_of_the_checkout_does_not_run(grown: Grown, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    git(grown.folder, "remote", "add", "origin", str(bare))
    grown.write(".git/hooks/pre-push", f"#!/bin/sh\ntouch {tmp_path}/ran\n", 0o755)
    grown.found("state-refs")
    assert not (tmp_path / "ran").exists()


def test_no_checkout_is_an_error(tmp_path: Path) -> None:
    error: Any = doctor(tmp_path / "nothing").error
    assert "is in no checkout of Git" in error["what"]


def test_hostile_name_is_one_word_of_a_command_that_it_prints(tmp_path: Path) -> None:
    grown = Grown(tmp_path / "cfg")
    call = "on: push\njobs:\n  a:\n    uses: acme/$(id)/.github/workflows/gitops.yml@v1\n"
    grown.write(".github/workflows/a.yml", call)
    grown.write(".github/workflows/b;id.yml", f"jobs: {{ {call}")
    grown.write("tidemill.toml", SETTINGS.replace("./generate", "make 'a id'"))
    grown.write("Makefile", "all:\n")
    found = grown.doctor("--offline").json["findings"]
    words = [shlex.split(one["paste"]) for one in found if "'" in one["paste"]]
    assert ["git", "ls-remote", "https://github.com/acme/$(id)", "refs/tags/v*"] in words
    assert ["actionlint", ".github/workflows/b;id.yml"] in words
    assert ["make", "a id"] in words


def test_where_to_run_its_commands_is_said_elsewhere(
    grown: Grown, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("doctor", grown.folder, "--offline", "--entrypoints", "same-user")
    assert f"  {shlex.join(['cd', str(grown.folder)])}\n" in tidemill(*words).out
    monkeypatch.chdir(grown.folder)
    assert "go to the root" not in tidemill(*words).out


def test_nothing_is_mended_behind_a_link(grown: Grown, tmp_path: Path) -> None:
    call = "on: push\njobs:\n  a:\n    uses: acme/x/.github/workflows/gitops.yml@v1\n"
    grown.write(".github/workflows/a.yml", call)
    grown.commit()
    assert [one["path"] for one in mended(grown.folder)] == [".github/workflows/a.yml"]
    git(grown.folder, "checkout", "-q", ".github")
    outside = tmp_path / "outside"
    (grown.folder / ".github").rename(outside)
    (grown.folder / ".github").symlink_to(outside)
    assert mended(grown.folder) == []
    assert (outside / "workflows/a.yml").read_text() == call


def mended(folder: Path) -> list[dict[str, str]]:
    """What doctor mends of workflow files."""
    found = doctor(folder, "--offline", "--fix").json["mended"]
    return [one for one in found if one["path"].startswith(".github")]
