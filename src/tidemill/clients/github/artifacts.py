"""An artifact of a workflow run, downloaded: its files, of a limited size in all.

GitHub redirects to an address that holds a signature and is valid for a minute: it is asked without
the token, and never shown.
"""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from urllib.parse import urlsplit

from tidemill.clients.github import answers
from tidemill.clients.github.calls import Calls, Request
from tidemill.clients.http.client import REDIRECTS, Call, Http
from tidemill.clients.http.proxies import is_this_machine
from tidemill.errors import Refused
from tidemill.words.names import shown

_REDIRECTS = 3
_MOST_FILES = 1_000
# What zipfile raises for an archive that was damaged, or made to be a trap.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    OSError, ValueError, IndexError, struct.error,
)  # fmt: skip


def downloaded(calls: Calls, run_id: int, name: str, most: int) -> list[bytes]:
    """The bytes of each file in an artifact.

    Raises:
        Refused: there is no such artifact (any more), its files have more than `most` bytes, or
            they are more than a thousand.
        ServerRefused, Unreachable: as with any call.
    """
    repository = calls.place.repository
    what = f"the artifact {shown(name)} of run {run_id} of {repository}"
    call = Request(
        f"/actions/runs/{run_id}/artifacts",
        f"list {what}",
        "actions: read",
        parameters={"name": name},
    )
    found = [
        one
        for page in calls.pages(call, answers.Artifacts)
        for one in page.artifacts
        if one.name == name
    ]
    newest = max((one for one in found if not one.expired), key=lambda one: one.id, default=None)
    if newest is None:
        raise Refused(
            f"{what} {'has expired' if found else 'is not there'}",
            remedy="announce it again, from a run that keeps its artifact long enough",
        )
    if newest.size_in_bytes > most:
        raise _too_large(what, most)
    zipped = Request(f"/actions/artifacts/{newest.id}/zip", f"download {what}", "actions: read")
    return _files(_fetched(calls, zipped, what, most), what, most)


def _fetched(calls: Calls, request: Request, what: str, most: int) -> bytes:
    """The archive, from where GitHub says; that is asked for anew where the download fails."""
    return calls.http.patience().answer(
        lambda: _body(calls.http, calls.location(request), what, most)
    )


def _body(http: Http, url: str, what: str, most: int) -> bytes:
    for _ in range(_REDIRECTS):
        parts = urlsplit(url)
        if parts.scheme != "https" and not is_this_machine(parts.hostname or ""):
            break
        with http.stream(Call("GET", url)) as response:
            if response.status == 200:
                data = response.start(most + 1)
                if len(data) > most:
                    raise _too_large(what, most)
                return data
            url = response.headers.get("Location", "")
            if response.status not in REDIRECTS or not url:
                break
    raise Refused(
        f"{what} can't be downloaded", remedy="run it again; if it stays so, announce anew"
    )


def _files(data: bytes, what: str, most: int) -> list[bytes]:
    found: list[bytes] = []
    left = most
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            listed = archive.infolist()
            if len(listed) > _MOST_FILES:
                raise Refused(
                    f"{what} has more than {_MOST_FILES} files",
                    remedy="upload nothing in it but announcements, and announce it anew",
                )
            for one in listed:
                if one.is_dir():
                    continue
                with archive.open(one) as file:
                    found.append(file.read(left + 1))
                left -= len(found[-1])
                if left < 0:
                    raise _too_large(what, most)
    except _BROKEN:
        raise Refused(
            f"{what} is not a zip file that can be read", remedy="announce it anew"
        ) from None
    return found


def _too_large(what: str, most: int) -> Refused:
    return Refused(
        f"{what} has more than {most} bytes", remedy="split the set, and announce it in parts"
    )
