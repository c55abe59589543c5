"""The version of what another repository sends: looked at first, so that a newer one is told."""

from __future__ import annotations

from tidemill.errors import Refused
from tidemill.words.names import shown

VERSION = 1


def check_version(plain: object, what: str) -> None:
    """Raise `Refused` if `plain` is a JSON object of another version; without one it has this one.

    What is no JSON object passes: whoever converts it says so.
    """
    version = plain.get("version", VERSION) if isinstance(plain, dict) else VERSION
    if type(version) is not int or version != VERSION:
        raise Refused(
            f"{what} has version {shown(version)}, this Tidemill reads version {VERSION}",
            remedy="use the same release of Tidemill in both repositories",
        )
