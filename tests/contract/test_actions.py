"""The actions are what their commands are: routed whole, documented truly, and lint-free."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import action_files
from tools.action_files import ACTIONS, FOLDER, ROOT, sentence

from tidemill.action.inputs import COMMAND, NOT_FOR_WORKFLOWS, arguments, inputs_of
from tidemill.action.outputs import OUTPUTS, outputs_of
from tidemill.action.surroundings import SURROUNDINGS, surroundings_of
from tidemill.commands._table import COMMANDS, command

EACH = pytest.mark.parametrize("name", ACTIONS)
EVERY = pytest.mark.parametrize("name", [*ACTIONS, "root"])
BIN = Path(sys.executable).parent
SOURCES = "\n".join(file.read_text() for file in (ROOT / "src" / "tidemill").rglob("*.py"))
EXPRESSION = re.compile(r"\$\{\{\s*inputs\.([\w-]+)\s*\}\}")
# Readers copy examples, so what is wanted of workflows is wanted of them.
LINTERS = {
    "actionlint": ["actionlint", "-shellcheck=", "-pyflakes="],
    "schema": ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    "zizmor": ["zizmor", "--offline", "--quiet", "--no-progress", "--persona=pedantic"],
}


@cache
def read(name: str) -> Any:
    """An action.yml; the root's as `root`."""
    file = ROOT / "action.yml" if name == "root" else FOLDER / name / "action.yml"
    return yaml.safe_load(file.read_text())


def step(name: str) -> Any:
    """The one step of an action."""
    (only,) = read(name)["runs"]["steps"]
    return only


def example(name: str) -> Any:
    return yaml.safe_load((FOLDER / name / "example.yml").read_text())


def steps_of(workflow: Any) -> list[Any]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def ours(uses: str) -> str | None:
    """The name of an action of ours that a step uses; `$/` is this very commit."""
    found = re.fullmatch(r"(?:\$|tidemill/tidemill)/actions/([a-z-]+)(?:@[0-9a-f]{40})?", uses)
    return found[1] if found else None


def lint(command: list[str], *files: Path, **environment: str) -> None:
    done = subprocess.run(
        [BIN / command[0], *command[1:], *files],
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_that_is_made_is_up_to_date() -> None:
    for file, text in action_files.files().items():
        assert file.read_text() == text, f"{file.relative_to(ROOT)}: run `make docs`"


def test_every_folder_is_an_action_with_its_three_files() -> None:
    assert sorted(one.name for one in FOLDER.iterdir()) == sorted(ACTIONS)
    for name in ACTIONS:
        files = sorted(one.name for one in (FOLDER / name).iterdir())
        assert files == ["README.md", "action.yml", "example.yml"]


def test_every_command_has_the_root_action_and_outputs() -> None:
    assert set(OUTPUTS) == set(COMMANDS)
    assert set(ACTIONS) <= set(COMMANDS)


@EVERY
def test_an_action_fits_the_schema(name: str) -> None:
    file = ROOT / "action.yml" if name == "root" else FOLDER / name / "action.yml"
    lint(["check-jsonschema", "--builtin-schema", "vendor.github-actions"], file)
    lint(["zizmor", "--offline", "--quiet", "--no-progress", "--persona=pedantic"], file)


@EVERY
def test_an_action_only_routes(name: str) -> None:
    runs = read(name)["runs"]
    assert runs["using"] == "composite"
    only = step(name)
    assert set(only) == {"id", "shell", "env", "run"}
    assert only["shell"] == "/bin/bash -p {0}"
    above, words = ("", "") if name == "root" else ("../../", f" {name}")
    assert only["run"] == f'exec "$GITHUB_ACTION_PATH/{above}bin/run" --as-action{words}'
    for value in only["env"].values():
        assert EXPRESSION.fullmatch(value)


def test_what_is_routed_to_is_there_and_can_be_started() -> None:
    assert os.access(ROOT / "bin" / "run", os.X_OK)
    for name in ACTIONS:
        assert (FOLDER / name / ".." / ".." / "bin" / "run").resolve() == ROOT / "bin" / "run"


@EVERY
def test_every_input_is_described_and_mapped_once(name: str) -> None:
    inputs = read(name)["inputs"]
    for about in inputs.values():
        assert about["description"].strip()
        assert set(about) in ({"description", "required"}, {"description", "required", "default"})
        assert about["required"] is ("default" not in about)
    mapped = [EXPRESSION.fullmatch(value)[1] for value in step(name)["env"].values()]  # type: ignore[index]
    assert sorted(mapped) == sorted(inputs)


@EACH
def test_what_is_mapped_is_what_is_read(name: str) -> None:
    """No other input is read, so none that an outer action left behind."""
    asked: list[str] = []

    def given(input_: str) -> str:
        asked.append(input_)
        return "true"

    arguments(name, given)
    options = {f"INPUT_{one.upper()}": one for one in asked}
    others = {one.variable: one.name for one in surroundings_of(name)}
    routed = {key: EXPRESSION.fullmatch(value)[1] for key, value in step(name)["env"].items()}  # type: ignore[index]
    assert routed == {**options, **others}
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("one", SURROUNDINGS, ids=lambda one: one.name)
def test_what_goes_by_the_environment_is_read_there(one: Any) -> None:
    used = SOURCES.replace((ROOT / "src/tidemill/action/surroundings.py").read_text(), "")
    quoted = {*re.findall(r'"(TIDEMILL_[A-Z_]+)"', used)}
    quoted |= {f"TIDEMILL_REGISTRY{part}" for part in re.findall(r'"(_[A-Z]+|)"', used)}
    assert one.variable in quoted


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_an_input(name: str) -> None:
    options = command(name).PARAMETERS
    wanted = [one for one in options if one.name not in NOT_FOR_WORKFLOWS]
    assert len(inputs_of(name)) == len(wanted)
    for one, option in zip(inputs_of(name), wanted, strict=True):
        assert f"--{one.name}" in option.opts or one.name == option.name
        assert one.name in read("root")["inputs"]


def test_no_input_of_an_option_hides_one_of_the_environment() -> None:
    others = {one.name for one in SURROUNDINGS} | {COMMAND}
    for name in COMMANDS:
        assert not others & {one.name for one in inputs_of(name)}


@EVERY
def test_every_output_is_described_and_comes_from_the_step(name: str) -> None:
    outputs = read(name)["outputs"]
    for output, about in outputs.items():
        assert about["description"].strip()
        assert about["value"] == f"${{{{ steps.run.outputs.{output} }}}}"
    if name != "root":
        assert list(outputs) == list(outputs_of(name))


@EACH
@pytest.mark.parametrize("linter", LINTERS)
def test_an_example_is_lint_free(name: str, linter: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / f"{name}.yml"
    file.parent.mkdir(parents=True)
    file.write_bytes((FOLDER / name / "example.yml").read_bytes())
    lint(LINTERS[linter], file)


def assert_used_as_it_is(file: Path) -> list[str]:
    """A workflow gives our actions inputs that there are, and takes outputs that there are."""
    workflow, found = yaml.safe_load(file.read_text()), []
    for job in workflow["jobs"].values():
        used = [(ours(one.get("uses", "")), one) for one in job.get("steps", [])]
        for action, one in used:
            if action:
                found.append(action)
                about = read(action)["inputs"]
                assert set(one.get("with", {})) <= set(about), action
                required = {key for key, value in about.items() if value["required"]}
                assert required <= set(one.get("with", {})), action
        outputs = {one["id"]: action for action, one in used if action and "id" in one}
        for identity, output in re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", yaml.dump(job)):
            assert identity not in outputs or output in outputs_of(outputs[identity]), output
    return found


@EACH
def test_an_example_uses_its_action_with_what_it_has(name: str) -> None:
    assert name in assert_used_as_it_is(FOLDER / name / "example.yml")


@pytest.mark.parametrize(
    "file",
    sorted((ROOT / ".github" / "workflows").glob("*.yml")),
    ids=lambda file: file.stem,
)
def test_our_workflows_use_actions_with_what_they_have(file: Path) -> None:
    assert_used_as_it_is(file)


@EACH
def test_an_example_is_short_and_its_jobs_say_what_they_may(name: str) -> None:
    workflow = example(name)
    assert workflow["permissions"] == {}
    assert len((FOLDER / name / "example.yml").read_text().splitlines()) < 55
    for job in workflow["jobs"].values():
        assert job["permissions"]
    for one in steps_of(workflow):
        if "uses" in one:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one["uses"])


@EACH
def test_a_readme_says_permissions_and_when_it_does_nothing(name: str) -> None:
    text = (FOLDER / name / "README.md").read_text()
    assert text.startswith(f"# {name}\n")
    titles = ["Permissions", "Does nothing when", "Inputs", "Outputs", "Example"]
    assert re.findall(r"(?m)^## (.+)$", text) == titles
    assert re.search(r"(?m)^\| (app|cfg-app)\.git \| .+ \| .+ \|$", permissions(name))
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (FOLDER / name / link).exists(), link


def permissions(name: str) -> str:
    """The table of permissions in a README."""
    text = (FOLDER / name / "README.md").read_text()
    return text.partition("## Permissions")[2].partition("## ")[0].replace("`", "")


@EACH
def test_the_permissions_of_an_example_are_those_of_the_readmes(name: str) -> None:
    for job in example(name)["jobs"].values():
        used = [action for one in job["steps"] if (action := ours(one.get("uses", "")))]
        said = "".join(map(permissions, used))
        for what, right in job["permissions"].items():
            assert f"{what}: {right}" in said


def test_no_workflow_gives_its_own_token_as_the_password_of_a_registry() -> None:
    """The action has it as another input, which is for GitHub's own registry alone."""
    for file in (ROOT / ".github" / "workflows").glob("*.yml"):
        for one in re.findall(r"registry-password: (\$.+)", file.read_text()):
            assert one == "${{ secrets.registry-password }}", file.name


DEFAULT_BRANCH = (
    "${{ github.event_name == 'schedule' && github.ref || "
    "format('refs/heads/{0}', github.event.repository.default_branch) }}"
)


@pytest.mark.parametrize(
    ("workflow", "ref"), [("gitops", DEFAULT_BRANCH), ("publish-images", "${{ github.sha }}")]
)
def test_every_checkout_of_a_reusable_workflow_names_its_commit(workflow: str, ref: str) -> None:
    """What an event runs with may be a commit that whoever sent it chose."""
    file = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())
    found = [one for one in steps_of(file) if "actions/checkout@" in one.get("uses", "")]
    assert len(found) == 3
    for one in found:
        assert one["with"]["ref"] == ref
        assert one["with"]["persist-credentials"] is False


def test_an_app_s_token_is_made_after_the_setup() -> None:
    file = yaml.safe_load((ROOT / ".github" / "workflows" / "gitops.yml").read_text())
    for job in file["jobs"].values():
        used = [one.get("uses", "") for one in job["steps"]]
        setup = (*used, "$/actions/run-setup").index("$/actions/run-setup")  # or it has neither
        assert not [one for one in used[:setup] if "create-github-app-token" in one]
        assert not [one for one in job["steps"] if one.get("run")], "nothing else runs anything"
        for one in job["steps"][setup + 1 :]:
            # What runs after a step that failed, too, asks whether the setup has ended.
            ended = "(steps.setup.outputs.ended || steps.setup.outcome == 'skipped')"
            assert "!cancelled()" not in one.get("if", "") or ended in one["if"], one["name"]


def test_reusable_workflows_take_runners_in_one_way() -> None:
    said = set()
    for name in action_files.WORKFLOWS:
        workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
        about = workflow[True]["workflow_call"]["inputs"]["runs-on"]["description"]
        said |= {(about, job["runs-on"]) for job in workflow["jobs"].values()}
    assert len(said) == 1, said


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the wave", "The wave."),
        ("cfg-app.git: a URL", "cfg-app.git: a URL."),
        ("REPOSITORY:SHA", "REPOSITORY:SHA."),
        ("write it.", "Write it."),
    ],
)
def test_a_sentence_has_its_capital_and_its_stop(text: str, found: str) -> None:
    assert sentence(text) == found
