"""What several pages have in common: the frame, links, times, states, tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from tidemill.facts.gates import GateChange
from tidemill.facts.holds import Hold, each_hold
from tidemill.facts.settings import ALL_SETS
from tidemill.plan.status import FreezeStatus
from tidemill.site.board import Board, Line, Soak, StayView, WaveView
from tidemill.site.markup import Child, Markup, document, el, joined, web_address
from tidemill.words.durations import ago, show_duration
from tidemill.words.moments import to_the_minute, to_the_second
from tidemill.words.shas import short

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)
_GENERATOR = el("meta", name="generator", content="tidemill page")
IS_OURS = _GENERATOR.encode()  # what tells a page of ours from another one, which may be about us
FOLDERS = ("waves", "targets", "sets")
# How a state looks: its colour and the form of its mark. What is not here looks neutral.
TONES = {
    "deployed": "good",
    "Healthy": "good",
    "Succeeded": "good",
    "in flight": "going",
    "auto": "going",
    "Progressing": "going",
    "Running": "going",
    "deployed in part": "warn",
    "not in the files": "bad",
    "failed": "bad",
    "rolled back": "bad",
    "Degraded": "bad",
    "Failed": "bad",
    "Error": "bad",
    "Missing": "bad",
    "held": "held",
    "Suspended": "held",
}
# The spans of time that lanes show: the shortest in which so many landings are.
SPANS = [timedelta(hours=hours) for hours in (6, 24, 72, 168, 720)]
WELL_SHOWN = 8
_LONG_HEX = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28,52}\b")
_PLAIN = re.compile(r"[A-Za-z0-9.-]")
_LONGEST_NAME = 200


class Frame(Struct, frozen=True):
    """What a page knows besides its own subject.

    Attributes:
        up: how a link from this page begins: `../` for each folder that it is in.
        known: the sets that have a page.
    """

    board: Board
    up: str = ""
    known: frozenset[tuple[str, str]] = frozenset()

    @property
    def now(self) -> datetime:
        return self.board.now

    def page(self, title: str, *content: Child, here: str = "") -> bytes:
        place = self.board.place
        name = place.name
        whole = f"{title} · {name}" if title else name
        head = [
            el("meta", charset="utf-8"),
            el("meta", http_equiv="Content-Security-Policy", content=POLICY),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            _GENERATOR,
            el("meta", name="color-scheme", content="light dark"),
            el("meta", name="referrer", content="no-referrer"),
            el("title", whole),
            el("link", rel="stylesheet", href=f"{self.up}style.css"),
            el("link", rel="icon", href=f"{self.up}icon.svg"),
            [] if self.up else self._feed("landings", "What landed"),
            [] if self.up else self._feed("attention", "What needs a person"),
            el("script", src=f"{self.up}find.js", defer=True),
        ]
        body = el(
            "body",
            el("a", "Skip to the content", class_="skip", href="#content"),
            self._header(here),
            el("main", *content, id="content", tabindex="-1"),
            self._footer(),
        )
        return document(head, body)

    def wave(self, name: str | None) -> Child:
        """A wave, with a link to its page where it has one."""
        if not name or not any(wave.name == name for wave in self.board.waves):
            return name
        return el("a", name, href=f"{self.up}{wave_path(name)}")

    def target(self, wave: str, name: str) -> Markup:
        """A target, with a link to its page."""
        return el("a", name, href=f"{self.up}{target_path(wave, name)}")

    def set(self, name: str, sha: str | None) -> Markup:
        """A set by its commit, with a link to its page where it has one."""
        if sha and (name, sha) in self.known:
            where = f"{self.up}{set_path(name, sha)}"
            return el("a", short(sha), class_="sha", href=where)
        return el("span", short(sha, "unknown"), class_="sha", title=sha)

    def commit(self, sha: str | None) -> Markup:
        """A commit of cfg-app.git, with a link to it on GitHub."""
        address = self.board.place.commit(sha)
        title = None if address else sha
        return outside(address, short(sha, "none"), class_="sha", title=title)

    def app_commit(self, repository: str | None, sha: str) -> Markup:
        """A commit of app.git, with a link to it on GitHub."""
        return outside(self.board.place.app_commit(repository, sha), sha, class_="sha")

    def since(self, moment: datetime | None) -> Child:
        """A time, as how long ago it was."""
        return time(moment, ago(moment, self.now)) if moment else None

    def _feed(self, name: str, title: str) -> Markup:
        where = f"{self.up}{name}.xml"
        return el("link", rel="alternate", type="application/atom+xml", title=title, href=where)

    def _header(self, here: str) -> Markup:
        links = [("index.html", "Board"), ("timeline.html", "Timeline"), ("find.html", "Find")]
        entries = [
            el("a", text, href=f"{self.up}{href}", aria_current="page" if here == href else None)
            for href, text in links
        ]
        find = el(
            "form",
            el("label", "Find a SHA, a digest or a service", class_="unseen", for_="q"),
            el(
                "input",
                id="q",
                name="q",
                type="search",
                placeholder="SHA, digest, service",
                autocomplete="off",
                spellcheck="false",
            ),
            action=f"{self.up}find.html",
            role="search",
        )
        name = el("a", self.board.place.name, class_="name", href=f"{self.up}index.html")
        return el("header", name, el("nav", entries, aria_label="Pages"), find)

    def _footer(self) -> Markup:
        status = self.board.status
        return el(
            "footer",
            el("span", "As of ", time(self.now)),
            el("span", "main ", self.commit(status.main)),
            el("span", "auto ", self.commit(status.auto)),
            el("a", "Feed of landings", href=f"{self.up}landings.xml"),
            el("a", "Feed of what needs a person", href=f"{self.up}attention.xml"),
        )


def wave_path(name: str) -> str:
    """The file of a wave's page."""
    return f"waves/{file_name(name)}.html"


def target_path(wave: str, name: str) -> str:
    """The file of a target's page."""
    return f"targets/{file_name(wave)}/{file_name(name)}.html"


def set_path(name: str, sha: str) -> str:
    """The file of a set's page."""
    return f"sets/{file_name(name)}/{file_name(short(sha))}.html"


def file_name(name: str) -> str:
    """A name as part of a path, and of an address: other characters than plain ones as `_2f_`.

    No file system takes more than 255 bytes: what would be too long is cut, and told apart.
    """
    plain = "".join(one if _PLAIN.match(one) else f"_{ord(one):x}_" for one in name)
    if len(plain) <= _LONGEST_NAME:
        return plain
    return f"{plain[:_LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def outside(address: str | None, text: str, **attributes: str | None) -> Markup:
    """A link to somewhere else; the text alone where the address is none."""
    where = web_address(address)
    if where is None:
        return el("span", text, **attributes)
    return el("a", text, href=where, rel="noreferrer", **attributes)


def time(moment: datetime, text: str = "") -> Markup:
    """A time, exact for machines and on hovering."""
    shown = to_the_minute(moment)
    exact = to_the_second(moment)
    return el("time", text or shown, datetime=exact, title=shown if text else None)


def state(word: str, more: str = "") -> Markup:
    """A state, with a mark whose form and colour say the same again."""
    return el("span", word, more, class_=f"state {TONES.get(word, 'idle')}")


def tag(word: str) -> Markup:
    """A word set apart."""
    return el("span", word, class_="tag")


def shortened(words: str) -> str:
    """Words with SHAs and digests as people read them."""
    return _LONG_HEX.sub(r"\1", words)


def soak_bar(soak: Soak) -> Markup:
    """How far a set has soaked."""
    part = soak.soaked / soak.needed
    left = soak.needed - soak.soaked
    said = f"{show_duration(soak.soaked)} of {show_duration(soak.needed)}"
    end = "soaked" if left <= timedelta() else "running" if soak.is_running else "stands still"
    return el(
        "div",
        el("span", f"Soak for {soak.follower}", class_="label"),
        el("span", f"{said}, {end}", class_="value"),
        bar(part, f"Soak for {soak.follower}: {said}", "good" if part >= 1 else "going"),
        class_="soak",
    )


def bar(part: float, label: str, tone: str) -> Markup:
    """A part of a whole, from 0 to 1, as a bar."""
    return el(
        "svg",
        el("rect", class_="track", width="100%", height="100%", rx="2"),
        el("rect", class_=f"fill {tone}", width=f"{100 * part:.1f}%", height="100%", rx="2"),
        class_="bar",
        role="img",
        aria_label=label,
    )


def hold_note(hold: Hold, now: datetime) -> Markup:
    """A hold: who, why, since when."""
    which = "" if hold.set == ALL_SETS else f" for {hold.set}"
    return el(
        "p",
        el("strong", f"On hold{which}"),
        f" by {hold.by or 'someone'}, ",
        time(hold.since, ago(hold.since, now)),
        [", until ", time(hold.until)] if hold.until else None,
        el("span", hold.reason, class_="reason"),
        class_="hold",
    )


def freeze_note(freeze: FreezeStatus) -> Markup:
    """A freeze: why, and until when; of one that is to come also from when."""
    word, moment = ("Frozen until ", freeze.until) if freeze.is_now else ("Freeze ", freeze.begins)
    return el(
        "p",
        el("strong", word, time(moment)),
        None if freeze.is_now else [" until ", time(freeze.until)],
        el("span", freeze.reason, class_="reason"),
        class_="hold",
    )


def gates_note(frame: Frame, change: GateChange) -> Markup:
    """Which commit changed what a wave asks before anything goes in or on; by whom, as it says."""
    by = f" by the author {change.author}" if change.author else ""
    return el(
        "p",
        el("strong", "Gates changed"),
        " in ",
        frame.commit(change.commit) if change.commit else "a commit that can't be told",
        f"{by}, ",
        frame.since(change.at),
        el("span", change.words, class_="reason"),
        class_="hold",
    )


def notes(frame: Frame, view: WaveView) -> list[Markup]:
    """The holds and freezes of a wave, and what changed its gates lately."""
    status = view.status
    holds = [hold_note(one, frame.now) for one in each_hold(status.holds)]
    gates = [gates_note(frame, one) for one in status.gates_changed]
    return [*holds, *map(freeze_note, status.freezes), *gates]


def lines_list(frame: Frame, lines: Iterable[Line]) -> Markup | None:
    """What waits, and what for; None where nothing does."""
    found = [_line(frame, one) for one in lines]
    return el("ul", found, class_="lines") if found else None


def _line(frame: Frame, line: Line) -> Markup:
    what: Child = shortened(line.what)
    if line.set and line.app_sha and (line.set, line.app_sha) in frame.known:
        before, _, rest = line.what.partition(short(line.app_sha))
        what = joined(before, frame.set(line.set, line.app_sha), rest)
    return el(
        "li",
        el(
            "div",
            el("span", what, class_="what"),
            el("span", frame.since(line.since), class_="since") if line.since else None,
            class_="top",
        ),
        el("div", [el("p", shortened(one)) for one in line.reasons], class_="why"),
        el("code", line.command) if line.command else None,
        class_="ask" if line.needs_a_person else None,
    )


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Child]]) -> Markup:
    """A table; on a narrow screen each cell says which column it is of."""
    body = [
        el(
            "tr",
            [
                el("th" if at == 0 else "td", cell, scope="row" if at == 0 else None, data_of=title)
                for at, (title, cell) in enumerate(zip(head, row, strict=True))
            ],
        )
        for row in rows
    ]
    return el(
        "table",
        el("caption", caption, class_="unseen"),
        el("thead", el("tr", [el("th", title, scope="col") for title in head])),
        el("tbody", body),
    )


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Names and what they stand for; those that stand for nothing are left out."""
    return el("dl", [el("div", el("dt", name), el("dd", value)) for name, value in pairs if value])


def lanes(waves: Sequence[WaveView], now: datetime) -> Markup | None:
    """What waves had in the last time, as one picture; tables say the same in words.

    Each image set of a wave has a row, because one has nothing to do with how another goes.
    """
    landed = sorted((one.stay.since for wave in waves for one in wave.stays), reverse=True)
    if not landed:
        return None
    wanted = now - landed[min(len(landed), WELL_SHOWN) - 1]
    span = next((one for one in SPANS if one >= wanted), SPANS[-1])
    start, height = now - span, 22
    rows: list[tuple[str, list[StayView]]] = []
    for wave in waves:
        sets = sorted({one.stay.set for one in wave.stays})
        for name in sets or [""]:
            shown = f"{wave.name} · {name}" if len(sets) > 1 else wave.name
            rows.append((shown, [one for one in wave.stays if one.stay.set == name]))
    marks: list[Markup] = []
    for row, (_, stays) in enumerate(rows):
        top = row * height + 3
        marks.append(_rect("track", 0, 100, top, ""))
        for one in stays:
            stay = one.stay
            end = min(stay.until or now, now)
            if end <= start:
                continue
            left = 100 * max((stay.since - start) / span, 0)
            right = 100 * (end - start) / span
            tone = TONES.get(one.state, "idle")
            said = f"{stay.set} {short(stay.app_sha, 'unknown')}: {one.state}"
            marks.append(_rect(f"stay {tone}", left, max(right - left, 0.3), top, said))
    picture = el("svg", marks, class_="lanes", height=len(rows) * height, aria_hidden="true")
    names = [el("span", shown) for shown, _ in rows]
    begin, middle = f"{show_duration(span)} ago", f"{show_duration(span / 2)} ago"
    scale = [el("span", begin), el("span", middle), el("span", "now")]
    return el(
        "div",
        el("div", names, class_="lane-names"),
        el("div", picture, el("div", scale, class_="scale"), class_="lane-picture"),
        class_="lane-box",
        aria_hidden="true",
    )


def _rect(kind: str, left: float, width: float, top: int, title: str) -> Markup:
    return el(
        "rect",
        class_=kind,
        x=f"{left:.2f}%",
        width=f"{width:.2f}%",
        y=top,
        height=16,
        rx=2,
        data_title=title or None,
    )
