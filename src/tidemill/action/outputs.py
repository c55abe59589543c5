"""What an action gives: parts of what its command prints with `--json`, as texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

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
    "rejected": "a JSON list of the requests that can't be carried out, with reasons",
    "to-check": "a JSON list of the commits that need a check now",
    "waiting": "a JSON list of what waits, and what for",
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
    "run-setup": {
        "ended": "a JSON list of the processes that it left running, and that were ended"
    },
    "plan-images": {"matrix": "the job matrix, as fromJSON takes it"},
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
    },
    "check-cfg-app": {
        "green": "whether the checkout is fit to land",
        "verdicts": "a JSON object: success, failure or error for each commit",
        "reasons": "a JSON object: why a commit is not green",
    },
    "reconcile-cfg-app": {**_TURN, "more": "whether something wants a check that is not claimed"},
    "record-check": {**_CHANGED, "state": "the verdict", "reason": "what was written, or why not"},
    "status": {
        "main": "the commit of main",
        "auto": "the commit of auto, or empty",
        "waiting": _TURN["waiting"],
    },
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


def texts(name: str, result: Mapping[str, Any]) -> dict[str, str]:
    """The outputs, but for the file: texts and numbers as they are, what has parts as JSON.

    Args:
        result: what the command printed with `--json`, of plain values.
    """
    whole = {**result, **_parts(name, result)}
    return {output: _text(whole.get(output.replace("-", "_"))) for output in OUTPUTS[name]}


def _parts(name: str, result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What stands elsewhere in a result than its name says."""
    match name:
        case "plan-images":
            return {"matrix": result}
        case "build-reproducible-image":
            images = result.get("images", [])
            return {"digests": {one["service"]: one["digest"] for one in images}}
        case _:
            request = result.get("request", {})
            return {key: request[key] for key in ("id", "state") if key in request}


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str() | int():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
