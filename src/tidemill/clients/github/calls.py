"""Calls to GitHub's APIs, one at a time, through PyGithub: patient, and clear when refused.

PyGithub makes a request what GitHub wants it to be; how it is sent, and how often, is the same as
with registries. PyGithub is imported with the first call. Nothing here shows the token: it is in a
header, and in no address and no message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, ItemsView, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from tidemill.clients.github.place import Place
from tidemill.clients.github.refusals import (
    LIMITS,
    PATIENCE,
    nonsense,
    refusal,
    refused_query,
    silence,
    trouble_in,
)
from tidemill.clients.http.client import REDIRECTS, Answer, Body, Call, Http
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.machine.beside import Beside, Late
from tidemill.images.image_store import quiet
from tidemill.words.json_types import learnt
from tidemill.words.unreadable import UNREADABLE

if TYPE_CHECKING:
    from github.Requester import Requester

SECONDS = 30.0
MOST_SECONDS = 120.0
PAGE = 100
MOST_PAGES = 50
GRAPHQL = "graphql"  # in place of a path, for there is one address for all repositories
_API_VERSION = "2022-11-28"
_PACED_AFTER, _PACE = 20, 1.0
_T = TypeVar("_T")


class Request(Struct, frozen=True):
    """One request below `/repos/OWNER/NAME`, or `below` another place.

    Attributes:
        doing: what it does, as in "read the rules of main".
        need: the permission that it takes, as in `contents: write`.
        is_once: whether done again it would be done twice: it is asked again only where a limit
            kept it from being done.
    """

    path: str
    doing: str
    need: str
    verb: str = "GET"
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    below: str | None = None
    is_once: bool = False


class _GraphQLError(msgspec.Struct):
    type: str = ""
    message: str = "an error without a message"


class _GraphQLAnswer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: tuple[_GraphQLError, ...] = ()


class Calls:
    """Calls about one repository.

    Args:
        pause: waits for some seconds; `clock` gives seconds since 1970.
        say: is given one line about each pause.
        seconds: how long the server may be silent; `most_seconds`: how long it may take in all.
    """

    def __init__(
        self,
        place: Place,
        token: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = quiet,
        seconds: float = SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self.place = place
        # Without chance: GitHub asks for pauses that are no shorter than this.
        self.http = Http(seconds=seconds, pause=pause, chance=lambda: 1.0, progress=say)
        self._token = token
        self._pause = pause
        self._clock = clock
        self._most_seconds = most_seconds
        self._writes = 0
        self._opened: Requester | None = None

    def elsewhere(self, repository: str) -> Calls:
        other = copy(self)
        other.place = Place(self.place.server, repository, self.place.api)
        return other

    def get_or_none(self, request: Request, kind: type[_T]) -> _T | None:
        """What is asked for, as `kind`; None where it is not there or this token may not see it.

        Raises:
            ServerRefused, Refused: GitHub says no, and the error which permission is missing.
            Unreachable: it does not answer, or a limit lasts longer than patience does.
        """
        answer = self.answer(request)
        if answer.status in (403, 404):
            return None
        return self.decoded(request, answer, kind)

    def get_unless_absent(self, request: Request, kind: type[_T], seen: Request) -> _T | None:
        """What is asked for, as `kind`; None where it is not there. Errors as with `get_or_none`.

        Args:
            seen: asks for what it would be in: an error, if that is what this token may not see.
        """
        answer = self.answer(request)
        if answer.status == 404:
            self.get(seen, object)
            return None
        return self.decoded(request, answer, kind)

    def pages(
        self,
        request: Request,
        kind: type[_T],
        *,
        absent: Callable[[Answer], bool] = lambda _: False,
    ) -> Iterator[_T]:
        """The pages of a list, each as `kind`; one is asked for only when it is wanted.

        Args:
            absent: whether an answer says that this server has no such list: then it is empty.
        """
        for page in range(1, MOST_PAGES + 1):
            more = {**request.parameters, "per_page": str(PAGE), "page": str(page)}
            asked = replace(request, parameters=more)
            answer = self.answer(asked)
            if absent(answer):
                return
            yield self.decoded(asked, answer, kind)
            if 'rel="next"' not in answer.headers.get("Link", ""):
                return

    def post(self, request: Request, kind: type[_T]) -> _T:
        """Write something, and return what GitHub made of it; errors as with `get_or_none`."""
        self._writes += 1
        if self._writes > _PACED_AFTER:
            self._pause(_PACE)  # many writes at once meet the secondary limit
        return self.decoded(request, self.answer(request), kind)

    def query(self, request: Request, kind: type[_T]) -> _T:
        """What a query of the GraphQL API gives, as `kind`; it is the body of the request.

        Raises:
            Unreachable: the limit of its points is used up; and as with `get_or_none`.
            ServerRefused: GitHub names an error, also where it gives a part of the data.
        """
        found = self.decoded(request, self.answer(request), _GraphQLAnswer)
        if found.errors:
            kinds = {one.type for one in found.errors}
            said = "; ".join(dict.fromkeys(one.message for one in found.errors[:3]))
            raise refused_query(request.doing, request.need, self.place.repository, kinds, said)
        return self._read(request, found.data, kind)

    def location(self, request: Request) -> str:
        """Where a redirect leads, which is not followed: it may hold a secret of its own."""
        answer = self.answer(request)
        location = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not location:
            raise refusal(answer, request.doing, request.need, self.place.repository)
        return location

    def answer(self, request: Request) -> Answer:
        """Ask until there is an answer that waiting does not change."""
        repository = self.place.repository

        def ask() -> Answer:
            try:
                answer = self._ask(request)
            except Trouble as no_answer:
                raise (no_answer.error if request.is_once else no_answer) from None
            refused = refusal(answer, request.doing, request.need, repository)
            trouble = trouble_in(answer, refused, patience.tried, self._clock(), repository)
            if trouble is not None:
                is_last = request.is_once and answer.status not in LIMITS
                raise trouble.error if is_last else trouble
            return answer

        patience = self.http.patience(PATIENCE)
        return patience.answer(ask)

    def get(self, request: Request, kind: type[_T]) -> _T:
        """What is asked for, as `kind`; errors as with `get_or_none`, also for what is absent."""
        return self.decoded(request, self.answer(request), kind)

    def decoded(self, request: Request, answer: Answer, kind: type[_T]) -> _T:
        """An answer as `kind`; raises what it says, where it is none."""
        if not answer.is_fine:
            raise refusal(answer, request.doing, request.need, self.place.repository)
        return self._read(request, answer.body or b"null", kind)

    def _read(self, request: Request, data: bytes | msgspec.Raw, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(data, type=learnt(kind))
        except UNREADABLE:
            raise nonsense(request.doing, self.place.api) from None

    def _ask(self, request: Request) -> Answer:
        """Ask once; raise `Trouble` where there is no answer."""
        requester = self._requester()
        place = f"/repos/{self.place.repository}" if request.below is None else request.below
        below = f"{place}{request.path}"
        connection: Any = _Connection(self.http, self.place.api)
        try:
            Beside(
                lambda: requester.requestJson(
                    request.verb,
                    requester.graphql_url if request.path == GRAPHQL else below,
                    dict(request.parameters),
                    {"Accept": "application/vnd.github+json"},
                    dict(request.body) if request.body is not None else None,
                    cnx=connection,
                ),
                self._most_seconds,
            ).result()
        except Late:
            why = f"no whole answer within {self._most_seconds:g} s"
            raise silence(why, self.place.api) from None
        except Trouble as trouble:
            remedy = trouble.error.remedy if trouble.tries == 1 else None
            raise silence(trouble.error.what, self.place.api, remedy) from None
        except (RuntimeError, AssertionError):  # what PyGithub says of redirects
            raise nonsense(request.doing, self.place.api) from None
        answer: Answer = connection.answer
        return answer

    def _requester(self) -> Requester:
        if self._opened is None:
            from github import Auth, Github

            opened = Github(
                auth=Auth.Token(self._token),
                base_url=self.place.api,
                user_agent="tidemill",
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
                lazy=True,
                api_version=_API_VERSION,
            )
            self._opened = opened.requester
        return self._opened


class _Connection:
    """What PyGithub takes for a connection of its own: it asks by `Http`, and keeps the answer.

    PyGithub's own one can neither say how long all may take, nor what went wrong without the
    address.
    """

    answer: Answer

    def __init__(self, http: Http, api: str) -> None:
        parts = urlsplit(api)
        self._http = http
        self._origin = f"{parts.scheme}://{parts.netloc}"

    def request(
        self, verb: str, url: str, data: str | None, headers: dict[str, str], stream: bool
    ) -> None:
        given = {name: text for name, text in headers.items() if name != "Authorization"}
        body = None if data is None else Body.of(data.encode())
        self._call = Call(verb, f"{self._origin}{url}", given, body)
        self._authorization = headers.get("Authorization")

    def getresponse(self) -> _Connection:
        with self._http.stream(self._call, self._authorization, passing=()) as response:
            body = b"".join(response.pieces())
            self.answer = Answer(response.status, response.headers, body, response.url)
        return self

    @property
    def status(self) -> int:
        return self.answer.status

    def getheaders(self) -> ItemsView[str, str]:
        return self.answer.headers.items()

    def read(self) -> str:
        return self.answer.body.decode(errors="replace")
