"""The workflow around a command: its inputs, outputs, annotations, masks, log and summary.

Only this module knows how a runner is spoken to. Commands are issued by actions-toolkit. What that
lacks is here: the job summary, the limits, and a log in which nothing that is only quoted is a
command.
Where no workflow is (GITHUB_ACTIONS is not true), inputs are read, and nothing is issued.

Limits and forms: github-actions documentation, "Workflow commands"; actions/runner,
`ActionCommandManager` and `FileCommandManager`.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

from tidemill.words.names import one_line, visible
from tidemill.words.variables import TOKENS

INPUT = "INPUT_"
SECRETS = (
    "TIDEMILL_TOKEN",
    "TIDEMILL_STATUS_TOKEN",
    "TIDEMILL_ARTIFACT_TOKEN",
    "TIDEMILL_REGISTRY_PASSWORD",
    "TIDEMILL_WORKFLOW_TOKEN",
    "TIDEMILL_SIGNALS",
    TOKENS,
)
Kind: TypeAlias = Literal["error", "warning", "notice"]

MOST_ANNOTATIONS = 10  # of a kind in a step; the runner drops further ones without a word
LONGEST_ANNOTATION = 4_096
LONGEST_OUTPUT = 100_000  # a job's outputs together: 1 MiB, two bytes a character
LARGEST_SUMMARY = 1 << 20
CUT = "\n\n_The rest is left out: a summary holds 1 MiB. The log has all of it._\n"


def is_inside() -> bool:
    """Whether a runner reads what this process prints."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def read_input(name: str) -> str:
    """The value of an action's input, without the space around it; empty if it is not given."""
    return os.environ.get(f"{INPUT}{name.replace(' ', '_').upper()}", "").strip()


def given_inputs() -> list[str]:
    """The names of all inputs that are given, as far as their case can be known: lower."""
    return sorted(
        name.removeprefix(INPUT).lower()
        for name, value in os.environ.items()
        if name.startswith(INPUT) and value.strip()
    )


def set_outputs(values: Mapping[str, str]) -> list[str]:
    """Set outputs of the step; returns the names of those that are too long, which stay empty."""
    too_long = [name for name, value in values.items() if len(value) > LONGEST_OUTPUT]
    write_outputs({name: "" if name in too_long else text for name, text in values.items()})
    return too_long


def write_outputs(values: Mapping[str, str]) -> None:
    """Set outputs, none too long; it takes no packages.

    A value may have lines: the file's delimiter is random, so none can end it and begin another
    output.
    """
    if is_inside() and (file := os.environ.get("GITHUB_OUTPUT")):
        end = secrets.token_hex(16)
        with Path(file).open("a", encoding="utf-8", errors="replace") as out:
            out.writelines(f"{name}<<{end}\n{text}\n{end}\n" for name, text in values.items())


def mask_secrets() -> None:
    """Keep every token and password of ours out of the log, also in the form Git sends it in."""
    if not is_inside():
        return
    for name in SECRETS:
        given = os.environ.get(name, "")
        # Of lines of `name=address`, each address is one.
        parts = [part for line in given.splitlines() for part in (line, line.partition("=")[2])]
        texts = [one for text in (given, *parts) for one in (text, text.strip())]
        for secret in dict.fromkeys(one for one in texts if one.strip()):
            _issue("add-mask", secret)
            basic = base64.b64encode(f"x-access-token:{secret}".encode(errors="surrogateescape"))
            _issue("add-mask", basic.decode())
        for line in filter(str.strip, given.splitlines() if name == TOKENS else ()):
            _issue("add-mask", line.split()[-1])  # the runner masks the line as a whole


def keep(name: str, data: bytes) -> str:
    """Write a file for the steps that follow; its path, empty where there is no workflow."""
    if not is_inside():
        return ""
    file = Path(tempfile.mkdtemp(prefix="tidemill-", dir=os.environ.get("RUNNER_TEMP")), name)
    file.write_bytes(data)
    return str(file)


def annotate(kind: Kind, title: str, texts: Sequence[str]) -> None:
    """Put texts on the run's page, as annotations of one kind; more than 10 share the last one."""
    if not is_inside():
        return
    shown = list(texts)
    if len(shown) > MOST_ANNOTATIONS:
        rest = shown[MOST_ANNOTATIONS - 1 :]
        shown[MOST_ANNOTATIONS - 1 :] = ["\n".join([f"And {len(rest)} more:", *rest])]
    for text in shown:
        _issue(kind, _cut(visible(text)), title=one_line(title))


def summarize(markdown: str) -> None:
    """Add to the step's summary, as far as it holds: whole lines, and a word on what is cut."""
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not is_inside() or not file:
        return
    path = Path(file)
    free = LARGEST_SUMMARY - (path.stat().st_size if path.exists() else 0)
    data = (visible(markdown).rstrip() + "\n").encode()
    if len(data) > free:
        end = CUT.encode()
        data = data[: max(0, free - len(end))].rpartition(b"\n")[0] + end
    if len(data) <= free:
        with path.open("ab") as out:
            out.write(data)


@contextmanager
def quoted() -> Iterator[None]:
    """Let nothing that is printed in here be a command: neither `::error::` nor `##[group]`.

    Both streams become one: a runner reads them apart, so a line on the other could be taken up
    before or after. What is printed, and by whom, may be anything: names, reasons, what an
    entry point said.
    """
    if not is_inside():
        yield
        return
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(1, 2)
    token = secrets.token_hex(16)
    _issue("stop-commands", token)
    try:
        yield
    finally:
        sys.stderr.flush()
        # A line that does not end would take the next command with it.
        sys.stdout.write("\n")
        _issue(token)


@contextmanager
def group(title: str) -> Iterator[None]:
    """Fold what is printed in here, under a title; it is quoted."""
    if is_inside():
        _issue("group", one_line(title))
    with quoted():
        yield
    if is_inside():
        _issue("endgroup")


def _issue(command: str, text: str = "", **properties: str) -> None:
    """One command; `core` of the toolkit would import requests for it, which takes long."""
    from actions_toolkit.command import issue_command

    issue_command(command, properties, text)
    sys.stdout.flush()


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_ANNOTATION else text[: LONGEST_ANNOTATION - 1] + "…"
