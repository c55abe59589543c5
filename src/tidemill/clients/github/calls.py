"""Calls to GitHub's REST API, one at a time, through PyGithub: patient, and clear when refused.

PyGithub is imported with the first call. Nothing here shows the token: it is in a header, and in
no address and no message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tidemill.clients.github.patience import TRIES, Answer, Pause, after_no_answer, pause_after
from tidemill.clients.github.place import Place
from tidemill.clients.github.refusals import limited, nonsense, refusal, silence
from tidemill.clients.github.time_limit import TookTooLong, within
from tidemill.words.json_types import learnt
from tidemill.words.unreadable import UNREADABLE

if TYPE_CHECKING:
    from github.Requester import Requester
    from requests import RequestException

SECONDS = 30
MOST_SECONDS = 120.0
PATIENCE = 300.0  # seconds that all pauses of one call may last
MOST_TRIES = 12
PAGE = 100
MOST_PAGES = 50
_API_VERSION = "2022-11-28"
_PACED_AFTER, _PACE = 20, 1.0
_T = TypeVar("_T")


@dataclass(frozen=True)
class Call:
    """One request below `/repos/OWNER/NAME`.

    Attributes:
        doing: what it does, as in "read the rules of main".
        need: the permission that it takes, as in `contents: write`.
    """

    path: str
    doing: str
    need: str
    verb: str = "GET"
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


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
        say: Callable[[str], None] = lambda _: None,
        seconds: int = SECONDS,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self.place = place
        self._token = token
        self._pause = pause
        self._clock = clock
        self._say = say
        self._seconds = seconds
        self._most_seconds = most_seconds
        self._writes = 0
        self._opened: Requester | None = None

    def get(self, call: Call, kind: type[_T]) -> _T:
        """What is asked for, as `kind`.

        Raises:
            ServerRefused, Refused: GitHub says no, and the error which permission is missing.
            Unreachable: it does not answer, or a limit lasts longer than patience does.
        """
        return self._decoded(call, self._successful(call), kind)

    def get_or_none(self, call: Call, kind: type[_T]) -> _T | None:
        """What is asked for, None where it is not there or this token may not see it."""
        answer = self.answer(call)
        if answer.status in (403, 404):
            return None
        return self._decoded(call, self._checked(call, answer), kind)

    def pages(
        self, call: Call, kind: type[_T], *, absent: Callable[[Answer], bool] = lambda _: False
    ) -> Iterator[_T]:
        """The pages of a list, each as `kind`; one is asked for only when it is wanted.

        Args:
            absent: whether an answer says that this server has no such list: then it is empty.
        """
        for page in range(1, MOST_PAGES + 1):
            more = {**call.parameters, "per_page": str(PAGE), "page": str(page)}
            asked = replace(call, parameters=more)
            answer = self.answer(asked)
            if absent(answer):
                return
            self._checked(asked, answer)
            yield self._decoded(call, answer, kind)
            if 'rel="next"' not in answer.headers.get("link", ""):
                return

    def post(self, call: Call, kind: type[_T]) -> _T:
        """Write something, and return what GitHub made of it; errors as with `get`."""
        self._writes += 1
        if self._writes > _PACED_AFTER:
            self._pause(_PACE)  # many writes at once meet the secondary limit
        return self._decoded(call, self._successful(call), kind)

    def location(self, call: Call) -> str:
        """Where a redirect leads, which is not followed: it may hold a secret of its own."""
        answer = self.answer(call)
        if answer.status not in (301, 302, 307, 308) or not answer.headers.get("location"):
            raise refusal(answer, call.doing, call.need, self.place.repository)
        return answer.headers["location"]

    def answer(self, call: Call) -> Answer:
        """Ask until there is an answer that waiting does not change."""
        waited, tried = 0.0, 0
        while True:
            tried += 1
            match self._once(call, tried):
                case Answer() as answer:
                    return answer
                case Pause() as wish:
                    seconds = wish.seconds
            if waited + seconds > PATIENCE or tried == MOST_TRIES:
                until = datetime.fromtimestamp(self._clock() + seconds, UTC)
                raise limited(wish, until.strftime("%Y-%m-%dT%H:%M:%SZ"), self.place.repository)
            waited += seconds
            self._say(f"{wish.why}; trying again in {seconds:.0f} s")
            self._pause(seconds)

    def _once(self, call: Call, tried: int) -> Answer | Pause:
        """Ask once: an answer that waiting does not change, or the pause before the next try."""
        try:
            answer = self._ask(call)
        except _Silent as silent:
            if tried >= TRIES or not silent.may_pass:
                raise silence(str(silent), self.place.api) from None
            return Pause(after_no_answer(tried), f"GitHub's API: {silent}")
        return pause_after(answer, tried, self._clock()) or answer

    def _successful(self, call: Call) -> Answer:
        return self._checked(call, self.answer(call))

    def _checked(self, call: Call, answer: Answer) -> Answer:
        if not 200 <= answer.status < 300:
            raise refusal(answer, call.doing, call.need, self.place.repository)
        return answer

    def _decoded(self, call: Call, answer: Answer, kind: type[_T]) -> _T:
        try:
            return msgspec.json.decode(answer.text or "null", type=learnt(kind))
        except UNREADABLE:
            raise nonsense(call.doing, self.place.api) from None

    def _ask(self, call: Call) -> Answer:
        from requests import RequestException

        requester = self._requester()
        try:
            status, found, text = within(
                self._most_seconds,
                lambda: requester.requestJson(
                    call.verb,
                    f"/repos/{self.place.repository}{call.path}",
                    dict(call.parameters),
                    {"Accept": "application/vnd.github+json"},
                    dict(call.body) if call.body is not None else None,
                ),
            )
        except TookTooLong:
            self._opened = None  # its connection is still in use
            raise _Silent(f"no whole answer within {self._most_seconds:g} s") from None
        except RequestException as error:
            raise _silent(error, self._seconds) from None
        except (RuntimeError, AssertionError):
            raise nonsense(call.doing, self.place.api) from None
        return Answer(status, found, text)

    def _requester(self) -> Requester:
        if self._opened is None:
            from github import Auth, Github

            opened = Github(
                auth=Auth.Token(self._token),
                base_url=self.place.api,
                timeout=self._seconds,
                user_agent="tidemill",
                per_page=PAGE,
                retry=None,
                seconds_between_requests=None,
                seconds_between_writes=None,
                lazy=True,
                api_version=_API_VERSION,
            )
            self._opened = opened.requester
        return self._opened


class _Silent(Exception):
    """There was no answer; the text says why, without an address."""

    def __init__(self, why: str, *, may_pass: bool = True) -> None:
        super().__init__(why)
        self.may_pass = may_pass


def _silent(error: RequestException, seconds: int) -> _Silent:
    import requests

    match error:
        case requests.Timeout():
            return _Silent(f"no answer within {seconds} s")
        case requests.exceptions.SSLError():
            return _Silent("its certificate can't be trusted", may_pass=False)
        case requests.exceptions.ProxyError():
            return _Silent("the proxy before it failed")
        case requests.ConnectionError():
            return _Silent(_reason(error))
        case _:
            return _Silent("the answer broke off")


def _reason(error: BaseException | None) -> str:
    """The system's own words, if there are any: the library's hold an address."""
    seen: list[object] = [error]
    for one in seen:
        if isinstance(one, OSError) and one.strerror:
            return one.strerror
        if isinstance(one, BaseException) and len(seen) < 20:
            reason = getattr(one, "reason", None)
            seen += [*one.args, reason, one.__cause__, one.__context__]
    return "the connection failed"
