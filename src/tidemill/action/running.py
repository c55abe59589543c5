"""Run one command as an action: read its inputs, run it, say how it went."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from tidemill.action.inputs import arguments, known_command, refuse_others
from tidemill.clients.machine import workflow
from tidemill.commands._command_line import parse
from tidemill.commands._parameters import Arguments
from tidemill.commands._table import COMMANDS, run
from tidemill.errors import CommandLineWrong, Refused, TidemillError
from tidemill.words.names import one_line, visible

if TYPE_CHECKING:
    from tidemill.commands._results import Result


class Action:
    """One run of a command; `name` is known once the root action has read its input `command`."""

    def __init__(self, words: Sequence[str]) -> None:
        self.name = words[0] if words else "tidemill"
        self._is_root = not words

    def run(self) -> int:
        """Run the command with the inputs that its action.yml maps; the code to end with.

        Raises:
            Refused: the inputs are wrong.
            TidemillError: the command raised it; `failed` says it to people.
        """
        workflow.mask_secrets()
        if self._is_root:
            self.name = known_command(workflow.read_input("command"), COMMANDS)
            refuse_others(self.name, workflow.given_inputs())
        given = [self.name, *arguments(self.name, workflow.read_input)]
        parsed = _parsed(given)
        try:
            with workflow.quoted():
                result = cast("Result", run(parsed))
        except TidemillError as error:
            from tidemill.action.reporting import outputs_of_failure

            outputs_of_failure(self.name, error)
            raise
        from tidemill.action.reporting import report  # while the command runs, nobody needs it

        report(self.name, result, getattr(parsed, "repo", None))
        return result.exit_code

    def failed(self, error: TidemillError) -> None:
        """Say what happened, what was written, and what to do: in the log, and as an annotation."""
        lines = [f"{error.what}.", f"written: {error.written}", f"remedy: {error.remedy}"]
        from tidemill.action.summary import summary_of_error

        with workflow.quoted():
            sys.stderr.write(visible("error: " + "\n  ".join(lines) + "\n"))
        workflow.annotate("error", f"Tidemill: {self.name}", ["\n".join(lines)])
        workflow.summarize(summary_of_error(self.name, error))

    def broke(self, error: Exception) -> None:
        """Say that this is a mistake of ours, and in the log where it happened.

        An error may quote anything, so Python must not be left to print it after us.
        """
        import traceback

        with workflow.quoted():
            sys.stderr.write(visible("".join(traceback.format_exception(error))))
        said = one_line(f"{type(error).__name__}: {error}")
        text = f"{self.name} broke off, and never should: {said}. Please report it, with the log."
        workflow.annotate("error", f"Tidemill: {self.name}", [text])


def _parsed(given: Sequence[str]) -> Arguments:
    """What the inputs say; a wrong value is that of an input."""
    try:
        return parse(given)
    except CommandLineWrong as error:
        raise Refused(
            one_line(f"an input of {given[0]} is wrong: {error.what}"),
            remedy=f"{error.meant}mend it below with: in the workflow",
        ) from None
