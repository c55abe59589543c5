"""`tidemill compare`: what differs between two images, and why. Writes nothing."""

from __future__ import annotations

from tidemill.clients.machine.scratch import scratch
from tidemill.clients.registry.image_stores import ImageStores
from tidemill.commands._build_options import INSECURE, insecure_registries
from tidemill.commands._comparison_text import LIMIT
from tidemill.commands._parameters import Argument, Arguments, Option
from tidemill.commands._results import ImagesCompared, Result
from tidemill.errors import Refused
from tidemill.images import location, oci
from tidemill.images.comparison.compare import compare
from tidemill.images.comparison.difference import Image
from tidemill.images.image_store import ImageStore
from tidemill.images.layout import Layout
from tidemill.images.location import Location
from tidemill.images.oci import Descriptor, Platform
from tidemill.words.names import shown, shown_path

EXAMPLE = "tidemill compare oci:images/gateway:main registry.example.com/shop/gateway:main"
_NAMED = 10

PARAMETERS = (
    *(
        Argument(
            [name],
            metavar=name.upper(),
            help=f"{which}: oci:PATH, or REGISTRY/REPOSITORY, with :TAG or @sha256:DIGEST",
        )
        for name, which in (("left", "one image"), ("right", "the other"))
    ),
    Option(
        "--platform",
        metavar="OS/ARCH",
        help="compare only the images for this platform; all that an index has by default",
    ),
    Option(
        "--host",
        multiple=True,
        metavar="NAME",
        help="a machine that built one of them, whose name to look for in files; repeatable",
    ),
    INSECURE,
    Option(
        "--limit",
        type=int,
        default=LIMIT,
        metavar="N",
        help=f"list at most so many differences or groups of like ones; {LIMIT} by default",
    ),
    Option(
        "--json",
        is_flag=True,
        help="print one JSON object on standard output, with up to 10,000 differences; it has "
        "`verdict`, or `error` if the images could not be compared: both end with 1",
    ),
)


def run(arguments: Arguments) -> Result:
    """Find both images, and compare them."""
    platform = _platform(arguments.platform)
    if arguments.limit < 1:
        raise Refused(f"--limit {arguments.limit} lists nothing", remedy="give 1 or more")
    stores = ImageStores(registries=insecure_registries(arguments))
    left, right = (_image(text, stores) for text in (arguments.left, arguments.right))
    with scratch(large=True) as folder:
        found = compare(left, right, folder, platform=platform, hosts=tuple(arguments.host))
    return ImagesCompared(found, arguments.limit)


def _platform(text: str | None) -> Platform | None:
    if text is None:
        return None
    try:
        return Platform.parse(text)
    except ValueError:
        raise Refused(
            f"--platform {shown(text)} is not a platform", remedy="write it like linux/amd64"
        ) from None


def _image(text: str, stores: ImageStores) -> Image:
    """The image that is named; a layout with one image needs no tag."""
    place = location.parse(text)
    store = stores.open(place)
    return Image(store, _found(place, store))


def _found(place: Location, store: ImageStore) -> Descriptor:
    reference = place.digest or place.tag
    if reference is None and isinstance(store, Layout):
        return _only(place, store)
    if reference is None:
        raise Refused(
            f"{place} names a repository, and not which image of it",
            remedy="add :TAG or @sha256:DIGEST",
        )
    found = store.find(reference)
    if found is None:
        raise Refused(
            f"there is no image {shown_path(place)}", remedy="name a tag or a digest that is there"
        )
    return found


def _only(place: Location, layout: Layout) -> Descriptor:
    """The one image of a layout, with a tag or without."""
    index = layout.root / "index.json"
    images = oci.decoded(index.read_bytes(), oci.Index, str(index)).manifests
    if len({image.digest for image in images}) == 1:
        return images[0]
    names = ", ".join(shown(name) for name in sorted(layout.tags())[:_NAMED]) or "none"
    raise Refused(
        f"{place} has {len(images)} images, and none is named",
        remedy=f"write {place}:TAG or {place}@sha256:DIGEST; its tags: {names}",
    )
