"""Symbolic links of an image, followed as a running container follows them."""

from __future__ import annotations

from collections.abc import Callable

from tidemill.errors import Refused
from tidemill.words.names import shown

_MOST_LINKS = 40  # as Linux has it (path_resolution(7))


def followed(path: str, link: Callable[[str], str | None]) -> str:
    """The path that a path leads to, where no link leads out of the root.

    Args:
        link: where the link at a path leads to; None if there is no link.
    """
    done: list[str] = []
    waiting = path.split("/")[::-1]
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            done = done[:-1]
        elif part not in ("", "."):
            target = link("/".join([*done, part]))
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise Refused(
                    f"{shown(path)} leads through links that lead to each other",
                    remedy="name another path",
                )
            done = [] if target.startswith("/") else done
            waiting += target.split("/")[::-1]
    return "/".join(done)
