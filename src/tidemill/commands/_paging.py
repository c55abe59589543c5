"""The page of a repository that is open, written to a folder."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from tidemill.clients.git.store import Store
from tidemill.clients.github import place as github
from tidemill.clients.github.connecting import Unasked, connected_to_look
from tidemill.commands import _options
from tidemill.commands._parameters import Arguments
from tidemill.commands._remedies import Remedies
from tidemill.commands._results import PageWritten, TurnTaken
from tidemill.commands._writing import tell, written_to
from tidemill.commands.status import refuse_the_past
from tidemill.errors import Refused, TidemillError
from tidemill.site.board import Place, board
from tidemill.site.parts import FOLDERS, IS_OURS
from tidemill.site.site import site
from tidemill.turn.past import read_history
from tidemill.turn.read import read
from tidemill.turn.turn import look
from tidemill.words.names import one_line, shown_path

# The turns that are read in any case, and alone where they have what there is to say: so the page
# costs the same however long the journal is.
LEAST_TURNS = 4096


def with_page(store: Store, arguments: Arguments, done: TurnTaken) -> TurnTaken:
    """The same, after a run that was to leave the page has written it, or could not.

    It never makes the run fail: the run did its work without it.
    """
    options = _options.options(arguments)
    if not done.changed or options.dry_run:
        return done
    out = Path(arguments.page_to)
    try:
        refuse_other_folder(out)
        write_page(store, arguments.repo, out, options)
    except TidemillError as error:
        return replace(done, unwritten=(f"no page: {error.what}; {error.remedy}",))
    except Exception as error:  # a mistake of ours there is no failure of the run
        tell("".join(traceback.format_exception(error)))
        said = one_line(f"{type(error).__name__}: {error}")
        return replace(done, unwritten=(f"no page: {said}. Please report it, with the log",))
    return replace(done, page=str(out))


def write_page(store: Store, repo: str, out: Path, options: _options.Options) -> PageWritten:
    """Read, plan, render, write.

    Raises:
        TidemillError: something can't be read; or the files can't be written.
    """
    state = read(store)
    refuse_the_past("page", state, repo, options)
    settings = state.valid_settings
    forge = connected_to_look(repo, tell, settings, options.now)
    snapshot, plan = look(store, state, options.now, forge)
    told = read_history(store, state, lambda one: one.tells_what_is_there, least=LEAST_TURNS)
    remedies = Remedies.of(repo, options.now)
    unasked = forge.WORDS if isinstance(forge, Unasked) else ""
    files = site(board(snapshot, plan, told, _place(remedies.repo), remedies.that_ends, unasked))
    changed = _write(out, files)
    return PageWritten(str(out), len(files), sum(map(len, files.values())), changed)


def _place(repo: str) -> Place:
    where = github.of_remote(repo)
    if where is None:
        name = repo.rstrip("/").rpartition("/")[2].removesuffix(".git")
        return Place(name or repo, repo)
    return Place(where.repository, repo, where.url, where.server)


def refuse_other_folder(out: Path) -> None:
    """Refuse a folder with anything in it but an earlier page.

    Raises:
        Refused: it is one.
    """
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
