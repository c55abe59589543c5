"""Tokens of the stand-in: who holds one, for which repositories, with which permissions."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tidemill_sandbox.state.memory import Memory
from tidemill_sandbox.state.shapes import ACTIONS_APP_ID, Access, App, Cause, Repository

Kind = Literal["workflow", "installation", "user"]

_LIFETIMES: dict[Kind, timedelta] = {
    "workflow": timedelta(hours=24),
    "installation": timedelta(hours=1),
    "user": timedelta(days=30),
}
_APP_JWT_LIFE = timedelta(minutes=10)  # GitHub refuses a JWT that lives longer


@dataclass(frozen=True)
class Token:
    """What a token allows.

    Attributes:
        kind: a workflow's GITHUB_TOKEN, an App's installation token, or a person's own.
        repositories: `owner/name` in lower case; None: all.
        permissions: by GitHub's names: `contents`, `statuses`, `checks`, `actions`, `deployments`,
            `workflows`, ...; reading `metadata` is always allowed.
        run_id: of a workflow's token: its run.
    """

    text: str
    kind: Kind
    login: str
    repositories: frozenset[str] | None
    permissions: Mapping[str, Access]
    expires_at: datetime
    app_id: int | None = None
    installation_id: int | None = None
    run_id: int | None = None

    def reaches(self, repository: Repository) -> bool:
        """Whether it is for this repository at all."""
        return self.repositories is None or repository.name.lower() in self.repositories

    def allows(self, repository: Repository, permission: str, access: Access) -> bool:
        """Whether it may read or write this part of the repository, public ones aside."""
        if not self.reaches(repository):
            return False
        if permission == "metadata" and access == "read":
            return True
        if permission == "workflows" and self.kind == "workflow":
            return False  # no `permissions:` of a workflow can give it
        given = self.permissions.get(permission)
        return given in ("write", access)

    @property
    def cause(self) -> Cause:
        """Whose deed it is, what is done with it."""
        return Cause(self.login, self.app_id, self.run_id)

    @property
    def quota(self) -> str:
        """Tokens of one quota share their rate limits."""
        match self.kind:
            case "workflow":
                return f"workflow:{','.join(sorted(self.repositories or ()))}"
            case "installation":
                return f"installation:{self.installation_id}"
            case "user":
                return f"user:{self.login}"

    @property
    def refusal(self) -> str:
        """GitHub's words where its permissions don't suffice."""
        holder = "personal access token" if self.kind == "user" else "integration"
        return f"Resource not accessible by {holder}"


class Tokens:
    """All tokens that were minted and not revoked."""

    def __init__(self, hub: Memory) -> None:
        self._hub = hub
        self._tokens: dict[str, Token] = {}
        self._secret = secrets.token_hex(32)

    def mint(  # noqa: PLR0913 - each has a name
        self,
        kind: Kind,
        *,
        login: str,
        repositories: Iterable[str] | None,
        permissions: Mapping[str, Access],
        run_id: int | None = None,
        app_id: int | None = None,
        installation_id: int | None = None,
        lifetime: timedelta | None = None,
    ) -> str:
        """A new token.

        Args:
            kind: whose it is: "workflow" for a job (login `github-actions[bot]`, `run_id` given),
                "user" for a person.
            login: who acts with it.
            repositories: `owner/name` of each that it is for; None: all.
            permissions: by GitHub's names, "read" or "write".
            run_id: the run, of a job's token.
            app_id: the App, of an installation's token.
            installation_id: the installation, of its token.
            lifetime: GitHub's for the kind, unless given.
        """
        if kind == "workflow":
            app_id = ACTIONS_APP_ID
        # As long as GitHub's are going to be, and of every character that they may have: nobody
        # may count on a length or an alphabet.
        text = (
            f"github_pat_{secrets.token_hex(41)}"
            if kind == "user"
            else f"ghs_{app_id}_" + ".".join(secrets.token_urlsafe(120) for _ in range(3))
        )
        names = None if repositories is None else frozenset(name.lower() for name in repositories)
        until = self._hub.now() + (lifetime or _LIFETIMES[kind])
        token = Token(text, kind, login, names, dict(permissions), until, app_id,
                      installation_id, run_id)  # fmt: skip
        with self._hub.lock:
            self._hub.account(login)
            self._tokens[text] = token
        return text

    def who(self, text: str) -> Token | None:
        """The token of this text, if it is one, and in force."""
        token = self._tokens.get(text)
        return token if token is not None and self._hub.now() < token.expires_at else None

    def revoke(self, text: str) -> None:
        """End a token; nothing happens where it has ended."""
        with self._hub.lock:
            self._tokens.pop(text, None)

    # --- Apps, which sign their own

    def key_pair(self) -> tuple[str, str]:
        """A private and its public key, as PEM."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,  # as GitHub's downloads are
            serialization.NoEncryption(),
        )
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return private.decode(), public.decode()

    def app(self, text: str) -> App | str:
        """The App that signed this JWT; or, in GitHub's words, why it is none."""
        try:
            issuer = str(jwt.decode(text, options={"verify_signature": False}).get("iss"))
        except jwt.InvalidTokenError:
            return "A JSON web token could not be decoded"
        for app in self._hub.apps.values():
            if issuer in (str(app.id), app.client_id):
                return self._verified(text, app)
        return "Integration not found"

    def _verified(self, text: str, app: App) -> App | str:
        now = self._hub.now().timestamp()
        options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iat", "exp"]}
        try:
            claims = jwt.decode(text, app.public_key, algorithms=["RS256"], options=options)
        except jwt.InvalidTokenError:
            return "A JSON web token could not be decoded"
        if claims["exp"] <= now:
            return (
                "'Expiration time' claim ('exp') must be a numeric value representing the future "
                "time at which the assertion expires"
            )
        if claims["exp"] > now + _APP_JWT_LIFE.total_seconds() + 1:
            return "'Expiration time' claim ('exp') is too far in the future"
        if claims["iat"] > now:
            return "'Issued at' claim ('iat') is in the future"
        return app

    # --- the runner's own token for artifacts

    def runtime(self, run_id: int, job_id: int) -> str:
        """ACTIONS_RUNTIME_TOKEN for a job: a JWT whose scope names the run and the job."""
        now = self._hub.now()
        claims = {
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(hours=6)).timestamp()),
            "scp": f"Actions.Results:{run_id}:{job_id}",
        }
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def runtime_scope(self, text: str) -> tuple[int, int] | None:
        """The run and the job of a runtime token, None where it is not one of ours."""
        try:
            claims = jwt.decode(
                text,
                self._secret,
                algorithms=["HS256"],
                options={"verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError:
            return None
        if self._hub.now().timestamp() >= claims["exp"]:
            return None
        _, run_id, job_id = claims["scp"].split(":")
        return int(run_id), int(job_id)


def given_tokens(header: str) -> list[str]:
    """What may be a token in an Authorization header: of a pair, the password first."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return [value.strip()]
    if scheme.lower() != "basic":
        return [header] if header else []
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return [header]
    return [part for part in (password, user) if part]
