"""What in a layer will surprise whoever runs it, by causes that the comparison knows, too."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence

from tidemill.images.causes.cause import Cause
from tidemill.images.causes.paths import surprise_at
from tidemill.images.entries import Entry, File
from tidemill.images.tar_stream import TIME, time_of
from tidemill.words.lists import listed
from tidemill.words.names import shown

_COMPILED = re.compile(r"(?P<folder>.*/)?__pycache__/(?P<name>[^/]+?)\.[^/]+\.pyc")
_HASHED = 1  # PEP 552
STALE = Cause(
    "pyc",
    "they have another time of their source in them than the image, so Python compiles it again at "
    "each start",
    f"compile by SOURCE_DATE_EPOCH={TIME} (before pip or compileall), or not at all "
    "(pip install --no-compile)",
)
_PAGES = re.compile(
    r"(?P<folder>usr/share/nginx/html|usr/local/apache2/htdocs|var/www(/html)?|srv/www)/"
    r".*\.(html?|css|js|mjs|json|svg|wasm)"
)
PAGES = Cause(
    "web pages",
    "all have one time, so a server may take a new page of the same size for the old one",
    "name their folder in content_times, or with --content-time: so each content has its own time",
)
# A pointer has about 130 bytes (git-lfs, docs/spec.md).
_POINTER = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\n")
_POINTER_SIZES = range(100, 300)
POINTERS = Cause(
    "Git LFS",
    "Git LFS has a pointer there in place of the file",
    "check the files out, too: git lfs pull; in a workflow lfs: true, of actions/checkout or of "
    "publish-images",
)


_COMPILE = (
    "compile for each platform, and let from have {arch} in it; or let platforms say what it is for"
)
# By architecture the machines whose programs it runs (ELF, `e_machine`).
_RUNS = {
    "386": {3},
    "amd64": {62, 3},
    "arm": {40},
    "arm64": {183, 40},
    "loong64": {258},
    "ppc64le": {21},
    "riscv64": {243},
    "s390x": {22},
}
_PROGRAMS = (2, 3)  # ET_EXEC, ET_DYN


def surprises(
    entries: Sequence[Entry], by_content: Collection[str], architecture: str = ""
) -> list[str]:
    """One sentence about each kind of surprise in a layer, with its remedy.

    Args:
        architecture: what the image is for.
    """
    found: dict[Cause, list[str]] = {}
    if strange := _of_other_machines(entries, architecture):
        meaning = f"it is compiled for another processor, and does not start on {architecture}"
        found[Cause("processor", meaning, _COMPILE)] = strange
    files = {entry.path: entry for entry in entries if isinstance(entry, File)}
    for path, entry in files.items():
        for cause in _causes(entry, files, by_content):
            found.setdefault(cause, []).append(path)
    return [
        f"{listed([shown(f'/{one}')[1:-1] for one in paths], 1)}: {cause.meaning}; {cause.remedy}"
        for cause, paths in found.items()
    ]


def _causes(entry: File, files: Mapping[str, File], by_content: Collection[str]) -> Iterator[Cause]:
    if (cause := surprise_at(entry.path)) is not None:
        yield cause
    if (compiled := _COMPILED.fullmatch(entry.path)) is not None:
        source = files.get(f"{compiled['folder'] or ''}{compiled['name']}.py")
        if source is not None and _is_stale(entry, time_of(source, by_content)):
            yield STALE
    if entry.size in _POINTER_SIZES and _POINTER.match(_start(entry, 64)):
        yield POINTERS
    if _PAGES.fullmatch(entry.path) and time_of(entry, by_content) == TIME:
        yield PAGES


def _is_stale(compiled: File, time: int) -> bool:
    head = _start(compiled, 16)
    if len(head) < 16:
        return False
    _, flags, of_source, _ = struct.unpack("<4I", head)
    return not flags & _HASHED and of_source != time


def _start(file: File, size: int) -> bytes:
    with file.open() as opened:
        return opened.read(size)


def _of_other_machines(entries: Sequence[Entry], architecture: str) -> list[str]:
    """The programs that don't run there; none where others do: who has both knows why."""
    runs = _RUNS.get(architecture)
    found: list[str] = []
    for entry in entries:
        if runs and isinstance(entry, File) and entry.attributes.mode & 0o111 and entry.size > 64:
            head = _start(entry, 20)
            if not head.startswith(b"\x7fELF"):
                continue
            kind, machine = struct.unpack_from(">HH" if head[5] == 2 else "<HH", head, 16)
            if machine in runs:
                return []
            if kind in _PROGRAMS:
                found.append(entry.path)
    return found
