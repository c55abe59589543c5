"""The version of what another repository sends: looked at first, so that a newer one is told."""

from __future__ import annotations

from typing import Any

import msgspec

from tidemill.errors import Refused
from tidemill.words.names import shown
from tidemill.words.unreadable import UNREADABLE

VERSION = 1


class _Versioned(msgspec.Struct):
    version: Any = VERSION


def check_version(data: bytes, what: str) -> None:
    """Raise `Refused` if `data` is a JSON object of another version; without one it has this one.

    What is no JSON object passes: whoever parses it says so.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
    except UNREADABLE:
        return
    if type(version) is not int or version != VERSION:
        raise Refused(
            f"{what} has version {shown(version)}, this Tidemill reads version {VERSION}",
            remedy="use the same release of Tidemill in both repositories",
        )
