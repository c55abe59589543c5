"""What of a result goes on top of a run's page: what needs a person, and why nothing was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidemill.words.names import one_line
from tidemill.words.shas import short

Result = Mapping[str, Any]
_NEEDS_A_PERSON = {
    "evicted": "was evicted",
    "rejected": "was rejected",
    "held": "is held",
    "not in the files": "is not in the files as it should be",
}
_REFUSES = "refused by the server"
# Main can't go on, and only a person can change that.
_STANDS_STILL = {"red main", "stale main", "main does not generate"}


def errors(name: str, result: Result) -> list[str]:
    """Why a command ended with 1 that did what it could: something is red, or main may not move."""
    reasons = result.get("reasons") or {}
    red = [
        f"{sha} is {verdict}: {reasons.get(sha, 'see the log')}"
        for sha, verdict in (result.get("verdicts") or {}).items()
        if verdict != "success"
    ]
    differ = [
        f"{one['service']} is not reproducible; the log says what differs"
        for one in result.get("images", [])
        if isinstance(one, Mapping) and one.get("verified") is False
    ]
    stuck = [_waits(line) for line in result.get("waiting", []) if _is_refused(line)]
    return [one_line(text) for text in red + differ + stuck] or [f"{name} says no; see the log"]


def warnings(result: Result) -> list[str]:
    """What was left to people: by a turn, evictions, refusals, new holds, images that no file
    names, and a main that can't go on; by a check, what is not wrong and still not right."""
    entries = [
        (what, one)
        for what in ("evicted", "rejected")
        for one in result.get(what, [])
        if isinstance(one, Mapping)
    ]
    entries += [
        (note["what"], note)
        for note in result.get("notes", [])
        if note.get("what") in ("held", "not in the files")
    ]
    found = [
        f"{_which(one)} {_NEEDS_A_PERSON[what]}: {one.get('reason') or 'see the summary'}"
        for what, one in entries
    ]
    found += [
        _waits(line)
        for line in result.get("waiting", [])
        if _kinds(line) & _STANDS_STILL or _is_refused(line)
    ]
    found += [str(text) for text in result.get("warnings", [])]
    return [one_line(text) for text in found]


def notices(result: Result) -> list[str]:
    """Why what was asked for was not done, where that is no error.

    Most events bring nothing, and that is no news; one that looks like ours and is not, is.
    """
    request = result.get("request")
    if request and request["kind"] != "accepted":
        said = ": ".join(str(request[key]) for key in ("id", "state") if request.get(key))
        return [one_line(said)]
    if result.get("changed") is False and result.get("kind") != "nothing" and result.get("reason"):
        return [one_line(str(result["reason"]))]
    return []


def _is_refused(line: Mapping[str, Any]) -> bool:
    return line["at"] == "main" and _REFUSES in _kinds(line)


def _kinds(line: Mapping[str, Any]) -> set[str]:
    return {one["kind"] for one in line["obstacles"]}


def _waits(line: Mapping[str, Any]) -> str:
    return f"{line['what']} waits for {line['for']}"


def _which(one: Mapping[str, Any]) -> str:
    sha = short(str(one.get("app_sha") or one.get("sha") or ""), "")
    which = "all sets" if one.get("set") == "_" else one.get("set")
    where = f"in {one['wave']}" if one.get("wave") else ""
    said = " ".join(str(part) for part in (sha, which, where) if part)
    return said or str(one.get("id") or "something")
