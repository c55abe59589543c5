"""Why two Go binaries differ, as their build info and their sections tell."""

from __future__ import annotations

from collections.abc import Iterator

from tidemill.images.causes import content
from tidemill.images.causes.cause import Cause, joined
from tidemill.images.causes.content import Pair
from tidemill.images.causes.elf import MAGIC, Elf, elf
from tidemill.images.causes.go_binary import BuildInfo, GoModule, build_info
from tidemill.words.lists import listed
from tidemill.words.names import shown

_NOTES = (".note.go.buildid", ".note.gnu.build-id")
# Tables for linkers and debuggers: they move with the notes, and don't run.
_TABLES = (".symtab", ".strtab", ".shstrtab", "")
_FLAGS = "-trimpath -buildvcs=false -ldflags=-buildid="
_MOST_NAMED = 6

BUILD_ID = Cause(
    "go build id",
    "only the id that Go or the linker gives each build differs",
    "build with -ldflags=-buildid=, and -trimpath so that paths don't enter it",
)


def of_go_binary(pair: Pair) -> Cause | None:
    """Why two Go binaries differ; None if they are not Go's, or nothing known does."""
    if not pair.start_with(MAGIC):
        return None
    left, right = elf(pair.left), elf(pair.right)
    if left is None or right is None:
        return None
    ours, theirs = build_info(left), build_info(right)
    if ours is None or theirs is None:
        return None
    found = [*_causes(ours, theirs)]
    unequal = differing_sections(left, right)
    if not found and unequal and unequal <= {*_NOTES, *_TABLES}:
        return BUILD_ID
    whole = joined(found)
    if whole is None:
        return None
    return Cause(whole.name, f"{whole.meaning} ({_code(unequal)})", whole.remedy)


def differing_sections(left: Elf, right: Elf) -> set[str]:
    """The names of the sections whose bytes differ, or which one of them lacks."""
    names = left.sections.keys() | right.sections.keys()
    return {name for name in names if _unequal(left, right, name)}


def lacks_trimpath(pair: Pair) -> bool:
    """Whether both are Go binaries that were built without -trimpath."""
    infos = [
        None if (one := elf(side)) is None else build_info(one) for side in (pair.left, pair.right)
    ]
    return all(info is not None and "-trimpath" not in info.settings for info in infos)


def _unequal(left: Elf, right: Elf, name: str) -> bool:
    one, other = left.sections.get(name), right.sections.get(name)
    if one is None or other is None:
        return True
    return content.changes(one, other) is not None


def _code(unequal: set[str]) -> str:
    if ".text" not in unequal:
        return "the machine code is equal"
    return "the machine code differs too, if only in addresses that moved"


def _causes(left: BuildInfo, right: BuildInfo) -> Iterator[Cause]:
    """All that their build infos say differently."""
    ours, theirs = left.settings, right.settings
    changed = {
        name: f"{_plain(name)} {_value(ours.get(name))} -> {_value(theirs.get(name))}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    }
    if vcs := [text for name, text in changed.items() if _is_of_vcs(name)]:
        yield Cause(
            "vcs stamp",
            f"Go wrote the state of version control into the binary: {listed(vcs, _MOST_NAMED)}",
            "build with -buildvcs=false",
        )
    if left.main != right.main:
        yield Cause(
            "main module version",
            "Go wrote the version of the main module into the binary: "
            f"{_from_to(left.main, right.main)}",
            "build with -buildvcs=false: since Go 1.24 the version comes from version control",
        )
    if modules := [
        f"dep {_bumped(left.modules.get(name), right.modules.get(name))}"
        for name in sorted(left.modules.keys() | right.modules.keys())
        if left.modules.get(name) != right.modules.get(name)
    ]:
        is_all = (ours, left.release, left.main) == (theirs, right.release, right.main)
        yield Cause(
            "go module version",
            f"{'only ' if is_all else ''}BuildInfo deps differ: {listed(modules, _MOST_NAMED)}",
            "expect a new digest when a module's version changes: Go writes the list of modules "
            "into each binary, even where the code is equal or vendored",
        )
    if left.release != right.release:
        yield Cause(
            "go release",
            f"two releases of Go compiled it: {shown(left.release)} and {shown(right.release)}",
            "pin the release of Go, and set GOTOOLCHAIN=local",
        )
    if "-trimpath" in changed:
        yield Cause(
            "go trimpath",
            "one was built with -trimpath, and the other without: it has the path of its sources "
            "in it",
            f"build always with {_FLAGS}",
        )
    if settings := [
        text for name, text in changed.items() if not _is_of_vcs(name) and name != "-trimpath"
    ]:
        yield Cause(
            "go settings",
            f"it was built with other settings: {listed(settings, _MOST_NAMED)}",
            "set these flags and variables in the build itself, not on the machine",
        )
    if left.package != right.package:
        yield Cause(
            "go package",
            f"they are two programs: {shown(left.package)} and {shown(right.package)}",
            "copy the same program into both",
        )


def _is_of_vcs(setting: str) -> bool:
    return setting == "vcs" or setting.startswith("vcs.")


def _bumped(left: GoModule | None, right: GoModule | None) -> str:
    """Like `lib v1.0.0 -> v1.1.0`; with all that is known where more than the version differs."""
    simple = left and right and not left.replaced_by and not right.replaced_by
    if left and right and simple:
        return _plain(f"{left.path} {left.version} -> {right.version}")
    return _from_to(left, right)


def _from_to(left: GoModule | None, right: GoModule | None) -> str:
    return f"{_plain(str(left or 'nothing'))} -> {_plain(str(right or 'nothing'))}"


def _value(value: str | None) -> str:
    return "(not there)" if value is None else _plain(value or "(empty)")


def _plain(text: str) -> str:
    """Text of a binary as it may stand in a sentence: escaped, at most 80 characters."""
    return shown(text)[1:-1]
