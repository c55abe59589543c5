"""What the Go toolchain wrote about itself into a binary: release, modules, settings of the build.

The form is that of Go's package debug/buildinfo: a header of 32 bytes, 16 magic among them, and
then, since Go 1.18, two strings with their lengths before them; before it, pointers to two strings
in memory. The second string is the text that runtime/debug.BuildInfo prints, between two sentinels.
"""

from __future__ import annotations

from msgspec import Struct, field

from tidemill.images.causes.elf import Elf

_MAGIC = b"\xff Go buildinf:"
_ALIGNED = 16
_HEADER = 32
_BIG_ENDIAN = 1
_INLINE = 2
_SENTINEL = 16
_SEARCHED = 1 << 20
_LONGEST = 1 << 20
_MOST_LENGTH_BYTES = 5


class GoModule(Struct, frozen=True):
    """A module: path, version (`(devel)` where there is none), and what replaced it."""

    path: str
    version: str
    replaced_by: GoModule | None = None

    def __str__(self) -> str:
        own = f"{self.path} {self.version}".rstrip()
        return own if self.replaced_by is None else f"{own} => {self.replaced_by}"


class BuildInfo(Struct, frozen=True):
    """What a Go binary says: release, package, its module, the others, settings by their names."""

    release: str
    package: str = ""
    main: GoModule | None = None
    modules: dict[str, GoModule] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


def build_info(binary: Elf) -> BuildInfo | None:
    """The build info of an ELF file; None if it is not Go's, or is damaged."""
    data = _blob(binary)
    if data is None:
        return None
    if data[15] & _INLINE:
        release, rest = _counted(data[_HEADER:])
        text, _ = _counted(rest)
    else:
        release, text = _pointed(binary, data)
    if not release:
        return None
    if len(text) > 2 * _SENTINEL and text[-_SENTINEL - 1 : -_SENTINEL] == b"\n":
        text = text[_SENTINEL:-_SENTINEL]
    else:
        text = b""
    return parsed(release.decode("utf-8", "replace"), text.decode("utf-8", "replace"))


def parsed(release: str, text: str) -> BuildInfo:
    """The build info of the text that `go version -m` prints, without its tabs in front."""
    package, main = "", None
    modules: dict[str, GoModule] = {}
    settings: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        key, *rest = line.split("\t")
        rest += [""] * 2
        match key:
            case "path":
                package = rest[0]
            case "mod":
                main = GoModule(rest[0], rest[1])
                last = ""
            case "dep":
                last = rest[0]
                modules[last] = GoModule(rest[0], rest[1])
            case "=>":
                other = GoModule(rest[0], rest[1])
                if last in modules:
                    modules[last] = GoModule(last, modules[last].version, other)
                elif main is not None:
                    main = GoModule(main.path, main.version, other)
            case "build":
                name, _, value = rest[0].partition("=")
                settings[name.strip('"`')] = value.strip('"`')
            case _:
                pass
    return BuildInfo(release, package, main, modules, settings)


def _blob(binary: Elf) -> bytes | None:
    """The header and what follows it, at most 2 MiB."""
    section = binary.sections.get(".go.buildinfo")
    places = [section] if section else [segment for _, segment in binary.segments[:8]]
    for place in places:
        data = place.at(0, _SEARCHED)
        found = data.find(_MAGIC)
        while found >= 0 and found % _ALIGNED:
            found = data.find(_MAGIC, found + 1)
        if found >= 0:
            blob = place.at(found, 2 * _LONGEST)
            return blob if len(blob) >= _HEADER else None
    return None


def _counted(data: bytes) -> tuple[bytes, bytes]:
    """A string with its length before it (seven bits a byte, the lowest first), and the rest."""
    length = 0
    for place, byte in enumerate(data[:_MOST_LENGTH_BYTES]):
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            start = place + 1
            if length > len(data) - start:
                return b"", b""
            return data[start : start + length], data[start + length :]
    return b"", b""


def _pointed(binary: Elf, data: bytes) -> tuple[bytes, bytes]:
    """The two strings that the header points to, as before Go 1.18."""
    size = data[14]
    if size not in (4, 8):
        return b"", b""
    big = bool(data[15] & _BIG_ENDIAN)

    def number(raw: bytes) -> int:
        return int.from_bytes(raw, "big" if big else "little")

    def string(pointer: int) -> bytes:
        head = binary.loaded(pointer, 2 * size)
        if len(head) < 2 * size:
            return b""
        return binary.loaded(number(head[:size]), min(number(head[size:]), _LONGEST))

    return string(number(data[16 : 16 + size])), string(number(data[16 + size : 16 + 2 * size]))
