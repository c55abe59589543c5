"""What Git says of a checkout on this machine, and of its remote, without changing either."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tidemill.clients.git.git import REMOTE_SECONDS, Git, GitError, configured, names
from tidemill.clients.git.remote import with_token
from tidemill.errors import Refused
from tidemill.words.names import shown_path

_REMOTE = "tidemill-doctor"  # in Git's environment for one call, never in a configuration file


class Inspection:
    """The checkout that a folder is in.

    Raises:
        Refused: it is in none.
    """

    def __init__(self, folder: Path) -> None:
        top = Git(folder).top()
        if top is None:
            raise Refused(
                f"{shown_path(folder)} is in no checkout of Git",
                remedy="run it in a checkout of cfg-app.git or app.git, or name one",
            )
        self.top, self._git = top, Git(top)

    @property
    def release(self) -> str:
        """As `2.47.1`."""
        return self._git("version").decode().removeprefix("git version").strip()

    def modes(self) -> dict[str, bool]:
        """Every file that Git knows or would add, and whether it may be executed."""
        return {
            name: os.access(self.top / name, os.X_OK)
            for name in self._git.files()
            if (self.top / name).is_file()
        }

    def links(self) -> frozenset[str]:
        """Links to folders, submodules, and other repositories: Git does not look into them."""
        found = (name.rstrip("/") for name in self._git.files())
        return frozenset(name for name in found if (self.top / name).is_dir())

    def containing(self, words: Sequence[str], patterns: Sequence[str]) -> list[str]:
        given = [option for word in words for option in ("-e", word)]
        options = ("-l", "-z", "--untracked", "--fixed-strings")
        plain = ("--no-color", "--no-recurse-submodules")  # whatever a user's Git does
        code, out, said = self._git.attempt("grep", *options, *plain, *given, "--", *patterns)
        if code > 1:
            raise GitError(("grep",), code, said)
        return names(out)

    def ignored(self, paths: Sequence[str]) -> tuple[str, ...]:
        data = "\0".join(paths).encode()
        options = ("-z", "--stdin", "--no-index")
        _, out, _ = self._git.attempt("check-ignore", *options, data=data)
        return tuple(names(out))

    def pushes(self, url: str, token: str | None, namespace: str) -> tuple[bool, str | None]:
        """Whether a remote has refs of a namespace, and what it says of a push: None if it takes
        one. The push is a dry run, before which Git asks the server, and sends nothing.

        Raises:
            GitError: the remote could not be read.
        """
        settings = [(f"remote.{_REMOTE}.url", url)]
        env = with_token(url, token, settings) if token else configured(settings)
        listed = self._git("ls-remote", _REMOTE, f"{namespace}/*", env=env, seconds=REMOTE_SECONDS)
        options = ("--dry-run", "--no-verify", "--no-recurse-submodules", "--quiet")
        words = ("push", *options, _REMOTE)
        what = f"HEAD:{namespace}/doctor"
        code, _, said = self._git.attempt(*words, what, env=env, seconds=REMOTE_SECONDS)
        return bool(listed.strip()), GitError(words, code, said).said if code else None

    def has_commit(self) -> bool:
        return self._git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}")[0] == 0
