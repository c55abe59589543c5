"""How Git reaches a repository: its address, and the token for it.

Both are in the environment of Git alone, never in a file or an argument: the address may hold a
password, and other users of a machine see arguments. The token is only in the environment of the
processes that talk to the remote.
"""

from __future__ import annotations

import os
import re
import shlex
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tidemill.clients.git.git import REMOTE_SECONDS, Git, configured, lines
from tidemill.clients.github.place import of_url, token_for
from tidemill.errors import Refused
from tidemill.words.urls import redacted

_USER = "x-access-token"
_FILE = "file://"
_LEADS_TO = b"gitdir: "  # gitrepository-layout(5): a file `.git`, of a linked worktree
_LENGTH_OF_SHA_256 = 64  # hex digits
_LONGEST_PATH = 8192  # bytes, with what stands before it
_PARTIAL = re.compile(rb"^\s*promisor\s*=\s*true\b", re.MULTILINE | re.IGNORECASE)
# A server that is started here does what is needed, whatever its repository is configured to.
SERVE = (
    "-c",
    "uploadpack.allowFilter=true",
    "-c",
    "uploadpack.allowAnySHA1InWant=true",
    "upload-pack",
)


@dataclass(frozen=True)
class Remote:
    """A repository somewhere else.

    Attributes:
        url: anything that `git clone` takes.
        token: for HTTP; None where Git is to find its own credentials.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    @property
    def where(self) -> str:
        """The address, as it may stand in a message."""
        return redacted(self.url)

    @property
    def is_here(self) -> bool:
        """Whether it is a folder of this machine."""
        return is_folder(self.url)

    @property
    def folder(self) -> Path | None:
        """Where it is on this machine, however it is named; None where it is elsewhere."""
        is_file = self.url.startswith(_FILE)
        named = unquote_to_bytes(os.fsencode(self.url.removeprefix(_FILE)))
        found = _absolute(os.fsdecode(named)) if is_file else self.url
        return Path(found) if is_folder(found) else None

    @property
    def is_partial(self) -> bool:
        """Whether it is a clone that left files out: it gives to nobody what it lacks."""
        config = self.folder / "config" if self.folder else None
        return bool(config and config.is_file() and _PARTIAL.search(config.read_bytes()))

    def known(self, folder: Path) -> dict[str, str]:
        """The environment for Git in the bare repository `folder`, which so has this remote."""
        return {"GIT_DIR": str(folder), **configured(self._settings())}

    def reached(self, folder: Path) -> dict[str, str]:
        """The same, with the token."""
        if self.token is None:
            return self.known(folder)
        return {
            "GIT_DIR": str(folder),
            **with_token(self.url, self.token, self._settings()),
        }

    def remedy(self, right: str) -> str:
        """What to do where the repository does not let us `read` or `write`."""
        if right == "read" and self.folder and owner_of_another(self.folder) is not None:
            return trusting(self.folder)
        place = of_url(self.url)
        if self.token is not None:
            name = place.repository if place else self.where
            return (
                f"check the address and the network, and give the token `contents: {right}` for "
                f"{name}: in the job's `permissions:`, or in the rights of the App"
            )
        if place is not None:
            return (
                f"check the address and the network; if {place.repository} is not public, give a "
                f"token with `contents: {right}` for it in TIDEMILL_TOKEN"
            )
        return f"check the address, the network and the right to {right} it, then run it again"

    def _settings(self) -> list[tuple[str, str]]:
        settings = [
            ("remote.origin.url", self.url),
            ("remote.origin.promisor", "true"),
            ("remote.origin.partialclonefilter", "blob:none"),
        ]
        if is_path(self.url) or self.url.startswith(_FILE):
            settings.append(("remote.origin.uploadpack", f"git {' '.join(SERVE)}"))
        if self.is_here:
            # It is read as it is, so no configuration may have it written to in another place.
            settings += [
                (f"url.{self.url}.{key}", self.url) for key in ("insteadOf", "pushInsteadOf")
            ]
        return settings


def remote(url: str) -> Remote:
    """The repository at `url`, with the token of this run if it is for that server."""
    found = _absolute(url)
    return Remote(found, token_for(found))


def refuse_sha_256(sha: str, where: str) -> None:
    """Raise `Refused` where a repository names its objects by SHA-256, as one of its names tells.

    Args:
        where: the repository, as it may stand in a message.
    """
    if len(sha) == _LENGTH_OF_SHA_256:
        raise Refused(
            f"{where} has SHA-256 for its commits, and Tidemill takes repositories with SHA-1 only",
            remedy="put its files into a new repository, made by git init --object-format=sha1",
        )


def owner_of_another(*folders: Path) -> int | None:
    """Whose a repository is that Git does not read because of that: a uid; None if it is ours."""
    others = {one.stat().st_uid for one in folders} - {os.geteuid()}
    return max(others, default=None)


def trusting(folder: Path) -> str:
    """The command after which Git reads a repository that belongs to somebody else."""
    return f"git config --global --add safe.directory {shlex.quote(str(folder))}"


def listed(out: bytes) -> tuple[dict[str, str], str | None]:
    """All refs that `git ls-remote --symref` has printed, and the branch that HEAD names."""
    pairs = [line.partition("\t")[::2] for line in lines(out)]
    refs = {ref: sha for sha, ref in pairs if ref.startswith("refs/") and not ref.endswith("^{}")}
    named = (sha for sha, ref in pairs if ref == "HEAD" and sha.startswith("ref: "))
    head = next(named, "").removeprefix("ref: ").removeprefix("refs/heads/")
    return refs, head or None


def with_token(url: str, token: str, settings: list[tuple[str, str]]) -> dict[str, str]:
    """Variables that configure Git with `settings`, and to show the token to `url` and no other.

    A header for the whole address counts more than one for its server, and the empty one takes
    away all that were there before: GitHub refuses a request with two.
    Git gives the header to whatever server it is sent on to, so it is not sent on.
    """
    header = b64encode(f"{_USER}:{token}".encode()).decode()
    return {
        **configured(
            [
                *settings,
                (f"http.{url}.extraHeader", ""),
                (f"http.{url}.extraHeader", f"Authorization: Basic {header}"),
                (f"http.{url}.followRedirects", "false"),
                ("credential.helper", ""),
            ]
        ),
        "GIT_ASKPASS": "",
        "GIT_TRACE_REDACT": "1",
        # Git's second tracing can write down variables and settings, but none of these names.
        "GIT_TRACE2_ENV_VARS": "LC_ALL",
        "GIT_TRACE2_CONFIG_PARAMS": "core.bare",
    }


def reach(git: Git, address: str, *arguments: str) -> tuple[int, bytes, str]:
    """Run `git arguments…` on a remote, once more with this run's token where that fails.

    Returns what `Git.attempt` does.
    """
    done = git.attempt(*arguments, seconds=REMOTE_SECONDS)
    if done[0] != 0 and (token := token_for(address)):
        env = with_token(address, token, [])
        done = git.attempt(*arguments, env=env, seconds=REMOTE_SECONDS)
    return done


def is_path(url: str) -> bool:
    """Whether `url` is a path that exists; not even a path, if it is too long for one."""
    return os.path.exists(url)  # noqa: PTH110 - Path.exists raises for what can't be a path


def is_folder(url: str) -> bool:
    """Whether `url` is a folder, in which there is a repository then."""
    return os.path.isdir(url)  # noqa: PTH112 - as in `is_path`


def _absolute(url: str) -> str:
    """A path in full, looked for as Git does it; any other address as it is."""
    found = next((path for path in (f"{url}/.git", url, f"{url}.git") if is_path(path)), None)
    return os.path.realpath(_shared(found)) if found else url


def _shared(found: str) -> str:
    """The repository that a linked worktree, or a submodule, is of; else what was found."""
    file = Path(found)
    if not file.is_file() or file.stat().st_size > _LONGEST_PATH or not os.access(file, os.R_OK):
        return found  # Git says what it thinks of it
    said = file.read_bytes()
    if not said.startswith(_LEADS_TO):
        return found
    own = file.parent / os.fsdecode(said.removeprefix(_LEADS_TO).rstrip(b"\n"))
    common = own / "commondir"
    return str(own / os.fsdecode(common.read_bytes().rstrip(b"\n")) if common.is_file() else own)
