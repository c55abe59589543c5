"""One call of the REST API: what it asks, who asks, and the table of what we answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from tidemill_sandbox.server.rest import rendering
from tidemill_sandbox.server.rest.openapi import Operation
from tidemill_sandbox.state import git_reading
from tidemill_sandbox.state.shapes import Access, App, Cause, Repository, Run

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub
    from tidemill_sandbox.state.tokens import Token

_MOST_PER_PAGE = 100
DOCS = "https://docs.github.com/rest"


class Problem(Exception):
    """An answer other than what was asked for, in GitHub's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {
            "message": message,
            "documentation_url": DOCS,
            "status": str(status),
        }
        if errors:
            self.body["errors"] = errors


def unfound() -> Problem:
    """A 404, which also hides what one may not know of."""
    return Problem(404, "Not Found")


def invalid(resource: str, field_: str, code: str = "invalid", message: str = "") -> Problem:
    """A 422 about one field."""
    error = {"resource": resource, "field": field_, "code": code}
    if message:
        error["message"] = message
    return Problem(422, "Validation Failed", [error])


@dataclass(frozen=True)
class Answer:
    """What a call is answered: `value` is JSON, None for no body."""

    status: int
    value: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call that may be made: the token suffices, the body has the keys that it may have.

    Attributes:
        parameters: of the path, decoded.
        url: of the call, without its query.
    """

    hub: Hub
    operation: Operation
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    token: Token | None
    app: App | None
    url: str
    found: Repository | None

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        if self.found is None:
            raise unfound()
        return self.found

    @property
    def cause(self) -> Cause:
        """Who does this; only where a token is needed."""
        if self.token is None:
            raise Problem(401, "Requires authentication")
        return self.token.cause

    @property
    def repository_url(self) -> str:
        return rendering.url_of(self.hub, self.repository)

    def number(self, name: str) -> int:
        """A parameter of the path that is an id."""
        text = self.parameters[name]
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise unfound()
        return int(text)

    def commit(self, name: str) -> str:
        """The commit that a parameter of the path names, in any way that GitHub takes."""
        try:
            return git_reading.resolve(self.repository.path, self.parameters[name])
        except git_reading.Unfound:
            message = f"No commit found for SHA: {self.parameters[name]}"
            raise Problem(422, message) from None

    def run(self) -> Run:
        """The run that the path names."""
        run = self.hub.run(self.number("run_id"))
        if run is None or run.repository != self.repository.name:
            raise unfound()
        return run

    def page(self, rows: list[Any], key: str | None = None) -> Answer:
        """One page of a list, with the links to the others; `key`: below it, with the count."""
        size = min(self._count("per_page", 30), _MOST_PER_PAGE)
        number = self._count("page", 1)
        part = rows[(number - 1) * size : number * size]
        value = part if key is None else {"total_count": len(rows), key: part}
        return Answer(200, value, self._links(number, -(-len(rows) // size)))

    def _count(self, name: str, usual: int) -> int:
        text = self.query.get(name, "")
        return max(int(text), 1) if re.fullmatch(r"[0-9]{1,9}", text) else usual

    def _links(self, number: int, last: int) -> dict[str, str]:
        wanted: dict[str, int] = {}
        if number < last:
            wanted |= {"next": number + 1, "last": last}
        if number > 1:
            wanted |= {"first": 1, "prev": min(number - 1, max(last, 1))}
        links = [
            f'<{self.url}?{urlencode({**self.query, "page": page})}>; rel="{name}"'
            for name, page in wanted.items()
        ]
        return {"Link": ", ".join(links)} if links else {}


Handler = Callable[[Call], Answer]
Who = Literal["anyone", "app", "token"]


@dataclass(frozen=True)
class Entry:
    """An operation that we have: who may call it, and what permission that takes."""

    handler: Handler
    permission: str | None
    access: Access
    who: Who


TABLE: dict[Operation, Entry] = {}


def operation(
    method: str,
    template: str,
    permission: str | None = None,
    *,
    access: Access | None = None,
    who: Who = "anyone",
) -> Callable[[Handler], Handler]:
    """Put a handler into the table.

    Args:
        method: the HTTP method.
        template: as GitHub's description has it.
        permission: of the token, by GitHub's name; None: none.
        access: "read" for GET, else "write", unless given.
        who: "app": a JWT of an App; "token": any token; "anyone": none is needed to read what is
            public.
    """

    def add(handler: Handler) -> Handler:
        needs: Access = access or ("read" if method == "GET" else "write")
        TABLE[Operation(template, method.lower())] = Entry(handler, permission, needs, who)
        return handler

    return add
