"""Does what app.git compiles come from what is there, and give what its services copy?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, problem
from tidemill.words.lists import listed
from tidemill.words.nearest import did_you_mean

_GO = re.compile(r"\bgo (?:build|install)\b[^;&|]*")
_INTO = re.compile(r"\s-o[ =]?[\"']?(?P<place>[^\s\"']+)")
_PACKAGE = re.compile(r"(?<=[\s\"'])\./[\w.~+/-]+")
_ELSEWHERE = re.compile(r"\b(?:cd|pushd)\b|\s-C\b")  # then paths are not from the root
_BUILD = "tidemill build-reproducible-image --checkout . --no-push"


def by_go(known: Checkup) -> Iterator[Finding]:
    """What a command of Go names in this repository; of other compilers nothing is known."""
    if known.app is None or known.app.compile is None:
        return
    command = known.app.compile.command
    builds = _GO.findall(command)
    if not builds or any("$" in one for one in builds) or _ELSEWHERE.search(command):
        return
    if not any(one.rpartition("/")[2] == "go.mod" for one in known.files.modes):
        yield problem("compile calls go, and there is no go.mod", "add it", "go mod init NAME")
        return
    made: list[str] = []
    for build in builds:
        packages = [one[2:].rstrip("/") for one in _PACKAGE.findall(_INTO.sub(" ", build))]
        yield from _gone(known, packages)
        into = _INTO.search(build)
        if into is None or not into["place"].endswith("/") or any("..." in one for one in packages):
            return  # what it makes is called otherwise, or not known
        place = into["place"].removeprefix("./")
        made += [f"{place}{one.rpartition('/')[2].removesuffix('.go')}" for one in packages]
    for service in known.app.services:
        for file in (one.source for one in service.files if "{" not in one.source):
            # Something else may make what is called otherwise.
            is_lacking = file not in made and not known.files.may_have(file)
            is_beside = any(file.startswith(f"{one.rpartition('/')[0]}/") for one in made)
            if is_lacking and is_beside and (near := did_you_mean(file, made)):
                yield problem(
                    f"{service.name} copies {file}, which compile does not make",
                    f"{near}name what is made, or let compile make it",
                    _BUILD,
                )


def _gone(known: Checkup, packages: Sequence[str]) -> Iterator[Finding]:
    folders = {one: one.removesuffix("...").rstrip("/") for one in packages}
    gone = [one for one, folder in folders.items() if folder and not known.files.may_have(folder)]
    if gone:
        yield problem(
            f"compile builds {listed([f'./{one}' for one in gone])}, which is not there",
            f"{did_you_mean(gone[0], known.files.places)}add it, or mend the command",
            _BUILD,
        )
