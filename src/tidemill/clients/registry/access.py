"""Asking a registry as whoever it knows us to be: tokens, basic credentials, or as anybody.

The `Authorization` of a registry is sent to the registry's own origin and nowhere else: not to
where it redirects for blobs, and not to where it wants uploads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urljoin, urlsplit, urlunsplit

from msgspec import Struct
from msgspec.structs import replace

from tidemill.clients.http.client import (
    MOST_OF_AN_ERROR,
    REDIRECTS,
    Answer,
    Call,
    Http,
    Response,
    Tls,
    host_of,
    origin,
)
from tidemill.clients.http.trouble import Patience, Trouble, said_in
from tidemill.clients.registry.address import Address
from tidemill.clients.registry.credentials import Credentials, Kind, Logins
from tidemill.clients.registry.tokens import Challenge, Token, challenges, fetch
from tidemill.clients.registry.trust import Trust, tls_of
from tidemill.errors import Refused, ServerRefused, TidemillError

_MOST_REDIRECTS = 5
_SAME_AGAIN = frozenset({307, 308})
# One for the repository, and others for what the registry asks for then.
_MOST_TOKENS = 3


class Need(Struct, frozen=True):
    """What a request must be allowed to do: pull from `path`, or push too; mount from `lender`."""

    path: str
    push: bool = False
    lender: str | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        """As token servers are asked for it (distribution-spec, token scope)."""
        own = f"repository:{self.path}:{'pull,push' if self.push else 'pull'}"
        return (own,) if self.lender is None else (own, f"repository:{self.lender}:pull")


class Session:
    """What several repositories share: connections, credentials and tokens.

    Args:
        http: how registries are asked; credentials are found in its environment.
        now: a clock in seconds that only goes forward.
        registries: what the settings say of some, by `host[:port]`.
    """

    def __init__(
        self,
        http: Http,
        now: Callable[[], float] = time.monotonic,
        registries: Mapping[str, Trust] = {},
    ) -> None:
        self.http = http
        self.now = now
        self.registries = registries
        self.logins = Logins(http.environment)
        self.challenges: dict[str, Challenge] = {}
        self._hosts: dict[tuple[str, str], Access] = {}
        self._lock = threading.Lock()

    def tls(self, host: str) -> Tls:
        """What is trusted of a registry, and who we are there."""
        return tls_of(host, self.registries.get(host, Trust()), self.http.environment)

    def is_insecure(self, host: str) -> bool | None:
        """Whether a registry is spoken to over plain HTTP; None: if it is on this machine."""
        said = self.registries.get(host, Trust()).insecure
        return False if said is None and self.tls(host) != Tls() else said

    def access(self, address: Address) -> Access:
        """How the address's registry is asked: credentials may be for one repository alone."""
        with self._lock:
            key = (address.origin, address.path)
            if key not in self._hosts:
                self._hosts[key] = Access(address, self)
            return self._hosts[key]


class Access:
    """One repository's registry; get one from `Session.access`."""

    def __init__(self, address: Address, session: Session) -> None:
        self.address = address
        self._session = session
        tls = session.tls(address.host)
        self._http = session.http.trusting(tls)
        # Whoever else it leads us to is not told who we are, in TLS neither.
        self._elsewhere = session.http.trusting(replace(tls, own=None))
        self._lock = threading.Lock()
        self._known: Credentials | None = None
        self._has_looked = False
        self._has_asked = False
        self._tokens: dict[tuple[str, ...], Token] = {}
        # Scopes that the registry asked for although it had a token for the repository: it may know
        # the repository by another name, as behind a path of a proxy.
        self._also: tuple[str, ...] = ()

    def url(self, path: str) -> str:
        return f"{self.address.origin}/v2/{self.address.path}/{path}"

    def patience(self) -> Patience:
        return self._http.patience()

    def ask(self, call: Call, need: Need) -> Answer:
        """Ask until there is an answer, and read all of it.

        Raises:
            Unreachable, ServerRefused: there is none, or no token for it.
        """
        return self.patience().answer(lambda: self.ask_once(call, need))

    def ask_once(self, call: Call, need: Need) -> Answer:
        """Ask once, and read all of the answer; raise `Trouble` where that may pass."""
        with self.stream(call, need) as response:
            return response.answer()

    @contextmanager
    def stream(self, call: Call, need: Need) -> Iterator[Response]:
        """Ask once, with a new token if the old one is refused; redirects are followed."""
        authorization, is_new = self._authorization(need), False
        for _ in range(_MOST_TOKENS):
            with self._followed(call, authorization) as response:
                renewed = self._renewed(response, need, authorization, is_new=is_new)
                if renewed is None or renewed == authorization:
                    yield response
                    return
                response.start(MOST_OF_AN_ERROR)
            authorization, is_new = renewed, True
        with self._followed(call, authorization) as response:
            yield response

    @contextmanager
    def _followed(self, call: Call, authorization: str | None) -> Iterator[Response]:
        """Ask, and follow redirects: of what writes, those that want the very same request."""
        for _ in range(_MOST_REDIRECTS):
            own = authorization if self.is_own(call.url) else None
            with self._reached(call, own) as response:
                is_read = call.method in ("GET", "HEAD")
                if response.status not in (REDIRECTS if is_read else _SAME_AGAIN):
                    yield response
                    return
                response.start(MOST_OF_AN_ERROR)
                target = self.target(call.url, response.headers.get("Location", ""))
            call = replace(call, url=target)
        raise Refused(
            f"{self.address.host} redirects from one place to another without end",
            remedy="tell who runs the registry",
        )

    @contextmanager
    def _reached(self, call: Call, authorization: str | None) -> Iterator[Response]:
        is_own = self.is_own(call.url)
        try:
            with (self._http if is_own else self._elsewhere).stream(
                call, authorization
            ) as response:
                yield response
        except Trouble as trouble:
            if trouble.is_tls and is_own:
                host = self.address.host
                trouble.error.remedy += (
                    f', or give ca below [registries."{host}"] in tidemill.toml; if it speaks '
                    f"plain HTTP and may, give --insecure-registry {host}, or insecure there"
                )
            raise

    def target(self, url: str, location: str) -> str:
        """The address that a `Location` means; raise `Refused` if we should not go there."""
        try:
            target = urljoin(url, location)
            parts = urlsplit(target)
            is_fine = bool(
                location and parts.hostname and parts.username is None and (parts.port or 1) > 0
            )
        except ValueError:
            is_fine = False
        if not is_fine or parts.scheme not in ("http", "https"):
            raise Refused(
                f"{self.address.host} sends us to an address that can't be used",
                remedy="tell who runs the registry",
            )
        if parts.scheme == "http" and not self.address.is_plain:
            own = urlsplit(self.address.origin)
            if parts.hostname == own.hostname and parts.port in (own.port, 80):
                # A registry behind TLS that others speak for knows nothing of that.
                return urlunsplit(parts._replace(scheme="https", netloc=own.netloc))
            raise Refused(
                f"{self.address.host} sends us to plain HTTP, at {host_of(target)}",
                remedy="tell who runs the registry: what it stores must be reached over HTTPS",
            )
        return target

    def refused(self, answer: Answer, doing: str, need: Need) -> TidemillError:
        """The error for an answer that is a no; `doing` says what was asked for, as a verb."""
        address = self.address
        if not self.is_own(answer.url):
            return ServerRefused(
                f"{host_of(answer.url)}, where {address.host} leads us, refused to {doing}: "
                f"{answer.status}{said_in(answer.body)}",
                remedy=f"tell who runs {address.host}: who follows it must be let in there",
            )
        said = f"{answer.status}{said_in(answer.body)}"
        what = f"{address.host} refused to {doing}: {said}"
        remedy = "see what the registry says"
        whose, right = self._asked_with(), "push" if need.push else "pull"
        if need.push and doing.startswith("show"):
            right = "pull and push"
        match answer.status:
            case 401:
                what = f"{what}, asked {whose}"
                remedy = f"log in with a right to {right} there: docker login {address.host}"
            case 403:
                what = f"{what}, asked {whose}"
                remedy = f"give them the right to {right}, or see the quota of {address}"
                if self._known is None:
                    remedy = f"log in with a right to {right} there: docker login {address.host}"
            case 404:
                what = (
                    f"{address.host} knows no {address}, or hides it from us: {said}, asked {whose}"
                )
                remedy = "mend the name, make the repository there, or log in"
            case 413 | 507:
                what = f"{address.host} has no room to {doing}: {said}"
                remedy = "raise the limit of the registry, or of what stands before it"
            case _:
                pass
        return ServerRefused(what, remedy=remedy)

    def lied(self, what: str) -> Refused:
        """The error for what is not what it is said to be."""
        return Refused(
            f"{self.address} {what}",
            remedy="try again; if it stays so, the registry or a proxy before it is damaged",
        )

    def absent(self, digest: str) -> Refused:
        """The error for something that was asked for by its digest, and is not there."""
        return Refused(
            f"{digest} is not in {self.address}",
            remedy="push the whole image there, or mend the digest",
        )

    def _asked_with(self) -> str:
        """Whose name it is asked in, for people; never a secret."""
        return "without credentials" if self._known is None else f"with {self._known.what}"

    def is_own(self, url: str) -> bool:
        """Whether an address is the registry's own, and not where it leads us."""
        return origin(url) == origin(self.address.origin)

    def _credentials(self) -> Credentials | None:
        """What this machine knows; looked up once, and only when the registry asks who we are."""
        if not self._has_looked:
            self._known = self._session.logins.find(self.address.host, self.address.path)
            self._has_looked = True
        return self._known

    def _authorization(self, need: Need) -> str | None:
        """What to send at once, from what is known already."""
        with self._lock:
            challenge = self._session.challenges.get(self.address.origin)
            return self._made(challenge, need, refused=None) if challenge else None

    def _renewed(
        self, response: Response, need: Need, refused: str | None, *, is_new: bool
    ) -> str | None:
        """What to send instead of what was refused; None if there is nothing else, or no need.

        A token that was new is given up, unless the registry wants it to be for something else.
        """
        if not self.is_own(response.url):
            return None
        found = challenges(response.headers.get("WWW-Authenticate", ""))
        challenge = _preferred(found) if response.status == 401 else None
        if challenge is None and refused is None and response.status in (401, 403, 404):
            challenge = self._challenge_of_all()
        if challenge is None:
            return None
        with self._lock:
            self._session.challenges[self.address.origin] = challenge
            asked = {*need.scopes, *self._also}
            more = tuple(s for s in challenge.scopes if not _is_covered(s, asked))
            if refused is not None:
                self._also = (*more, *self._also)
            if is_new and not more:
                return None
            return self._made(challenge, need, refused)

    def _challenge_of_all(self) -> Challenge | None:
        """How the registry itself wants to be asked; some hide from strangers, and don't say so."""
        with self._lock:
            if self._has_asked or self._credentials() is None:
                return None
            self._has_asked = True
            try:
                with self._http.stream(Call("GET", f"{self.address.origin}/v2/")) as response:
                    header = response.headers.get("WWW-Authenticate", "")
                    return _preferred(challenges(header)) if response.status == 401 else None
            except Trouble:
                return None

    def _made(self, challenge: Challenge, need: Need, refused: str | None) -> str | None:
        known = self._credentials()
        if known and known.kind is Kind.BEARER:
            return f"Bearer {known.secret}"
        if challenge.scheme == "basic":
            return known.basic if known and known.kind is Kind.PASSWORD else None
        # A token to push is good for pulling too.
        for wider in (replace(need, push=True), need):
            token = self._tokens.get((*self._also, *wider.scopes))
            if token and token.authorization != refused and token.until > self._session.now():
                return token.authorization
        scopes = (*self._also, *need.scopes)
        token = fetch(self._elsewhere, challenge, scopes, known, self.address, self._session.now)
        self._tokens[scopes] = token
        return token.authorization


def _is_covered(scope: str, asked: set[str]) -> bool:
    """Whether a token for the scopes that were asked for would be for this one, too."""
    name, _, actions = scope.rpartition(":")
    every = (one.rpartition(":") for one in asked)
    return any(n == name and {*actions.split(",")} <= {*a.split(",")} for n, _, a in every)


def _preferred(found: list[Challenge]) -> Challenge | None:
    return next((one for one in found if one.scheme == "bearer"), found[0] if found else None)
