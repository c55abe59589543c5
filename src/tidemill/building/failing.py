"""What an error says of the destinations, and how an error of the machine is told."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from tidemill.errors import Refused, TidemillError
from tidemill.images.location import Location
from tidemill.images.publish import Published
from tidemill.words.names import shown_path

NOTHING = "nothing"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def told(
    error: TidemillError | OSError, done: Sequence[tuple[Location, Published]]
) -> TidemillError:
    """The error of a run that has brought some images to their destinations already.

    Args:
        done: what was published, and where.
    """
    found = of_the_machine(error) if isinstance(error, OSError) else error
    if tagged := [f"{to}:{tag}" for to, published in done for tag in published.tags]:
        whole = f"the tags {', '.join(tagged)}"
        found.written = whole if found.written == NOTHING else f"{found.written}; and {whole}"
    elif found.written == NOTHING and any(published.changed for _, published in done):
        found.written = "blobs without a tag"
    return found


def of_the_machine(error: OSError) -> Refused:
    """What the machine does not allow, or has no room for, as an error with a remedy."""
    names = [shown_path(name) for name in (error.filename, error.filename2) if name]
    what = ": ".join((*names, error.strerror or str(error) or type(error).__name__))
    if error.errno in _FULL:
        return Refused(
            f"a disk is full ({what})",
            remedy="make room at the destination and for temporary files; TIDEMILL_TMPDIR names "
            "another folder for those",
        )
    return Refused(what, remedy="see that it may be read and written, and try again")
