"""How a repository somewhere else is read: over one connection, or else by Git's own commands.

Each command is a connection of its own, and asks the server twice. That is the way for `ssh`, for
`git://`, and for servers that only speak an older version of the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.clients.git.connection import Connection, NotSpoken
from tidemill.clients.git.git import REMOTE_SECONDS, Git, GitError
from tidemill.clients.git.remote import Remote, listed
from tidemill.facts.refs import Refs

_HTTP = ("http://", "https://")


class Reading:
    """Reads a repository until `close`.

    What it raises where the server does not answer is GitError, or TimeLimit; after that it may be
    asked again.

    Args:
        git: Git in a bare repository that has this remote.
        origin: where it leads.
    """

    def __init__(self, git: Git, origin: Remote) -> None:
        self._git = git
        self._origin = origin
        self._is_here = origin.is_here
        self._is_by_commands = not (self._is_here or origin.url.startswith(_HTTP))
        self._connection: Connection | None = None

    def begin(self) -> None:
        """Ask the server already who it is, and wait for nothing."""
        if not (self._is_here or self._is_by_commands):
            self._connection = Connection(self._git, self._origin)

    def refs(self) -> Refs:
        """List all refs, as they are now."""
        if self._is_here:
            self.close()  # a server that stays keeps the loose refs that it once looked at
        connection = self._connected()
        return self._listed() if connection is None else connection.refs()

    def fetch(
        self,
        into: Git,
        objects: Sequence[str],
        *,
        depth: int | None = None,
        without: str | None = None,
    ) -> None:
        """Get objects, and what they lead to, into a bare repository that has this remote.

        Args:
            depth: how many commits of history; None where no commits are asked for.
            without: what is left out, as Git's `--filter`; a server that can't, sends it too.
        """
        connection = self._connected()
        if connection is not None:
            connection.fetch(into, objects, depth=depth, without=without)
            return
        arguments = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]
        arguments += ["--no-auto-maintenance"]
        arguments += [f"--depth={depth}"] if depth is not None else []
        arguments += [f"--filter={without}"] if without is not None else []
        data = "".join(f"{one}\n" for one in objects).encode()
        env = self._origin.reached(into.folder)
        into(*arguments, "--stdin", "origin", data=data, env=env, seconds=REMOTE_SECONDS)

    @property
    def leaves_out(self) -> bool:
        """Whether what is to be left out may not have been sent."""
        return self._connection is None or self._connection.leaves_out

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection | None:
        """The connection, anew where it was lost; None if there can be none."""
        if self._is_by_commands:
            return None
        if self._connection is None or not self._connection.is_open:
            self._connection = Connection(self._git, self._origin)
        try:
            self._connection.greet()
        except NotSpoken:
            self._is_by_commands = True
        except GitError:
            # The user's configuration may put an address for `ssh` in this one's place.
            self._is_by_commands = self._leads_elsewhere()
            if not self._is_by_commands:
                raise
        if self._is_by_commands:
            self.close()
        return self._connection

    def _leads_elsewhere(self) -> bool:
        if self._is_here:
            return False
        url = self._git("ls-remote", "--get-url", "origin")
        return not url.decode(errors="replace").startswith(_HTTP)

    def _listed(self) -> Refs:
        env = self._origin.reached(self._git.folder)
        out = self._git("ls-remote", "--symref", "origin", env=env, seconds=REMOTE_SECONDS)
        return Refs(*listed(out))
