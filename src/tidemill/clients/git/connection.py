"""One connection by which a repository is read, in version 2 of Git's protocol.

Over HTTP it is Git's own helper (gitremote-helpers(7), `stateless-connect`): proxies, certificates,
credentials and redirects are its matter, and one connection serves all requests. For a path it is
the server's program itself, which answers one request after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tidemill.clients.git import protocol
from tidemill.clients.git.git import REMOTE_SECONDS, Git, GitError
from tidemill.clients.git.protocol import END, FILTER, Unanswered
from tidemill.clients.git.remote import SERVE, Remote
from tidemill.clients.machine.pipes import Pipe
from tidemill.clients.machine.processes import GRACE
from tidemill.errors import TimeLimit
from tidemill.facts.refs import Refs

_CONNECT = b"stateless-connect git-upload-pack\n"
_CONNECTED = b""  # the helper's answer, a line, if it can
# What Git takes away from a server that it starts on this machine, and what it tells it.
_ON_ITS_OWN = {
    "GIT_DIR": None,
    "GIT_CONFIG_COUNT": None,
    "GIT_CONFIG_PARAMETERS": None,
    "GIT_PROTOCOL": "version=2",
}


class NotSpoken(Exception):
    """The server does not speak version 2 of the protocol."""


class Connection:
    """A process, from its start to `close`; after an error it is closed already.

    It asks the server who it is without waiting for the answer: `greet` does.

    Args:
        git: Git in a repository that has this remote.
        origin: where it leads: a folder of this machine, or an address for HTTP.
    """

    def __init__(self, git: Git, origin: Remote) -> None:
        self._is_http = not origin.is_here
        self.is_open = True
        self._can: frozenset[str] | None = None
        if self._is_http:
            self._pipe = git.started("remote-http", "origin", env=origin.reached(git.folder))
            self._pipe.allow(REMOTE_SECONDS)
            self._pipe.write(_CONNECT)
        else:
            self._pipe = git.started(*SERVE, origin.url, env=_ON_ITS_OWN)

    def greet(self) -> frozenset[str]:
        """What the server's fetching can do; waits for it, the first time.

        Raises:
            NotSpoken: the server can't be spoken to like this.
            GitError, TimeLimit: it does not answer, as for all that follows.
        """
        if self._can is not None:
            return self._can
        with self._asked():
            if self._is_http and self._pipe.line() != _CONNECTED:
                raise NotSpoken
            self._can = protocol.features(protocol.packets(self._pipe.exactly))
            if self._can is None:
                raise NotSpoken
            return self._can

    def refs(self) -> Refs:
        self.greet()
        with self._asked():
            self._pipe.write(protocol.list_refs())
            return protocol.refs_in(self._message())

    def fetch(
        self, into: Git, objects: Sequence[str], *, depth: int | None, without: str | None
    ) -> None:
        """Get objects, and what they lead to, into a repository: see `protocol.fetch`."""
        without, ends = without if self.leaves_out else None, _Ends(into.folder / "shallow")
        with self._asked(), _indexing(into) as index:
            known = sorted(ends.commits) if depth is not None and depth > 1 else []
            self._pipe.write(protocol.fetch(objects, depth=depth, without=without, ends=known))
            for piece in protocol.fetched(self._message(), ends.note):
                index.write(piece)
            code, said = index.ended()
            if code != 0:
                raise GitError(("index-pack",), code, said)
        ends.write()

    @property
    def leaves_out(self) -> bool:
        """Whether the server leaves out what is not wanted."""
        return FILTER in self.greet()

    def close(self) -> None:
        self.is_open = False
        self._pipe.close()

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """A request and its answer, in the time that is given to both."""
        self._pipe.allow(REMOTE_SECONDS)
        try:
            yield
        except (EOFError, Unanswered) as error:
            raise self._failed(str(error) or "the connection was cut") from None
        except BaseException:
            self.close()
            raise

    def _failed(self, why: str) -> GitError:
        """The error for an answer that is none; what Git itself says comes first."""
        self._pipe.allow(GRACE)
        try:
            code, said = self._pipe.ended()
        except TimeLimit:
            code, said = 1, ""
        self.close()
        return GitError(("fetch",), code or 1, f"{said}\nfatal: {why}")

    def _message(self) -> Iterator[bytes]:
        yield from protocol.packets(self._pipe.exactly)
        if self._is_http and self._pipe.exactly(len(END)) != END:
            raise Unanswered("the server says more than was asked for")


class _Ends:
    """The file in which a repository keeps the commits at which its history ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.commits = set(file.read_text().split()) if file.exists() else set()

    def note(self, commit: str, is_end: bool) -> None:
        """Add a commit, or take it away."""
        (self.commits.add if is_end else self.commits.discard)(commit)

    def write(self) -> None:
        """Git takes an empty file for none."""
        new = self._file.with_name("shallow.new")
        new.write_text("".join(f"{one}\n" for one in sorted(self.commits)))
        new.replace(self._file)


@contextmanager
def _indexing(into: Git) -> Iterator[Pipe]:
    """What takes a pack, checks it, and puts it into a repository."""
    index = into.started("index-pack", "--stdin", "--promisor")
    try:
        index.allow(REMOTE_SECONDS)
        yield index
    finally:
        index.close()
