"""Writes every action.yml and the second part of every action's README from the commands' options.

    python -m tools.reference       what `make docs` runs; a test fails while a file is stale

An action only routes: each input goes to the one script by `env:`, under the name that
actions-toolkit reads. What there is to route stands in `tidemill.action`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tidemill.action.inputs import COMMAND, Input, inputs_of
from tidemill.action.outputs import outputs_of
from tidemill.action.surroundings import SURROUNDINGS, Surrounding, surroundings_of
from tidemill.commands._table import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "actions"
ACTIONS = (
    "build-reproducible-image",
    "plan-images",
    "record-image-artifact",
    "announce-images",
    "accept-event",
    "update-cfg-app",
    "reconcile-cfg-app",
    "loop",
    "check-cfg-app",
    "promote-wave",
    "run-setup",
    "page",
)
REFERENCE = ROOT / "docs" / "reference" / "actions.md"
WORKFLOWS = ("gitops", "publish-images", "pages")
MARK = "<!-- From here on made by `make docs`, from action.yml's source and example.yml. -->"
_ABOUT_ACTIONS = """\
For whoever writes a workflow: the inputs and outputs of every action, and of the reusable
workflows. `make docs` makes this page from the source.

`uses: tidemill/tidemill/actions/NAME@SHA` runs an action, and `uses: tidemill/tidemill@SHA` any of
them: its input `command` says which. Each action's README has an example and the permissions.
"""
_FORMS = {
    "list": "One to a line, or a JSON list.",
    "pairs": "One to a line.",
    "flag": "Either true or false.",
    "switch": "Either true or false.",
}


def files() -> dict[Path, str]:
    """Every file that is made, with what it has to hold."""
    made = {ROOT / "action.yml": root_action(), REFERENCE: reference()}
    for name in ACTIONS:
        made[FOLDER / name / "action.yml"] = action(name)
        readme = FOLDER / name / "README.md"
        made[readme] = render(name, readme.read_text(encoding="utf-8"))
    return made


def action(name: str) -> str:
    """The action.yml of one command."""
    lines = _head(f"tidemill {name}", sentence(COMMANDS[name]), f"the help of `tidemill {name}`")
    lines += ["inputs:"]
    for one in inputs_of(name):
        lines += _input(one.name, _about(one), one.default, is_required=one.is_required)
    for other in surroundings_of(name):
        lines += _input(other.name, sentence(other.about), other.default)
    lines += _outputs(outputs_of(name))
    names = [one.name for one in inputs_of(name)]
    script = f'exec "$GITHUB_ACTION_PATH/../../bin/run" --as-action {name}'
    return "\n".join([*lines, *_steps(names, surroundings_of(name), script)]) + "\n"


def root_action() -> str:
    """The root action.yml, which runs any of them."""
    lines = _head("Tidemill", "GitOps with nothing to host: run any one command.", "all commands")
    lines += ["branding:", "  icon: repeat", "  color: blue", "inputs:"]
    choice = f"Which command to run, one of: {', '.join(COMMANDS)}."
    lines += _input(COMMAND, choice, "", is_required=True)
    inputs: dict[str, list[tuple[str, str]]] = {}
    for command in COMMANDS:
        for one in inputs_of(command):
            inputs.setdefault(one.name, []).append((command, _about(one)))
    for name, same in inputs.items():
        lines += _input(name, _of_several(same), "")
    for other in SURROUNDINGS:
        lines += _input(other.name, sentence(other.about), other.default)
    said: dict[str, list[tuple[str, str]]] = {}
    for command in COMMANDS:
        for output, text in outputs_of(command).items():
            said.setdefault(output, []).append((command, sentence(text)))
    lines += _outputs({name: _of_several(same) for name, same in said.items()})
    script = 'exec "$GITHUB_ACTION_PATH/bin/run" --as-action'
    return "\n".join([*lines, *_steps([COMMAND, *inputs], SURROUNDINGS, script)]) + "\n"


def render(name: str, text: str) -> str:
    """A whole README: `text` as far as people write it, then tables and the example."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"the README of {name} has lost the line {MARK}")
    lines = [f"{by_hand}{MARK}", "", "## Inputs", "", *_table_of_inputs(name)]
    lines += ["", "## Outputs", "", *_table_of_outputs(name)]
    example = (FOLDER / name / "example.yml").read_text(encoding="utf-8")
    lines += ["", "## Example", "", "```yaml", example.rstrip(), "```", ""]
    return "\n".join(lines)


def reference() -> str:
    """docs/reference/actions.md: what all of them take and give, and the reusable workflows."""
    lines = ["# Actions", "", *_ABOUT_ACTIONS.splitlines(), "", "<!-- Made by `make docs`. -->", ""]
    for workflow in WORKFLOWS:
        lines += _workflow(workflow)
    for name in ACTIONS:
        lines += [
            f"## {name}",
            "",
            f"{sentence(COMMANDS[name])} [README](../../actions/{name}/README.md)",
            "",
        ]
        lines += [*_table_of_inputs(name), "", *_table_of_outputs(name), ""]
    return "\n".join(lines)


def _workflow(name: str) -> list[str]:
    """What a reusable workflow takes, as its file says."""
    import yaml

    path = f".github/workflows/{name}.yml"
    called = yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))[True]["workflow_call"]
    lines = [f"## The workflow {name}.yml", "", f"[The file](../../{path})", ""]
    lines += ["| input | meaning | default |", "|---|---|---|"]
    for given, what in called["inputs"].items():
        default = "required" if what.get("required") else _code(_yaml(what.get("default", "")))
        lines.append(f"| `{given}` | {_cell(sentence(what['description']))} | {default} |")
    secrets = called.get("secrets", {})
    lines += ["", "| secret | meaning |", "|---|---|"] if secrets else []
    for given, what in secrets.items():
        lines.append(f"| `{given}` | {_cell(sentence(what['description']))} |")
    return [*lines, ""]


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table_of_inputs(name: str) -> list[str]:
    sections: dict[str, list[tuple[str, str, str]]] = {"": []}
    for one in inputs_of(name):
        default = "required" if one.is_required else _code(one.default)
        sections.setdefault(one.section, []).append((one.name, _about(one), default))
    for other in surroundings_of(name):
        sections[""].append((other.name, sentence(other.about), _code(other.default)))
    lines = ["| input | meaning | default |", "|---|---|---|"]
    for title, rows in sections.items():
        lines += [f"| **{sentence(title)[:-1]}** | | |"] if title else []
        lines += [f"| `{one}` | {_cell(meaning)} | {default} |" for one, meaning, default in rows]
    return lines


def _table_of_outputs(name: str) -> list[str]:
    rows = [f"| `{out}` | {_cell(sentence(text))} |" for out, text in outputs_of(name).items()]
    return ["| output | meaning |", "|---|---|", *rows]


def _head(name: str, text: str, source: str) -> list[str]:
    return [
        f"# Made by `make docs` from {source}: change it there.",
        f"name: {name}",
        f"description: {_quoted(text)}",
    ]


def _input(name: str, text: str, default: str, *, is_required: bool = False) -> list[str]:
    lines = [f"  {name}:", f"    description: {_quoted(text)}"]
    if is_required:
        return [*lines, "    required: true"]
    return [*lines, "    required: false", f"    default: {_quoted(default)}"]


def _outputs(outputs: Mapping[str, str]) -> list[str]:
    lines = ["outputs:"]
    for name, text in outputs.items():
        lines += [f"  {name}:", f"    description: {_quoted(sentence(text))}"]
        lines += [f"    value: ${{{{ steps.run.outputs.{name} }}}}"]
    return lines


def _steps(names: Iterable[str], others: Iterable[Surrounding], script: str) -> list[str]:
    # The step runs in a checkout. With -p, bash takes neither files nor functions from variables.
    lines = ["runs:", "  using: composite", "  steps:", "    - id: run"]
    lines += ["      shell: /bin/bash -p {0}", "      env:"]
    lines += [f"        {one.variable}: ${{{{ inputs.{one.name} }}}}" for one in others]
    lines += [f"        INPUT_{name.upper()}: ${{{{ inputs.{name} }}}}" for name in names]
    return [*lines, f"      run: {script}"]


def sentence(text: str) -> str:
    """A capital letter first, unless it is a name's, and a full stop last."""
    first = text.split(maxsplit=1)[0]
    capital = text[0].upper() if first.rstrip(",:;").isalpha() else text[0]
    return f"{capital}{text[1:].rstrip('.')}."


def _about(one: Input) -> str:
    said = [sentence(one.about)]
    if one.choices:
        said.append(f"One of: {', '.join(one.choices)}.")
    if form := _FORMS.get(one.form):
        said.append(form)
    return " ".join(said)


def _of_several(said: Iterable[tuple[str, str]]) -> str:
    """What several commands say of one name: once, where they say the same."""
    commands: dict[str, list[str]] = {}
    for command, text in said:
        commands.setdefault(text, []).append(command)
    return " ".join(f"{text} ({', '.join(names)})" for text, names in commands.items())


def _quoted(text: str) -> str:
    """A text as YAML takes it: JSON's form is one of YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
