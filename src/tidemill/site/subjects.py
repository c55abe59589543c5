"""A page for each wave, each set and each target, and the timeline of all waves."""

from __future__ import annotations

from datetime import datetime

from tidemill.answers.history import HOW, Stay
from tidemill.site.board import SetView, StayView, TargetView, WaveView
from tidemill.site.front import eviction
from tidemill.site.markup import Child, Markup, el, joined
from tidemill.site.parts import (
    Frame,
    facts,
    lanes,
    lines_list,
    notes,
    outside,
    soak_bar,
    state,
    table,
    time,
)
from tidemill.words.durations import show_duration
from tidemill.words.shas import short

MOST_LANDINGS = 200  # on the timeline of all waves


def timeline_page(frame: Frame) -> bytes:
    """What landed in all waves, the newest first."""
    found = frame.board.stays
    return frame.page(
        "Timeline",
        el("h1", "Timeline"),
        lanes(frame.board.waves, frame.now),
        [el("p", one, class_="none") for one in frame.board.missing],
        _landings(frame, found[:MOST_LANDINGS], with_wave=True),
        here="timeline.html",
    )


def wave_page(frame: Frame, view: WaveView) -> bytes:
    """What a wave has, has had, and lets in."""
    wave, there = view.wave, [one for one in view.stays if one.stay.until is None]
    lines = [line for line in frame.board.lines if line.wave == view.name]
    rules = facts([
        ("After", _listed([frame.wave(one) for one in wave.sources]) or "announcements"),
        ("Admits", f"the next set {wave.admit}"),
        ("Settles within", show_duration(wave.settle)),
        ("Soak before it", show_duration(wave.soak) if wave.soak else None),
        ("Approval", "by a person" if wave.approval else None),
        ("Windows", "; ".join(window.text for window in wave.windows)),
        ("On failure", wave.on_failure),
    ])  # fmt: skip
    rows = [
        (
            frame.target(view.name, one.name),
            state(one.status.health or "no report", " (ignored)" if one.status.ignored else ""),
            state(one.status.phase) if one.status.phase else None,
            _runs(frame, one),
            frame.commit(one.status.revision),
            frame.since(one.record.accepted_at) if one.record else None,
        )
        for one in view.targets
    ]
    return frame.page(
        view.name,
        el("h1", view.name),
        notes(frame, view),
        [soak_bar(soak) for one in there for soak in one.soaks],
        rules,
        el("h2", "Waiting") if lines else None,
        lines_list(frame, lines),
        el("h2", "Timeline"),
        lanes([view], frame.now),
        _landings(frame, view.stays, with_wave=False),
        el("h2", "Targets ", el("span", str(len(rows)), class_="count")),
        table(
            f"Targets of {view.name}",
            ("target", "health", "sync", "runs", "revision", "reported"),
            rows,
        ),
    )


def set_page(frame: Frame, view: SetView) -> bytes:
    """Where a set is, where it was, and which images it has."""
    rows = [
        (
            frame.wave(stay.wave),
            state(one.state),
            _how(stay),
            time(stay.since),
            time(one.deployed_at) if one.deployed_at else None,
            _lasted(stay, frame.now),
            frame.commit(stay.commit),
        )
        for one in view.stays
        for stay in [one.stay]
    ]
    head = ("wave", "state", "how", "landed", "deployed", "there for", "commit of main")
    return frame.page(
        f"{short(view.app_sha)} ({view.set})",
        el("h1", el("span", short(view.app_sha), class_="sha"), " ", el("small", view.set)),
        facts([
            ("Commit", frame.app_commit(view.repository, view.app_sha)),
            ("Repository", view.repository),
            ("Position", str(view.position) if view.position else None),
        ]),
        lines_list(frame, view.lines),
        el("h2", "Waves"),
        table("Waves that have had it", head, rows)
        if rows
        else el("p", "No wave has had it.", class_="none"),
        [
            el("h2", "Evicted"),
            el("ul", [eviction(frame, one) for one in view.evictions], class_="lines"),
        ]
        if view.evictions
        else None,
        _images(view),
    )  # fmt: skip


def target_page(frame: Frame, view: TargetView) -> bytes:
    """What a target last reported, and what it runs."""
    record, status, ignored = view.record, view.status, view.status.ignored
    return frame.page(
        view.name,
        el("h1", view.name, " ", el("small", "in ", frame.wave(view.wave))),
        facts([
            ("Health", state(status.health or "no report")),
            ("Sync", state(status.phase) if status.phase else None),
            ("Runs", _runs(frame, view)),
            ("Revision", frame.commit(status.revision) if status.revision else None),
            ("Finished", time(record.finished_at) if record else None),
            ("Reported", time(record.accepted_at) if record else None),
            ("Clock", f"{status.clock_ahead} ahead" if status.clock_ahead else None),
            ("Ignored until", time(ignored.until) if ignored else None),
            ("Ignored because", ignored.reason if ignored else None),
        ]),
        [
            el("h2", "Images that it named"),
            el("ul", [el("li", el("code", one)) for one in record.images], class_="plain"),
        ]
        if record and record.images
        else None,
    )  # fmt: skip


def _landings(
    frame: Frame, stays: list[StayView] | tuple[StayView, ...], *, with_wave: bool
) -> Markup:
    if not stays:
        return el("p", "Nothing has landed yet.", class_="none")
    wave_head = ("wave",) if with_wave else ()
    rows = [
        (
            time(stay.since, f"{stay.since:%Y-%m-%d %H:%M}"),
            *((frame.wave(stay.wave),) if with_wave else ()),
            _which(frame, stay),
            _how(stay),
            state(one.state),
            show_duration(deployed - stay.since) if deployed else None,
            _lasted(stay, frame.now),
            frame.commit(stay.commit),
        )
        for one in stays
        for stay, deployed in [(one.stay, one.deployed_at)]
    ]
    head = ("landed", *wave_head, "set", "how", "state", "deployed after", "there for", "commit")
    return table("What landed, the newest first", head, rows)


def _which(frame: Frame, stay: Stay) -> Markup:
    name = el("small", stay.set)
    return name if stay.is_empty else joined(frame.set(stay.set, stay.app_sha), " ", name)


def _how(stay: Stay) -> Markup:
    """How a set came there: by whom, why, and the run that did it."""
    verb = outside(stay.run_url, HOW.get(stay.how, "landed"))
    if not stay.by:
        return verb
    reason = f"override: {stay.reason}" if stay.is_override else stay.reason
    return joined(verb, f" by {stay.by}", el("small", reason, class_="reason"))


def _images(view: SetView) -> Child:
    if view.images is None:
        return None
    digests = view.images.digests
    rows = [
        el("li", el("span", service, class_="service"), " ", el("code", digests[service]))
        for service in sorted(digests)
    ]
    return [
        el("h2", "Images ", el("span", str(len(rows)), class_="count")),
        el("ul", rows, class_="plain images"),
    ]


def _runs(frame: Frame, view: TargetView) -> Markup | None:
    return _listed([
        joined(frame.set(name, sha), " ", el("small", name))
        for name, sha in view.status.runs.items()
    ])  # fmt: skip


def _listed(found: list[Child]) -> Markup | None:
    return joined([(one, ", ") for one in found[:-1]], found[-1]) if found else None


def _lasted(stay: Stay, now: datetime) -> str:
    return show_duration((stay.until or now) - stay.since)
