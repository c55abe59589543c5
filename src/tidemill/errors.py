"""What can go wrong, one class per remedy.

Every error says what happened, what was written before it did, and what to do now. Only
`__main__` turns one into an exit code.
"""

from __future__ import annotations


class TidemillError(Exception):
    """Something that a person has to know about.

    Args:
        what: what happened, one sentence without a full stop.
        written: what was written before it happened, `nothing` if nothing was.
        remedy: what to do now, one sentence without a full stop.
    """

    exit_code = 1

    def __init__(self, what: str, *, written: str = "nothing", remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.written = written
        self.remedy = remedy

    def as_json(self) -> dict[str, str]:
        """The three parts, in the shape that `--json` prints below `error`."""
        return {"what": self.what, "written": self.written, "remedy": self.remedy}


class CommandLineWrong(TidemillError):
    """The command line can't be understood, so nothing was begun.

    Args:
        usage: the form that it has to have.
        meant: the name that was probably meant, in a question.
    """

    exit_code = 2

    def __init__(self, what: str, *, usage: str, meant: str = "", remedy: str) -> None:
        super().__init__(what, remedy=f"{meant}{remedy}")
        self.usage = usage
        self.meant = meant


class Refused(TidemillError):
    """The input can't be accepted: whoever sent it has to change it."""


class SettingsInvalid(TidemillError):
    """`tidemill.toml` on main can't be used: a commit on main has to mend it."""


class StateUnreadable(TidemillError):
    """A ref of the namespace can't be read: another release wrote it, or a hand."""


class Unreachable(TidemillError):
    """The repository, or the network before it, did not answer: try again."""


class ServerRefused(TidemillError):
    """The server answered, and said no: its rules or the caller's rights have to change."""


class EntryPointFailed(TidemillError):
    """A command of the repository's own failed: its output says why."""


class FilterFailed(TidemillError):
    """A filter of Git's that files go through is not here, or does not work: nothing is known."""


class TimeLimit(TidemillError):
    """Something took longer than it may; it was ended with its whole process group."""
