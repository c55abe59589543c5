"""`tidemill diff`: what is different between two waves, or what a promotion would change."""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec.structs import replace

from tidemill.announcing.order import order_of
from tidemill.answers.difference import SetDifference, difference, sets_on_main
from tidemill.asks.places import set_of, wave_of
from tidemill.clients.git.git import Git
from tidemill.clients.git.repository import opened
from tidemill.commands import _options
from tidemill.commands._parameters import Argument, Arguments, Option
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import AppCommit, Difference, Result
from tidemill.errors import Refused
from tidemill.facts.image_files import ImageFiles
from tidemill.facts.ledger import Landing
from tidemill.facts.settings import Wave
from tidemill.facts.state import State
from tidemill.turn.preview import changes, promoted
from tidemill.turn.read import read, snapshot
from tidemill.turn.targets import image_files_in
from tidemill.words.names import checked_short_sha, shown, shown_path
from tidemill.words.shas import short

EXAMPLE = "tidemill diff production staging --repo https://github.com/acme/cfg-app"

PARAMETERS = (
    Argument(
        ["wave"],
        metavar="[WAVE]",
        required=False,
        help="the wave that would get something",
    ),
    Argument(
        ["other"],
        metavar="[OTHER]",
        required=False,
        help="the wave that has it already; by default the one before",
    ),
    _options.Repository(takes_origin=True),
    Option(
        "--promote",
        metavar="WAVE",
        help="make the commit that a promotion into this wave would be, in a scratch checkout, and "
        "say which files it changes; nothing is written",
    ),
    _options.image_set("all of them by default, with --promote the only one"),
    Option(
        "--sha",
        help="with --promote, the commit of app.git, 7 digits or more; the newest that is deployed "
        "in all waves before by default",
    ),
    Option(
        "--app",
        metavar="DIR",
        help="a checkout of app.git, to list the commits from; it is not fetched",
    ),
    _options.ENTRYPOINTS,
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Compare what main has, or make what a promotion would make."""
    options = _options.options(arguments)
    remedies = Remedies.of(arguments.repo, options.now)
    if (arguments.wave is None) == (arguments.promote is None):
        raise Refused(
            "name one or two waves, or one with --promote",
            remedy="write diff WAVE, diff WAVE OTHER, or diff --promote WAVE",
        )
    if arguments.sha is not None and arguments.promote is None:
        raise Refused("--sha is given without --promote", remedy="add --promote and the wave")
    with opened(arguments.repo) as store:
        state = read(store)
        settings = state.valid_settings
        if arguments.promote is None:
            every = [one.name for one in settings.sets]
            sets = [set_of(state, arguments.set_name)] if arguments.set_name else every
            wave = wave_of(state, arguments.wave)
            source = _source(state, wave, arguments.other)
            known = sets_on_main(snapshot(store, state, options.now))
            found = tuple(
                difference(wave.name, one, known.get((wave.name, one)), known.get((source, one)))
                for one in sets
            )
            result = Difference(found, against=source, url=remedies.server)
        else:
            wave = wave_of(state, arguments.promote)
            name = set_of(state, arguments.set_name)
            source, landing = _chosen(state, wave, name, arguments.sha, remedies)
            known_now = snapshot(store, state, options.now)
            commit = promoted(store, known_now, wave.name, name, source, landing)
            folder = settings.folder(wave.name, name)
            before = sets_on_main(known_now).get((wave.name, name))
            after: ImageFiles | None = image_files_in(store, commit.sha, folder)
            files = changes(store, commit.parent, commit.sha)
            found = (difference(wave.name, name, before, after),)
            result = Difference(found, against=source, url=remedies.server, files=files)
    if arguments.app is None:
        return result
    come, gone = _commits(Path(arguments.app), found)
    return replace(result, come=come, gone=gone)


def _source(state: State, wave: Wave, other: str | None) -> str:
    if other is not None:
        return wave_of(state, other).name
    if not wave.sources:
        raise Refused(
            f"{wave.name} comes after no wave", remedy="name the wave to compare it with as well"
        )
    return wave.sources[0]


def _chosen(
    state: State, wave: Wave, set_name: str, sha: str | None, remedies: Remedies
) -> tuple[str, Landing]:
    """The set to promote: by its SHA of all that waves have had, else the newest that is deployed
    in the waves before."""
    if sha is not None:
        checked_short_sha(sha, "set")
    elif not wave.sources:
        raise Refused(
            f"{wave.name} comes after no wave, and so nothing is promoted into it by itself",
            remedy="name the set with --sha, if another wave has had it",
        )
    names = wave.sources if sha is None else [one.name for one in state.valid_settings.waves]
    landings = [
        (name, landing)
        for name in names
        for landing in state.ledger.history(name, set_name).landings
        if landing.app_sha is not None
        and not landing.is_hotfix  # that is never promoted
        and (
            landing.deployed_at is not None and not landing.is_bad
            if sha is None
            else landing.app_sha.startswith(sha)
        )
    ]
    if sha is None:  # a promotion needs it in each of these waves
        places = {(name, landing.app_sha) for name, landing in landings}
        landings = [
            one for one in landings if all((name, one[1].app_sha) in places for name in names)
        ]
    if len({landing.app_sha for _, landing in landings}) > 1 and sha is not None:
        named = ", ".join(sorted({landing.app_sha or "" for _, landing in landings}))
        raise Refused(f"{shown(sha)} could be {named}", remedy="give more of its digits")
    if not landings:
        where = " and ".join(names)
        what = f"no set is deployed in {where}" if sha is None else f"no wave has had {shown(sha)}"
        raise Refused(
            f"nothing can be promoted into {wave.name}: {what}",
            remedy=f"see what each wave has: {remedies.typed(('status',))}",
        )
    # Of what the wave has had itself, another one's is the better witness.
    return max(landings, key=lambda one: (one[0] != wave.name, order_of(one[1]), one[1].landed_at))


def _commits(
    app: Path, sets: tuple[SetDifference, ...]
) -> tuple[tuple[AppCommit, ...], tuple[AppCommit, ...]]:
    """The commits of app.git that come, and those that go."""
    come: dict[str, AppCommit] = {}
    go: dict[str, AppCommit] = {}
    for one in sets:
        if one.before is not None and one.after is not None:
            new, old = _log(app, one.before, one.after), _log(app, one.after, one.before)
            if new and old:
                _refuse_shallow(app)
            come |= {commit.sha: commit for commit in new}
            go |= {commit.sha: commit for commit in old}
    return tuple(come.values()), tuple(go.values())


def _refuse_shallow(app: Path) -> None:
    """Raise `Refused` for a shallow clone: what its two commits have in common may be cut off."""
    _, out, _ = Git(app).attempt("rev-parse", "--is-shallow-repository")
    if out.strip() == b"true":
        raise Refused(
            f"{shown_path(str(app))} is a shallow clone, which does not say what comes and goes",
            remedy=f"get all of its history: git -C {shlex.quote(str(app))} fetch --unshallow",
        )


def _log(app: Path, since: str, until: str) -> list[AppCommit]:
    plain = ("--no-show-signature", "--encoding=UTF-8", "--no-color")
    log = ("log", *plain, "-z")
    what = ("--format=%H%n%an%n%s", "--end-of-options", f"{since}..{until}", "--")
    where = shown_path(str(app))
    if not app.is_dir():
        raise Refused(f"there is no folder {where}", remedy="name a checkout of app.git")
    code, out, _ = Git(app).attempt(*log, *what)
    if code != 0:
        raise Refused(
            f"{where} does not have the commits from {short(since)} to {short(until)}",
            remedy="name a checkout of app.git, and fetch them there, also where its history was "
            f"rewritten: git -C {shlex.quote(str(app))} fetch origin {since} {until}",
        )
    entries = [one.split("\n", 2) for one in out.decode(errors="replace").split("\0") if one]
    return [AppCommit(sha, author, subject) for sha, author, subject in entries]
