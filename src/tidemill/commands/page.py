"""`tidemill page`: a static site about cfg-app.git, out of Git alone. Writes to its folder only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tidemill.clients.git.repository import opened
from tidemill.clients.github import place as github
from tidemill.clients.github.connecting import Unasked, connected, connected_to_look, needed
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import PageWritten, Result
from tidemill.commands._writing import tell, written_to
from tidemill.commands.status import refuse_the_past
from tidemill.errors import Refused
from tidemill.site.audience import refuse_larger_audience
from tidemill.site.board import Place, board
from tidemill.site.parts import FOLDERS, IS_OURS
from tidemill.site.site import site
from tidemill.turn.past import read_history
from tidemill.turn.read import read
from tidemill.turn.turn import look
from tidemill.words.names import shown_path

EXAMPLE = "tidemill page --repo https://github.com/acme/cfg-app --out page"

# The turns that are read in any case, and alone where they have what there is to say: so the page
# costs the same however long the journal is.
LEAST_TURNS = 4096

PARAMETERS = (
    Option(
        "--out",
        metavar="DIR",
        required=True,
        help="the folder to write the site to; an earlier page in it is replaced",
    ),
    _options.Repository(takes_origin=True),
    Option(
        "--for-github-pages",
        is_flag=True,
        help="write nothing where everybody would see the site on GitHub Pages, and the "
        "repository is private",
    ),
    Option(
        "--allow-public",
        is_flag=True,
        help="with --for-github-pages, let everybody see what is in a private repository",
    ),
    _options.NOW,
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Read, plan, render, write."""
    options = _options.options(arguments)
    out = Path(arguments.out)
    _refuse_other_folder(out)
    if arguments.for_github_pages and not arguments.allow_public:
        pages = needed(connected(arguments.repo, tell))
        refuse_larger_audience(pages.is_private(), pages.has_public_pages())
    with opened(arguments.repo) as store:
        state = read(store)
        refuse_the_past("page", state, arguments.repo, options)
        settings = state.valid_settings
        forge = connected_to_look(arguments.repo, tell, settings, options.now)
        snapshot, plan = look(store, state, options.now, forge)
        told = read_history(store, state, lambda one: one.tells_what_is_there, least=LEAST_TURNS)
    remedies = Remedies.of(arguments.repo, options.now)
    unasked = forge.WORDS if isinstance(forge, Unasked) else ""
    files = site(board(snapshot, plan, told, _place(remedies.repo), remedies.that_ends, unasked))
    changed = _write(out, files)
    size = sum(map(len, files.values()))
    return PageWritten(str(out), len(files), size, changed)


def _place(repo: str) -> Place:
    where = github.of_remote(repo)
    if where is None:
        name = repo.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return Place(name or repo, repo)
    return Place(where.repository, repo, where.url, where.server)


def _refuse_other_folder(out: Path) -> None:
    """Raise `Refused` for a folder with anything in it but an earlier page."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return
        is_ours = IS_OURS in (out / "index.html").read_bytes()
    except OSError:
        is_ours = False
    if not is_ours:
        raise Refused(
            f"{shown_path(out)} is there, and is no page that Tidemill wrote",
            remedy="name a folder that is empty, or not there yet",
        )


def _write(out: Path, files: Mapping[str, bytes]) -> bool:
    """Let the folder hold these files, and none that an earlier page left; whether any differed."""
    changed = False
    with written_to(shown_path(out)):
        for name, data in files.items():
            path = out / name
            if path.is_file() and path.read_bytes() == data:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            changed = True
        for folder in FOLDERS:
            for path in sorted((out / folder).rglob("*.html")):
                if path.relative_to(out).as_posix() not in files:
                    path.unlink()
                    changed = True
    return changed
