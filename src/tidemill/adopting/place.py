"""Where the repository is that adopts Tidemill."""

from __future__ import annotations

import json
import posixpath
import re
import shlex

from msgspec import Struct

from tidemill.words.urls import GITHUB, host_and_path

_HOME = "https://github.com/tidemill/tidemill/blob/main"
DOCUMENTS, EXAMPLES, INTEGRATIONS = (
    f"{_HOME}/{one}" for one in ("docs", "examples", "integrations")
)
_PATH = re.compile(r"[/:]([A-Za-z0-9_-]+)/([A-Za-z0-9._-]+?)(?:\.git)?/?$")
_WEB = re.compile(r"https?://([^/]+)/")
# Of SSH's configuration are `github-work` and `github.com-work`: so no host on the web is called.
_HOST = re.compile(r".+\.(?:xn--[a-z0-9-]+|[a-z0-9]+)")


class Place(Struct, frozen=True):
    """A checkout, and what Git says of it.

    Attributes:
        folder: as it was named on the command line.
        url: of the remote `origin`, without credentials; empty if there is none.
        is_on_github: whether that is a GitHub server. Without an origin it is taken for one.
    """

    folder: str
    url: str
    branch: str
    is_on_github: bool

    @property
    def repository(self) -> str:
        """`owner/name`; empty where no origin says."""
        found = _PATH.search(self.url) if self.is_on_github else None
        return f"{found[1]}/{found[2]}" if found else ""

    @property
    def owner(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def server(self) -> str:
        """The address of the server on GitHub, without a slash at the end."""
        if found := _WEB.match(self.url):
            return f"https://{found[1]}"
        host = host_and_path(self.url)[0]
        return f"https://{host}" if _HOST.fullmatch(host) else GITHUB

    def in_workflow(self, text: str) -> str:
        """A workflow, of which the branch `main` is the place's."""
        branch = "main" if self.branch == "main" else quoted(self.branch)
        return text.replace("branches: [main", f"branches: [{branch}")

    @property
    def git(self) -> str:
        """How a command of Git's begins that is about the checkout."""
        return f"git -C {shlex.quote(self.folder)}" if self.folder != "." else "git"

    @property
    def gh(self) -> str:
        """How a command of GitHub's ends that is about the repository: where it is not run in the
        checkout, it would be about another one."""
        if self.folder == "." or not self.repository:
            return ""
        host = self.server.partition("://")[2]
        return f" -R {self.repository if self.server == GITHUB else f'{host}/{self.repository}'}"

    def file(self, path: str) -> str:
        """A file of the checkout, as a command takes it."""
        return shlex.quote(posixpath.join(self.folder, path) if self.folder != "." else path)


def quoted(text: str) -> str:
    """A text as TOML and YAML both have it.

    Names of files that are not UTF-8 neither has: what they become is no TOML.
    """
    whole = json.dumps(text, ensure_ascii=False)
    return re.sub("[\x7f\ud800-\udfff]", lambda found: f"\\u{ord(found[0]):04x}", whole)
