"""Git over HTTP: `git http-backend`, behind tokens and rules."""

from __future__ import annotations

import io
import re
import secrets
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tidemill_sandbox.server import push_hook
from tidemill_sandbox.server.pkt_lines import Report, rewritten
from tidemill_sandbox.state import git_reading, rules
from tidemill_sandbox.state.git_reading import ZEROS
from tidemill_sandbox.state.messages import Dropped, Reply, Request, text
from tidemill_sandbox.state.rules import Refusal, Update
from tidemill_sandbox.state.shapes import Event, Repository
from tidemill_sandbox.state.tokens import given_tokens

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub
    from tidemill_sandbox.state.tokens import Token

_PATH = re.compile(
    r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/(?P<rest>info/refs|git-upload-pack|git-receive-pack)"
)
_MOST_TAGS = 3  # a push of more tags than this makes no event for any
_SIGN_IN = {"WWW-Authenticate": 'Basic realm="GitHub"'}


@dataclass
class _Push:
    """A push that is going on: what it wants of branches and tags, and what was refused."""

    repository: Repository
    token: Token
    updates: dict[str, Update] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)


class GitServer:
    """Answers Git's own requests; hooks ask it what a push may do."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._pushes: dict[str, _Push] = {}
        hooks = hub.folder / "hooks"
        hooks.mkdir(exist_ok=True)
        self._hooks = hooks
        hook = hooks / "update"
        python = shlex.join([sys.executable, "-I", "-S", str(Path(push_hook.__file__))])
        # No process of Python for each ref of a namespace that no rule can protect.
        hook.write_text(
            f'#!/bin/sh\ncase "$1" in refs/heads/*|refs/tags/*) exec {python} "$@";; esac\n'
        )
        hook.chmod(0o755)

    def answer(self, request: Request) -> Reply | None:
        """The answer, None where the path is none of Git's; raises Dropped as faults ask."""
        found = _PATH.fullmatch(request.path)
        if found is None:
            return None
        fault = self._hub.limits.fault(request.method, request.path, "git")
        if fault is None:
            return self._answer(request, found)
        if fault.after and (reply := self._answer(request, found)) is not None:
            reply.whole()
        if fault.kind == "drop":
            # Git's library asks once more by itself where an old connection ends in silence.
            raise Dropped(b"HTTP/1.1 200 OK\r\n")
        return text(fault.status, "Server Error\n")

    def _answer(self, request: Request, found: re.Match[str]) -> Reply | None:
        service = (
            request.query.get("service", "")
            if found["rest"] == "info/refs"
            else found["rest"].removeprefix("git-")
        ).removeprefix("git-")
        if service not in ("upload-pack", "receive-pack"):
            return text(403, "Please upgrade your git client.\n")
        given = given_tokens(request.headers.get("Authorization", ""))
        token = next((token for text_ in given if (token := self._hub.tokens.who(text_))), None)
        if given and token is None:
            return text(401, "Invalid username or token.\n", _SIGN_IN)
        repository = self._hub.repository(found["name"])
        refused = self._refused(repository, token, service)
        if refused is not None or repository is None:
            return refused
        if found["rest"] == "git-receive-pack" and token is not None:
            return self._receive(request, repository, token)
        return self._serve(request, repository, found["rest"], {})

    def judge(self, push: str, ref: str, old: str, new: str) -> str | None:
        """What the update hook asks: what to say before it refuses; None where the ref may change.

        Raises:
            KeyError: there is no such push.
        """
        going = self._pushes[push]
        update = Update(ref, old, new)
        going.updates[ref] = update
        refused = rules.refusal(self._hub, going.repository, going.token, update)
        if refused is None:
            return None
        going.refused[ref] = refused
        return "\n".join(refused.remote)

    def _refused(
        self, repository: Repository | None, token: Token | None, service: str
    ) -> Reply | None:
        if token is None:
            is_open = repository is not None and not repository.is_private
            if is_open and service == "upload-pack":
                return None
            return text(401, "No anonymous access.\n", _SIGN_IN)
        if repository is None or (repository.is_private and not token.reaches(repository)):
            return text(404, "Repository not found.\n")
        if service == "upload-pack":
            may = not repository.is_private or token.allows(repository, "contents", "read")
            return None if may else text(403, "Write access to repository not granted.\n")
        if token.allows(repository, "contents", "write"):
            return None
        return text(403, f"Permission to {repository.name}.git denied to {token.login}.\n")

    def _receive(self, request: Request, repository: Repository, token: Token) -> Reply:
        name = secrets.token_hex(16)
        push = self._pushes[name] = _Push(repository, token)
        address = self._hub.url.rpartition("/")[2]
        more = {"TIDEMILL_HOOK": f"{address} {name}"}
        try:
            reply = self._serve(request, repository, "git-receive-pack", more)
            answer = reply.whole()
        finally:
            del self._pushes[name]
        reasons = {ref: refused.reason for ref, refused in push.refused.items()}
        report = rewritten(answer, reasons)
        self._tell(push, report)
        return Reply(reply.status, reply.headers, report.data)

    def _tell(self, push: _Push, report: Report) -> None:
        landed = [update for ref, update in push.updates.items() if ref in report.ok]
        tags = sum(update.ref.startswith("refs/tags/") for update in landed)
        hub, repository = self._hub, push.repository
        if report.ok:
            with hub.lock:
                repository.pushed_at = hub.now()
        for update in landed:
            if update.ref.startswith("refs/tags/") and tags > _MOST_TAGS:
                continue
            is_new, is_gone = update.old == ZEROS, update.new == ZEROS
            is_forced = (
                not is_new
                and not is_gone
                and not git_reading.is_ancestor(repository.path, update.old, update.new)
            )
            parts = {"before": update.old, "created": is_new, "deleted": is_gone,
                     "forced": is_forced}  # fmt: skip
            hub.emit(
                Event(
                    "push",
                    repository.name,
                    push.token.cause,
                    hub.now(),
                    sha=update.new,
                    ref=update.ref,
                    parts=parts,
                )
            )

    def _serve(
        self, request: Request, repository: Repository, rest: str, more: Mapping[str, str]
    ) -> Reply:
        headers = request.headers
        environment = {
            **git_reading.environment(),
            "GIT_PROJECT_ROOT": str(repository.path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{rest}",
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": headers.get("Content-Type", ""),
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_1": "core.hooksPath",
            "GIT_CONFIG_VALUE_1": str(self._hooks),
            **more,
        }
        for header, variable in (
            ("Git-Protocol", "GIT_PROTOCOL"),
            ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
            ("Content-Length", "CONTENT_LENGTH"),
        ):
            if value := headers.get(header):
                environment[variable] = value
        process = subprocess.Popen(
            ["git", "http-backend"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        feeder = threading.Thread(target=_feed, args=(request, process), daemon=True)
        feeder.start()
        source, is_whole = cast(io.BufferedReader, process.stdout), False

        def end() -> None:
            with process:  # which closes its pipes and waits
                if not is_whole:
                    process.kill()
            feeder.join()

        def output() -> Iterator[bytes]:
            nonlocal is_whole
            while piece := source.read1(1 << 16):
                yield piece
            is_whole = True

        status, answered = _head(source)
        return Reply(status, answered, output(), end)


def _feed(request: Request, process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    try:
        with process.stdin as pipe:
            for piece in request.body.pieces():
                pipe.write(piece)
    except (OSError, ValueError):
        process.kill()  # it has ended, the client went away, or sends what is no HTTP


def _head(output: IO[bytes]) -> tuple[int, dict[str, str]]:
    status, headers = 200, {}
    while line := output.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    return (status, headers) if headers else (500, {})
