"""The index of everything that has a name: a plain list, which a script filters."""

from __future__ import annotations

from collections.abc import Sequence

from tidemill.facts.image_files import ImageFiles
from tidemill.site.board import SetView
from tidemill.site.markup import Markup, el, joined
from tidemill.site.parts import Frame, state

DIGEST_SHOWN = 12


def find_page(frame: Frame) -> bytes:
    """Sets by SHA, services with their digests, and targets."""
    board = frame.board
    targets = [one for wave in board.waves for one in wave.targets]
    return frame.page(
        "Find",
        el("h1", "Find"),
        el(
            "p",
            "Everything that has a name. Type in the field above: a SHA, a digest, a service, a "
            "target. Without scripts, use your browser's own search on this page.",
        ),
        el("p", id="found", role="status", class_="none"),
        _part("Sets", [_set(frame, one) for one in board.sets]),
        _part("Services", [
            _service(frame, name, there) for name, there in board.services.items()
        ]),
        _part("Targets", [
            el(
                "li",
                frame.target(one.wave, one.name),
                " in ",
                one.wave,
                state(one.status.health or "no report"),
            )
            for one in targets
        ]),
        here="find.html",
    )  # fmt: skip


def _part(title: str, rows: list[Markup]) -> Markup:
    return el(
        "section",
        el("h2", f"{title} ", el("span", str(len(rows)), class_="count")),
        el("ul", rows, class_="plain index"),
    )


def _set(frame: Frame, view: SetView) -> Markup:
    there = [one.stay.wave for one in view.stays if one.stay.until is None]
    where = f" in {', '.join(there)}" if there else ""
    which = f" {view.set} #{view.position}" if view.position else f" {view.set}"
    return el("li", frame.set(view.set, view.app_sha), f"{which}{where}")


def _service(frame: Frame, name: str, there: Sequence[tuple[str, str, ImageFiles]]) -> Markup:
    """By digest and set the waves that have it: most services are the same in all of them."""
    found: dict[tuple[str, str, str | None], list[str]] = {}
    for wave, set_name, files in there:
        digest = files.digests[name].rpartition(":")[2][:DIGEST_SHOWN]
        found.setdefault((digest, set_name, files.app_sha), []).append(wave)
    parts = [
        el(
            "span",
            el("code", digest),
            f" in {', '.join(waves)}, ",
            frame.set(set_name, sha),
            class_="digest",
        )
        for (digest, set_name, sha), waves in found.items()
    ]
    return el("li", el("span", name, class_="service"), joined(parts))
