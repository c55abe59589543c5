"""What a person wants to read on a run's page: what was done, what waits for what, and links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tidemill.action.markdown import code, commit, plain, table
from tidemill.errors import TidemillError
from tidemill.facts.naming import Naming

_LISTS = (
    "introduced",
    "promoted",
    "rolled_back",
    "evicted",
    "rejected",
    "superseded",
    "replayed",
)
MOST_ROWS = 500

Result = Mapping[str, Any]


def summary(name: str, result: Result, url: str | None) -> str:
    """The summary of a command.

    Args:
        result: what it printed with `--json`, of plain values.
        url: the page of cfg-app.git, for links, where it is on GitHub.
    """
    return "\n".join([f"### {name}", "", *_body(name, result, url)])


def summary_of_error(name: str, error: TidemillError) -> str:
    """The summary of a command that was refused, or failed."""
    rows = [("what", error.what), ("written", error.written), ("remedy", error.remedy)]
    lines = table(("**refused**", ""), [(what, plain(text)) for what, text in rows])
    return "\n".join([f"### {name}", "", *lines])


def _body(name: str, result: Result, url: str | None) -> list[str]:
    if "waves" in result:
        return _status(result, url)
    if "landed" in result:
        return [*_request(result), *_turn(result, url)]
    if "verdicts" in result:
        return _verdicts(result, url)
    match name:
        case "build-reproducible-image":
            return _images(result)
        case "plan-images":
            jobs = result.get("include", [])
            return table(("job", "services"), [
                (plain(job.get("name", "")), plain(job.get("services", ""))) for job in jobs
            ])  # fmt: skip
        case "announce-images":
            rows = [(plain(one.get("id", "")), _how(one)) for one in result.get("announced", [])]
            return table((f"announced to {plain(result.get('to', ''))}", "how"), rows)
        case "accept-event":
            what = result.get("accepted") or "Nothing to accept"
            why = result["state"] if result.get("accepted") else result.get("reason")
            return [f"{plain(what)}: {plain(why)}.", ""]
        case _:
            return [*_request(result), *_plain(result)]


def _request(result: Result) -> list[str]:
    request = result.get("request") or {}
    said = ": ".join(plain(request[key]) for key in ("id", "state") if request.get(key))
    return [f"{said}.", ""] if said else []


def _turn(result: Result, url: str | None) -> list[str]:
    lines = []
    if result["landed"]:
        lines += [f"Landed {commit(result['landed'], url)} on main.", ""]
    done = [(name, one) for name in _LISTS for one in result.get(name, [])]
    done += [(note.get("what", ""), note) for note in result.get("notes", [])]
    lines += _rows(("done", "set", "wave", "commit", "why"), [
        (
            plain(what.replace("_", " ")),
            plain("all sets" if one.get("set") == "_" else one.get("set", "")),
            plain(one.get("wave", "")),
            _commit(one, url),
            plain(one.get("reason", "")),
        )
        for what, one in done
    ])  # fmt: skip
    if settled := result.get("settled"):
        lines += [f"Statuses set: {', '.join(commit(sha, url) for sha in settled)}.", ""]
    if to_check := result.get("to_check"):
        lines += [f"To check: {', '.join(commit(sha, url) for sha in to_check)}.", ""]
    waits = result.get("waiting", [])
    if not lines:
        lines += ["Nothing is due yet." if waits else "Nothing to do.", ""]
    return [*lines, *_waiting(waits, url)]


def _commit(one: Mapping[str, Any], url: str | None) -> str:
    """The commit of app.git, as such, or else that of cfg-app.git, with its link."""
    if app := one.get("app_sha"):
        return commit(app, None)
    return commit(one.get("sha", ""), url)


def _waiting(waits: Sequence[Mapping[str, Any]], url: str | None) -> list[str]:
    lines = _rows(("waits", "for", "since", "to go on"), [
        (
            plain(one["what"]),
            "<br>".join(plain(each["words"]) for each in one["obstacles"]),
            plain(one.get("since") or ""),
            " or ".join(code(one[key]) for key in ("command", "on_github") if one.get(key)),
        )
        for one in waits
    ])  # fmt: skip
    if url and any(each["kind"] == "approval" for one in waits for each in one["obstacles"]):
        where = f"[*Actions*]({url}/actions) → *tidemill* → *Run workflow*"
        lines += [f"To approve on a page: {where}, *promote*, that wave, that set, that SHA.", ""]
    return lines


def _status(result: Result, url: str | None) -> list[str]:
    auto = commit(result["auto"], url) if result.get("auto") else "not there"
    lines = [f"main {commit(result['main'], url)}, auto {auto}", ""]
    for wave in result["waves"]:
        held = ", ".join(f"held by {hold['by']}: {hold['reason']}" for hold in wave["holds"])
        lines += [f"**{plain(wave['name'])}** {plain(held)}".rstrip(), ""]
        lines += table(("set", "commit", "state", "since"), [
            (
                plain(one["set"]),
                commit(one["app_sha"], None) if one.get("app_sha") else "unknown",
                plain(one["state"]),
                plain(one.get("since") or ""),
            )
            for one in wave["sets"]
        ])  # fmt: skip
        for one in wave["sets"]:
            if one.get("naming"):
                words = msgspec.convert(one["naming"], Naming).words
                lines += [f"{plain(one['set'])}: {plain(words)}.", ""]
        lines += table(("target", "revision", "phase", "health"), [
            (
                plain(one["name"]),
                commit(one["revision"], url) if one.get("revision") else "no report",
                plain(one.get("phase") or ""),
                plain(one.get("health") or ""),
            )
            for one in wave["targets"]
        ])  # fmt: skip
    return [*lines, *_waiting(result.get("waiting", []), url)]


def _verdicts(result: Result, url: str | None) -> list[str]:
    reasons = result.get("reasons") or {}
    lines = table(("commit", "verdict", "why"), [
        (commit(sha, url), plain(verdict), plain(reasons.get(sha, "")))
        for sha, verdict in result["verdicts"].items()
    ])  # fmt: skip
    return [*lines, *_rows(("warning",), [(plain(text),) for text in result.get("warnings", [])])]


def _images(result: Result) -> list[str]:
    return _rows(("service", "image", "changed", "verified"), [
        (
            plain(one["service"]),
            f"`{one['image'] or one['digest']}`",
            "yes" if one["changed"] else "no",
            {True: "yes", False: "**differs**"}.get(one["verified"], ""),
        )
        for one in result.get("images", [])
    ])  # fmt: skip


def _how(one: Mapping[str, Any]) -> str:
    return "by reference" if one.get("by_reference") else "whole"


def _plain(result: Result) -> list[str]:
    """Whatever else there is to say, as it is."""
    rows = [
        (plain(key.replace("_", " ")), plain(_joined(value)))
        for key, value in result.items()
        if key != "request" and value not in (None, "", [], {})
    ]
    return table(("", ""), rows)


def _joined(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = table(head, rows[:MOST_ROWS])
    return [*lines, f"And {len(rows) - MOST_ROWS} more.", ""] if len(rows) > MOST_ROWS else lines
