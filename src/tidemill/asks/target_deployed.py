"""`target-deployed`: what a target reports of its deployment (`design.md` 9)."""

from __future__ import annotations

import msgspec

from tidemill.asks.ask import Run, options, read
from tidemill.errors import Refused
from tidemill.facts.records import HEALTHS, PHASES
from tidemill.words.names import shown
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


def asked(payload: msgspec.Raw) -> Run:
    """The command that records it.

    Raises:
        Refused: it is not one, or of another version.
    """
    check_version(bytes(payload), "the report of a deployment")
    report = read(payload, Report, "the report of a deployment", _SEND)
    for what, given, known in (
        ("phase", report.phase, PHASES),
        ("health", report.health, HEALTHS),
    ):
        if given not in known:
            raise Refused(
                f"there is no {what} {shown(given)}", remedy=f"send one of {', '.join(known)}"
            )
    revisions = [*([report.revision] if report.revision else []), *(report.revisions or ())]
    if not revisions:
        raise Refused("the report of a deployment has no revision", remedy=_SEND)
    return Run(
        "record-deployment",
        (
            *options(wave=report.wave, target=report.target),
            *(f"--revision={revision}" for revision in revisions),
            *options(phase=report.phase, health=report.health, finished_at=report.finished_at),
            *(f"--image={image}" for image in report.images or ()),
        ),
    )
