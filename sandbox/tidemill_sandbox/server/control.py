"""The control API: what tests and people may ask of the stand-in itself, at `/_sandbox/NAME`.

Each name takes JSON and gives JSON. It wants the control token, which only whoever started the
server has: a workflow's own code has none.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from tidemill_sandbox.state.hub import Unprocessable
from tidemill_sandbox.state.limits import Fault, FaultKind
from tidemill_sandbox.state.messages import Reply, Request, as_json
from tidemill_sandbox.state.tokens import given_tokens

if TYPE_CHECKING:
    from tidemill_sandbox.state.hub import Hub
    from tidemill_sandbox.state.shapes import Repository

_FAULTS: tuple[str, ...] = get_args(FaultKind)


class Control:
    """Answers the control API; adds its own names to the hub's."""

    def __init__(self, hub: Hub, token: str) -> None:
        self._hub = hub
        self._token = token
        hub.control |= {
            "deviations": self._deviations,
            "environments": self._environments,
            "faults": self._faults,
            "limits": self._limits,
            "rulesets": self._rulesets,
            "state": self._state,
        }

    def answer(self, request: Request) -> Reply:
        """The answer to a request below `/_sandbox/`."""
        given = given_tokens(request.headers.get("Authorization", ""))
        if not any(hmac.compare_digest(text.encode(), self._token.encode()) for text in given):
            return as_json(401, {"message": "the control token is needed"})
        known = self._hub.control.get(request.path.removeprefix("/_sandbox/"))
        if known is None or request.method != "POST":
            return as_json(404, {"message": f"POST one of: {', '.join(sorted(self._hub.control))}"})
        try:
            body = json.loads(request.body.all() or b"{}")
            if not isinstance(body, dict):
                raise Unprocessable("the body has to be a JSON object")
            return as_json(200, known(body) or {})
        except (KeyError, TypeError, ValueError, Unprocessable) as error:
            return as_json(422, {"message": f"{type(error).__name__}: {error}"})

    def _deviations(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What differed from GitHub's description; `{"clear": true}` forgets it."""
        with self._hub.lock:
            found = list(self._hub.deviations)
            if body.get("clear"):
                self._hub.deviations.clear()
        return {"deviations": found}

    def _environments(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set up an environment: `{"repository", "name", "reviewers", "prevents_self_review"}`."""
        repository = self._repository(body)
        reviewers = tuple(str(one) for one in body.get("reviewers", ()))
        is_strict = bool(body.get("prevents_self_review"))
        found = self._hub.environment(
            repository.name, str(body["name"]), reviewers=reviewers, prevents_self_review=is_strict
        )
        return {"id": found.id}

    def _faults(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add faults: `{"faults": [{"kind": "error", "status": 502, "times": 3}]}`; or clear."""
        added = [Fault(**fault) for fault in body.get("faults", [])]
        for fault in added:
            if fault.kind not in _FAULTS:
                raise Unprocessable(f"a fault is one of {', '.join(_FAULTS)}")
            try:
                re.compile(fault.path)
            except re.error as error:
                raise Unprocessable(f"{fault.path!r} is no regular expression: {error}") from None
        with self._hub.lock:
            if body.get("clear"):
                self._hub.limits.faults.clear()
            self._hub.limits.faults += added
            return {"faults": [vars(fault) for fault in self._hub.limits.faults]}

    def _limits(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Set rate limits: `primary`, `writes_a_minute`, `writes_an_hour`."""
        return self._hub.limits.set(body)

    def _rulesets(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a ruleset: `{"repository", "name", "include", "rules", "bypass", "classic"}`."""
        ruleset = self._hub.add_ruleset(
            self._repository(body),
            body["name"],
            tuple(body["include"]),
            tuple(body["rules"]),
            bypass=frozenset(body.get("bypass", ())),
            is_classic=bool(body.get("classic")),
        )
        return {"id": ruleset.id}

    def _repository(self, body: Mapping[str, Any]) -> Repository:
        found = self._hub.repository(body["repository"])
        if found is None:
            raise Unprocessable(f"there is no repository {body['repository']}")
        return found

    def _state(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Runs and events so far, of one repository or of all."""
        name = body.get("repository")
        with self._hub.lock:
            runs = [
                {
                    "id": run.id,
                    "repository": run.repository,
                    "workflow": run.workflow.path,
                    "event": run.event,
                    "status": run.status,
                    "conclusion": run.conclusion,
                    "head_sha": run.head_sha,
                }
                for run in self._hub.runs
                if name in (None, run.repository)
            ]
            events = [
                {
                    "name": event.name,
                    "action": event.action,
                    "repository": event.repository,
                    "sha": event.sha,
                    "ref": event.ref,
                    "by": event.cause.login,
                }
                for event in self._hub.events
                if name in (None, event.repository)
            ]
        return {"runs": runs, "events": events}
