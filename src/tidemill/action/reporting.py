"""How a command went, as a workflow wants it: log, outputs, annotations, and a summary."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout

from tidemill.action.annotations import errors, notices, warnings
from tidemill.action.outputs import RESULT, texts
from tidemill.action.summary import summary
from tidemill.clients.github import place
from tidemill.clients.machine import workflow
from tidemill.commands._json import as_json
from tidemill.commands._results import Result, SetupFailed
from tidemill.commands._text import text
from tidemill.commands._writing import write
from tidemill.errors import TidemillError
from tidemill.words.json_types import told

LONG = 40  # lines of output, above which it is folded


def report(name: str, result: Result, repository: str | None) -> None:
    """Say all of it; `repository` is what the command was given as `repo`."""
    said = io.StringIO()
    with redirect_stdout(said):
        write(text(result))
    _show(name, said.getvalue())
    set_outputs(name, result)
    title = f"Tidemill: {name}"
    workflow.annotate("error", title, errors(name, result))
    workflow.annotate("warning", title, warnings(result))
    workflow.annotate("notice", title, notices(result))
    where = place.of_url(repository) if repository else place.here()
    workflow.summarize(summary(name, result, where.url if where else None))


def outputs_of_failure(name: str, error: TidemillError) -> None:
    """Set what is known of a command that failed, for steps that run nevertheless."""
    if isinstance(error, SetupFailed):
        set_outputs(name, error.result)


def set_outputs(name: str, result: Result) -> None:
    """Set the outputs, for the steps that follow."""
    file = workflow.keep(f"{name}.json", told(as_json(result)))
    for output in workflow.set_outputs({**texts(name, result), RESULT: file}):
        long = f"the output {output} is too long and stays empty: the output {RESULT} has it"
        workflow.annotate("warning", f"Tidemill: {name}", [long])


def _show(name: str, text: str) -> None:
    """What the command printed for people, folded if it is long."""
    if not text:
        return
    is_long = len(text.splitlines()) > LONG
    with workflow.group(name) if is_long else workflow.quoted():
        sys.stdout.write(text)
