"""One compressor, proven before it is used: other bytes would be other digests."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator

import deflate
import pytest

from tidemill.images import compression
from tidemill.images.compression import CompressorDiffers, member, prove, vector


@pytest.fixture(autouse=True)
def not_proven_yet() -> Iterator[None]:
    prove.cache_clear()
    yield
    prove.cache_clear()


def test_the_vector_itself_never_changes() -> None:
    assert len(vector()) == 256 * 1024
    assert hashlib.sha256(vector()).hexdigest() == (
        "16c801d2998827d03797c559226b26ef69692bb513f10245c5bacd094b07d349"
    )


def test_the_compressor_of_the_lock_proves_itself() -> None:
    prove()


def zlib_instead(data: bytes, level: int) -> bytes:
    return zlib.compress(data, level, wbits=-15)


def another_level(data: bytes, level: int, real: object = deflate.deflate_compress) -> bytes:
    assert callable(real)
    return bytes(real(data, level + 1))


@pytest.mark.parametrize("other", [zlib_instead, another_level])
def test_a_compressor_with_other_bytes_stops_the_build(
    other: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deflate, "deflate_compress", other)
    with pytest.raises(CompressorDiffers, match="does not compress as the profile tidemill/2 says"):
        prove()


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * compression.MEMBER, vector()])
def test_a_member_is_gzip_that_anybody_reads(data: bytes) -> None:
    assert gzip.decompress(member(data)) == data


def test_the_header_says_nothing_about_time_name_or_system() -> None:
    assert member(b"x")[:10].hex() == "1f8b08000000000000ff"


def test_consecutive_members_are_one_stream() -> None:
    assert gzip.decompress(member(b"flood ") + member(b"and ebb")) == b"flood and ebb"
