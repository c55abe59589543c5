"""`repository_dispatch`: what app.git, Argo CD, Flux and Tidemill itself send."""

from __future__ import annotations

from typing import Any

import msgspec

from tidemill.announcing.announcement import is_bare
from tidemill.asks import flux, target_deployed
from tidemill.asks.ask import Asked, Nothing, Run, options, read
from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE
from tidemill.words.versions import check_version

IMAGES_ANNOUNCED = "images-announced"
TARGET_DEPLOYED = "target-deployed"
OF_OURSELVES = ("turn-due", "check-requested")

_ANNOUNCE = "send it with announce-images: docs/adopt.md shows the form of an announcement"


class _Sender(msgspec.Struct):
    login: str = ""


class _Typed(msgspec.Struct):
    action: str


class _Sent(msgspec.Struct):
    sender: _Sender | None = None
    client_payload: msgspec.Raw = msgspec.Raw(b"null")


def asked(payload: bytes) -> Asked:
    """What a `repository_dispatch` asks for; `action` is the `event_type` that it was sent with."""
    remedy = "it is GitHub that sends this event: run this in the workflow that it starts"
    kind = read(payload, _Typed, "a repository_dispatch", remedy).action
    if kind in OF_OURSELVES:
        return Nothing(f"{kind} brings nothing: it only starts a turn")
    if kind not in (IMAGES_ANNOUNCED, TARGET_DEPLOYED):
        return _others(kind, payload)
    sent = read(payload, _Sent, "a repository_dispatch", remedy)
    return (
        _announced(sent) if kind == IMAGES_ANNOUNCED else target_deployed.asked(sent.client_payload)
    )


def _announced(sent: _Sent) -> Run:
    data = bytes(sent.client_payload)
    read(data, dict[str, Any], "an announcement", _ANNOUNCE)
    check_version(data, "the announcement")
    if is_bare(data):
        raise Refused("this announcement does not say of which commit it is", remedy=_ANNOUNCE)
    sender = sent.sender.login if sent.sender else ""
    return Run("update-cfg-app", options(sender=sender, announcement=data.decode()))


def _others(kind: str, payload: bytes) -> Asked:
    """Flux chooses the type of its events itself; all others are other people's."""
    try:
        data = msgspec.json.decode(payload, type=_Sent).client_payload
        report = flux.deployment(kind, msgspec.json.decode(data, type=dict[str, Any]))
    except UNREADABLE:
        report = None
    if report is None:
        return Nothing(f"{shown(kind)} is not an event of Tidemill's", is_foreign=True)
    return target_deployed.asked(msgspec.Raw(msgspec.json.encode(report)))
