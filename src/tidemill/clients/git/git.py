"""Git itself: one call, one time limit, one process group.

No call depends on the text of Git's errors; it is only ever shown. Calls go through GitPython. Its
import takes as long as a turn reads, and runs `git version` twice, so the first call imports it:
processes that every turn needs are started without it. One of these reads objects that are here,
and may not speak to any remote.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidemill.clients.machine.pipes import Pipe
from tidemill.clients.machine.processes import communicate
from tidemill.clients.machine.scratch import require_room
from tidemill.clients.machine.workflow import SECRETS
from tidemill.errors import TidemillError
from tidemill.words.urls import redacted

LOCAL_SECONDS = 120.0
REMOTE_SECONDS = 300.0
_PROTOCOLS = "file:git:http:https:ssh"
# What a Git hook that calls us leaves in the environment: it would turn us to its repository.
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
)


class GitError(TidemillError):
    """A git command failed; `output` is what it printed, without credentials."""

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        self.code = code
        self.output = redacted(output)
        first = next(
            (
                line
                for line in self.output.splitlines()
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
        for name in _OF_A_CALLER:
            os.environ.pop(name, None)
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
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
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
        data: bytes | None = None,
        env: Mapping[str, str] | None = None,
        seconds: float = LOCAL_SECONDS,
    ) -> tuple[int, bytes, str]:
        """Run `git arguments…`; return exit code, standard output and standard error."""
        if "git" not in sys.modules:
            self.fed("version", seconds=LOCAL_SECONDS)  # GitPython would wait for it for ever
        os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # without Git, say so here
        import git

        try:
            # A folder that GitPython can't enter it silently takes for that of this process.
            process = git.Git().execute(
                ["git", "-C", str(self.folder), *arguments],
                istream=subprocess.PIPE if data is not None else None,
                env={**self._env, **(env or {})},
                as_process=True,
                start_new_session=True,
            )
        except git.GitCommandNotFound:
            raise self._missing() from None
        out, err = communicate(process, _named(arguments), data, seconds)
        if process.returncode == 128 and not self.folder.is_dir():
            raise self._missing()
        return int(process.returncode), out, err.decode(errors="replace")

    def blob(self, sha: str, kind: str | None = None) -> bytes:
        """The bytes of an object that is here; none if it is not of the `kind` that is meant.

        Args:
            kind: `commit`, `tree` or `blob`; any by default.

        Raises:
            GitError: it is not here, or the process that reads objects has ended.
            TimeLimit: it could not be read in time.
        """
        if self._reader is None:
            # It must not fetch what is not here: that would be one by one.
            env = {"GIT_ALLOW_PROTOCOL": "none"}
            self._reader = self.started("cat-file", "--batch", env=env)
            self._end_reader = weakref.finalize(self, self._reader.close)
        reader = self._reader
        reader.allow(LOCAL_SECONDS)
        reader.write(f"{sha}\n".encode())
        try:
            found, *size = reader.line().decode().split(" ")[1:]
            data = reader.exactly(int(size[0]) + 1)[:-1] if size else b""
        except BaseException as error:
            self.close()  # what it says next would be the rest of this
            if isinstance(error, EOFError | ValueError):
                raise GitError(("cat-file", sha), 1, f"{sha} could not be read") from None
            raise
        if not size:
            raise GitError(("cat-file", sha), 1, f"{sha} is not here")
        return data if kind in (None, found) else b""

    def said(
        self, *arguments: str, env: Mapping[str, str] | None = None, seconds: float
    ) -> tuple[int, bytes, str]:
        """The same as `attempt`, for what turns often do: see above."""
        pipe = self.started(*arguments, env=env)
        try:
            pipe.allow(seconds)
            out = pipe.rest()
            code, err = pipe.ended()
            return code, out, err
        finally:
            pipe.close()

    def fed(self, *arguments: str, data: bytes = b"", seconds: float) -> bytes:
        """The same as a call, without GitPython, for what reads much of what is here.

        It must not fetch what is not here: that would be one by one.
        """
        variables = {**os.environ, **self._env, "GIT_ALLOW_PROTOCOL": "none"}
        # Git writes a pipe in pieces of 4 KiB, and to read so many takes as long as Git itself.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as found:
            given.write(data)
            given.seek(0)
            try:
                process = subprocess.Popen(
                    ["git", *arguments],
                    cwd=self.folder,
                    env=variables,
                    stdin=given,
                    stdout=found,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise self._missing() from None
            _, err = communicate(process, _named(arguments), None, seconds)
            if process.returncode != 0:
                require_room(self.folder)
                raise GitError(arguments, process.returncode, err.decode(errors="replace"))
            found.seek(0)
            return found.read()

    def started(self, *arguments: str, env: Mapping[str, str | None] | None = None) -> Pipe:
        """Start `git arguments…`, to be spoken to; whoever starts it closes it.

        Args:
            env: variables on top of those of all calls; None for what it is not to have.
        """
        variables = {**os.environ, **self._env, **(env or {})}
        try:
            return Pipe(
                ["git", *arguments],
                _named(arguments),
                cwd=self.folder,
                env={name: value for name, value in variables.items() if value is not None},
            )
        except FileNotFoundError:
            raise self._missing() from None

    def close(self) -> None:
        """End the process that was kept for reading objects; done at the latest with this."""
        if self._reader is not None:
            self._end_reader()
            self._reader = None

    def _missing(self) -> TidemillError:
        if not self.folder.is_dir():
            return TidemillError(f"the folder {self.folder} is gone", remedy="do the same again")
        return TidemillError(
            f"git could not be started in {self.folder}", remedy="install Git, in PATH"
        )


def _named(arguments: Sequence[str]) -> str:
    """A call as messages name it: by its command, which may have options of Git before it."""
    words = iter(arguments)
    for word in words:
        if word == "-c":
            next(words)
        elif word[:1] != "-":
            return f"git {word}"
    return "git"


def configured(settings: Mapping[str, str] | Sequence[tuple[str, str]]) -> dict[str, str]:
    """Variables that add configuration to that which the environment has already.

    Args:
        settings: by key; as pairs where a key has several values.
    """
    pairs = list(settings.items()) if isinstance(settings, Mapping) else settings
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    found = {"GIT_CONFIG_COUNT": str(first + len(pairs))}
    for index, (key, value) in enumerate(pairs, start=first):
        found[f"GIT_CONFIG_KEY_{index}"], found[f"GIT_CONFIG_VALUE_{index}"] = key, value
    return found
