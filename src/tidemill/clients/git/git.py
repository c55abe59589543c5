"""Git itself: one call, one time limit, one process group.

No call depends on the text of Git's errors; it is only ever shown. One process stays, which reads
the objects that are here, and may not speak to any remote.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tidemill.clients.machine.pipes import Pipe
from tidemill.clients.machine.processes import answer
from tidemill.clients.machine.scratch import require_room
from tidemill.clients.machine.workflow import SECRETS
from tidemill.errors import Refused, TidemillError
from tidemill.words.names import shown
from tidemill.words.urls import redacted

US = ("tidemill", "tidemill@users.noreply.github.com")
LOCAL_SECONDS = 120.0
REMOTE_SECONDS = 300.0
_PROTOCOLS = "file:git:http:https:ssh"
# What a Git hook that calls us leaves in the environment: it would turn us to its repository, or
# make other paths of those that we name.
_OF_A_CALLER = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_INTERNAL_SUPER_PREFIX",
)


def causes(printed: str) -> list[str]:
    """The lines that Git printed, without the one that tells only that the other side is gone.

    Both sides print it, and it is chance whether it arrives, and where; so it stays only alone.
    """
    lines = [line for line in printed.splitlines() if line]
    said = [line for line in lines if line != "fatal: the remote end hung up unexpectedly"]
    return said or lines


class GitError(TidemillError):
    """A git command failed; `output` is what it printed, without credentials."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        self.output = redacted(output)
        first = next(
            (
                line
                for line in causes(self.output)
                if line.startswith(("fatal:", "error:", "remote:"))
            ),
            "",
        )
        self.said = (first or self.output[-300:] or f"exit code {code}").rstrip(".")
        super().__init__(
            f"{_named(arguments)} failed: {self.said}",
            remedy="see what git says; the next turn starts anew",
        )


class Git:
    """Git in one folder.

    Args:
        folder: the repository, bare or not.
        env: variables on top of this process's own.
    """

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._env = {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": _PROTOCOLS,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            **dict.fromkeys(SECRETS, ""),  # where Git needs one, it is given in another form
            **(env or {}),
        }
        self._reader: Pipe | None = None

    def __call__(
        self,
        *arguments: str,
        data: bytes = b"",
        env: Mapping[str, str | None] | None = None,
        seconds: float = LOCAL_SECONDS,
    ) -> bytes:
        """Run `git arguments…` and return what it prints on standard output.

        Raises:
            GitError: it failed.
            OSError: it failed, and the disk is full.
            TimeLimit: it took longer than `seconds`.
        """
        code, out, err = self.attempt(*arguments, data=data, env=env, seconds=seconds)
        if code != 0:
            require_room(self.folder)
            raise GitError(arguments, code, err)
        return out

    def attempt(
        self,
        *arguments: str,
        data: bytes = b"",
        env: Mapping[str, str | None] | None = None,
        seconds: float = LOCAL_SECONDS,
    ) -> tuple[int, bytes, str]:
        """Run `git arguments…`; return exit code, standard output and standard error."""
        words, name = ["git", *arguments], _named(arguments)
        with self._starting():
            return answer(
                words,
                cwd=self.folder,
                env=self._variables(env),
                data=data,
                seconds=seconds,
                name=name,
            )

    def line(self, *arguments: str, data: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """The one line that a call prints; it raises what a call does."""
        return line(self(*arguments, data=data, env=env))

    def files(self) -> list[str]:
        """Every file of a checkout that Git knows, or would add."""
        return names(self("ls-files", "-z", "--cached", "--others", "--exclude-standard"))

    def top(self) -> Path | None:
        """The root of the checkout that the folder is in; None where it is in none."""
        if not self.folder.is_dir():
            return None
        code, out, _ = self.attempt("rev-parse", "--show-toplevel")
        return Path(line(out)) if code == 0 else None

    def address(self, remote: str = "origin") -> str | None:
        code, out, _ = self.attempt("remote", "get-url", "--", remote)
        return line(out) if code == 0 else None

    def blob(self, sha: str, kind: str | None = None) -> bytes:
        """The bytes of an object that is here; none if it is not of the `kind` that is meant.

        Args:
            kind: `commit`, `tree` or `blob`; any by default.

        Raises:
            GitError: it is not here, or the process that reads objects has ended.
            TimeLimit: it could not be read in time.
        """
        ((found, data),) = self._objects([sha])
        return data if kind in (None, found) else b""

    def blobs(self, shas: Sequence[str]) -> list[bytes]:
        """The bytes of some objects, asked for in one go; it raises what `blob` does."""
        return [data for _, data in self._objects(shas)]

    def _objects(self, shas: Sequence[str]) -> list[tuple[str, bytes]]:
        if self._reader is None:
            self._reader = self.started("cat-file", "--batch", env=offline())
            self._end_reader = weakref.finalize(self, self._reader.close)
        reader = self._reader
        reader.allow(LOCAL_SECONDS)
        reader.write("".join(f"{sha}\n" for sha in shas).encode())
        found: list[tuple[str, bytes]] = []
        gone: list[str] = []
        for sha in shas:
            try:
                kind, *size = reader.line().decode().split(" ")[1:]
                if size:
                    found.append((kind, reader.exactly(int(size[0]) + 1)[:-1]))
                else:
                    gone.append(sha)
            except BaseException as error:
                self.close()  # what it says next would be the rest of this
                if isinstance(error, EOFError | ValueError):
                    raise GitError(("cat-file", sha), 1, f"{sha} could not be read") from None
                raise
        if gone:
            raise GitError(("cat-file", gone[0]), 1, f"{gone[0]} is not here")
        return found

    def started(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Pipe:
        """Start `git arguments…`, to be spoken to; whoever starts it closes it.

        Args:
            env: variables on top of those of all calls; None for what it is not to have.
        """
        words, name = ["git", *arguments], _named(arguments)
        with self._starting():
            return Pipe(words, name, cwd=self.folder, env=self._variables(env))

    def close(self) -> None:
        """End the process that was kept for reading objects; done at the latest with this."""
        if self._reader is not None:
            self._end_reader()
            self._reader = None

    def _variables(self, env: Mapping[str, str | None] | None) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name not in _OF_A_CALLER}
        found = {**ours, **self._env, **(env or {})}
        return {name: value for name, value in found.items() if value is not None}

    @contextmanager
    def _starting(self) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            what, remedy = f"git could not be started in {self.folder}", "install Git, in PATH"
            if not self.folder.is_dir():
                what, remedy = f"the folder {self.folder} is gone", "do the same again"
            elif not os.access(self.folder, os.X_OK):
                remedy = "run it as a user who may enter the folder"
            raise TidemillError(what, remedy=remedy) from None


def offline() -> dict[str, str | None]:
    """Variables with which nothing is fetched that is not here: that would be one by one.

    Git tries all the same, and dies of a broken pipe where what is to fetch by HTTP refuses before
    it has been told what is wanted. So where the remote is, Git is not told either.
    """
    return {
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_CONFIG_COUNT": os.environ.get("GIT_CONFIG_COUNT"),
    }


def by(name: str, email: str, seconds: int) -> dict[str, str]:
    """Variables that say who makes a commit, and when."""
    said = {"NAME": name, "EMAIL": email, "DATE": f"@{seconds} +0000"}
    return {f"GIT_{who}_{key}": one for who in ("AUTHOR", "COMMITTER") for key, one in said.items()}


def _named(arguments: Sequence[str]) -> str:
    """A call as messages name it: by its command, which may have options of Git before it."""
    words = iter(arguments)
    for word in words:
        if word == "-c":
            next(words)
        elif word[:1] != "-":
            return f"git {word}"
    return "git"


def line(out: bytes) -> str:
    """The one line that Git has printed."""
    return os.fsdecode(out).rstrip("\n")


def lines(out: bytes) -> list[str]:
    """The lines that Git has printed. A name of a ref or of a person may hold any other character
    at which Python would part lines."""
    return [line for line in os.fsdecode(out).split("\n") if line]


def names(out: bytes) -> list[str]:
    """The names that Git has printed with `-z`, each ended by a NUL."""
    return [name for name in os.fsdecode(out).split("\0") if name]


def configured(settings: Mapping[str, str] | Sequence[tuple[str, str]]) -> dict[str, str]:
    """Variables that add configuration to that which the environment has already.

    Args:
        settings: by key; as pairs where a key has several values.

    Raises:
        Refused: what the environment says of its configuration can't be understood.
    """
    pairs = list(settings.items()) if isinstance(settings, Mapping) else settings
    count = os.environ.get("GIT_CONFIG_COUNT") or "0"
    if not (count.isascii() and count.isdecimal() and len(count) < 10):
        raise Refused(
            f"the variable GIT_CONFIG_COUNT is {shown(count)}, and Git wants a number there",
            remedy="unset GIT_CONFIG_COUNT",
        )
    first = int(count)
    found = {"GIT_CONFIG_COUNT": str(first + len(pairs))}
    for index, (key, value) in enumerate(pairs, start=first):
        found[f"GIT_CONFIG_KEY_{index}"], found[f"GIT_CONFIG_VALUE_{index}"] = key, value
    return found
