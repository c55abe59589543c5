"""Addresses of repositories, fit to be shown."""

from __future__ import annotations

import re

_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")


def redacted(text: str) -> str:
    """`text` without the credentials of URLs in it."""
    return _CREDENTIALS.sub("***@", text)


def without_credentials(text: str) -> str:
    """The same, as an address that can be used again."""
    return _CREDENTIALS.sub("", text)
