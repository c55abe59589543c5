"""Who we are to a registry: what a workflow says, or `docker login` and `podman login` have left.

A secret leaves here only in an `Authorization` header or in the body of a request for a token; it
is in no message, no log and no command line.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from tidemill.clients.machine.processes import answer
from tidemill.errors import Refused
from tidemill.words.json_types import as_go_reads, learnt
from tidemill.words.names import shown
from tidemill.words.references import OF_DOCKER_HUB
from tidemill.words.unreadable import UNREADABLE

HELPER_SECONDS = 30.0
WORKFLOW_TOKEN = "TIDEMILL_WORKFLOW_TOKEN"  # noqa: S105 - the name of a variable
# What helpers know Docker's own registry by.
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LARGEST = 4 << 20


class Kind(Enum):
    """What a secret is good for."""

    PASSWORD = "password"  # noqa: S105 - a kind of secret, not one
    IDENTITY = "identity token"
    BEARER = "registry token"


@dataclass(frozen=True)
class Credentials:
    """A secret, whose it is, and where it was found (`source`, as it may be shown)."""

    source: str
    kind: Kind
    secret: str = field(repr=False)
    user: str = field(default="", repr=False)

    @property
    def what(self) -> str:
        """What they are, as it may be shown."""
        return f"the {self.kind.value} of {self.source}"

    @property
    def basic(self) -> str:
        """The `Authorization` of basic authentication (RFC 7617)."""
        both = f"{self.user}:{self.secret}".encode(errors="surrogateescape")
        return f"Basic {base64.b64encode(both).decode()}"


class _Auth(msgspec.Struct, rename="lower"):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""
    registrytoken: str = ""


class _Settings(msgspec.Struct, rename="camel"):
    auths: dict[str, _Auth] = {}
    creds_store: str = ""
    cred_helpers: dict[str, str] = {}


class _HelperAnswer(msgspec.Struct, rename="pascal"):
    username: str
    secret: str


class Logins:
    """The credentials that an environment leads to; each helper is asked once for each registry."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._helped: dict[tuple[str, str], Credentials | None] = {}
        self._lock = threading.Lock()

    def find(self, host: str, path: str) -> Credentials | None:
        """The credentials for a repository; None if there are none, so it is asked as anybody.

        For the registry TIDEMILL_REGISTRY those of TIDEMILL_REGISTRY_USERNAME and _PASSWORD come
        first, so that a workflow needs no login that writes a file. Where that registry is the one
        of this run's GitHub, the workflow's own token stands for a password that is not given; it
        goes to no other registry, not even where it is given as the password. The file that
        REGISTRY_AUTH_FILE names is next, then Docker's `config.json`, in DOCKER_CONFIG or in
        `~/.docker`, then Podman's `containers/auth.json`, in XDG_RUNTIME_DIR, and in
        XDG_CONFIG_HOME or `~/.config`. In a file, a credential helper comes before what the file
        itself has, and an entry for a part of a registry (`host/owner`, as Podman writes) before
        one for all of it.

        Raises:
            Refused: a file or an entry of it can't be read, or a helper failed; or the workflow's
                token is given for another registry.
            TimeLimit: a helper did not answer.
        """
        if said := _said(self._environment, host):
            return said
        for file in _files(self._environment):
            settings = _settings(file)
            if settings is None:
                continue
            found = self._of_helper(settings, host, file) or _of_file(settings, host, path, file)
            if found:
                return found
        return None

    def _of_helper(self, settings: _Settings, host: str, file: Path) -> Credentials | None:
        helpers = {_plain(key): name for key, name in settings.cred_helpers.items()}
        own = next((helpers[name] for name in _names(host) if name in helpers), None)
        helper = own or settings.creds_store
        if not helper:
            return None
        key = _DOCKER_HUB_KEY if host in OF_DOCKER_HUB else host
        with self._lock:
            if (helper, key) not in self._helped:
                self._helped[helper, key] = _asked(helper, key, file, self._environment)
            return self._helped[helper, key]


def _names(host: str) -> tuple[str, ...]:
    return OF_DOCKER_HUB if host in OF_DOCKER_HUB else (host,)


def _said(environment: Mapping[str, str], host: str) -> Credentials | None:
    given, user, secret = (
        environment.get(f"TIDEMILL_REGISTRY{part}", "") for part in ("", "_USERNAME", "_PASSWORD")
    )
    registry = _plain(given.strip()).partition("/")[0].lower()
    if registry not in _names(host):
        return None
    token = environment.get(WORKFLOW_TOKEN, "").strip()
    own = of_github(environment.get("GITHUB_SERVER_URL", ""))
    if token and registry == own and secret.strip() in ("", token):
        user = user or environment.get("GITHUB_ACTOR", "")
        return Credentials(WORKFLOW_TOKEN, Kind.PASSWORD, token, user)
    if token and secret.strip() == token:
        raise Refused(
            f"the workflow's own token is given as the password for {shown(host)}, and is for "
            f"{own or 'no registry'} alone",
            remedy="give a password of that registry: the input registry-password of the action, "
            "the secret registry-password of publish-images",
        )
    if not secret:
        return None
    return Credentials("TIDEMILL_REGISTRY_PASSWORD", Kind.PASSWORD, secret, user)


def of_github(server: str) -> str | None:
    """The registry of containers that belongs to a GitHub server; None where it can't be known.

    ghcr.io is github.com's; `containers.` stands before the host of an Enterprise server, and of
    Enterprise Cloud with data residency (docs.github.com, "Working with the Container registry").
    """
    parts = urlsplit(server.strip().rstrip("/") or "https://github.com")
    if parts.scheme != "https" or not parts.hostname or parts.port not in (None, 443):
        return None
    return "ghcr.io" if parts.hostname == "github.com" else f"containers.{parts.hostname}"


def _files(environment: Mapping[str, str]) -> list[Path]:
    named, home = environment.get("REGISTRY_AUTH_FILE"), environment.get("HOME")
    files = [Path(named)] if named else []
    for variable, in_home, name in (
        ("DOCKER_CONFIG", ".docker", "config.json"),
        ("XDG_RUNTIME_DIR", None, "containers/auth.json"),
        ("XDG_CONFIG_HOME", ".config", "containers/auth.json"),
    ):
        if folder := environment.get(variable):
            files.append(Path(folder) / name)
        elif home and in_home:
            files.append(Path(home) / in_home / name)
    return files


def _settings(file: Path) -> _Settings | None:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LARGEST).strip()
        return as_go_reads(data if data not in (b"", b"null") else b"{}", _Settings)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Refused(
            f"the credentials in {file} can't be read: {error.strerror}",
            remedy="mend the file's rights, or name another one with DOCKER_CONFIG",
        ) from None
    except UNREADABLE:
        # The decoder's message may quote the file, and so a secret.
        raise Refused(
            f"{file} is not the JSON that docker login writes", remedy="mend it, or log in again"
        ) from None


def _of_file(settings: _Settings, host: str, path: str, file: Path) -> Credentials | None:
    entries = {_plain(name): (name, auth) for name, auth in settings.auths.items()}
    parts = path.split("/")
    for depth in range(len(parts), -1, -1):
        for name in _names(host):
            entry = entries.get("/".join((name, *parts[:depth])))
            if entry and (found := _of_entry(*entry, file)):
                return found
    return None


def _plain(key: str) -> str:
    """A key as `host/path`: Docker writes some as addresses, with the version of the interface."""
    bare = re.sub(r"^https?://", "", key).rstrip("/")
    return re.sub(r"/v[12]$", "", bare)


def _of_entry(name: str, auth: _Auth, file: Path) -> Credentials | None:
    source = f"{file} (auths, {shown(name)})"
    if auth.registrytoken:
        return Credentials(source, Kind.BEARER, auth.registrytoken)
    user, password = auth.username, auth.password
    if auth.auth:
        try:
            # Whoever writes it may break its lines; the bytes are only passed on.
            lines = re.sub(r"[\r\n]", "", auth.auth)
            decoded = base64.b64decode(lines, validate=True).decode(errors="surrogateescape")
        except ValueError:  # not base64
            decoded = ""
        user, colon, password = decoded.partition(":")
        if not colon or not user:
            raise Refused(
                f"the entry for {shown(name)} in {file} can't be read",
                remedy=f"log in again: docker login {_plain(name).split('/')[0]}",
            )
        password = password.strip("\0")
    if auth.identitytoken:
        return Credentials(source, Kind.IDENTITY, auth.identitytoken, user)
    return Credentials(source, Kind.PASSWORD, password, user) if user else None


def _asked(helper: str, key: str, file: Path, environment: Mapping[str, str]) -> Credentials | None:
    """Ask a credential helper (docker-credential-helpers, README); None: it knows nothing."""
    if not _HELPER.fullmatch(helper):
        raise Refused(
            f"{shown(helper)} in {file} is not the name of a credential helper",
            remedy="mend credsStore or credHelpers there",
        )
    program = f"docker-credential-{helper}"
    try:
        code, output, _ = answer(
            [program, "get"], env=environment, data=key.encode(), seconds=HELPER_SECONDS
        )
    except OSError as error:
        raise Refused(
            f"{program}, which {file} asks for, can't be started: {error.strerror}",
            remedy="install it, or take it out of the file and log in again",
        ) from None
    if code:
        if b"credentials not found" in output:
            return None
        raise Refused(
            f"{program} failed for {key}, with exit code {code}",
            remedy=f"see what it says: echo {key} | {program} get",
        )
    try:
        found = msgspec.json.decode(output, type=learnt(_HelperAnswer))
    except UNREADABLE:
        raise Refused(
            f"{program} gave no answer that can be read for {key}",
            remedy="see whether it is a credential helper of Docker's",
        ) from None
    kind = Kind.IDENTITY if found.username == "<token>" else Kind.PASSWORD
    user = "" if kind is Kind.IDENTITY else found.username
    return Credentials(f"{program} ({file})", kind, found.secret, user)
