"""Tokens for registries: who is asked for one, and how (distribution, "Token Authentication").

The request for one goes where the registry says, with the credentials for the registry. So that
no one on the way can ask for them: never over plain HTTP for a registry that speaks HTTPS, and
never further, where that server redirects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from tidemill.clients.http.client import Answer, Body, Call, Http, host_of
from tidemill.clients.http.trouble import said_in
from tidemill.clients.registry.address import Address
from tidemill.clients.registry.credentials import Credentials, Kind
from tidemill.errors import Refused, ServerRefused
from tidemill.words.json_types import as_go_reads
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

CLIENT = "tidemill"
# A token without a time is good for this long, and none is used in its last seconds.
_SHORTEST = 60.0
_MARGIN = 10.0
# Nothing that was taken is given back (`++`), so that no header takes long.
_PART = re.compile(r'[\s,]*+([A-Za-z0-9_-]++)=(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]++))')
_SCHEME = re.compile(r"[\s,]*+([A-Za-z0-9_-]++)(?=\s|,|$)")


class Challenge(Struct, frozen=True):
    """How a registry wants to be asked: `scheme` in lower case; for `bearer`, where tokens are.

    `scopes` are what it wants the token to be for.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Token:
    """The `Authorization` for some scopes, good until the session's clock shows `until`."""

    authorization: str = field(repr=False)
    until: float


class _Grant(msgspec.Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = 0.0


def challenges(header: str) -> list[Challenge]:
    """Those challenges of a `WWW-Authenticate` that can be met (RFC 9110, 11.6.1)."""
    found = []
    where = 0
    while scheme := _SCHEME.match(header, where):
        where = scheme.end()
        values: dict[str, str] = {}
        while part := _PART.match(header, where):
            where = part.end()
            quoted = re.sub(r"\\(.)", r"\1", part[2]) if part[2] is not None else part[3]
            values.setdefault(part[1].lower(), quoted)
        name = scheme[1].lower()
        if name in ("bearer", "basic"):
            scopes = tuple(values.get("scope", "").split())
            realm, service = values.get("realm", ""), values.get("service", "")
            found.append(Challenge(name, realm, service, scopes))
    return found


def fetch(
    http: Http,
    challenge: Challenge,
    scopes: Sequence[str],
    known: Credentials | None,
    address: Address,
    now: Callable[[], float],
) -> Token:
    """A new token.

    Raises:
        Refused: the registry sends us somewhere where credentials must not go.
        ServerRefused: the token server says no.
        Unreachable: it does not answer.
    """
    _check_realm(challenge.realm, address)
    call, authorization = _request(challenge, scopes, known)

    def ask() -> tuple[float, Answer]:
        asked = now()
        with http.stream(call, authorization) as response:
            return asked, response.answer()

    asked, answer = http.patience().answer(ask)
    host = host_of(challenge.realm)
    if not answer.is_fine:
        whose = f"with {known.what}" if known else "without credentials"
        said = f"{answer.status}{said_in(answer.body)}"
        raise ServerRefused(
            f"{host} gave no token for {address}: {said}, asked {whose}",
            remedy=f"log in with a right to {_right(scopes)}: docker login {address.host}",
        )
    try:
        granted = as_go_reads(answer.body, _Grant)
    except UNREADABLE:
        granted = _Grant()
    secret = granted.token or granted.access_token
    if not re.fullmatch(r"[\x21-\x7e]+", secret):
        raise ServerRefused(
            f"{host} gave no token that can be used for {address}",
            remedy="tell who runs the registry",
        )
    lasts = max(granted.expires_in, _SHORTEST)
    return Token(f"Bearer {secret}", asked + lasts - _MARGIN)


def _right(scopes: Sequence[str]) -> str:
    return "push" if any(scope.endswith("push") for scope in scopes) else "pull"


def _check_realm(realm: str, address: Address) -> None:
    try:
        parts = urlsplit(realm)
        is_fine = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
    except ValueError:
        is_fine = False
    if not is_fine:
        raise Refused(
            f"{address.host} names {shown(realm)} as where tokens are",
            remedy="tell who runs the registry",
        )
    if parts.scheme == "http" and not address.is_plain:
        raise Refused(
            f"{address.host} wants its credentials sent over plain HTTP, to {host_of(realm)}",
            remedy="tell who runs the registry: tokens must be given over HTTPS",
        )


def _request(
    challenge: Challenge, scopes: Sequence[str], known: Credentials | None
) -> tuple[Call, str | None]:
    """The request for a token: OAuth 2 for an identity token, else GET, with a password or none."""
    if known and known.kind is Kind.IDENTITY:
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "service": challenge.service,
                "scope": " ".join(scopes),
                "client_id": CLIENT,
                "refresh_token": known.secret,
            }
        ).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return Call("POST", challenge.realm, headers, Body.of(form)), None
    parts = urlsplit(challenge.realm)
    query = [*parse_qsl(parts.query), *(("scope", scope) for scope in scopes)]
    if challenge.service:
        query.append(("service", challenge.service))
    url = urlunsplit(parts._replace(query=urlencode(query, quote_via=quote, safe=":,/")))
    return Call("GET", url), known.basic if known else None
