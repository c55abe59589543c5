"""Services of a checkout of app.git, or one Dockerfile, from files to published images."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tidemill.building import destination
from tidemill.building import settings as app_settings
from tidemill.building.order import (
    BuildOptions,
    Item,
    Order,
    order_of_dockerfile,
    order_of_services,
)
from tidemill.building.settings import Settings
from tidemill.building.shipping import BuiltImage, ship
from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.errors import Refused
from tidemill.images.build import DockerfileBuild, Say
from tidemill.images.location import Location
from tidemill.words.lists import listed
from tidemill.words.names import file_in_words, shown, shown_path


class Run(Struct, frozen=True):
    """One run of the builder.

    Args:
        folder: an empty one, for what is needed only meanwhile.
        given: what the caller says of the commit.
        options: what the caller asks for.
        say: is given one line about each thing that takes long.
    """

    folder: Path
    given: Given
    options: BuildOptions
    say: Say


def build_services(
    checkout: Path, names: tuple[str, ...], run: Run, file: str | None = None
) -> list[BuiltImage]:
    """Build services of app.git, and publish them: tagged with the full SHA, and the branch.

    Args:
        checkout: app.git, with its settings.
        names: the services to build; none for all.
        file: the settings, if they are not in `tidemill.toml`.

    Returns:
        The images, in the order of the settings.

    Raises:
        TidemillError: what can't be used, and the remedy; no tag was set.
    """
    settings = read_settings(checkout, file)
    picked = settings.picked(names)
    here = AppCheckout(checkout)
    sha, branch = here.sha(run.given), destination.tag_of_branch(here.branch(run.given))

    def addressed(item: Item) -> Item:
        repository = settings.repository(item.name)
        place = Location(repository=repository)
        if run.options.to is not None:
            place = destination.of_service(run.options.to, item.name, alone=len(picked) == 1)
        tags = dict.fromkeys((sha, branch, *destination.extra_tags(run.options.tags, place)))
        stands_for = repository if place.folder is not None else None
        kinds = run.options.media_types or settings.media_types_at(place)
        named = replace(item, to=place, repository=stands_for, media_types=kinds)
        return replace(named, tags=tuple(tags), before=branch)

    def order_in(root: Path) -> Order:
        order = order_of_services(settings, root, picked, run.options)
        return replace(order, items=tuple(map(addressed, order.items)))

    order_in(checkout)  # what is refused, is refused before anything is said or copied
    _note_changes(here, run)
    try:
        return _ship(here, order_in, run, whole=settings.compile is None)
    except Refused as error:
        from tidemill.images.dockerfile.stages import NotByDigest  # is there already if it is one

        if isinstance(error, NotByDigest):
            # Only with the settings is it known what variables and names of contexts stand for.
            where = ("--checkout", str(checkout)) if checkout != Path() else ()
            named = ("--settings", file) if file else ()
            error.remedy = shlex.join(("tidemill", "pin", *where, *named))
        raise


def build_dockerfile(build: DockerfileBuild, run: Run) -> list[BuiltImage]:
    """Build one Dockerfile that no settings tell of, and publish it.

    It is tagged like a service where its context is in a checkout, and else as the caller says.

    Raises:
        TidemillError: what can't be used, and the remedy; no tag was set.
    """
    options, given = run.options, run.given
    if options.to is None and options.push:
        raise Refused(
            "there is no destination", remedy="give --to REGISTRY/REPOSITORY or --to oci:PATH"
        )
    place = None
    if options.to is not None:
        place = destination.exactly(options.to.replace(destination.SERVICE, build.name.lower()))
    here = AppCheckout(build.context)
    more = destination.extra_tags(options.tags, place)
    tags, branch = more, None
    if given.sha or here.is_one:
        branch = _branch(here, given, is_needed=not more and options.push)
        tags = tuple(filter(None, (here.sha(given), branch, *more)))
        _note_changes(here, run)
    elif not more and options.push:
        raise Refused(
            f"{shown_path(build.context)} is not in a checkout with a commit, so there is nothing "
            "to tag with",
            remedy="give --tag, or --sha and --branch",
        )

    def order_in(root: Path) -> Order:
        file, context = build.file.resolve(), build.context.resolve()
        if file.is_relative_to(context):
            file = root / file.relative_to(context)
        order = order_of_dockerfile(replace(build, context=root, file=file), options)
        [item] = order.items
        before = branch or next(iter(more), None)
        item = replace(item, to=place, tags=tuple(dict.fromkeys(tags)), before=before)
        return replace(order, items=(item,))

    return _ship(here, order_in, run, whole=True)


def _note_changes(here: AppCheckout, run: Run) -> None:
    """Say so where the tag is of a commit that the files are not those of."""
    if run.given.sha is None and here.is_changed():
        run.say(
            f"note: {shown_path(here.folder)} has changes that are not committed; the tag "
            f"{here.sha(run.given)} does not say so"
        )


def _branch(here: AppCheckout, given: Given, *, is_needed: bool) -> str | None:
    """The tag of the branch; None where nobody knows the branch, and other tags will do."""
    try:
        return destination.tag_of_branch(here.branch(given))
    except Refused:
        if is_needed or given.branch:
            raise
        return None


def read_settings(checkout: Path, file: str | None = None) -> Settings:
    """The settings of a checkout of app.git; raise `Refused` or `SettingsInvalid`."""
    path = checkout / (file or app_settings.FILE)
    try:
        return app_settings.parse(path.read_text(encoding="utf-8"), path.name)
    except UnicodeDecodeError:
        raise Refused(f"{shown_path(path)} is not UTF-8 text", remedy="save it as UTF-8") from None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Refused(
            f"there is no {shown(file) if file else app_settings.FILE} in {shown_path(checkout)}",
            remedy="name a checkout of app.git, or write its tidemill.toml; "
            "--context builds a Dockerfile without one",
        ) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Refused(
            f"{shown_path(path)} can't be read: {why}",
            remedy="name a checkout of app.git that may be read",
        ) from None


def _ship(
    here: AppCheckout, order_in: Callable[[Path], Order], run: Run, *, whole: bool
) -> list[BuiltImage]:
    """Build where the checkout is; to verify, in two copies of it that differ in all else.

    Args:
        whole: copy what Git ignores, too: nothing would make it again.
    """
    push = run.options.push
    order = order_in(here.folder)
    order.expect_digests()
    if named := list(map(file_in_words, here.missing_submodules())):
        run.say(
            f"note: of submodules only empty folders are here ({listed(named)}), also for what "
            "copies them; git submodule update --init gets them, in a workflow submodules: true, "
            "of actions/checkout or of publish-images"
        )
    if not run.options.verify:
        return ship(order, run.folder, run.say, push=push)
    from tidemill.building.verifying import FIRST, apart

    def second(root: Path) -> Order:
        order = order_in(here.copy(root / "elsewhere", strange=True, whole=whole))
        return apart(order, root / "folders", strange=True)

    first = order_in(here.copy(run.folder / "first", strange=False, whole=whole))
    order = apart(first, run.folder / "first-folders", strange=False)
    environment = replace(FIRST, empty=run.folder / "first-empty")
    return ship(order, run.folder, run.say, push=push, environment=environment, again=second)
