"""Completion as shells part a command line into words: not alike where an option has `=`."""

from __future__ import annotations

from typing import Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)


class _WholeWords(ShellComplete):
    """What is offered for `--wave=p` stands in place of all of it, where that is one word."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """As click does, which offers a value alone."""
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("-"):
            for one in found:
                one.value = f"{option}={one.value}" if one.type == "plain" else one.value
        return found


class _Bash(_WholeWords, BashComplete):
    """For bash `--wave=p` is three words, as long as COMP_WORDBREAKS has `=`."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """As click does, without words that only part an option and its value."""
        args, incomplete = super().get_completion_args()
        return [one for one in args if one != "="], incomplete


class _Zsh(_WholeWords, ZshComplete):
    pass


class _Fish(_WholeWords, FishComplete):
    pass


def prepare() -> None:
    """Let click complete by these."""
    for shell in (_Bash, _Zsh, _Fish):
        add_completion_class(shell)
