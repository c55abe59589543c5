"""The sets that commits of app.git were announced with, in app.git itself.

A ref `refs/tidemill/announced/<set>/<position>-<SHA>` is the JSON of an announcement. So a later
commit finds the set of an earlier one wherever Git does, without a service; and two jobs that write
at once do not get in each other's way, for each commit has a ref of its own.
"""

from __future__ import annotations

from pathlib import Path

from tidemill.announcing.announcement import Head
from tidemill.clients.git.git import Git, GitError
from tidemill.clients.git.remote import listed, reach
from tidemill.errors import Refused, ServerRefused, Unreachable
from tidemill.words.names import shown
from tidemill.words.urls import redacted

NAMESPACE = "refs/tidemill/announced"
KEPT = 500
_MOST_TRIALS = 5
_MOST_SWEPT = 500  # in one push, which names each ref


class AnnouncedSets:
    """The announced sets of one repository.

    Args:
        checkout: of app.git; the objects come there.
        where: a remote of it, or an address.

    Raises:
        Refused: `where` can't be either.
    """

    def __init__(self, checkout: Path, where: str) -> None:
        if not where or where.startswith("-"):
            raise Refused(
                f"{shown(where)} is no repository",
                remedy="name a remote of the checkout, such as origin, or the URL of app.git",
            )
        self._git = Git(checkout)
        self._where = where
        self._address = self._git.address(where) or where

    @property
    def where(self) -> str:
        """The repository, as it may stand in a message."""
        return redacted(self._address)

    def find(self, set_name: str, sha: str) -> bytes | None:
        """What a commit was announced with; None if that is not known (yet).

        Raises:
            Unreachable: the repository can't be read.
        """
        for ref, found in self._listed(set_name).items():
            if ref.endswith(f"-{sha}"):
                return self._blob(ref, found)
        return None

    def write(self, head: Head, data: bytes) -> bool:
        """Remember what a commit was announced with; whether anything was written.

        Of two that differ, the later one counts. Sets of commits that lie far back go.

        Raises:
            ServerRefused: the repository does not let us.
        """
        own = f"{NAMESPACE}/{head.set}/{head.position}-{head.sha}"
        blob = self._git.line("hash-object", "-w", "--stdin", data=data)
        said = ""
        for trial in range(_MOST_TRIALS):
            there = self._listed(head.set)
            if there.get(own) == blob:
                return trial > 0
            far_back = [ref for ref in there if _is_far_back(ref, head.position)]
            old = {ref: there[ref] for ref in far_back[:_MOST_SWEPT]}
            leases = {own: there.get(own, ""), **old}
            _, said = self._reach(
                "push", "--quiet", "--no-verify", "--no-recurse-submodules",
                *(f"--force-with-lease={ref}:{one}" for ref, one in leases.items()),
                "--", self._where, f"{blob}:{own}", *(f":{ref}" for ref in old),
            )  # fmt: skip
        raise ServerRefused(
            f"{own} can't be written to {self.where}: {said or 'somebody else writes it, too'}",
            remedy="give the job the right to push to app.git (contents: write), so that the next "
            "commit can be completed from this one's set; or complete it from a file",
        )

    def _listed(self, set_name: str) -> dict[str, str]:
        """The refs of a set, and what they point to."""
        pattern = f"{NAMESPACE}/{set_name}/*"
        out, said = self._reach("ls-remote", "--refs", "--", self._where, pattern)
        if out is None:
            raise Unreachable(
                f"{self.where} can't be read: {said}",
                remedy="check the address, the network, and the right to read app.git",
            )
        return listed(out)[0]

    def _blob(self, ref: str, found: str) -> bytes:
        options = ("--quiet", "--no-tags", "--no-recurse-submodules")
        out, said = self._reach("fetch", *options, "--", self._where, ref)
        if out is None:
            raise Unreachable(
                f"{ref} can't be fetched from {self.where}: {said}", remedy="run it again"
            )
        return self._git("cat-file", "blob", found)

    def _reach(self, *arguments: str) -> tuple[bytes | None, str]:
        """What Git prints; None, and why, where it failed."""
        code, out, err = reach(self._git, self._address, *arguments)
        return (out, "") if code == 0 else (None, GitError(arguments, code, err).said)


def _is_far_back(ref: str, position: int) -> bool:
    at = ref.rpartition("/")[2].partition("-")[0]
    return at.isdecimal() and int(at) < position - KEPT
