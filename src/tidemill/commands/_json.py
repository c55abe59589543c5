"""What `--json` prints of each result (docs/reference/commands.md)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

from tidemill.commands import _results as results
from tidemill.commands._results import Build, Request, Result, TurnTaken
from tidemill.commands._words import state, time_text, way_in

if TYPE_CHECKING:
    from tidemill.announcing.announcement import Announcement
    from tidemill.announcing.by_reference import AnnouncementReference
    from tidemill.answers.difference import SetDifference
    from tidemill.building.shipping import BuiltImage
    from tidemill.commands._remedies import Remedies
    from tidemill.facts.journal import Entry
    from tidemill.plan.obstacles import Obstacle, Wait

# The keys of what a turn did; `notes` has what else the journal says.
DONE = (
    "evicted",
    "introduced",
    "promoted",
    "rolled back",
    "hotfixed",
    "replayed",
    "superseded",
    "rejected",
)


def as_json(  # noqa: PLR0912 - a case for each kind
    result: Result,
) -> dict[str, Any]:
    """A result as `--json` prints it."""
    match result:
        case results.Acceptance(request):
            return {"request": request_json(request), "changed": request.is_new}
        case results.RequestAndTurn(request, turn, change):
            tried = {"change": _difference(change)} if change else {}
            return {"request": request_json(request), **turn_json(turn), "error": {}, **tried}
        case results.Reconciliation(turn, settled):
            return {**turn_json(turn), "more": turn.more, "settled": settled.set}
        case results.EventRequest():
            return _event(result)
        case results.EventOutlook(came, turn, is_due, operations, checks, branches):
            return {
                **_event(came),
                "due": is_due,
                "operations": operations,
                "checks": checks,
                "branches": branches,
                "waiting": [waiting_json(line, turn.remedies) for line in turn.waiting],
                "next_due": time_text(turn.next_due),
                "wake": turn.wake,
                "environment": turn.environment,
            }
        case results.LoopDone(came, turn, checks):
            accepted = request_json(came.request) if came else None
            return {"request": accepted, **turn_json(turn), "more": turn.more, **as_json(checks)}
        case results.StatusReport(status, remedies):
            waiting = [
                waiting_json(line, remedies)
                | ({"next_turn": time_text(then)} if (then := result.next_turn(line)) else {})
                for line in status.waiting
            ]
            return {**asdict(status), "waiting": waiting}
        case results.PageWritten(out, files, size, changed):
            return {"changed": changed, "out": out, "files": files, "bytes": size}
        case results.HistoryReport():
            return _history(result)
        case results.Explanations():
            return _explanations(result)
        case results.Difference():
            return _difference(result)
        case results.RecordedCheck(state=of_check, note=note, at=at):
            return {
                "changed": note.changed,
                "sha": note.sha,
                "state": of_check,
                "reason": note.why,
                "at": time_text(at),
            }
        case results.CheckoutCheck(checked, warnings):
            return {"green": True, "checked": checked, "warnings": warnings}
        case results.CommitChecks(verdicts):
            return {
                "verdicts": {one.sha: one.state for one in verdicts},
                "reasons": {one.sha: one.reason for one in verdicts},
                "warnings": result.warnings,
            }
        case results.Adoption(proposal, changes, is_written):
            return {
                "changed": is_written,
                "files": [{"path": one.path, "act": one.act} for one in changes],
                "reasons": proposal.reasons,
                "missing": proposal.missing,
                "pastes": proposal.pastes,
                "steps": proposal.steps,
            }
        case results.SetupDone(ended):
            return {"changed": True, "ended": ended}
        case results.Diagnosis():
            return _diagnosis(result)
        case results.Build():
            return _build(result)
        case results.ImagesCompared(comparison):
            return comparison.as_json()
        case results.ImagesPinned(pins):
            return {"changed": bool(pins), "pins": pins}
        case results.ImagePlan(jobs):
            return {"include": jobs}
        case results.RecordFiles(files):
            return {"files": files}
        case results.Announcements(to, sent, is_dry_run):
            announced = [_announced(one, is_dry_run=is_dry_run) for one in sent]
            return {"changed": not is_dry_run, "to": to, "announced": announced}


def _history(found: results.HistoryReport) -> dict[str, Any]:
    told: dict[str, Any] = {"missing": found.missing}
    if found.at is not None:
        told["at"] = time_text(found.at)
    if found.services is not None:
        return {**told, "services": [_fields(one) for one in found.services]}
    if found.running is not None:
        landings = [_fields(one) for one in found.running.landings]
        return {
            **told,
            "sets": landings,
            "targets": [_fields(one) for one in found.running.targets],
        }
    return {**told, "lines": [_fields(one) for one in found.lines], "earlier": found.earlier}


def _explanations(found: results.Explanations) -> dict[str, Any]:
    told = [
        {
            "kind": one.thing.kind,
            "name": one.thing.name,
            "earlier": one.earlier,
            "lines": [_fields(line) for line in one.lines],
            "services": [_fields(stay) for stay in one.services],
            "targets": [{"wave": wave, **_fields(target)} for wave, target in one.targets],
            "waiting": [waiting_json(line, found.remedies) for line in one.waiting],
        }
        for one in found.things
    ]
    return {"things": told, "missing": found.missing}


def _difference(found: results.Difference) -> dict[str, Any]:
    return {
        "against": found.against or None,
        "sets": [set_json(one, found.url) for one in found.sets],
        "commits": found.come or found.gone if found.come is not None else None,
        "is_back": bool(found.gone) and not found.come,
        "gone": found.gone,
        "files": found.files,
    }


def set_json(one: SetDifference, url: str | None) -> dict[str, Any]:
    """What is different of one set."""
    from tidemill.commands._difference_text import compared

    services = one.services
    return {
        **_fields(one),
        "services": services
        if services is None
        else [{"what": each.what, **_fields(each)} for each in services],
        "compare": compared(one, url),
    }


def _fields(one: msgspec.Struct) -> dict[str, Any]:
    """A value by its fields, times to the second."""
    return {
        name: time_text(value) if isinstance(value, datetime) else value
        for name, value in asdict(one).items()
    }


def _diagnosis(found: results.Diagnosis) -> dict[str, Any]:
    keys = ("check", "state", "what", "remedy", "paste", "stops_the_loop")
    return {
        "changed": bool(found.mended),
        "of": found.of,
        "stops": found.stops,
        "findings": [{key: getattr(one, key) for key in keys} for one in found.findings],
        "mended": [{"path": one.path, "diff": one.diff} for one in found.mended],
    }


def request_json(request: Request) -> dict[str, str]:
    """What became of a request, with what is known of it."""
    found = {
        "id": request.id,
        "kind": request.kind,
        "state": state(request),
        "way_in": request.way_in,
    }
    return {key: value for key, value in found.items() if value}


def turn_json(turn: TurnTaken) -> dict[str, Any]:
    """A turn."""
    notes = (one for one in turn.entries if one.what not in DONE)
    return {
        "changed": turn.changed,
        "landed": turn.landed,
        **{what.replace(" ", "_"): [_entry(one) for one in turn.done(what)] for what in DONE},
        "to_check": turn.to_check,
        "waiting": [waiting_json(line, turn.remedies) for line in turn.waiting],
        "next_due": time_text(turn.next_due),
        "wake": turn.wake,
        "notes": [{"what": one.what, **_entry(one)} for one in notes],
        "unread": turn.unread,
        "unsent": turn.unsent,
        "page": turn.page,
        "unwritten": turn.unwritten,
        "environment": turn.environment,
        "approvals": [set_json(one, turn.remedies.server) for one in turn.approvals],
    }


def waiting_json(line: Wait, remedies: Remedies) -> dict[str, Any]:
    """One thing that waits.

    `kind` and `since` are of the first thing that it waits for; `obstacles` has all of them.
    """
    from tidemill.plan.wording import subject  # which most commands have no need of

    typed, on_github = remedies.ending(line)
    found: dict[str, Any] = {
        "what": subject(line.about),
        "for": remedies.reasons(line),
        "kind": line.obstacles[0].__struct_config__.tag,
        "since": time_text(line.since),
        "earliest": time_text(line.earliest),
        "command": typed,
        "on_github": on_github,
        "id": line.id,
        **msgspec.to_builtins(msgspec.structs.replace(line.about, at="for")),
        "at": line.about.at,
        "obstacles": [_obstacle(one, remedies) for one in line.obstacles],
    }
    return {key: value for key, value in found.items() if value is not None or key == "since"}


def image_json(one: BuiltImage) -> dict[str, Any]:
    """One image: names of outputs as docker/build-push-action has them, and our own."""
    item, image = one.item, one.image
    published = one.published
    tags = [f"{item.place}:{tag}" for tag in item.tags] if item.place else []
    return {
        "service": item.name,
        "digest": image.digest,
        "imageid": one.image_id,
        "image": one.reference if item.place else None,
        "tag": tags[0] if tags else None,
        "tags": tags,
        "layout": item.to.folder if item.to else None,
        "platforms": [str(platform) for platform in item.platforms],
        "changed": one.changed,
        "published": published is not None,
        "sent": published.sent if published else 0,
        "verified": one.is_verified,
        "warnings": one.warnings,
        "report": one.comparison.as_json() if one.comparison else None,
        "metadata": {
            "containerimage.digest": image.digest,
            "containerimage.config.digest": one.image_id,
            "containerimage.descriptor": msgspec.to_builtins(image),
            "image.name": ",".join(tags),
        },
    }


def _announced(one: Announcement | AnnouncementReference, *, is_dry_run: bool) -> dict[str, Any]:
    from tidemill.announcing.announcement import as_json as payload
    from tidemill.announcing.by_reference import AnnouncementReference

    by_reference = isinstance(one, AnnouncementReference)
    found = {"id": one.id, "set": one.set, "by_reference": by_reference}
    return {**found, "payload": payload(one)} if is_dry_run else found


def _event(result: results.EventRequest) -> dict[str, Any]:
    request = result.request
    found = {"event": result.event, "changed": request.is_new, "accepted": request.id or None}
    if request.id:
        return {**found, "state": state(request), "reason": way_in(request)}
    return {
        **found,
        "state": "nothing to accept",
        "kind": "foreign" if result.is_foreign else "nothing",
        "reason": request.how,
    }


def _build(build: Build) -> dict[str, Any]:
    images = [image_json(one) for one in build.images]
    alone = images[0] if len(images) == 1 else {}
    return {
        "changed": build.changed,
        "verified": build.is_verified,
        "images": images,
        **{key: alone[key] for key in ("digest", "imageid", "metadata", "report") if alone},
    }


def _entry(entry: Entry) -> dict[str, str]:
    found = {
        "id": entry.id,
        "sha": entry.sha or entry.app_sha,
        "app_sha": entry.app_sha,
        "set": entry.set,
        "wave": entry.wave,
        "reason": entry.reason or None,
        "by": entry.by or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _obstacle(one: Obstacle, remedies: Remedies) -> dict[str, Any]:
    words = one.command()
    found = {**msgspec.to_builtins(one), "words": one.words(remedies.now)}
    for key in ("since", "until"):
        if (when := getattr(one, key)) is not None:
            found[key] = time_text(when)
    return {**found, "command": remedies.typed(words)} if words else found
