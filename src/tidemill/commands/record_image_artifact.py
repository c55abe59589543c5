"""`tidemill record-image-artifact`: a service's tag and digest as JSON; the merge of a commit's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from tidemill.announcing.announcement import Announcement, Image, as_json, bare_json
from tidemill.announcing.completion import carried, in_words
from tidemill.announcing.image_records import image_set, merged, of_build, record
from tidemill.announcing.origin import Origin
from tidemill.building.order import trusts
from tidemill.building.services import read_settings
from tidemill.building.settings import FILE, Settings
from tidemill.clients.git.app_checkout import AppCheckout, Given
from tidemill.clients.registry.image_stores import ImageStores
from tidemill.clients.registry.trust import Trust
from tidemill.commands import _completing
from tidemill.commands._build_options import INSECURE, checkout, insecure_registries, listed
from tidemill.commands._completing import Completion, completion
from tidemill.commands._parameters import Arguments, Option, Section, below
from tidemill.commands._results import RecordFiles, Result
from tidemill.commands._writing import tell, written_to
from tidemill.errors import Refused
from tidemill.images.location import Location
from tidemill.words import references
from tidemill.words.json_types import in_lines
from tidemill.words.names import shown, shown_path
from tidemill.words.nearest import did_you_mean

EXAMPLE = "tidemill record-image-artifact --merge records --output announcements"
_LARGEST = 16 << 20

PARAMETERS = (
    *below(
        Section("one record"),
        Option("--service", metavar="NAME", help="the service"),
        Option(
            "--tag",
            metavar="REFERENCE",
            help="REPOSITORY:SHA, or another tag that cfg-app.git's [images] tags allows; with "
            "--build the tag alone, one of those that the images got there (v1.4.2)",
        ),
        Option("--digest", help="REPOSITORY@sha256:…, or sha256:… alone"),
        Option(
            "--build",
            metavar="FILE",
            help="record every image of what build-reproducible-image --json printed, "
            "each in a file of its own",
        ),
    ),
    *below(
        Section("the records of one commit, as its announcements"),
        Option("--merge", metavar="DIR", help="the folder with the records"),
        Option("--set", "set_name", metavar="SET", help="this set alone"),
        Option(
            "--expect",
            multiple=True,
            metavar="NAME",
            help="a service of the set, where no tidemill.toml says which there are; may be "
            "repeated",
        ),
        *checkout("a checkout of app.git"),
        Option(
            "--repository",
            help="app.git's owner/name; the workflow's, or the checkout's, by default",
        ),
        Option("--branch", help="the branch; the checkout's by default"),
        Option("--sha", help="the commit; the checkout's by default"),
        Option("--run-url", help="where the log of the build is; the workflow's by default"),
        Option("--position", type=int, help="how many commits lead to the commit"),
        Option(
            "--generation",
            type=int,
            metavar="N",
            help="one more after app.git was rewritten or moved; generation of its tidemill.toml "
            "by default",
        ),
    ),
    *below(
        Section(
            "only some services were built",
            "An announcement is always the whole set. A carried image keeps its tag, so [images] "
            'tags of cfg-app.git\'s tidemill.toml has to list "{commit}".',
        ),
        *_completing.OPTIONS,
    ),
    Option("--verify", is_flag=True, help="ask the registry whether each tag has its digest"),
    INSECURE,
    Option(
        "--output",
        metavar="PATH",
        help="a file such as announcement.json, or a folder; without it, one file alone goes to "
        "standard output",
    ),
)


def run(arguments: Arguments) -> Result:
    """Record or merge."""
    if sum(map(bool, (arguments.merge, arguments.build, arguments.service))) != 1:
        raise Refused(
            "it is not clear what to record",
            remedy="give one of --service (with --tag and --digest), --build FILE, --merge DIR",
        )
    if arguments.merge:
        return _merge(arguments)
    if arguments.build:
        images = of_build(_read(Path(arguments.build)), arguments.tag)
    elif arguments.tag and arguments.digest:
        images = record(arguments.service, arguments.digest, arguments.tag)
    else:
        raise Refused(
            "a record needs a service's tag and its digest", remedy="give --tag and --digest"
        )
    if arguments.verify:
        _ask(images, insecure_registries(arguments))
    parts = {f"{name}.json": bare_json({name: image}) for name, image in images.items()}
    return _write(parts, arguments.output)


def _merge(arguments: Arguments) -> Result:
    # With --complete it may be that nothing was built.
    images = merged(_records(Path(arguments.merge), may_be_none=arguments.complete is not None))
    given = Given(
        arguments.sha,
        arguments.branch,
        arguments.repository,
        arguments.position,
        arguments.run_url,
    )
    wanted, settings = _wanted(arguments)
    if arguments.generation is not None:
        given = replace(given, generation=arguments.generation)
    elif settings is not None:
        given = replace(given, generation=settings.generation)
    checkout_of_app = AppCheckout(Path(arguments.checkout))
    origin = checkout_of_app.origin(given)
    completing = completion(arguments, checkout_of_app, origin.sha)
    known = {name for names in wanted.values() for name in names}
    if arguments.set_name is None and (strange := sorted(set(images) - known)):
        raise Refused(
            f"there is a record of {shown(strange[0])}, which is no service of {origin.repository}",
            remedy=f"add it to {FILE}, or merge the records of this commit only",
        )
    sets = [_set(name, names, images, origin, completing) for name, names in wanted.items()]
    if arguments.verify:
        here = trusts(settings.registries, Path(arguments.checkout)) if settings else {}
        for announcement in sets:
            _ask(announcement.images, {**here, **insecure_registries(arguments)})
    files = {f"{one.set}.json": in_lines(as_json(one), 2) for one in sets}
    if completing:
        for announcement in sets:
            completing.remember(announcement, files[f"{announcement.set}.json"])
    return _write(files, arguments.output)


def _set(
    name: str,
    wanted: Sequence[str],
    images: Mapping[str, Image],
    origin: Origin,
    completing: Completion | None,
) -> Announcement:
    """One set, completed where that is asked for and not every service was built."""
    kept: dict[str, Image] = {}
    said = ""
    if completing and not set(wanted) <= set(images):
        base = completing.base_of(name, origin)
        kept = carried(base, wanted, images)
        said = in_words(base, wanted, images)
    found = image_set(images, wanted, origin, name, kept)
    count = len(found.images)
    more = f"; {said}" if said else ""
    tell(f"{name}: complete, {count} image{'s' if count > 1 else ''}{more}")
    return found


def _wanted(
    arguments: Arguments,
) -> tuple[dict[str, tuple[str, ...]], Settings | None]:
    """The services of each set that is to be announced, and the settings, where they say so."""
    if arguments.expect:
        return {arguments.set_name or "app": listed(arguments.expect, ",")}, None
    settings = read_settings(Path(arguments.checkout), arguments.settings)
    sets = {service.set: settings.in_set(service.set) for service in settings.services}
    if arguments.set_name is None:
        return sets, settings
    if arguments.set_name not in sets:
        raise Refused(
            f"no service is in an image set {shown(arguments.set_name)}",
            remedy=f"{did_you_mean(arguments.set_name, sets)}name one of: "
            f"{', '.join(sorted(sets))}",
        )
    return {arguments.set_name: sets[arguments.set_name]}, settings


def _records(folder: Path, *, may_be_none: bool) -> dict[str, bytes]:
    """Every JSON file below a folder: an artifact may come in a folder of its own."""
    if not folder.is_dir():
        raise Refused(f"{shown_path(folder)} is not a folder", remedy="name the one with records")
    found = {
        str(path.relative_to(folder)): _read(path)
        for path in folder.rglob("*.json")
        if path.is_file()
    }
    if not found and not may_be_none:
        raise Refused(
            f"there is no record in {shown_path(folder)}",
            remedy="download the artifacts of the run into it first",
        )
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise Refused(
            f"{shown_path(path)} can't be read: {error.strerror}", remedy="name a file with JSON"
        ) from None
    if len(data) > _LARGEST:
        raise Refused(f"{shown_path(path)} is larger than any record", remedy="record it again")
    return data


def _ask(images: dict[str, Image], registries: Mapping[str, Trust]) -> None:
    """Raise `Refused` where a tag does not stand for the recorded digest."""
    stores = ImageStores(registries=registries)
    for service, image in images.items():
        tag, digest = references.by_tag(image.Tag), references.by_digest(image.Digest)
        found = stores.open(Location(repository=tag.repository)).find(tag.tag or "")
        if found is None or found.digest != digest.digest:
            has = f"stands for {found.digest}" if found else "is not there"
            raise Refused(
                f"the tag {image.Tag} of {service} {has}, and {digest.digest} was recorded",
                remedy="build and record the image again; find out who moved the tag",
            )


def _write(files: dict[str, bytes], output: str | None) -> RecordFiles:
    """Write files into a folder; a single one also to a file, or is the text of the result."""
    several = len(files) > 1
    if output is None and not several:
        text = "".join(data.decode() for data in files.values()).rstrip()
        return RecordFiles((), text)
    if output is None or (several and not _is_folder(output)):
        raise Refused(
            f"there are {len(files)} files to write, and no folder for them",
            remedy="give --output, a folder",
        )
    to = Path(output)
    places = {to / name if _is_folder(output) else to: data for name, data in files.items()}
    with written_to(shown(output)):
        for place, data in places.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    written = tuple(map(str, places))
    tell(f"wrote {', '.join(written)}")
    return RecordFiles(written)


def _is_folder(output: str) -> bool:
    """Whether a path is that of a folder, or is to be one: it has no suffix, as `.json` is one."""
    path = Path(output)
    return path.is_dir() or output.endswith("/") or not (path.exists() or path.suffix)
