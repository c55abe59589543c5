"""`tidemill check-cfg-app`: is a checkout of cfg-app.git fit to land? What CI runs on auto."""

from __future__ import annotations

import argparse
from pathlib import Path

from tidemill.app.names import shown
from tidemill.cfg import images, settings, settings_file
from tidemill.cfg.settings import Settings
from tidemill.clients.checkout import Checkout
from tidemill.clients.entrypoints import in_words
from tidemill.clients.scratch import scratch
from tidemill.commands import _options
from tidemill.commands._writing import tell, write, write_json
from tidemill.errors import EntryPointFailed, Refused, SettingsInvalid

HELP = "check a checkout: settings, image files, generated files, and the repository's own check"
EXAMPLE = "tidemill check-cfg-app --repo ."
MOST_NAMED = 10


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--repo",
        required=True,
        metavar="DIR",
        help="a checkout of cfg-app.git; nothing in it is changed",
    )
    _options.add(parser, repo=False)


def run(arguments: argparse.Namespace) -> int:
    """Check; exit code 0 is green."""
    options = _options.options(arguments)
    with scratch() as folder:
        checkout = Checkout(Path(arguments.repo), folder)
        valid = _settings(checkout)
        done = [settings.FILE, *_image_files(checkout, valid)]
        seconds = valid.checks.timeout.total_seconds()
        for name, command in (
            ("generate", valid.entrypoints.generate),
            ("check", valid.entrypoints.check),
        ):
            if command is not None:
                if not options.json:
                    tell(f"{name}: {in_words(command)}")
                checkout.run(command, seconds)
                done.append(command)
            if name == "generate" and (stale := checkout.changed()):
                raise _stale(command or name, stale)
    if options.json:
        write_json({"green": True, "checked": done})
    else:
        write("green: " + ", ".join(done))
    return 0


def _settings(checkout: Checkout) -> Settings:
    data = checkout.read(settings.FILE)
    if data is None:
        raise SettingsInvalid(
            f"there is no {settings.FILE}", remedy="add one at the root of the repository"
        )
    try:
        return settings_file.parse(data.decode(), commit="this checkout")
    except SettingsInvalid as error:
        raise SettingsInvalid(error.what, remedy=f"mend {settings.FILE} before it lands") from None
    except UnicodeDecodeError:
        raise SettingsInvalid(f"{settings.FILE} is not UTF-8", remedy="save it as UTF-8") from None


def _image_files(checkout: Checkout, valid: Settings) -> list[str]:
    """The folders whose image files were looked at; refuses files that are broken."""
    looked_at = []
    for wave in valid.waves:
        for image_set in valid.sets:
            folder = valid.folder(wave.name, image_set.name)
            found = {
                name: data
                for name in images.FILES
                if (data := checkout.read(f"{folder}/{name}")) is not None
            }
            parsed = images.parse(found)
            if parsed is None:
                continue
            looked_at.append(folder)
            if parsed.tags.keys() != parsed.digests.keys() or not parsed.tags:
                raise Refused(
                    f"{folder}: tags.json and digests.json do not name the same services",
                    remedy="write both whole, from one announcement",
                )
            if images.SOURCE in found and parsed.source is None:
                raise Refused(
                    f"{folder}/source.json is not valid, or not of the commit that the tags name",
                    remedy="take all three files from one commit, or remove it",
                )
    return looked_at


def _stale(command: str, stale: list[str]) -> EntryPointFailed:
    named = ", ".join(shown(name) for name in stale[:MOST_NAMED])
    more = f" and {len(stale) - MOST_NAMED} more" if len(stale) > MOST_NAMED else ""
    return EntryPointFailed(
        f"these files are not what the sources generate: {named}{more}",
        remedy=f"run {in_words(command)} and commit what it changes",
    )
