"""`tidemill record-deployment`: accept what a target reports, then do a turn."""

from __future__ import annotations

import argparse

from tidemill.app import reference
from tidemill.app.names import checked_name, checked_sha
from tidemill.cfg.records import AHEAD, HEALTHS, PHASES, Deployment
from tidemill.cfg.settings import Settings
from tidemill.commands import _options
from tidemill.commands._session import Nothing, accept_and_turn
from tidemill.errors import Refused
from tidemill.mill.reading import Reading
from tidemill.mill.seeing import resolved

HELP = "accept what a target reports of its deployment, then do a turn"
EXAMPLE = (
    "tidemill record-deployment --repo URL --wave staging --target staging-eu --revision SHA "
    "--phase Succeeded --health Healthy --finished-at 2026-01-31T12:00:00Z"
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    _options.add(parser, dry_run=True)
    parser.add_argument("--wave", required=True, help="the wave")
    parser.add_argument("--target", required=True, help="the target")
    parser.add_argument(
        "--revision", required=True, metavar="SHA", help="the commit of main that it has synced"
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


def run(arguments: argparse.Namespace) -> int:
    """Accept and turn."""
    options = _options.options(arguments)
    record = Deployment(
        accepted_at=options.now,
        wave=checked_name(arguments.wave, "wave"),
        target=checked_name(arguments.target, "target"),
        revision=checked_sha(arguments.revision, "commit of cfg-app.git"),
        phase=arguments.phase,
        health=arguments.health,
        finished_at=_options.parse_time(arguments.finished_at, "--finished-at"),
        images=tuple(sorted(set(arguments.image))),
    )
    if record.finished_at > options.now + AHEAD:
        raise Refused(
            f"--finished-at {arguments.finished_at} is more than a day after now",
            remedy="check the target's clock: it would silence every later report",
        )
    for image in record.images:
        reference.running(image)

    def resolve(reading: Reading) -> Deployment | Nothing:
        latest = reading.deployed().get((record.wave, record.target))
        if latest is not None and latest.id == record.id:
            return Nothing(f"{record.target} has said so already")
        if not isinstance(reading.settings, Settings):
            return record
        return resolved(reading.store, reading.main, reading.settings, reading.ledger, record)

    return accept_and_turn(arguments.repo, options, resolve)
