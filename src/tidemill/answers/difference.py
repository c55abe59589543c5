"""What is different between two sets: the commits of app.git, and the services' images."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from tidemill.facts.image_files import ImageFiles
from tidemill.facts.snapshot import Snapshot
from tidemill.plan.obstacles import MissingApproval, MissingReview, Wait

_PLAIN = "100644"
_UNSAFE = re.compile(rb'[\x00-\x1f"\\\x7f]')
_ESCAPES = {ord('"'): '\\"', ord("\\"): "\\\\"}


class ServiceChange(msgspec.Struct, frozen=True, kw_only=True):
    """A service whose image is another one: references by digest, None where there is none."""

    service: str
    before: str | None
    after: str | None

    @property
    def what(self) -> str:
        """Whether it is added, removed or changed."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


class SetDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What a wave has of a set, and what it would have, or another wave has.

    Attributes:
        before, after: the commits of app.git; None where the set or its commit is not known.
        repository: of app.git, where both are of the same one; else None.
        services: those that differ, by name; None where the images of one side are not known, or
            neither has any.
        is_new: the wave has no images of the set yet; is_gone: the other side has none.
    """

    set: str
    wave: str
    before: str | None
    after: str | None
    repository: str | None = None
    services: tuple[ServiceChange, ...] | None = None
    is_new: bool = False
    is_gone: bool = False

    @property
    def path(self) -> str | None:
        """Where GitHub compares the two commits, below its address; None where it can't."""
        if not (self.repository and self.before and self.after) or self.before == self.after:
            return None
        return f"{self.repository}/compare/{self.before}...{self.after}"


class FileChange(msgspec.Struct, frozen=True, kw_only=True):
    """A file that would be another one, and how, as a patch that `git apply` takes once it ends
    with a newline; empty for what is no text."""

    path: str
    diff: str


def sets_on_main(known: Snapshot) -> dict[tuple[str, str], ImageFiles]:
    """The image files on main by wave and set, without the source of those that somebody edited.

    Who edits a digest by hand leaves `source.json` as it was, which tells of another set then.
    """
    found = {}
    for (wave, name), files in known.main.sets.items():
        its_own = [
            landing.content
            for _, landing in known.ledger.landings(name)
            if landing.is_set(files.order, files.app_sha)
        ]
        is_edited = bool(its_own) and files.content not in its_own
        found[wave, name] = replace(files, source=None) if is_edited else files
    return found


def difference(
    wave: str, set_name: str, before: ImageFiles | None, after: ImageFiles | None
) -> SetDifference:
    """What differs between the image files of a set in two places."""
    repositories = {one.source.repository for one in (before, after) if one and one.source}
    has_images = before is not None or after is not None
    return SetDifference(
        set=set_name,
        wave=wave,
        before=before.app_sha if before else None,
        after=after.app_sha if after else None,
        repository=next(iter(repositories)) if len(repositories) == 1 else None,
        services=services(before.digests if before else {}, after.digests if after else {})
        if has_images
        else None,
        is_new=before is None,
        is_gone=after is None,
    )


def services(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[ServiceChange, ...]:
    """The services whose references by digest differ, by name."""
    return tuple(
        ServiceChange(service=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def file_change(
    path: str,
    before: bytes | None,
    after: bytes | None,
    modes: tuple[str | None, str | None] = (_PLAIN, _PLAIN),
) -> FileChange:
    """How one file differs; `modes` are Git's."""
    kinds = {mode[:2] for mode in modes if mode}
    if before is not None and after is not None and len(kinds) > 1:  # a file, and a link
        gone, came = file_change(path, before, None, modes), file_change(path, None, after, modes)
        both = f"{gone.diff}\n{came.diff}" if gone.diff and came.diff else ""
        return FileChange(path=path, diff=both)
    try:
        old_lines, new_lines = (_lines((one or b"").decode()) for one in (before, after))
    except UnicodeDecodeError:
        return FileChange(path=path, diff="")
    old, new = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    lines = [f"diff --git {old} {new}\n"]
    match before, after:
        case None, _:
            lines.append(f"new file mode {modes[1]}\n")
        case _, None:
            lines.append(f"deleted file mode {modes[0]}\n")
        case _ if modes[0] != modes[1]:
            lines += [f"old mode {modes[0]}\n", f"new mode {modes[1]}\n"]
        case _:
            pass
    names = (
        "/dev/null" if before is None else _ended(old),
        "/dev/null" if after is None else _ended(new),
    )
    from difflib import unified_diff  # which a turn does not need

    lines += unified_diff(old_lines, new_lines, *names)
    return FileChange(path=path, diff="".join(lines).removesuffix("\n"))


def _quoted(name: str) -> str:
    """A name as Git writes it in a patch: in quotes where anything in it might be mistaken."""
    encoded = name.encode(errors="surrogateescape")
    if not (_UNSAFE.search(encoded) or any("\ud800" <= one <= "\udfff" for one in name)):
        return name
    return '"' + "".join(_ESCAPES.get(one) or _octal(one) for one in encoded) + '"'


def _octal(one: int) -> str:
    return chr(one) if 0x20 <= one < 0x7F else f"\\{one:03o}"


def _ended(name: str) -> str:
    """A name behind which nothing of it is cut off: Git ends one with a space in it by a tab."""
    return f"{name}\t" if " " in name and not name.startswith('"') else name


def _lines(text: str) -> list[str]:
    """The lines of a file as Git has them: nothing but a newline ends one, and it counts whether
    the last one has its own."""
    *lines, last = text.split("\n")
    unended = [f"{last}\n\\ No newline at end of file\n"] if last else []
    return [*(f"{line}\n" for line in lines), *unended]


def awaiting_approval(known: Snapshot, waiting: Iterable[Wait]) -> list[SetDifference]:
    """What each wave would get that waits for an approval, or for a reviewer on GitHub.

    Nothing is read for it: where no wave has the set on main any more, its images are not known.
    """
    wanted: dict[tuple[str, str, str], None] = {}
    for line in waiting:
        about = line.about
        for one in line.obstacles:
            match one:
                case MissingApproval():
                    wanted[one.wave, one.set, one.app_sha] = None
                case MissingReview() if about.set and about.app_sha:
                    wanted[one.wave, about.set, about.app_sha] = None
    on_main = sets_on_main(known) if wanted else {}
    return [asked_for(on_main, *one) for one in wanted]


def asked_for(
    on_main: Mapping[tuple[str, str], ImageFiles], wave: str, set_name: str, app_sha: str
) -> SetDifference:
    """What a wave would get by the promotion of a set; `on_main` as `sets_on_main` gives it."""
    before = on_main.get((wave, set_name))
    with_it = (
        files
        for (_, name), files in on_main.items()
        if name == set_name and files.app_sha == app_sha
    )
    after = next(with_it, None)
    found = difference(wave, set_name, before, after)
    if after is not None:
        return found
    repository = before.source.repository if before and before.source else None
    return msgspec.structs.replace(
        found, after=app_sha, repository=repository, services=None, is_gone=False
    )
