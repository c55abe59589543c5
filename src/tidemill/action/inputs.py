"""What an action takes: the options of its command, as inputs.

An action has an input for each option of its command that means something in a workflow, under
its name; so the command's parser says all there is to know of it. `tools/action_files.py`
writes `action.yml` from this, and an action reads no other input than those.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from tidemill.action.surroundings import SURROUNDINGS
from tidemill.commands._table import command, parser
from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

# Options of a person at a terminal, and one that only tests need.
NOT_FOR_WORKFLOWS = ("help", "json", "now", "quiet", "iidfile", "metadata_file")

COMMAND = "command"
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")

# What the root action runs: all but what is for a person's machine.

Form: TypeAlias = Literal["text", "list", "pairs", "flag", "switch", "argument"]


@dataclass(frozen=True)
class Input:
    """An input that is an option.

    Attributes:
        form: `text` as it is; a `list` of lines, or as JSON; `pairs` of NAME=VALUE, one a line or
            one with lines; a `flag` or a `switch` true or false; an `argument` without an option.
        about: what it means, as the command's help says it.
    """

    name: str
    option: str
    form: Form
    about: str
    is_required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()


def inputs_of(name: str) -> tuple[Input, ...]:
    """The inputs of a command's action that are options, in the order of its help."""
    for action in parser(name)._actions:
        if isinstance(action, argparse._SubParsersAction):
            options: argparse.ArgumentParser = action.choices[name]
            return tuple(
                _input(one, options)
                for one in options._actions
                if one.dest not in NOT_FOR_WORKFLOWS
            )
    raise AssertionError(f"{name} is no command")


def arguments(name: str, read: Callable[[str], str]) -> list[str]:
    """The command line that the inputs stand for. A value is never taken for an option.

    Args:
        read: gives the text of an input, empty if it is not given.

    Raises:
        Refused: an input is missing, or is neither true nor false.
    """
    inputs = inputs_of(name)
    given = {one.name: read(one.name) for one in inputs}
    missing = [one.name for one in inputs if one.is_required and not given[one.name]]
    if missing:
        raise Refused(
            f"{name} needs the input {' and the input '.join(missing)}",
            remedy="give it below with: in the workflow",
        )
    options = [word for one in inputs if one.form != "argument" for word in _words(one, given)]
    own = [given[one.name] for one in inputs if one.form == "argument"]
    return [*options, *(["--", *own] if own else [])]


def refuse_others(name: str, given: Iterable[str]) -> None:
    """Raise `Refused` where the root action was given an input that its command does not have."""
    own = {one.name for one in inputs_of(name)}
    others = set(given) - own - {one.name for one in SURROUNDINGS} - {COMMAND}
    if others:
        raise Refused(
            f"{name} has no input {shown(min(others))}",
            remedy=f"leave it out; {name} takes {', '.join(sorted(own))}",
        )


def all_inputs(names: Iterable[str]) -> dict[str, list[tuple[str, Input]]]:
    """Every input of several commands by its name, with the commands that have it."""
    found: dict[str, list[tuple[str, Input]]] = {}
    for name in names:
        for one in inputs_of(name):
            found.setdefault(one.name, []).append((name, one))
    return found


def known_command(name: str, commands: Iterable[str]) -> str:
    """The command that the root action is to run; raises `Refused` for one that there is not."""
    known = list(commands)
    if name not in known:
        raise Refused(
            f"there is no command {shown(name)}", remedy=f"name one of: {', '.join(known)}"
        )
    return name


def about(name: str) -> str:
    """What a command is for, in a sentence."""
    return sentence(command(name).HELP)


def sentence(text: str) -> str:
    """A capital letter first, unless it is a name's, and a full stop last."""
    first = text.split(maxsplit=1)[0]
    capital = text[0].upper() if first.rstrip(",:;").isalpha() else text[0]
    return f"{capital}{text[1:].rstrip('.')}."


def _input(action: argparse.Action, options: argparse.ArgumentParser) -> Input:
    if not action.option_strings:
        return Input(action.dest, "", "argument", action.help or "", is_required=True)
    return Input(
        name=_name(action),
        option=action.option_strings[0],
        form=_form(action),
        about=_said(action, options),
        is_required=action.required,
        default=_default(action.default),
        choices=tuple(map(str, action.choices)) if action.choices else (),
    )


def _name(action: argparse.Action) -> str:
    """The last name of an option, which is the plural, if it has one."""
    is_switch = isinstance(action, argparse.BooleanOptionalAction)
    names = [one for one in action.option_strings if not (is_switch and one.startswith("--no-"))]
    return names[-1].removeprefix("--")


def _said(action: argparse.Action, options: argparse.ArgumentParser) -> str:
    """The help of an option, in which other inputs go by their names."""
    names = {
        option: _name(one)
        for one in options._actions
        for option in one.option_strings
        if one.dest not in NOT_FOR_WORKFLOWS
    }
    if isinstance(action, argparse.BooleanOptionalAction):
        names |= {option: "false" for option in action.option_strings if option[:5] == "--no-"}
    text = (action.help or "").removesuffix("; may be repeated").removesuffix("; repeatable")
    text = _OPTION.sub(lambda found: names.get(found[0], found[0]), text)
    groups = options._action_groups[2:]
    titles = [group.title for group in groups if action in group._group_actions]
    return f"{titles[0]}: {text}" if titles else text


def _default(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            return ""


def _form(action: argparse.Action) -> Form:
    if isinstance(action, argparse.BooleanOptionalAction):
        return "switch"
    if action.nargs == 0:
        return "flag"
    if not isinstance(action, argparse._AppendAction):
        return "text"
    return "pairs" if "=" in str(action.metavar) else "list"


def _words(one: Input, given: Mapping[str, str]) -> list[str]:
    text = given[one.name]
    if not text:
        return []
    match one.form:
        case "text" | "pairs":
            return [f"{one.option}={text}"]
        case "list":
            return [f"{one.option}={item}" for item in _items(one.name, text)]
        case "flag":
            return [one.option] if _is_true(one.name, text) else []
        case "switch":
            return [one.option if _is_true(one.name, text) else f"--no-{one.name}"]
        case "argument":
            return [text]


def _items(name: str, text: str) -> list[str]:
    """The values of a list: as JSON, as an output of ours has them, or one to a line."""
    if text.startswith("["):
        try:
            return msgspec.json.decode(text, type=list[str])
        except UNREADABLE:
            raise Refused(
                f"the input {name} is no list: {shown(text)}",
                remedy="give a JSON list of texts, or one to a line",
            ) from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_true(name: str, text: str) -> bool:
    """The truth of an input, as YAML 1.2 writes it."""
    match text.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise Refused(
                f"the input {name} is {shown(text)}, neither true nor false",
                remedy="write true or false",
            )
