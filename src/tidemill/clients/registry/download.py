"""Fetching a blob from a registry: checked on the way, and gone on with where it breaks off."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tidemill.clients.http.client import Call, Response
from tidemill.clients.http.trouble import Trouble
from tidemill.clients.registry.access import Access, Answer, Need
from tidemill.clients.registry.address import Address
from tidemill.clients.registry.answers import absent, lied, said_no
from tidemill.images.oci import Descriptor


def downloaded(
    blob: Descriptor, url: str, address: Address, access: Access, need: Need
) -> Iterator[bytes]:
    """A blob's bytes, at most 1 MiB at a time; never more than its size.

    Raises:
        Refused: it is not there; or, at the end, it was another blob.
        Unreachable, ServerRefused: the registry does not answer, or says no.
    """
    digest = hashlib.sha256()
    done = 0
    patience = access.patience()
    while True:
        headers = {"Range": f"bytes={done}-"} if done else {}
        try:
            with access.stream(Call("GET", url, headers), need) as response:
                if response.status not in (200, 206):
                    raise _no(response, blob, address, access, need)
                for piece in _rest(response, done):
                    done += len(piece)
                    if done > blob.size:
                        raise lied(address, f"sends too many bytes for {blob.digest}")
                    digest.update(piece)
                    yield piece
            break
        except Trouble as trouble:
            if done == blob.size:
                break
            patience.wait(trouble)
    if done != blob.size or f"sha256:{digest.hexdigest()}" != blob.digest:
        raise lied(address, f"sent something else for {blob.digest}")


def _rest(response: Response, done: int) -> Iterator[bytes]:
    """What comes after the first `done` bytes: a registry that heeds no ranges sends those too."""
    is_part = response.status == 206
    skip = 0 if is_part else done
    for piece in response.pieces():
        rest = piece[skip:]
        skip -= len(piece) - len(rest)
        if rest:
            yield rest


def _no(
    response: Response, blob: Descriptor, address: Address, access: Access, need: Need
) -> Exception:
    if response.status == 404:
        return absent(address, blob.digest)
    answer = Answer(response.status, response.headers, response.whole(), response.url)
    return said_no(answer, f"send {blob.digest}", address, access, need)
