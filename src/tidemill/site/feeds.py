"""Two Atom feeds: what landed, and what needs a person."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from tidemill.facts.holds import Hold
from tidemill.plan.status import UnreadableStatus
from tidemill.site.board import Board, Line, StayView
from tidemill.site.markup import Markup, el, xml
from tidemill.site.parts import set_path
from tidemill.words.moments import to_the_second
from tidemill.words.shas import short

MOST = 50
_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/tidemill/tidemill/atom")
_VERBS = {
    "introduce": "was introduced into",
    "promote": "was promoted to",
    "roll back": "is back in, by a rollback:",
    "hotfix": "was put as a hotfix into",
    "by hand": "was put by hand into",
    "removed by hand": "was taken by hand out of",
    "": "landed in",
}


def landings(board: Board, known: frozenset[tuple[str, str]]) -> bytes:
    """The last landings in all waves."""
    entries = [_landing(board, one, known) for one in board.stays[:MOST]]
    newest = max((one.stay.since for one in board.stays), default=board.now)
    return _feed(board, "landings", "What landed", newest, entries)


def attention(board: Board) -> bytes:
    """What needs a person now. What has ended is no entry any more."""
    lines = [line for line in board.lines if line.needs_a_person]
    entries = [
        *(_ask(board, line) for line in lines),
        *(_gone(board, hold, command) for hold, command in board.gone),
        *(_unreadable(board, one) for one in board.status.unreadable),
    ]
    times = [*(line.since or board.now for line in lines), *(hold.since for hold, _ in board.gone)]
    newest = max(times, default=board.now)
    return _feed(board, "attention", "What needs a person", newest, entries)


def _landing(board: Board, view: StayView, known: frozenset[tuple[str, str]]) -> Markup:
    stay = view.stay
    which = stay.set
    if not stay.is_empty:
        which = f"{short(stay.app_sha, 'an unknown set')} ({stay.set})"
    has_page = stay.app_sha and (stay.set, stay.app_sha) in known
    where = set_path(stay.set, stay.app_sha or "") if has_page else "index.html"
    return _entry(
        _id(board, "landing", stay.wave, stay.set, stay.commit, to_the_second(stay.since)),
        f"{which} {_VERBS[stay.how]} {stay.wave}",
        stay.since,
        where,
        f"Commit {stay.commit} of main. It is {view.state}.",
    )


def _ask(board: Board, line: Line) -> Markup:
    since = line.since or board.now
    return _entry(
        _id(
            board,
            "attention",
            line.what,
            *line.kinds,
            to_the_second(line.since) if line.since else "",
        ),
        line.what,
        since,
        "index.html",
        "\n".join(filter(None, [*line.reasons, line.command])),
    )


def _gone(board: Board, hold: Hold, command: str) -> Markup:
    return _entry(
        _id(board, "gone hold", hold.id),
        f"{hold.wave} is held, though the settings do not name it",
        hold.since,
        "index.html",
        f"{hold.reason}\n{command}",
    )


def _unreadable(board: Board, one: UnreadableStatus) -> Markup:
    return _entry(
        _id(board, "unreadable", one.ref),
        f"{one.ref} can't be read",
        board.now,
        "index.html",
        f"{one.reason}\n{one.remedy}",
    )


def _entry(id_: str, title: str, at: datetime, where: str, text: str) -> Markup:
    return el(
        "entry",
        el("id", id_),
        el("title", title),
        el("updated", to_the_second(at)),
        el("link", href=where),
        el("content", text, type="text"),
    )


def _feed(board: Board, name: str, title: str, at: datetime, entries: Iterable[Markup]) -> bytes:
    return xml(
        el(
            "feed",
            el("id", _id(board, name)),
            el("title", f"{title} · {board.place.name}"),
            el("updated", to_the_second(at)),
            el("author", el("name", "Tidemill")),
            el("link", rel="self", href=f"{name}.xml"),
            el("link", rel="alternate", href="index.html"),
            entries,
            xmlns="http://www.w3.org/2005/Atom",
        )
    )


def _id(board: Board, *words: str) -> str:
    """The same for the same words about the same repository, wherever the site stands."""
    return f"urn:uuid:{uuid.uuid5(_IDS, repr((board.place.repo, *words)))}"
