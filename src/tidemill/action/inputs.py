"""What an action takes: the options of its command, as inputs.

An action has an input for each option of its command that means something in a workflow, under
its name; so the command's parameters say all there is to know of it. `tools/action_files.py`
writes `action.yml` from this, and an action reads no other input than those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

import click
from msgspec import Struct

from tidemill.action.surroundings import SURROUNDINGS
from tidemill.commands._parameters import Option
from tidemill.commands._table import command
from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean, no_such

# Options of a person at a terminal, and one that only tests need.
NOT_FOR_WORKFLOWS = ("json", "now", "quiet", "iidfile", "metadata_file", "yes")

COMMAND = "command"
_OPTION = re.compile(r"(?<!\S)--[a-z][a-z-]*")

Form: TypeAlias = Literal["text", "list", "pairs", "flag", "switch", "argument"]


class Input(Struct, frozen=True):
    """An input that is an option.

    Attributes:
        form: `text` as it is; a `list` of lines, or as JSON; `pairs` of NAME=VALUE, one a line or
            one with lines; a `flag` or a `switch` true or false; an `argument` without an option.
        about: what it means, as the command's help says it.
        section: the title that it stands below there, if any.
    """

    name: str
    option: str
    form: Form
    about: str
    is_required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()
    section: str = ""


def inputs_of(name: str) -> tuple[Input, ...]:
    """The inputs of a command's action that are options, in the order of its help."""
    parameters = command(name).PARAMETERS
    wanted = [one for one in parameters if one.name not in NOT_FOR_WORKFLOWS]
    names = {option: _name(one) for one in wanted for option in one.opts}
    names |= {option: "false" for one in wanted for option in one.secondary_opts}
    return tuple(_input(one, names) for one in wanted)


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
            remedy=f"{did_you_mean(min(others), own)}leave it out; {name} takes "
            f"{', '.join(sorted(own))}",
        )


def known_command(name: str, commands: Iterable[str]) -> str:
    """The command that the root action is to run; raises `Refused` for one that there is not."""
    known = list(commands)
    if name not in known:
        raise no_such("command", name, known)
    return name


def _input(one: click.Parameter, names: Mapping[str, str]) -> Input:
    """The input of a parameter; in what it means, others go by `names`."""
    choices = tuple(one.type.choices) if isinstance(one.type, click.Choice) else ()
    return Input(
        name=_name(one),
        option=one.opts[0] if isinstance(one, click.Option) else "",
        form=_form(one),
        about=_said(one, names),
        section=(one.section.title if isinstance(one, Option) and one.section else ""),
        is_required=one.required,
        default=_default(one.default),
        choices=choices,
    )


def _name(one: click.Parameter) -> str:
    """The last name of an option, which is the plural, if it has one."""
    return one.opts[-1].removeprefix("--")


def _said(one: click.Parameter, names: Mapping[str, str]) -> str:
    """The help of a parameter, in which other inputs go by their names."""
    text = (one.help or "").removesuffix("; may be repeated").removesuffix("; repeatable")
    return _OPTION.sub(lambda found: names.get(found[0], found[0]), text)


def _default(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            return ""


def _form(one: click.Parameter) -> Form:
    if not isinstance(one, click.Option):
        return "argument"
    if one.is_flag:
        return "switch" if one.secondary_opts else "flag"
    if not one.multiple:
        return "text"
    return "pairs" if "=" in str(one.metavar) else "list"


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
        import msgspec

        from tidemill.words.unreadable import UNREADABLE

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
