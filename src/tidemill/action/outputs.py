"""What an action gives: parts of what its command prints with `--json`, as texts."""

from __future__ import annotations

from collections.abc import Mapping

from tidemill.commands import _results as results
from tidemill.commands._json import as_json
from tidemill.commands._results import Result
from tidemill.commands._words import state
from tidemill.words.json_types import told

_CHANGED = {"changed": "whether anything was written"}
_REQUEST = {
    "id": "the id of what was accepted",
    "state": "what became of it: accepted, waits already, already there, or how it has ended",
}
_TURN = {
    **_CHANGED,
    "landed": "the commit that main was moved to, or empty",
    "evicted": "a JSON list of what was taken off auto, with reasons",
    "introduced": "a JSON list of the sets that were introduced",
    "promoted": "a JSON list of the sets that were promoted",
    "rolled-back": "a JSON list of the sets that were rolled back",
    "hotfixed": "a JSON list of the hotfixes that were made",
    "rejected": "a JSON list of the requests that can't be carried out, with reasons",
    "to-check": "a JSON list of the commits that need a check now",
    "waiting": "a JSON list of what waits, and what for",
    "environment": "the environment whose reviewers have to look at what this run asks, or empty",
    "next-due": "when time alone makes something due, or empty",
    "wake": "whether that is within the hour, and no turn before this one knew",
}
_LAST = {
    **_TURN,
    "more": "whether something is left to the next run",
    "page": "the folder that the page was written to, or empty",
}
_ASKED = {**_REQUEST, **_TURN}

RESULT = "result"
OUTPUTS: Mapping[str, Mapping[str, str]] = {
    "build-reproducible-image": {
        "changed": "whether any image is another one than before",
        "verified": "with verify, whether both builds are the same; else empty",
        "digest": "the digest of the image, where one alone was built",
        "imageid": "the digest of its config, where one alone was built",
        "metadata": "what buildx writes of it, as JSON, where one alone was built",
        "digests": "a JSON object: the digest of each service's image",
    },
    "init": {**_CHANGED, "files": "a JSON list of the files that differ, and what becomes of each"},
    "run-setup": {
        "ended": "a JSON list of the processes that it left running, and that were ended"
    },
    "plan-images": {"matrix": "the job matrix, as fromJSON takes it"},
    "pin": {**_CHANGED, "pins": "a JSON list of the images that got a digest, and where"},
    "compare": {"verdict": "whether they are the same"},
    "record-image-artifact": {"files": "a JSON list of the files that were written"},
    "announce-images": {
        "changed": "whether anything was sent",
        "announced": "a JSON list of what was announced",
    },
    "accept-event": {
        **_CHANGED,
        "event": "the event",
        "accepted": "the id of what was accepted, or empty",
        "state": _REQUEST["state"],
        "reason": "why there was nothing to accept",
        "waiting": "with look-ahead, a JSON list of what waits, and what for",
        "environment": "with look-ahead, the environment whose reviewers have to look at what this "
        "run asks, or empty",
        "next-due": "with look-ahead, when time alone makes something due, or empty",
        "wake": "with look-ahead, whether that is within the hour, and no turn knew it before",
        "due": "with look-ahead, whether a turn has something to do",
        "operations": "with look-ahead, whether that may run entry points other than the check",
        "checks": "with look-ahead, whether something wants a check",
        "branches": "with look-ahead, whether that may move main or auto",
    },
    "doctor": {
        "stops": "whether the loop would stop",
        "findings": "a JSON list of what was found",
    },
    "check-cfg-app": {
        "green": "whether the checkout is fit to land",
        "verdicts": "a JSON object: success, failure or error for each commit",
        "reasons": "a JSON object: why a commit is not green",
    },
    "reconcile-cfg-app": _LAST,
    "loop": {
        **_LAST,
        "verdicts": "a JSON object: what was said of each commit that was checked",
    },
    "record-check": {**_CHANGED, "state": "the verdict", "reason": "what was written, or why not"},
    "status": {
        "main": "the commit of main",
        "auto": "the commit of auto, or empty",
        "waiting": _TURN["waiting"],
    },
    "page": {
        **_CHANGED,
        "out": "the folder of the site",
        "files": "how many files it has",
        "bytes": "how large they are together",
    },
    "diff": {"sets": "a JSON list of the sets, with the services whose images differ"},
    "explain": {"things": "a JSON list of what was meant, each with its way so far"},
    "history": {"missing": "a JSON list of what can't be told, in sentences"},
    **dict.fromkeys(
        (
            "update-cfg-app",
            "record-deployment",
            "promote-wave",
            "rollback-wave",
            "hold-wave",
            "release-wave",
            "drop",
            "retry",
        ),
        _ASKED,
    ),
}
OF_ALL = {RESULT: "a file with all that was done, as the command prints it with --json"}


def outputs_of(name: str) -> Mapping[str, str]:
    """The outputs of a command's action, and what they are."""
    return {**OUTPUTS[name], **OF_ALL}


def texts(name: str, result: Result) -> dict[str, str]:
    """The outputs, but for the file: texts and numbers as they are, what has parts as JSON.

    An output is the key of its name in what `--json` prints, or one of `_others`.
    """
    values = {**as_json(result), **_others(result)}
    return {output: _text(values.get(output.replace("-", "_"))) for output in OUTPUTS[name]}


def _others(result: Result) -> Mapping[str, object]:
    match result:
        case results.Acceptance(request) | results.RequestAndTurn(request):
            return {"id": request.id, "state": state(request)}
        case results.ImagePlan():
            return {"matrix": as_json(result)}
        case results.Build(built):
            return {"digests": {one.item.name: one.image.digest for one in built}}
        case _:
            return {}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            return told(value).decode()
