"""What GitHub says of a repository beside its commits, in calls that change nothing."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from tidemill.clients.github import answers
from tidemill.clients.github.api import has_no_rulesets
from tidemill.clients.github.calls import Calls, Request
from tidemill.clients.github.place import Place
from tidemill.clients.github.refusals import refusal
from tidemill.clients.http.client import Answer
from tidemill.errors import TidemillError
from tidemill.facts import on_github as said
from tidemill.facts.github_checks import ACTIONS, ACTIONS_SLUG
from tidemill.facts.on_github import BranchOnGitHub, OnGitHub, OtherRepository, Unseen
from tidemill.facts.vouchers import Environment
from tidemill.words.json_types import learnt
from tidemill.words.unreadable import UNREADABLE

_T = TypeVar("_T")
_SCOPES = "X-OAuth-Scopes"


class _Names(msgspec.Struct):
    class Named(msgspec.Struct):
        name: str

    secrets: tuple[Named, ...] = ()
    variables: tuple[Named, ...] = ()


class _File(msgspec.Struct):
    content: str


def _never(_: Answer) -> bool:
    return False


class About:
    """One repository on GitHub, as a token may see it. What it may not see is `Unseen`.

    Args:
        options: as `Calls` takes them.
    """

    def __init__(self, place: Place, token: str, **options: Any) -> None:
        self._place = place
        self._calls = Calls(place, token, **options)

    def repository(
        self, branches: Sequence[str], environments: Sequence[str] = ()
    ) -> OnGitHub | Unseen:
        """The repository, these branches and these environments."""
        answer = self._answer(self._calls, "", "look at the repository", "metadata: read")
        if isinstance(answer, Unseen):
            return answer
        found = self._read(answer, said.Repository)
        if isinstance(found, Unseen):
            return found
        scopes = answer.headers.get(_SCOPES)
        need = "administration: read"
        return OnGitHub(
            name=self._place.repository,
            repository=found,
            scopes=frozenset(one.strip() for one in scopes.split(",")) if scopes else None,
            policy=self._one("/actions/permissions", need, said.ActionsPolicy),
            defaults=self._one("/actions/permissions/workflow", need, said.WorkflowDefaults),
            secrets=self._names("secrets"),
            variables=self._names("variables"),
            branches={name: self._branch(name) for name in dict.fromkeys(branches)},
            environments={name: self._environment(name) for name in dict.fromkeys(environments)},
        )

    def other(self, name: str, file: str) -> OtherRepository | Unseen:
        """Another repository on the same server, and one file of it."""
        calls = self._calls.elsewhere(name)
        found = self._read(
            self._answer(calls, "", "look at the repository", "metadata: read"), said.Repository
        )
        if isinstance(found, Unseen):
            return found
        text = self._read(
            self._answer(calls, f"/contents/{file}", f"read {file}", "contents: read"), _File
        )
        if isinstance(text, Unseen):
            return OtherRepository(name, None if text.status == 404 else text)
        try:
            return OtherRepository(name, b64decode(text.content).decode())
        except ValueError:
            return OtherRepository(name, Unseen(f"{file} is not UTF-8"))

    def _environment(self, name: str) -> Environment | Unseen | None:
        """None where it is not there: whoever sees the repository's list would see it."""
        where = f"/environments/{quote(name, safe='')}"
        found = self._one(where, "actions: read", answers.Environment)
        if not isinstance(found, Unseen):
            return found.noun()
        if found.status != 404:
            return found
        listed = self._one("/environments", "actions: read", object)
        return listed if isinstance(listed, Unseen) else None

    def _branch(self, name: str) -> BranchOnGitHub:
        where = quote(name, safe="")
        path = f"/rules/branches/{where}"
        pages = self._list(path, "metadata: read", list[answers.Rule], has_no_rulesets)
        seen = self._one(f"/branches/{where}", "contents: read", answers.Branch)
        is_there = not isinstance(seen, Unseen) or seen.status != 404
        classic: said.Protection | Unseen | None = None
        if isinstance(seen, Unseen):
            classic = seen if is_there else None
        elif seen.is_protected:
            protection = f"/branches/{where}/protection"
            classic = self._one(protection, "administration: read", said.Protection)
        found = () if isinstance(pages, Unseen) else [one for page in pages for one in page]
        required = [check for rule in found for check in rule.required()]
        required += [] if isinstance(seen, Unseen) else seen.required()
        return BranchOnGitHub(
            is_there=is_there,
            rules=pages
            if isinstance(pages, Unseen)
            else tuple(said.Rule(one.type, one.ruleset_id) for one in found),
            rulesets={
                one: self._one(f"/rulesets/{one}", "metadata: read", said.Ruleset)
                for one in dict.fromkeys(rule.ruleset_id for rule in found if rule.ruleset_id)
            },
            classic=classic,
            required=pages if isinstance(pages, Unseen) else tuple(dict.fromkeys(required)),
            reported=self._reported(where) if is_there else frozenset(),
        )

    def _reported(self, where: str) -> frozenset[tuple[str, int | None]] | Unseen:
        """Context and App of the latest that was reported of a branch's tip."""
        statuses = self._list(f"/commits/{where}/statuses", "statuses: read", list[answers.Status])
        runs = self._list(f"/commits/{where}/check-runs", "checks: read", answers.CheckRuns)
        if isinstance(statuses, Unseen):
            return statuses
        if isinstance(runs, Unseen):
            return runs
        slugs = {ACTIONS_SLUG: ACTIONS}
        by_status = {
            (one.context, one.app or slugs.get(one.slug or ""))
            for page in statuses
            for one in map(answers.Status.noun, page)
        }
        by_run = {
            (one.name, one.app)
            for page in runs
            for one in map(answers.CheckRun.noun, page.check_runs)
        }
        return frozenset(by_status | by_run)

    def _names(self, kind: str) -> frozenset[str] | Unseen:
        """Names of secrets or variables, those that the organization shares with them.

        Both lists take the same permission: who may see the first and not the second has no
        organization.
        """
        found: set[str] = set()
        for path in (f"/actions/{kind}", f"/actions/organization-{kind}"):
            absent = _is_unfound if "organization" in path else _never
            pages = self._list(path, f"{kind}: read", _Names, absent)
            if isinstance(pages, Unseen):
                return pages
            for page in pages:
                found |= {one.name.upper() for one in (*page.secrets, *page.variables)}
        return frozenset(found)

    def _one(self, path: str, need: str, kind: type[_T]) -> _T | Unseen:
        return self._read(self._answer(self._calls, path, f"read {path[1:]}", need), kind)

    def _list(
        self, path: str, need: str, kind: type[_T], absent: Callable[[Answer], bool] = _never
    ) -> list[_T] | Unseen:
        request = Request(path, f"read {path[1:]}", need)
        try:
            return list(self._calls.pages(request, kind, absent=absent))
        except TidemillError as error:
            return Unseen(error.what)

    def _answer(self, calls: Calls, path: str, doing: str, need: str) -> Answer | Unseen:
        try:
            answer = calls.answer(Request(path, doing, need))
        except TidemillError as error:
            return Unseen(error.what)
        if answer.is_fine:
            return answer
        why = refusal(answer, doing, need, calls.place.repository).what
        return Unseen(why, answer.status)

    @staticmethod
    def _read(answer: Answer | Unseen, kind: type[_T]) -> _T | Unseen:
        if isinstance(answer, Unseen):
            return answer
        try:
            return msgspec.json.decode(answer.body, type=learnt(kind))
        except UNREADABLE:
            return Unseen("what answers is not GitHub's API")


def _is_unfound(answer: Answer) -> bool:
    return answer.status == 404
