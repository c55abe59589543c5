"""The REST API: every call is held against GitHub's description, and so is what we answer."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from jsonschema.exceptions import ValidationError

from tidemill_sandbox.server.graphql.answering import Unsupported, answered
from tidemill_sandbox.server.graphql.fields import Asker
from tidemill_sandbox.server.rest import openapi
from tidemill_sandbox.server.rest.calls import TABLE, Answer, Call, Entry, Problem, unfound
from tidemill_sandbox.server.rest.openapi import Operation, pattern_of
from tidemill_sandbox.server.rest.operations import load
from tidemill_sandbox.state.limits import NOBODY, OF_GRAPHQL, Fault, Limited
from tidemill_sandbox.state.messages import Asked, Dropped, Reply, Request
from tidemill_sandbox.state.shapes import App, Repository
from tidemill_sandbox.state.tokens import given_tokens

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub
    from tidemill_sandbox.state.tokens import Token

# An older address of a commit's statuses, which GitHub's manual still names, and PyGithub uses.
_LEGACY = re.compile(r"(?P<repository>/repos/[^/]+/[^/]+)/statuses/(?P<ref>.+)")
GRAPHQL = "/graphql"

load()


class RestApi:
    """Answers calls below the API's address."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._description = openapi.description()

    def answer(self, request: Request, path: str) -> Reply:
        """The answer to a request; `path` begins behind the API's address, percent-encoded.

        Raises:
            Dropped: the connection is to end without one.
        """
        fault = self._hub.limits.fault(request.method, path)
        if fault is not None and fault.kind == "drop" and not fault.after:
            raise Dropped
        quota = NOBODY
        token: Token | None = None
        try:
            token, app = self._caller(request)
            quota = token.quota if token else f"app:{app.id}" if app else NOBODY
            quota = f"{OF_GRAPHQL}{quota}" if path == GRAPHQL else quota
            if fault is not None and not fault.after:
                raise self._met(fault, token)
            if path not in ("/rate_limit", GRAPHQL):
                limited = self._hub.limits.count(token, quota, request.method)
                if limited is not None:
                    raise _waits(limited)
            if path == GRAPHQL:
                answer = self._queried(request, token, quota)
            else:
                answer = self._called(request, path, token, app)
        except Problem as problem:
            answer = Answer(problem.status, problem.body, problem.headers)
        login = token.login if token else None
        with self._hub.lock:
            self._hub.calls.append(Asked(request.method, path, login, answer.status))
        if fault is not None and fault.after:
            if fault.kind == "drop":
                raise Dropped
            answer = Answer(fault.status, {"message": "Server Error"})
        headers = {**self._hub.limits.headers(token, quota), **answer.headers}
        return _reply(request, answer, headers)

    # --- who calls

    def _caller(self, request: Request) -> tuple[Token | None, App | None]:
        if not request.headers.get("User-Agent"):
            raise Problem(403, "Request forbidden by administrative rules. Please make sure your "
                               "request has a User-Agent header")  # fmt: skip
        given = given_tokens(request.headers.get("Authorization", ""))
        for text in given:
            if (token := self._hub.tokens.who(text)) is not None:
                return token, None
        if not given:
            return None, None
        if not given[0].startswith("eyJ"):  # what every JWT begins with
            raise Problem(401, "Bad credentials")
        app = self._hub.tokens.app(given[0])
        if isinstance(app, App):
            return None, app
        raise Problem(401, app)

    def _met(self, fault: Fault, token: Token | None) -> Problem:
        if fault.kind == "error":
            return Problem(fault.status, "Server Error")
        return _waits(self._hub.limits.limited(fault, token))

    # --- what is called

    def _queried(self, request: Request, token: Token | None, quota: str) -> Answer:
        """A query of the other API, which knows no one without a token."""
        if token is None:
            raise Problem(401, "This endpoint requires you to be authenticated.")
        limits = self._hub.limits
        try:
            body = json.loads(request.body.all())
            found = answered(
                Asker(self._hub, token),
                body if isinstance(body, dict) else {},
                lambda points: limits.count(token, quota, "GET", points) is None,
                self._hub.deviate,
            )
        except ValueError:
            raise Problem(400, "Problems parsing JSON") from None
        except Unsupported as error:
            raise Problem(501, str(error)) from None
        return Answer(200, found)

    def _called(self, request: Request, path: str, token: Token | None, app: App | None) -> Answer:
        method = "get" if request.method == "HEAD" else request.method.lower()
        path = (
            _LEGACY.sub(r"\g<repository>/commits/\g<ref>/statuses", path)
            if method == "get"
            else path
        )
        operation = self._description.find(method, path)
        if operation is None:
            self._hub.deviate(f"GitHub has no operation {request.method} {path}")
            raise unfound()
        entry = TABLE.get(operation)
        if entry is None:
            raise Problem(501, f"The stand-in for GitHub does not have {operation}")
        found = pattern_of(operation.template).fullmatch(path)
        if found is None:  # it was found by this very pattern
            raise unfound()
        parameters = {name: unquote(value) for name, value in found.groupdict().items()}
        repository = self._allowed(entry, parameters, token, app)
        for deviation in self._description.query(operation, request.query):
            self._hub.deviate(deviation)
        body = self._body(operation, request)
        url = self._hub.api_url + path
        call = Call(self._hub, operation, parameters, request.query, body, token, app, url,
                    repository)  # fmt: skip
        try:
            answer = entry.handler(call)
        except Problem as problem:
            answer = Answer(problem.status, problem.body, problem.headers)
        differs = self._description.answer(operation, answer.status, answer.value)
        if differs is not None:
            self._hub.deviate(differs)
            raise Problem(500, f"The stand-in answers otherwise than GitHub: {differs}")
        return answer

    def _allowed(
        self, entry: Entry, parameters: Mapping[str, str], token: Token | None, app: App | None
    ) -> Repository | None:
        if entry.who == "app":
            if app is None:
                raise Problem(401, "A JSON web token could not be decoded")
            return self._named(parameters)
        if app is not None:
            raise Problem(403, "Resource not accessible by integration")
        repository = self._named(parameters)
        if token is None:
            if entry.who == "token" or (entry.access == "write" and entry.permission):
                raise Problem(401, "Requires authentication")
            if "repo" in parameters and (repository is None or repository.is_private):
                raise unfound()
            return repository
        if "repo" not in parameters:
            return None
        if repository is None:
            raise unfound()
        if repository.is_private and not token.reaches(repository):
            raise unfound()
        is_open = entry.access == "read" and not repository.is_private
        permission, access = entry.permission, entry.access
        if permission and not is_open and not token.allows(repository, permission, access):
            accepts = {"x-accepted-github-permissions": f"{permission}={access}"}
            raise Problem(403, token.refusal, headers=accepts)
        return repository

    def _named(self, parameters: Mapping[str, str]) -> Repository | None:
        if "repo" not in parameters:
            return None
        return self._hub.repository(f"{parameters['owner']}/{parameters['repo']}")

    def _body(self, operation: Operation, request: Request) -> Mapping[str, Any]:
        raw = request.body.all()
        if request.method in ("GET", "HEAD", "DELETE") or not raw:
            value: Any = {}
        else:
            try:
                value = json.loads(raw)
            except ValueError:
                raise Problem(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise Problem(400, "Body should be a JSON object")
        known = self._description.body_keys(operation)
        words = [f'"{key}" is not a permitted key.' for key in value if known and key not in known]
        words += [_words(error) for error in self._description.request(operation, value)]
        if words:
            self._hub.deviate(f"{operation}: {' '.join(words)}")
            raise Problem(422, "Invalid request.\n\n" + "\n".join(words))
        return value


def _words(error: ValidationError) -> str:
    """GitHub's words for what is wrong with a body."""
    where = "/".join(str(part) for part in error.absolute_path)
    rule: Any = error.validator_value
    given: Any = error.instance
    shown = json.dumps(given)[:80]
    match error.validator:
        case "required":
            missing = [name for name in rule if name not in given]
            words = ", ".join(f'"{name}"' for name in missing)
            return f"{words} {'wasn' if len(missing) == 1 else 'weren'}'t supplied."
        case "maxProperties":
            return f"No more than {rule} properties are allowed; {len(given)} were supplied."
        case "maxLength":
            return f"Only {rule} characters are allowed; {len(given)} were supplied."
        case "enum":
            allowed = ", ".join(json.dumps(value) for value in rule)
            return f"For 'properties/{where}', {shown} is not a member of [{allowed}]."
        case "type":
            return f"For 'properties/{where}', {shown} is not a {rule}."
        case _:
            return f"For 'properties/{where}', {error.message[:200]}."


def _waits(limited: Limited) -> Problem:
    problem = Problem(limited.status, limited.message, headers=limited.headers)
    problem.body["documentation_url"] = limited.documentation_url
    return problem


def _reply(request: Request, answer: Answer, headers: Mapping[str, str]) -> Reply:
    sent = {
        "x-github-request-id": secrets.token_hex(8).upper(),
        "x-github-media-type": "github.v3; format=json",
        **headers,
    }
    if answer.value is None:
        return Reply(answer.status, sent)
    body = json.dumps(answer.value).encode()
    if answer.status == 200 and request.method in ("GET", "HEAD"):
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        sent["ETag"] = etag
        if request.headers.get("If-None-Match") == etag:
            return Reply(304, sent)
    return Reply(answer.status, {"Content-Type": "application/json; charset=utf-8", **sent}, body)
