"""Why two Go binaries differ, as their build info and their sections tell."""

from __future__ import annotations

from collections.abc import Callable

from tidemill.images.causes import content
from tidemill.images.causes.cause import Cause, joined
from tidemill.images.causes.content import Pair
from tidemill.images.causes.elf import MAGIC, Elf, elf
from tidemill.images.causes.go_binary import BuildInfo, GoModule, build_info
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
    found = [
        cause
        for rule in (_vcs, _main_version, _modules, _release, _trimpath, _settings, _package)
        if (cause := rule(ours, theirs)) is not None
    ]
    unequal = differing_sections(left, right)
    if not found and unequal and unequal <= {*_NOTES, *_TABLES}:
        return BUILD_ID
    whole = joined(found)
    if whole is None:
        return None
    return Cause(whole.name, f"{whole.meaning} ({_code(unequal)})", whole.remedy)


def differing_sections(left: Elf, right: Elf) -> set[str]:
    """The names of the sections whose bytes differ, or which one of them lacks."""
    names = {section.name for section in (*left.sections, *right.sections)}
    return {name for name in names if _unequal(left, right, name)}


def lacks_trimpath(pair: Pair) -> bool:
    """Whether both are Go binaries that were built without -trimpath."""
    infos = [
        None if (one := elf(side)) is None else build_info(one) for side in (pair.left, pair.right)
    ]
    return all(info is not None and "-trimpath" not in info.settings for info in infos)


def _unequal(left: Elf, right: Elf, name: str) -> bool:
    one, other = left.section(name), right.section(name)
    if one is None or other is None:
        return True
    return content.changes(one, other) is not None


def _code(unequal: set[str]) -> str:
    if ".text" not in unequal:
        return "the machine code is equal"
    return "the machine code differs too, if only in addresses that moved"


def _vcs(left: BuildInfo, right: BuildInfo) -> Cause | None:
    changed = _changed(left, right, lambda name: name == "vcs" or name.startswith("vcs."))
    if not changed:
        return None
    return Cause(
        "vcs stamp",
        f"Go wrote the state of version control into the binary: {changed}",
        "build with -buildvcs=false",
    )


def _main_version(left: BuildInfo, right: BuildInfo) -> Cause | None:
    if left.main == right.main:
        return None
    return Cause(
        "main module version",
        "Go wrote the version of the main module into the binary: "
        f"{_from_to(left.main, right.main)}",
        "build with -buildvcs=false: since Go 1.24 the version comes from version control",
    )


def _modules(left: BuildInfo, right: BuildInfo) -> Cause | None:
    names = sorted(
        name
        for name in left.modules.keys() | right.modules.keys()
        if left.modules.get(name) != right.modules.get(name)
    )
    if not names:
        return None
    changed = [
        f"dep {_bumped(left.modules.get(name), right.modules.get(name))}"
        for name in names[:_MOST_NAMED]
    ]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    same = left.settings == right.settings and left.release == right.release
    only = (
        "only BuildInfo deps differ"
        if same and left.main == right.main
        else "BuildInfo deps differ"
    )
    return Cause(
        "go module version",
        f"{only}: {', '.join(changed)}{more}",
        "expect a new digest when a module's version changes: Go writes the list of modules into "
        "each binary, even where the code is equal or vendored",
    )


def _release(left: BuildInfo, right: BuildInfo) -> Cause | None:
    if left.release == right.release:
        return None
    return Cause(
        "go release",
        f"two releases of Go compiled it: {shown(left.release)} and {shown(right.release)}",
        "pin the release of Go, and set GOTOOLCHAIN=local",
    )


def _trimpath(left: BuildInfo, right: BuildInfo) -> Cause | None:
    if left.settings.get("-trimpath") == right.settings.get("-trimpath"):
        return None
    return Cause(
        "go trimpath",
        "one was built with -trimpath, and the other without: it has the path of its sources in it",
        f"build always with {_FLAGS}",
    )


def _settings(left: BuildInfo, right: BuildInfo) -> Cause | None:
    changed = _changed(
        left,
        right,
        lambda name: name != "vcs" and not name.startswith("vcs.") and name != "-trimpath",
    )
    if not changed:
        return None
    return Cause(
        "go settings",
        f"it was built with other settings: {changed}",
        "set these flags and variables in the build itself, not on the machine",
    )


def _package(left: BuildInfo, right: BuildInfo) -> Cause | None:
    if left.package == right.package:
        return None
    return Cause(
        "go package",
        f"they are two programs: {shown(left.package)} and {shown(right.package)}",
        "copy the same program into both",
    )


def _changed(left: BuildInfo, right: BuildInfo, wanted: Callable[[str], bool]) -> str:
    """The settings of those names that differ, with both values, as text."""
    names = sorted(
        name
        for name in left.settings.keys() | right.settings.keys()
        if wanted(name) and left.settings.get(name) != right.settings.get(name)
    )
    named = [
        f"{_plain(name)} {_value(left.settings.get(name))} -> {_value(right.settings.get(name))}"
        for name in names[:_MOST_NAMED]
    ]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(named) + more


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
