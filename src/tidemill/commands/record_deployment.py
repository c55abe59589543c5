"""`tidemill record-deployment`: accept what a target reports, then do a turn."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import msgspec

from tidemill.commands import _options
from tidemill.commands._session import Nothing, accept_and_turn
from tidemill.errors import Refused
from tidemill.facts.records import HEALTHS, PHASES, Deployment
from tidemill.facts.settings import Settings
from tidemill.turn.read import Reading
from tidemill.turn.targets import resolved
from tidemill.words import references
from tidemill.words.names import SHA, checked_name, checked_sha, shown

HELP = "accept what a target reports of its deployment, then do a turn"
EXAMPLE = (
    "tidemill record-deployment --repo URL --wave staging --target staging-eu --revision SHA "
    "--phase Succeeded --health Healthy --finished-at 2026-01-31T12:00:00Z"
)
# Each may have to be looked for in the history of main.
MOST_REVISIONS = 20


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True, accepts=True)
    parser.add_argument("--wave", required=True, help="the wave")
    parser.add_argument("--target", required=True, help="the target")
    parser.add_argument(
        "--revision",
        action="append",
        required=True,
        metavar="SHA",
        help="the commit of main that it has synced; may be repeated, for an Application of "
        "several sources: the one on main counts, of several the oldest; chart versions do not",
    )
    parser.add_argument("--phase", required=True, choices=PHASES, help="of the sync operation")
    parser.add_argument("--health", required=True, choices=HEALTHS, help="of the application")
    parser.add_argument(
        "--finished-at", required=True, metavar="TIME", help="when the sync finished, ISO 8601"
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="REF",
        help="an image that runs; may be repeated",
    )
    parser.add_argument(
        "--if-listed",
        action="store_true",
        help="do nothing, instead of refusing, where the settings list no such target",
    )


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    revisions = _commits(arguments.revision)
    said = Deployment(
        accepted_at=options.now,
        wave=checked_name(arguments.wave, "wave"),
        target=checked_name(arguments.target, "target"),
        revision=revisions[0],
        phase=arguments.phase,
        health=arguments.health,
        finished_at=_options.parse_time(arguments.finished_at, "--finished-at"),
        images=tuple(sorted(set(arguments.image))),
    )
    for image in said.images:
        references.running(image)

    def resolve(reading: Reading) -> Deployment | Nothing:
        settings = reading.settings if isinstance(reading.settings, Settings) else None
        record = _by_todays_name(reading, said)
        if arguments.if_listed and settings and not _is_listed(settings, record):
            return Nothing(f"the settings list no target {record.target} in a wave {record.wave}")
        meant = msgspec.structs.replace(record, revision=_on_main(reading, revisions))
        latest = reading.deployed().get((record.wave, record.target))
        if latest is not None and latest.id == meant.id:
            return Nothing(f"{record.target} has said so already")
        if settings is None:
            return meant
        return resolved(reading.store, reading.main, settings, reading.remembered, meant)

    return accept_and_turn(arguments.repo, options, resolve)


def _by_todays_name(reading: Reading, record: Deployment) -> Deployment:
    """For what its wave is called today: of several heirs the one that lists the target."""
    renaming = reading.renaming
    if renaming is None:
        return record
    waves = renaming.listing(reading.waves_meant(record.wave), record.target)
    return msgspec.structs.replace(record, wave=waves[0]) if len(waves) == 1 else record


def _commits(revisions: Sequence[str]) -> list[str]:
    """The revisions that are commits, each once; there is at least one."""
    if len(revisions) == 1:
        return [checked_sha(revisions[0], "commit of cfg-app.git")]
    found = list(dict.fromkeys(one for one in revisions if SHA.fullmatch(one)))
    if len(found) > MOST_REVISIONS:
        raise Refused(
            f"{len(found)} revisions are more than an Application has",
            remedy=f"report at most {MOST_REVISIONS}",
        )
    if not found:
        raise Refused(
            f"of the revisions {', '.join(map(shown, revisions[:3]))} none is a full SHA",
            remedy="report the commit of main that the target has synced",
        )
    return found


def _on_main(reading: Reading, revisions: Sequence[str]) -> str:
    """The revision that is a commit of main; of several the oldest, which all of it has reached."""
    if len(revisions) == 1:
        return revisions[0]
    store = reading.store

    def is_on_main(commit: str) -> bool:
        # Another repository's commit is not worth all of main's history.
        return store.exists(commit, again=False) and (
            reading.remembered.has_landed(commit) or store.is_ancestor(commit, reading.main)
        )

    found = [one for one in revisions if is_on_main(one)]
    if not found:
        raise Refused(
            f"none of the revisions {', '.join(revisions[:3])} is on main",
            remedy="report the commit of main that the target has synced",
        )
    oldest = found[0]
    for one in found[1:]:
        oldest = one if store.is_ancestor(one, oldest) else oldest
    return oldest


def _is_listed(settings: Settings, record: Deployment) -> bool:
    wave = settings.wave(record.wave)
    return wave is not None and record.target in wave.targets
