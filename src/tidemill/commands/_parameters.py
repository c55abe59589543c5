"""What a command is given, and gives: click's parameters, and what the help says besides."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import click

from tidemill.words.names import shown
from tidemill.words.nearest import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# What a shell completes a value with, by what the value is called.
_FILES = {"FILE": "file", "PATH": "file", "DIR": "dir"}


class Arguments(SimpleNamespace):
    """What a command line says: the `command`, and each parameter's value by its name."""


class AnyResult(Protocol):
    """Whatever a command of any program returns."""

    @property
    def exit_code(self) -> int:
        """The code to end with."""


class Section(NamedTuple):
    """What some options of a command have in common, as the help says it above them."""

    title: str
    about: str = ""


class OneOf(click.Choice[str]):
    """Some values, and no others."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Which value it takes, and which one was meant."""
        said = f"{shown(value)} is none of {', '.join(self.choices)}"
        meant = did_you_mean(str(value), self.choices).rstrip()
        return f"{said} ({meant})" if meant else said


class _Offering(click.Parameter):
    """A parameter for which a shell is offered files, or names of the settings here."""

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """What a shell offers for the value, by what the value is called."""
        from click.shell_completion import CompletionItem

        from tidemill.commands._names_here import names_here  # which reads TOML

        called = (self.metavar or "").strip("[].")
        if kind := _FILES.get(called):
            return [CompletionItem(incomplete, type=kind)]
        names = [one for one in names_here(called) if one.startswith(incomplete)]
        return [*map(CompletionItem, names)] or super().shell_complete(ctx, incomplete)


class Argument(_Offering, click.Argument):
    """A value of a command that stands without a name before it."""


class Option(_Offering, click.Option):
    """An option of a command. Its value is called as the option is, where `metavar` is not given.

    Args:
        names: as click takes them: `--set`, and `set_name` where the value has another name.
        choices: the values that it takes, if it takes no others.
        attributes: all else that an option of click's may have.
    """

    def __init__(self, *names: str, choices: Sequence[str] = (), **attributes: Any) -> None:
        if choices:
            attributes["type"] = OneOf(choices)
        if attributes.get("is_flag"):
            attributes.setdefault("default", False)
        super().__init__(names, **attributes)
        self.section: Section | None = None
        if self.metavar is None and not self.is_flag and not choices:
            self.metavar = self.name.upper()


def below(section: Section, *options: Option) -> tuple[Option, ...]:
    """Options that stand below a title in the help."""
    for one in options:
        one.section = section
    return options
