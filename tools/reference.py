"""Writes docs/commands.md from the command table, so that it can't say what the commands do not do.

    python tools/reference.py       what `make docs` runs; a test fails while the file is stale

It reads the parser's actions and not its help, whose form differs between releases of Python.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tidemill.commands._table import COMMANDS, command, parser

FILE = Path(__file__).resolve().parents[1] / "docs" / "commands.md"
SHARED = ("repo", "dry_run", "now", "json")
WIDTH = 92

HEAD = """\
<!-- Made by `make docs` from src/tidemill/commands/. Edit the help there. -->

# Commands

Every command takes the URL of cfg-app.git, does one thing, and stops. There is no state on the machine
that runs it, so any machine that may push can run any of them, twice, late, or at the same time as
another.

## What they have in common

| option | meaning |
|---|---|
| `--repo URL` | {repo} |
| `--dry-run` | {dry_run} |
| `--now TIME` | {now} |
| `--json` | {json} |
| `--help` | the options, and an example |

`--sha` and `--to` take the SHA of a commit of app.git, 7 digits or more; in `record-check`, of
cfg-app.git. Names of waves, sets and targets are those of `tidemill.toml` on main. Tables keep within
100 columns, and colour is for terminals (`NO_COLOR` turns it off).

| exit code | meaning |
|---|---|
| 0 | done; or nothing to do, waiting, superseded, there already: the output says which |
| 1 | refused, or the turn could not be done: what happened, what was written, and the remedy |
| 2 | the command line is wrong |
| 130, 143 | interrupted; what was pushed stays, and any later turn goes on with it |

With `--json` an error is one object, too: `{{"error": {{"what", "written", "remedy"}}}}`.

| variable | meaning |
|---|---|
| `TIDEMILL_TMPDIR` | where temporary files go; `/dev/shm` where it has 1 GiB free, else the system's place |
| `GITHUB_ACTOR` | who asks, for the journal; else the user of the machine |
| `GITHUB_SERVER_URL`, `GITHUB_REPOSITORY`, `GITHUB_RUN_ID` | together the run's URL, for the journal |

Git's own variables and configuration count as for `git push`: credential helpers, `GIT_SSH_COMMAND`,
proxies.

## What a turn reports

All but `record-check`, `status`, `check-cfg-app` and `demo` end with a turn. With `--json` it is:

| key | value |
|---|---|
| `changed` | whether anything was written |
| `landed` | the SHA that main was moved to, or null |
| `evicted`, `introduced`, `promoted`, `rolled_back`, `replayed`, `superseded`, `rejected` | lists of \
objects with `id`, `sha`, `app_sha`, `set`, `wave`, `reason`, each where it applies |
| `to_check` | every commit whose verdict is needed and not there yet, in each turn anew |
| `waiting` | objects: `what`, `for`, `since` |
| `notes` | what else the journal has: holds, releases, reports, … |
| `request` | `id` and `state` of what this command accepted; `reconcile-cfg-app` accepts nothing |
"""


def render() -> str:
    """The whole file."""
    parsers = {name: _parser_of(name) for name in COMMANDS}
    shared = {
        action.dest: action.help or "" for one in parsers.values() for action in one._actions[::-1]
    }
    shared["repo"] = _option(parsers["status"], "repo").help or ""
    parts = [HEAD.format(**{name: shared[name] for name in SHARED})]
    parts += [_section(name, one) for name, one in parsers.items()]
    return "\n".join(parts)


def main() -> None:
    """Write the file."""
    FILE.write_text(render(), encoding="utf-8")


def _parser_of(name: str) -> argparse.ArgumentParser:
    for action in parser(name)._actions:
        if isinstance(action, argparse._SubParsersAction):
            found: argparse.ArgumentParser = action.choices[name]
            return found
    raise AssertionError(f"{name} is no command")


def _option(one: argparse.ArgumentParser, dest: str) -> argparse.Action:
    return next(action for action in one._actions if action.dest == dest)


def _section(name: str, one: argparse.ArgumentParser) -> str:
    actions = [action for action in one._actions if action.dest != "help"]
    lines = [f"## {name}", "", f"{_sentence(command(name).HELP)}", "", "```text"]
    lines += _synopsis(name, actions)
    lines += ["```", ""]
    own = [action for action in actions if action.dest not in SHARED or _is_special(action)]
    if own:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| `{_shown(action)}` | {_meaning(action)} |" for action in own]
        lines.append("")
    lines += ["```sh", *_broken(command(name).EXAMPLE, " \\"), "```", ""]
    return "\n".join(lines)


def _is_special(action: argparse.Action) -> bool:
    """Whether a shared option means something else here."""
    return action.dest == "repo" and action.metavar == "DIR"


def _shown(action: argparse.Action) -> str:
    name = action.option_strings[-1]
    if action.nargs == 0:
        return name
    return f"{name} {action.metavar or action.dest.upper()}"


def _meaning(action: argparse.Action) -> str:
    text = (action.help or "").replace("|", "\\|")
    if action.choices is not None:
        text += f" ({', '.join(f'`{choice}`' for choice in action.choices)})"
    return text


def _synopsis(name: str, actions: list[argparse.Action]) -> list[str]:
    parts = [_shown(action) for action in actions if action.required]
    for action in actions:
        if not action.required:
            again = " ..." if isinstance(action, argparse._AppendAction) else ""
            parts.append(f"[{_shown(action)}]{again}")
    return _wrapped([f"tidemill {name}", *parts], "")


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
    main()
