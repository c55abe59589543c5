"""A command line becomes the arguments of one command: click reads it, and nothing is run yet."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING, Any

import click

from tidemill.clients.machine.environment import variable
from tidemill.commands._options import Repository
from tidemill.commands._parameters import Arguments, OneOf, Option, Section
from tidemill.commands._table import TIDEMILL, Table, command
from tidemill.errors import CommandLineWrong
from tidemill.words.names import one_line, shown
from tidemill.words.nearest import did_you_mean, nearest
from tidemill.words.urls import redacted

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETION = "completion"
SHELLS = ("bash", "zsh", "fish")
WIDTH = 100  # columns of help, at most
_NEGATIVE = re.compile(r"-\d+|-\d*\.\d+")


def parse(given: Sequence[str], table: Table = TIDEMILL) -> Arguments:
    """What a command line says.

    It ends the process where there is nothing to run: after help, and for a shell that completes.

    Raises:
        CommandLineWrong: naming what is wrong, and what was probably meant.
    """
    program = Program(table)
    if variable(asks := _asks(table.name)) is not None:
        from tidemill.commands import _shells

        _shells.prepare()
    try:
        found = program.main(given, prog_name=table.name, complete_var=asks, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError:
        click.echo(program.welcome, err=True)
        raise SystemExit(CommandLineWrong.exit_code) from None
    except click.UsageError as error:
        raise _wrong(error) from None
    except click.Abort:  # what click makes of Ctrl-C
        raise KeyboardInterrupt from None
    if not isinstance(found, Arguments):
        raise SystemExit(found)
    return found


class _Helpful(click.Command):
    """A command whose help begins as its errors do."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        pieces = filter(None, self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, " ".join(pieces), prefix="usage: ")


class OneCommand(_Helpful):
    """A command of a table. Called, it returns its arguments."""

    def __init__(self, name: str, table: Table) -> None:
        module, about = command(name, table), table.commands[name]
        super().__init__(
            name,
            callback=partial(Arguments, command=name),
            params=list(module.PARAMETERS),
            help=f"{_titled(about)}.",
            short_help=about,
            epilog=module.EXAMPLE,
            context_settings={"allow_extra_args": True},  # they are refused below
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; but no option is taken for the value of another that lacks its own."""
        with _placed(ctx):
            if ctx.resilient_parsing:
                return super().parse_args(ctx, args)
            self._refuse_options_as_values(ctx, args)
            words = [*args]
            try:
                rest = super().parse_args(ctx, args)
            except click.MissingParameter as missing:
                _, rest, _ = self.make_parser(ctx).parse_args(words)
                raise (self._no_place(rest[0], words, missing) if rest else missing) from None
            if rest:
                raise self._no_place(rest[0], words)
            self._complete(ctx)
            return rest

    def _no_place(
        self, word: str, words: Iterable[str], missing: click.MissingParameter | None = None
    ) -> _NoPlace:
        """Where a word has none: a name of the settings here is for the option of such names."""
        from tidemill.commands._names_here import names_here  # which reads TOML

        given = {one.partition("=")[0] for one in words}
        for one in self.params:
            names = names_here(one.metavar or "") if isinstance(one, click.Option) else []
            if given.isdisjoint(one.opts) and (meant := nearest(word, names)):
                return _NoPlace(word, one, meant)
        return _NoPlace(word, missing.param if missing else None)

    def _complete(self, ctx: click.Context) -> None:
        """Fill in the repository where a workflow or a checkout knows it."""
        for one in self.params:
            if isinstance(one, Repository) and ctx.params["repo"] is None:
                ctx.params["repo"] = one.known()
                if ctx.params["repo"] is None:
                    raise _NoRepository(one, ctx)

    def _refuse_options_as_values(self, ctx: click.Context, args: Iterable[str]) -> None:
        takers = {
            name
            for one in self.params
            if isinstance(one, click.Option) and not one.is_flag
            for name in one.opts
        }
        words = iter(args)
        for word in words:
            if word == "--":
                return
            if word in takers and _looks_like_an_option(next(words, "")):
                raise click.BadOptionUsage(
                    word, f"{word} has no value; for one that begins with - write {word}=VALUE", ctx
                )

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by sections; first those that are in none."""
        sections: dict[Section, list[tuple[str, str]]] = {Section("options"): []}
        for one in self.get_params(ctx):
            if isinstance(one, click.Option) and (row := one.get_help_record(ctx)):
                section = getattr(one, "section", None) or Section("options")
                sections.setdefault(section, []).append(row)
        for section, rows in sections.items():
            with formatter.section(_titled(section.title)):
                if section.about:
                    formatter.write_text(section.about)
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"\nexample:\n  {self.epilog}\n")


class Program(_Helpful, click.Group):
    """All commands of a table. It imports none but the one that is named."""

    def __init__(self, table: Table) -> None:
        # `--version` is answered before click is imported, and stands here for the help.
        version = Option(
            "--version", is_flag=True, expose_value=False, help="Show the version and exit."
        )
        super().__init__(
            table.name,
            params=[version],
            help=table.about,
            no_args_is_help=True,
            subcommand_metavar="COMMAND [OPTIONS]",
            options_metavar="",
            context_settings={
                "help_option_names": ["-h", "--help"],
                "max_content_width": WIDTH,
            },
        )
        self._table = table

    @property
    def welcome(self) -> str:
        """What somebody would do first."""
        table = self._table
        width = min(get_terminal_size().columns, WIDTH)
        lines = [
            f"  {typed}\n{fill(what, width, initial_indent=indent, subsequent_indent=indent)}"
            for indent in [" " * 6]
            for typed, what in table.first.items()
        ]
        usage = f"usage: {table.name} COMMAND [OPTIONS]"
        more = f"`{table.name} --help` lists all commands. Each has --help, with an example."
        parts = [fill(table.about, width), "", usage, "", "To begin with:", *lines, ""]
        return "\n".join([*parts, fill(more, width)])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does; `help COMMAND` is `COMMAND --help`."""
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        with _placed(ctx):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._table.commands, COMPLETION]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == COMPLETION:
            return _completion(self)
        return OneCommand(cmd_name, self._table) if cmd_name in self._table.commands else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            raise click.NoSuchCommand(name, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shells = {COMPLETION: "print the script by which a shell completes all this"}
        for title, commands in {**self._table.groups, "for your shell": shells}.items():
            with formatter.section(_titled(title)):
                formatter.write_dl(list(commands.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"\n{self.name} COMMAND --help says more, with an example.\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        from click.shell_completion import CompletionItem

        about = {**self._table.commands, COMPLETION: "print a script for a shell"}
        found = [
            CompletionItem(name, help=text)
            for name, text in about.items()
            if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)


def _completion(program: Program) -> click.Command:
    """The command that prints a script; a shell that has run it asks the program what fits."""

    def show(shell: str) -> int:
        from click.shell_completion import get_completion_class

        kind, name = get_completion_class(shell), str(program.name)
        click.echo(kind(program, {}, name, _asks(name)).source() if kind else "")
        return 0

    return _Helpful(
        COMPLETION,
        callback=show,
        params=[click.Argument(["shell"], type=OneOf(SHELLS), help="the shell")],
        help="Print the script by which a shell completes commands, options and values.",
    )


def _asks(program: str) -> str:
    """The variable by which a shell asks a program what fits."""
    return f"_{program}_COMPLETE".replace("-", "_").upper()


@contextmanager
def _placed(ctx: click.Context) -> Iterator[None]:
    """Give what is wrong its context: what click's parser itself finds has none."""
    try:
        yield
    except click.UsageError as error:
        error.ctx = error.ctx or ctx
        raise


class _NoRepository(click.UsageError):
    """Nothing says where cfg-app.git is."""

    def __init__(self, repository: Repository, ctx: click.Context) -> None:
        super().__init__(repository.missing, ctx)
        self.remedy = repository.remedy


class _NoPlace(click.BadArgumentUsage):
    """A word that is no option's value; maybe it is meant for the one that is missing."""

    def __init__(
        self, word: str, missing: click.Parameter | None = None, meant: str | None = None
    ) -> None:
        super().__init__(shown(word))
        is_close = isinstance(missing, click.Option) and not word.startswith("-")
        given = shlex.join([missing.opts[0], meant or word]) if missing and is_close else ""
        self.meant = f"did you mean {given}? " if given else ""


def _titled(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


def _looks_like_an_option(word: str) -> bool:
    """Whether somebody who wrote it meant an option: no number, no text of several words."""
    return word[:1] == "-" and len(word) > 1 and " " not in word and not _NEGATIVE.fullmatch(word)


def _wrong(error: click.UsageError) -> CommandLineWrong:
    """What click found, in our words; no address in it has a password."""
    ctx = error.ctx
    if ctx is None:
        raise AssertionError("click gives every usage error its context") from error
    path, of = ctx.command_path, ctx.command
    usage = " ".join([path, *filter(None, of.collect_usage_pieces(ctx))])
    meant, remedy = "", f"`{path} --help` lists its options"
    match error:
        case click.NoSuchCommand(command_name=name):
            known = of.list_commands(ctx) if isinstance(of, click.Group) else []
            what, meant = f"there is no command {shown(name)}", did_you_mean(name, known)
            remedy = f"`{path} --help` lists them"
        case _NoRepository(message=what, remedy=remedy):
            pass
        case _NoPlace(message=word, meant=meant):
            what = f"{path} has no place for {word}"
        case click.NoSuchOption(option_name=name):
            name = redacted(one_line(name))
            names = [opt for one in of.get_params(ctx) for opt in (*one.opts, *one.secondary_opts)]
            near = nearest(name.strip("-"), (one.strip("-") for one in names))
            what, meant = f"{path} has no option {name}", f"did you mean --{near}? " if near else ""
            if isinstance(of, click.Group):
                remedy = f"options of a command stand after it; `{path} --help` lists commands"
        case click.MissingParameter():
            what = f"{path} needs {' and '.join(_missing(ctx))}"
            remedy = f"give what is missing; `{path} --help` has an example"
        case click.BadParameter(param=click.Parameter() as param):
            what = f"{_name(param)}: {error.message.removesuffix('.')}"
            remedy = f"`{path} --help` says what it takes"
        case _:
            what = error.format_message().removesuffix(".")
    return CommandLineWrong(
        redacted(one_line(what)), usage=usage, meant=redacted(one_line(meant)), remedy=remedy
    )


def _missing(ctx: click.Context) -> list[str]:
    """Every parameter that has to be given and was not; of a choice, as the usage has it."""
    missing = [one for one in ctx.command.params if one.required and not ctx.params.get(one.name)]
    return [
        one.make_metavar(ctx)
        if isinstance(one, click.Argument) and isinstance(one.type, click.Choice)
        else _name(one)
        for one in missing
    ]


def _name(param: click.Parameter) -> str:
    return param.opts[0] if isinstance(param, click.Option) else param.human_readable_name
