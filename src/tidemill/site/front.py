"""The board: what needs a person, the waves as columns, the queue, and what was evicted last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tidemill.facts.ledger import Eviction
from tidemill.plan.status import SetStatus
from tidemill.site.board import TargetView, WaveView
from tidemill.site.markup import Child, Markup, el
from tidemill.site.parts import (
    TONES,
    Frame,
    hold_note,
    lanes,
    lines_list,
    notes,
    shortened,
    soak_bar,
    state,
    tag,
    wave_path,
)
from tidemill.words.durations import show_duration
from tidemill.words.lists import listed

MOST_NAMED = 8  # targets of a wave that stand on the board one by one
MOST_WAITING = 15  # lines that stand open
MOST_EVICTIONS = 5


def front(frame: Frame) -> bytes:
    """The page `index.html`."""
    board = frame.board
    return frame.page(
        "",
        el("h1", board.place.name, class_="unseen"),
        el("p", board.unasked, class_="none") if board.unasked else None,
        _attention(frame),
        el("h2", "Waves", class_="unseen"),
        el("div", [_wave(frame, wave) for wave in board.waves], class_="waves"),
        _timeline(frame),
        _queue(frame),
        _evictions(frame),
        here="index.html",
    )


def _attention(frame: Frame) -> Child:
    status = frame.board.status
    asks = [line for line in frame.board.lines if line.needs_a_person]
    broken = [
        el("li", el("strong", one.ref), el("p", one.reason), el("p", one.remedy), class_="ask")
        for one in status.unreadable
    ]
    gone = [
        el(
            "li",
            hold_note(hold, frame.now),
            f"The settings name no {hold.wave}.",
            el("code", command),
            class_="ask",
        )
        for hold, command in frame.board.gone
    ]
    count = len(asks) + len(broken) + len(gone)
    if not count:
        return el("p", el("span", "Nothing needs a person.", class_="state good"), class_="calm")
    return el(
        "section",
        el("h2", "Needs a person ", el("span", str(count), class_="count")),
        lines_list(frame, asks),
        el("ul", broken, gone, class_="lines") if broken or gone else None,
        class_="attention",
    )


def _wave(frame: Frame, view: WaveView) -> Markup:
    return el(
        "section",
        el(
            "div",
            el("h3", el("a", view.name, href=f"{frame.up}{wave_path(view.name)}")),
            _tags(view),
            class_="wave-head",
        ),
        notes(frame, view),
        [_set(frame, view, one) for one in view.status.sets]
        or el("p", "Nothing yet.", class_="none"),
        _targets(frame, view),
        class_="wave",
    )


def _tags(view: WaveView) -> Markup:
    wave = view.wave
    said = [f"after {', '.join(wave.sources)}"] if wave.sources else ["first"]
    said += [f"needs {view.status.need}"] if view.status.need != "all" else []
    said += ["approval"] if wave.approval else []
    said += ["windows"] if wave.windows else []
    said += [f"soak {show_duration(wave.soak)}"] if wave.soak else []
    return el("p", [tag(one) for one in said], class_="tags")


def _set(frame: Frame, view: WaveView, one: SetStatus) -> Markup:
    there = [each for each in view.stays if each.stay.set == one.set and not each.stay.until]
    soaks = there[0].soaks if there and one.state != "auto" else ()
    position = f"#{one.position}" if one.position else None
    return el(
        "div",
        el(
            "div",
            frame.set(one.set, one.app_sha),
            el("span", one.set, class_="set-name"),
            tag("hotfix") if one.is_hotfix else None,
            el("span", position, class_="position") if position else None,
            class_="set-head",
        ),
        el(
            "div",
            state("on auto" if one.state == "auto" else one.state),
            el("span", frame.since(one.since), class_="since"),
            class_="set-state",
        ),
        el("p", one.naming.words, class_="reason") if one.naming else None,
        el("p", f"without {listed(one.without)}", class_="none") if one.without else None,
        [soak_bar(soak) for soak in soaks],
        class_="set on-auto" if one.state == "auto" else "set",
    )


def _targets(frame: Frame, view: WaveView) -> Child:
    targets = view.targets
    if len(targets) <= MOST_NAMED:
        return el("ul", [_target(frame, one) for one in targets], class_="targets")
    counts = Counter(one.status.health or "no report" for one in targets)
    summary = [
        el("span", state(health, f" {count}"))
        for health, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    unwell = [one for one in targets if TONES.get(one.status.health or "") != "good"]
    return [
        el("p", f"{len(targets)} targets", class_="label"),
        el("p", summary, class_="counts"),
        el("ul", [_target(frame, one) for one in unwell[:MOST_NAMED]], class_="targets")
        if unwell
        else None,
        el("p", f"and {len(unwell) - MOST_NAMED} more", class_="none")
        if len(unwell) > MOST_NAMED
        else None,
    ]


def _target(frame: Frame, one: TargetView) -> Markup:
    word = one.status.health or "no report"
    more = " (ignored)" if one.status.ignored else ""
    return el("li", frame.target(one.wave, one.name), state(word, more))


def _timeline(frame: Frame) -> Markup | None:
    picture = lanes(frame.board.waves, frame.now)
    if picture is None:
        return None
    link = el("a", "all landings", href=f"{frame.up}timeline.html")
    return el("section", el("h2", "Timeline ", el("small", link)), picture)


def _queue(frame: Frame) -> Markup:
    waits = [line for line in frame.board.lines if not line.needs_a_person]
    first, others = waits[:MOST_WAITING], waits[MOST_WAITING:]
    return el(
        "section",
        el("h2", "Waiting ", el("span", str(len(waits)), class_="count")),
        lines_list(frame, first) or el("p", "Nothing waits.", class_="none"),
        el("details", el("summary", f"{len(others)} more"), lines_list(frame, others))
        if others
        else None,
    )


def _evictions(frame: Frame) -> Markup | None:
    found = frame.board.evictions[:MOST_EVICTIONS]
    if not found:
        return None
    return el(
        "section",
        el("h2", "Evicted last"),
        el("ul", [eviction(frame, one) for one in found], class_="lines"),
    )


def eviction(frame: Frame, one: Eviction) -> Markup:
    """A commit that was taken off auto: what, when, why, and what its check said."""
    return el(
        "li",
        el(
            "div",
            el("span", list(_subject(frame, one)), class_="what"),
            el("span", frame.since(one.at), class_="since"),
            class_="top",
        ),
        el("p", shortened(one.reason)) if one.reason else None,
        el("details", el("summary", "What the check said"), el("pre", one.said, tabindex="0"))
        if one.said
        else None,
    )


def _subject(frame: Frame, one: Eviction) -> Iterator[Child]:
    operation = one.operation
    if operation is None:
        yield from ("a commit that no turn made, ", frame.commit(one.commit))
    elif operation.is_regeneration:
        yield from ("the regeneration of ", frame.wave(operation.wave))
    else:
        yield frame.set(operation.set, operation.app_sha)
        yield f" ({operation.set}) for "
        yield frame.wave(operation.wave)
    if one.retried:
        yield " "
        yield tag("retried")
