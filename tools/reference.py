"""Writes the second part of docs/reference/commands.md from the table of commands.

    python -m tools.reference       what `make docs` runs; a test fails while the file is stale

It reads the parameters of the commands, which are click's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec

from tidemill.commands._parameters import Option, Section
from tidemill.commands._table import TIDEMILL, Table, command
from tidemill.plan import obstacles
from tidemill_sandbox.__main__ import COMMANDS as SANDBOX

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "docs" / "reference" / "commands.md"
SHARED = ("repo", "dry_run", "now", "json")
WIDTH = 92

MARK = "<!-- From here on made by `make docs`, from the help in src/tidemill/commands/. -->"


def render(text: str) -> str:
    """The whole file: `text` as far as people write it, then what the parser says."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{FILE} has lost the line {MARK}")
    shared = command("reconcile-cfg-app").PARAMETERS
    common = {one.name: one for one in shared if one.name in SHARED}
    meanings = {name: _meaning(one) for name, one in common.items()}
    tables = (TIDEMILL, SANDBOX)
    sections = [_section(name, table, meanings) for table in tables for name in table.commands]
    lines = [f"{by_hand}{MARK}", "", "## Every command", "", *_overview(tables)]
    lines += ["## Options in common", "", *_table([*common.values()]), *sections]
    return "\n".join([*lines, "## Kinds of obstacles", "", *_obstacles()])


def main() -> None:
    """Write this file, the pages of settings, and the files of the actions."""
    from tools import action_files, settings_tables

    FILE.write_text(render(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    for page in settings_tables.PAGES:
        text = settings_tables.render(page, page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
    for file, text in action_files.files().items():
        file.write_text(text, encoding="utf-8")


def _overview(tables: Sequence[Table]) -> list[str]:
    """Every command, with what it is for and a link to its section."""
    lines = ["| command | what it does |", "|---|---|"]
    for table in tables:
        for name, about in table.commands.items():
            whole = name if table is TIDEMILL else f"{table.name} {name}"
            lines.append(f"| [`{whole}`](#{whole.replace(' ', '-')}) | {_sentence(about)} |")
    return [*lines, ""]


def _obstacles() -> list[str]:
    """What `obstacles` of `--json` may hold: every kind, in the order of the source."""
    lines = [
        "Each object of `obstacles` ([what a turn reports](#what-a-turn-reports)) has a `kind`,",
        "and these data. Where the last column says yes, waiting is over: it goes on only if a",
        "person asks for it again.",
        "",
        "| kind | meaning | data | over |",
        "|---|---|---|---|",
    ]
    for one in _kinds():
        about = " ".join((one.__doc__ or "").partition("\n\n")[0].split()).replace("|", "\\|")
        data = ", ".join(
            f"`{field.encode_name}`"
            for field in msgspec.structs.fields(one)
            if field.name not in ("since", "until")
        )
        ends = "yes" if one.is_over else ""
        lines.append(f"| `{one.__struct_config__.tag}` | {about} | {data} | {ends} |")
    return [*lines, ""]


def _kinds() -> list[type[obstacles.Obstacle]]:
    """In the order of the source; a class that only others are made from has no tag of its own."""
    found = (one for one in vars(obstacles).values() if isinstance(one, type))
    kinds = [one for one in found if issubclass(one, obstacles.Obstacle)]
    return [one for one in kinds if one.__struct_config__.tag != one.__name__]


def _section(name: str, table: Table, common: Mapping[str, str]) -> str:
    """A command's section; options that mean what `common` says of them are not said again."""
    module = command(name, table)
    whole = name if table is TIDEMILL else f"{table.name} {name}"
    lines = [f"## {whole}", "", f"{_sentence(table.commands[name])}", "", "```text"]
    lines += _synopsis(f"{table.name} {name}", module.PARAMETERS)
    lines += ["```", ""]
    own = [one for one in module.PARAMETERS if common.get(one.name) != _meaning(one)]
    if own:
        lines += _table(own)
    lines += ["```sh", *_broken(module.EXAMPLE, " \\"), "```", ""]
    return "\n".join(lines)


def _shown(one: click.Parameter, *, others: bool = True) -> str:
    """As it is given on the command line; with its other names, if they are wanted."""
    if not isinstance(one, click.Option):
        return one.human_readable_name
    first, *more = [*one.opts, *one.secondary_opts]
    value = "" if one.is_flag else f" {one.metavar or one.name.upper()}"
    return "`, `".join((f"{first}{value}", *(more if others else ())))


def _table(ones: Sequence[click.Parameter]) -> list[str]:
    """A row for each, below the titles of the help; first those that have none."""
    sections: dict[Section | None, list[str]] = {None: []}
    for one in ones:
        section = one.section if isinstance(one, Option) else None
        row = f"| `{_shown(one)}` | {_meaning(one)} |"
        sections.setdefault(section, []).append(row)
    lines = ["| option | meaning |", "|---|---|"]
    for section, rows in sections.items():
        if section:
            lines.append(f"| **{_sentence(section.title)[:-1]}** | {section.about} |")
        lines += rows
    return [*lines, ""]


def _meaning(one: click.Parameter) -> str:
    text = (one.help or "").replace("|", "\\|")
    if isinstance(one.type, click.Choice):
        text += f" ({', '.join(f'`{choice}`' for choice in one.type.choices)})"
    return text


def _synopsis(name: str, ones: Sequence[click.Parameter]) -> list[str]:
    parts = [_shown(one, others=False) for one in ones if one.required]
    for one in ones:
        if not one.required:
            again = " ..." if one.multiple else ""
            shown = _shown(one, others=False)
            parts.append(shown if shown.startswith("[") else f"[{shown}]{again}")
    return _wrapped([name, *parts], "")


def _broken(line: str, end: str) -> list[str]:
    """A command line, broken before options so that it fits."""
    first, *rest = line.split(" --")
    return _wrapped([first, *(f"--{part}" for part in rest)], end)


def _wrapped(parts: list[str], end: str) -> list[str]:
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 1 > WIDTH:
            lines[-1] += end
            lines.append(f"    {part}")
        else:
            lines[-1] += f" {part}"
    return lines


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
