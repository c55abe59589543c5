"""`target-deployed`: what a target reports of its deployment (`design.md` 9)."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from tidemill.asks.ask import ReportDeployment, read
from tidemill.errors import Refused
from tidemill.facts.records import HEALTHS, PHASES, Health, Phase
from tidemill.words.moments import parse_time
from tidemill.words.names import shown
from tidemill.words.nearest import no_such
from tidemill.words.versions import check_version

_SEND = "send it as the templates in integrations/argocd and integrations/flux do"


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The `client_payload`: `revisions` where an Application has several sources."""

    version: int = 1
    wave: str
    target: str
    revision: str | None = None
    revisions: tuple[str, ...] | None = None
    phase: str
    health: str
    finished_at: str
    images: tuple[str, ...] | None = None


def plain(payload: msgspec.Raw) -> Any:
    """The payload of an event as plain values; raises `Refused` if it is no JSON."""
    return read(payload, Any, "the report of a deployment", _SEND)


def ask_of(payload: Any) -> ReportDeployment:
    """The report that a payload makes, of plain values.

    Raises:
        Refused: it is not one, or of another version.
    """
    check_version(payload, "the report of a deployment")
    try:
        report = msgspec.convert(payload, Report)
    except msgspec.ValidationError as error:
        raise Refused(
            f"this is not the report of a deployment: {shown(str(error))}", remedy=_SEND
        ) from None
    for what, given, known in (
        ("phase", report.phase, PHASES),
        ("health", report.health, HEALTHS),
    ):
        if given not in known:
            raise no_such(what, given, known, "send one of")
    revisions = (*([report.revision] if report.revision else []), *(report.revisions or ()))
    if not revisions:
        raise Refused("the report of a deployment has no revision", remedy=_SEND)
    return ReportDeployment(
        wave=report.wave,
        target=report.target,
        revisions=revisions,
        phase=cast(Phase, report.phase),
        health=cast(Health, report.health),
        finished_at=parse_time(report.finished_at, "finished_at"),
        images=report.images or (),
    )
