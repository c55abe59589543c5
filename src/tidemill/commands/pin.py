"""`tidemill pin`: images that Dockerfiles and settings name by a tag get their digest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tidemill.building.pinning import Pinning, resolved
from tidemill.clients.registry.image_stores import ImageStores
from tidemill.clients.registry.trust import Trust
from tidemill.commands import _build_options, _options
from tidemill.commands._parameters import Arguments, Option
from tidemill.commands._results import ImagesPinned, Result
from tidemill.images.location import Location

EXAMPLE = "tidemill pin --file Dockerfile"

PARAMETERS = (
    *_build_options.checkout("a checkout of app.git, whose settings say which Dockerfiles it has"),
    Option(
        "--file",
        "files",
        multiple=True,
        metavar="FILE",
        help="this Dockerfile, without settings; may be repeated",
    ),
    _build_options.INSECURE,
    Option(
        "--update",
        is_flag=True,
        help="write new digests, too, where a tag now stands for another image",
    ),
    _options.JSON,
)


def run(arguments: Arguments) -> Result:
    """Ask the registries for digests, and write them."""
    insecure = _build_options.insecure_registries(arguments)
    known: dict[Location, str] = {}

    def digest(image: Location, registries: Mapping[str, Trust]) -> str:
        if image not in known:
            stores = ImageStores(registries={**registries, **insecure})
            found = stores.open(image).find(image.tag or "")
            known[image] = resolved(None if found is None else found.digest, image)
        return known[image]

    pinning = Pinning(digest, arguments.update)
    if arguments.files:
        for file in _build_options.listed(arguments.files):
            pinning.file(Path(file))
    else:
        pinning.checkout(Path(arguments.checkout), arguments.settings)
    return ImagesPinned(pinning.write())
