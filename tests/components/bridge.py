"""A network bridge for one engine: the BuildKit inside Docker runs no step without one."""

from __future__ import annotations

import fcntl
import secrets
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tests.components.absence import Missing
from tests.components.daemon import as_root

# Of <linux/sockios.h>; the program `ip` is not on every machine.
ADD_BRIDGE, REMOVE_BRIDGE, SET_FLAGS = 0x89A0, 0x89A1, 0x8914


@contextmanager
def new_bridge() -> Iterator[str]:
    """A bridge that connects to nothing, and is removed in the end: its name."""
    as_root()
    name = f"tm{secrets.token_hex(5)}"
    with socket.socket() as control:
        try:
            fcntl.ioctl(control, ADD_BRIDGE, name.encode() + b"\0")
        except OSError as problem:
            why = f"A network bridge can't be made: {problem.strerror}."
            raise Missing(why, "It needs root with the right to change the network.") from problem
        try:
            yield name
        finally:
            fcntl.ioctl(control, SET_FLAGS, struct.pack("16sH14x", name.encode(), 0))  # down
            fcntl.ioctl(control, REMOVE_BRIDGE, name.encode() + b"\0")
