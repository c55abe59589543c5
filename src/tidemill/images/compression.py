"""The compression of the canonical form `tidemill/2`.

A layer is compressed as consecutive gzip members (RFC 1952, 2.2) of 1 MiB of input each, so memory
does not grow with it and every core can take a member. The compressor is libdeflate at level 6,
from one pinned package: other compressors, and other releases of most, give other bytes for the
same input. It proves itself on a known vector before it is used.
"""

from __future__ import annotations

import hashlib
import struct
from functools import cache

import deflate

from tidemill.errors import TidemillError

PROFILE = "tidemill/2"
MEMBER = 1 << 20
_LEVEL = 6
# No name, no time, no flags, unknown system.
_HEADER = bytes.fromhex("1f8b08000000000000ff")
_PROOF = "98c9bdd6111c7d1fbbec0ce151eb55acb340d0844975b2f35ca9b523a20e1931"


class CompressorDiffers(TidemillError):
    """The compressor gives other bytes than the profile: other digests, so nothing is built."""


def member(data: bytes | bytearray) -> bytes:
    """One gzip member with `data` in it; its caller gives 1 MiB, less only at the end."""
    body = deflate.deflate_compress(data, _LEVEL)
    return b"".join((_HEADER, body, struct.pack("<II", deflate.crc32(data), len(data))))


@cache
def prove() -> None:
    """Compress the known vector.

    Raises:
        CompressorDiffers: the result is not what the profile says.
    """
    found = hashlib.sha256(member(vector())).hexdigest()
    if found != _PROOF:
        raise CompressorDiffers(
            f"libdeflate (package deflate {deflate.__version__}) does not compress as the profile "
            f"{PROFILE} says, so digests would differ from everybody else's",
            remedy="install the release of deflate that Tidemill's lock file pins",
        )


def vector() -> bytes:
    """256 KiB with all that a compressor decides on: text, runs, records, noise, repeats."""
    noise = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(2048))
    text = b"".join(b"%d bottles hang on the wall, and %x\n" % (n, n * n) for n in range(2048))
    records = b"".join(struct.pack("<IHBx", n * 37, n % 251, n % 7) for n in range(8192))
    start = noise + text + bytes(16384) + records
    return (start + start[::3] + noise[:4096] + text)[: 1 << 18].ljust(1 << 18, b"~")
