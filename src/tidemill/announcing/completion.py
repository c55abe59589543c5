"""Completion: where only some services of a set were built, the others are carried on.

They come from the announcement of an earlier commit, its *base*, each as it is: with the digest and
the tag that it was built with. The tag so says which commit an image is of, nothing is written to a
registry, and where files name images by tag, nothing is deployed again that did not change.
"""

from __future__ import annotations

from collections.abc import Collection

from tidemill.announcing.announcement import Announcement, Image, parse
from tidemill.announcing.origin import Origin
from tidemill.errors import Refused


def base_set(data: bytes, sha: str, origin: Origin, set_name: str) -> Announcement:
    """The announcement of a set at the commit `sha`, as JSON, for a later one at `origin`.

    Raises:
        Refused: it is none, or of another commit, set or repository.
    """
    found = parse(data)
    said = (found.set, found.sha, found.repository.lower())
    if said != (set_name, sha, origin.repository.lower()):
        raise Refused(
            f"this is the announcement of {found.set} at {found.sha} of {found.repository}, and "
            f"{set_name} at {sha} of {origin.repository} is to be completed from",
            remedy="give the announcement of that set and commit, or name its commit with --base",
        )
    return found


def carried(
    base: Announcement, wanted: Collection[str], built: Collection[str]
) -> dict[str, Image]:
    """The images of those services that are wanted and were not built."""
    return {
        service: image
        for service, image in base.images.items()
        if service in wanted and service not in built
    }


def in_words(base: Announcement, wanted: Collection[str], built: Collection[str]) -> str:
    """What a set has from its base, and what the base had and it has not."""
    kept = sorted(carried(base, wanted, built))
    gone = sorted(set(base.images) - set(wanted))
    parts = [f"carried on from {base.sha}: {', '.join(kept)}"] if kept else []
    parts += [f"removes: {', '.join(gone)}"] if gone else []
    return "; ".join(parts)
