"""Writes the second part of docs/commands.md from the command table, so that it is never stale.

    python tools/reference.py       what `make docs` runs; a test fails while the file is stale

It reads the parser's actions and not its help, whose form differs between releases of Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.commands._table import TIDEMILL, Table, command, parser
from tidemill_sandbox.__main__ import COMMANDS as SANDBOX

FILE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
SHARED = ("repo", "dry_run", "now", "json")
WIDTH = 92

MARK = "<!-- From here on made by `make docs`, from the help in src/tidemill/commands/. -->"


def render(text: str) -> str:
    """The whole file: `text` as far as people write it, then what the parser says."""
    by_hand, mark, _ = text.partition(MARK)
    if not mark:
        raise SystemExit(f"{FILE} has lost the line {MARK}")
    one = _parser_of("reconcile-cfg-app", TIDEMILL)
    common = {action.dest: action for action in one._actions if action.dest in SHARED}
    meanings = {dest: _meaning(action) for dest, action in common.items()}
    tables = (TIDEMILL, SANDBOX)
    sections = [_section(name, table, meanings) for table in tables for name in table.commands]
    return "\n".join(
        [f"{by_hand}{MARK}", "", "## Options in common", "", *_table([*common.values()]), *sections]
    )


def main() -> None:
    """Write this file, and those of the actions."""
    from tools import action_files

    FILE.write_text(render(FILE.read_text(encoding="utf-8")), encoding="utf-8")
    for file, text in action_files.files().items():
        file.write_text(text, encoding="utf-8")


def _parser_of(name: str, table: Table) -> argparse.ArgumentParser:
    for action in parser(name, table)._actions:
        if isinstance(action, argparse._SubParsersAction):
            found: argparse.ArgumentParser = action.choices[name]
            return found
    raise AssertionError(f"{name} is no command")


def _section(name: str, table: Table, common: Mapping[str, str]) -> str:
    """A command's section; options that mean what `common` says of them are not said again."""
    one, module = _parser_of(name, table), command(name, table)
    whole = name if table is TIDEMILL else f"{table.name} {name}"
    actions = [action for action in one._actions if action.dest != "help"]
    lines = [f"## {whole}", "", f"{_sentence(module.HELP)}", "", "```text"]
    lines += _synopsis(f"{table.name} {name}", actions)
    lines += ["```", ""]
    own = [action for action in actions if common.get(action.dest) != _meaning(action)]
    if own:
        lines += _table(own, _group_titles(one))
    lines += ["```sh", *_broken(module.EXAMPLE, " \\"), "```", ""]
    return "\n".join(lines)


def _shown(action: argparse.Action, *, others: bool = True) -> str:
    """As it is given on the command line; with its other names, if they are wanted."""
    if not action.option_strings:
        return str(action.metavar or action.dest)
    first, *more = action.option_strings
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    return "`, `".join((f"{first}{value}", *(more if others else ())))


def _group_titles(one: argparse.ArgumentParser) -> dict[str, str]:
    """The title of the command's own group that an option belongs to, by the option."""
    groups = one._action_groups[2:]
    return {action.dest: f"{group.title}: " for group in groups for action in group._group_actions}


def _table(actions: Sequence[argparse.Action], about: Mapping[str, str] | None = None) -> list[str]:
    rows = [
        f"| `{_shown(action)}` | {(about or {}).get(action.dest, '')}{_meaning(action)} |"
        for action in actions
    ]
    return ["| option | meaning |", "|---|---|", *rows, ""]


def _meaning(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "\\|")
    if action.choices is not None:
        text += f" ({', '.join(f'`{choice}`' for choice in action.choices)})"
    return text


def _synopsis(name: str, actions: list[argparse.Action]) -> list[str]:
    parts = [_shown(action, others=False) for action in actions if action.required]
    for action in actions:
        if not action.required:
            again = " ..." if isinstance(action, argparse._AppendAction) else ""
            parts.append(f"[{_shown(action, others=False)}]{again}")
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
    sys.path.insert(0, str(FILE.parents[1]))
    main()
