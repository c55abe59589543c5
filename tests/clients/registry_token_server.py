"""A server of tokens, as a registry with `auth: token` trusts one.

It knows one person, `ada`, who may do everything but below `secret/`; anybody may pull from below
`public/`. An
identity token stands for her too.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.clients.registry_trouble import Quiet, Server

USER, PASSWORD, IDENTITY = "ada", "open sesame", "the identity of ada"
SERVICE, ISSUER = "registry of the tests", "issuer of the tests"


@dataclass(frozen=True)
class Asked:
    """A request for a token: who asked, by which method, and the scopes."""

    method: str
    who: str | None
    scopes: tuple[str, ...]


@dataclass
class TokenServer:
    """`realm` is its address, `asked` what it was asked; `lasts` is what it says of its tokens."""

    certificate: Path
    key: ec.EllipticCurvePrivateKey
    chain: list[str]
    realm: str = ""
    lasts: int = 300
    asked: list[Asked] = field(default_factory=list)

    @property
    def overrides(self) -> dict[str, object]:
        """What to configure a registry with, so that it trusts this server."""
        token = {
            "realm": self.realm,
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": str(self.certificate),
        }
        return {"auth": {"token": token}}

    def token(self, who: str | None, scopes: tuple[str, ...]) -> str:
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "sub": who or "",
            "aud": SERVICE,
            "nbf": now - timedelta(minutes=1),
            "iat": now,
            "exp": now + timedelta(hours=1),
            "jti": secrets.token_hex(8),
            "access": [granted for scope in scopes if (granted := _granted(who, scope))],
        }
        return jwt.encode(claims, self.key, algorithm="ES256", headers={"x5c": self.chain})


def self_signed(name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key, and a certificate of its own for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(whose)
        .issuer_name(whose)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@contextmanager
def token_server(folder: Path) -> Iterator[TokenServer]:
    """A token server, until the block ends; its certificate is in the folder."""
    key, certificate = self_signed(ISSUER)
    file = folder / "token-server.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = certificate.public_bytes(serialization.Encoding.DER)
    tokens = TokenServer(file, key, [base64.b64encode(plain).decode()])
    server = _Server(_Handler)
    server.tokens = tokens
    tokens.realm = f"http://127.0.0.1:{server.server_address[1]}/token"
    try:
        yield tokens
    finally:
        server.stop()


class _Server(Server):
    tokens: TokenServer


class _Handler(Quiet):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        query = parse_qs(urlsplit(self.path).query)
        header = self.headers.get("Authorization")
        who = None
        if header:
            given = base64.b64decode(header.removeprefix("Basic ")).decode()
            if given != f"{USER}:{PASSWORD}":
                self._say(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]})
                return
            who = USER
        self._grant("GET", who, tuple(query.get("scope", [])), query["service"][0])

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form["grant_type"] != ["refresh_token"] or form["refresh_token"] != [IDENTITY]:
            self._say(401, {"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]})
            return
        self._grant("POST", USER, tuple(form["scope"][0].split(" ")), form["service"][0])

    def _grant(self, method: str, who: str | None, scopes: tuple[str, ...], service: str) -> None:
        tokens = self.server.tokens
        assert service == SERVICE
        tokens.asked.append(Asked(method, who, scopes))
        name = "access_token" if method == "POST" else "token"
        self._say(200, {name: tokens.token(who, scopes), "expires_in": tokens.lasts})

    def _say(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _granted(who: str | None, scope: str) -> dict[str, Any] | None:
    kind, name, actions = scope.split(":")
    if who == USER and not name.startswith("secret/"):
        return {"type": kind, "name": name, "actions": actions.split(",")}
    if name.startswith("public/"):
        return {"type": kind, "name": name, "actions": ["pull"]}
    return None
