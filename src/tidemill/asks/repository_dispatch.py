"""`repository_dispatch`: what app.git, Argo CD, Flux and Tidemill itself send."""

from __future__ import annotations

from typing import Any

import msgspec

from tidemill.announcing.forms import read_whole
from tidemill.asks import flux, target_deployed
from tidemill.asks.ask import FROM_GITHUB, Announce, Ask, Nothing, ReportDeployment, read
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

IMAGES_ANNOUNCED = "images-announced"
TARGET_DEPLOYED = "target-deployed"
OF_OURSELVES = ("turn-due", "check-requested")


class _Sender(msgspec.Struct):
    login: str = ""


class _Typed(msgspec.Struct):
    action: str
    client_payload: msgspec.Raw = msgspec.Raw(b"null")


class _Sent(msgspec.Struct):
    sender: _Sender | None = None


def ask_of(payload: bytes) -> Ask | Nothing:
    """What a `repository_dispatch` asks for; `action` is the `event_type` that it was sent with."""
    event = read(payload, _Typed, "a repository_dispatch", FROM_GITHUB)
    kind = event.action
    if kind in OF_OURSELVES:
        return Nothing(f"{kind} brings nothing: it only starts a turn")
    if kind == IMAGES_ANNOUNCED:
        return _announced(event, payload)
    if kind == TARGET_DEPLOYED:
        return target_deployed.ask_of(target_deployed.plain(event.client_payload))
    return _others(event)


def _announced(event: _Typed, payload: bytes) -> Announce:
    sender = read(payload, _Sent, "a repository_dispatch", FROM_GITHUB).sender
    found = read_whole(bytes(event.client_payload))
    return Announce(found, sender=sender.login if sender else "")


def _others(event: _Typed) -> ReportDeployment | Nothing:
    """Flux chooses the type of its events itself; all others are other people's."""
    try:
        payload = msgspec.json.decode(event.client_payload, type=dict[str, Any])
        report = flux.deployment(event.action, payload)
    except UNREADABLE:
        report = None
    if report is None:
        return Nothing(f"{shown(event.action)} is not an event of Tidemill's", is_foreign=True)
    return target_deployed.ask_of(report)
