"""Bare repositories of this run's own, and work trees in which somebody else's commands run.

A work tree has a `.git` of its own, which has the objects and no remote. What we ask Git about it
goes through the bare repository and an index outside: a `.git` in which commands ran may be
configured to run others.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tidemill.clients.git.git import Git, names
from tidemill.clients.machine.removing import remove

_DATED = re.compile(rb"^((?:author|committer) .*> )(\d+) ", re.MULTILINE)
_DAY = 86400  # in seconds
_REPOSITORY = "160000 "  # the mode of a commit of another repository
# Whoever runs this has a configuration, and it must not change what is made. The objects are for
# the commands to read, who may be another user.
_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
\tsharedRepository = 0644
\tautocrlf = false
\tsafecrlf = false
\teol = lf
\tfileMode = true
\tsymlinks = true
\tignoreCase = false
\tfsmonitor = false
\tuntrackedCache = false
\tsplitIndex = false
\thooksPath = /dev/null
\texcludesFile = /dev/null
\tattributesFile = /dev/null
\tfsync = none
[i18n]
	commitEncoding = UTF-8
[gc]
\tauto = 0
[maintenance]
\tauto = false
[protocol]
\tversion = 2
[fetch]
\tnegotiationAlgorithm = noop
\trecurseSubmodules = false
[submodule]
\trecurse = false
[push]
\tnegotiate = false
\tgpgSign = false
\tfollowTags = false
\trecurseSubmodules = no
[color]
\tui = false
"""


_PARTIAL = """\
[extensions]
\tpartialClone = origin
"""


def made(folder: Path, *, is_partial: bool = True) -> Path:
    """Make an empty bare repository in a folder that is not there yet; returns the folder.

    Args:
        is_partial: whether Git may ask the remote for what is not here; else that is lost.
    """
    for below in ("objects/info", "objects/pack", "refs"):
        (folder / below).mkdir(parents=True)
    for below in ("objects", "objects/info", "objects/pack"):
        (folder / below).chmod(0o755)
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    (folder / "config").write_text(_CONFIG + _PARTIAL * is_partial)
    return folder


def borrow(bare: Path, objects: Path, shallow: Path) -> None:
    """Let a bare repository have the objects of another one, whose history may end at a file's."""
    (bare / "objects/info/alternates").write_bytes(os.fsencode(objects) + b"\n")
    if shallow.exists():
        shutil.copyfile(shallow, bare / "shallow")


@dataclass(frozen=True)  # not a struct: it is read where there are no packages
class Tree:
    """A work tree, and the index by which we look at it.

    Attributes:
        folder: the files.
        index: outside of it; it need not be there yet.
    """

    folder: Path
    index: Path

    @property
    def env(self) -> dict[str, str]:
        """What a `Git` in the bare repository needs to know of it."""
        return {"GIT_INDEX_FILE": str(self.index), "GIT_WORK_TREE": str(self.folder)}

    @property
    def option(self) -> str:
        """The same as an option of Git: a bare repository takes no work tree from elsewhere."""
        return f"--work-tree={self.folder}"

    def stage(self, bare: Git, seconds: float) -> None:
        """Put all files into the index as they are now, but for those that Git ignores.

        Git looks into a repository in place of a submodule, by that one's own configuration, which
        may name a program: so it is none any more, before Git looks.
        """
        for entry in names(bare("ls-files", "-z", "--stage", env=self.env)):
            if entry.startswith(_REPOSITORY):
                name = entry.partition("\t")[2]
                inner = Path(os.path.realpath(self.folder), name)
                if inner.is_dir() and os.path.realpath(inner) == str(inner):
                    remove(inner / ".git")
        bare(self.option, "add", "-A", env=self.env, seconds=seconds)

    def give_git(self, bare: Git, commit: str | None, *, is_other: bool = False) -> None:
        """Make the `.git` for the commands, on a commit of the bare repository; None: on none.

        Args:
            is_other: on another commit with the same files and parents: who makes the same of the
                same files makes the same there.
        """
        head = _twin(bare, commit) if commit and is_other else commit
        dot_git = self.folder / ".git"
        remove(dot_git)
        (dot_git / "objects/info").mkdir(parents=True)
        (dot_git / "refs").mkdir()
        (dot_git / "objects/info/alternates").write_text(f"{bare.folder / 'objects'}\n")
        (dot_git / "HEAD").write_text(f"{head or 'ref: refs/heads/main'}\n")
        (dot_git / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        shallow = bare.folder / "shallow"
        if shallow.exists():
            ends = shallow.read_text().splitlines()
            ends += [head] if head and head != commit and commit in ends else []
            (dot_git / "shallow").write_text("".join(f"{end}\n" for end in ends))
        if self.index.exists():
            shutil.copyfile(self.index, dot_git / "index")


def _twin(bare: Git, commit: str) -> str:
    """The same commit, made a day later."""
    about, end, message = bare.blob(commit, "commit").partition(b"\n\n")
    later = _DATED.sub(lambda found: b"%s%d " % (found[1], int(found[2]) + _DAY), about)
    data = later + end + message
    return bare.line("hash-object", "-t", "commit", "-w", "--stdin", data=data)


def object_folders(objects: Path) -> list[Path]:
    """A folder of objects, and those that it borrows from, which reading it takes too."""
    found, waiting = [], [objects]
    while waiting:
        folder = waiting.pop()
        if folder in found:
            continue
        found.append(folder)
        alternates = folder / "info/alternates"
        if alternates.is_file():
            lines = alternates.read_text(errors="surrogateescape").splitlines()
            waiting += [(folder / line).resolve() for line in lines if line and line[0] != "#"]
    return found
