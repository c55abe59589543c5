"""`tidemill status`: what runs where, and what waits for what. Writes nothing, runs nothing."""

from __future__ import annotations

import argparse

from tidemill.clients.git.repository import opened
from tidemill.clients.github.connecting import connected
from tidemill.commands import _options
from tidemill.commands._remedies import Remedies
from tidemill.commands._report import show_waiting
from tidemill.commands._writing import conclude, show_table, tell, time_text, write
from tidemill.errors import Refused
from tidemill.plan.status import Status, TargetStatus, WaveStatus, status
from tidemill.turn.read import read
from tidemill.turn.turn import look
from tidemill.words.shas import short

HELP = "say what runs where, and what waits for what"
EXAMPLE = "tidemill status --repo https://github.com/acme/cfg-app"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, takes_origin=True)


def run(arguments: argparse.Namespace) -> int:
    """Read, plan, report."""
    options = _options.options(arguments)
    with opened(arguments.repo) as store:
        state = read(store)
        newest = state.newest
        if options.now_given and newest is not None and options.now < newest:
            raise Refused(
                f"--now is {time_text(options.now)}, and the repository has something of "
                f"{time_text(newest)}: status shows the present, never the past",
                remedy="leave --now out, or give a later time; for the past see the journal: "
                "git fetch URL refs/tidemill/journal && git log FETCH_HEAD",
            )
        found = status(*look(store, state, options.now, connected(arguments.repo, tell)))
    remedies = Remedies.of(arguments.repo, options.now)
    conclude(_json(found, remedies), lambda: show(found, remedies), as_json=options.json)
    return 0


def show(found: Status, remedies: Remedies) -> None:
    """Tables for a person."""
    write(f"main {found.main}   auto {found.auto or 'not there'}")
    for wave in found.waves:
        write(f"\n{wave.name}")
        held = [
            (hold.set, hold.by, time_text(hold.since) or "", hold.reason) for hold in wave.holds
        ]
        if held:
            show_table(("held: set (_ is all)", "by", "since", "why"), held)
        _show_wave(wave)
    if found.gone_holds:
        write("\nheld, though tidemill.toml does not name it (tidemill release-wave ends a hold)")
        show_table(
            ("wave", "held: set (_ is all)", "by", "since", "why"),
            [
                (hold.wave, hold.set, hold.by, time_text(hold.since) or "", hold.reason)
                for hold in found.gone_holds
            ],
        )
    show_waiting(found.waiting, remedies)
    if found.unreadable:
        write("Can't be read:")
        rows = [(one.ref, one.reason, one.remedy) for one in found.unreadable]
        show_table(("ref", "why", "what to do"), rows)


def _show_wave(wave: WaveStatus) -> None:
    show_table(
        ("set", "commit", "position", "state", "since"),
        [
            (
                one.set,
                short(one.app_sha, "unknown"),
                str(one.position or ""),
                one.state,
                time_text(one.since) or "",
            )
            for one in wave.sets
        ],
    )
    for one in wave.sets:
        if one.naming is not None:
            write(f"{one.set} in {wave.name}: {one.naming.words}")
    show_table(
        ("target", "revision", "phase", "health", "runs"),
        [
            (
                one.name,
                short(one.revision, "no report"),
                one.phase or "",
                f"{one.health or ''}{_clock(one)}",
                ", ".join(f"{name} {short(sha)}" for name, sha in one.runs.items()),
            )
            for one in wave.targets
        ],
    )


def _clock(one: TargetStatus) -> str:
    return f" (its clock is {one.clock_ahead} ahead)" if one.clock_ahead else ""


def _json(found: Status, remedies: Remedies) -> dict[str, object]:
    return {
        "main": found.main,
        "auto": found.auto,
        "waves": found.waves,
        "waiting": [remedies.line(line) for line in found.waiting],
        "gone_holds": found.gone_holds,
        "unreadable": found.unreadable,
    }
