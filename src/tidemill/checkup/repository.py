"""Is the checkout itself as it has to be: releases, settings, entry points, attributes?"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from tidemill.checkup import compiling
from tidemill.checkup.checkup import Checkup
from tidemill.checkup.finding import Finding, Fix, ok, problem, unknown, unseen, warning
from tidemill.facts.image_files import paths_in
from tidemill.facts.on_github import Unseen
from tidemill.words.lists import listed
from tidemill.words.names import shown, shown_path

OLDEST_GIT = (2, 39)
_ADD = "add it, or mend tidemill.toml"
# The options of interpreters that stand before a script: those alone, and those with a value.
_INTERPRETERS = {
    "sh": ("aefuvx", "o"),
    "bash": ("aefuvx", "oO"),
    "python": ("BEIOPSbdqsuv", "WX"),
    "python3": ("BEIOPSbdqsuv", "WX"),
    "node": ("", ""),
    "ruby": ("", ""),
}
_BUILTINS = frozenset({".", ":", "[", "cd", "eval", "exec", "export", "set", "source", "umask"})
_MAKE_FLAG = re.compile(r"-(?:[BSbeiknqrstvw]+|j[0-9]*|l[0-9.]*)")
_IN_PATTERN = re.compile(r"(\*\*/|\*\*|\*|\?)")
_OF_PATTERN = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_OF_SHELLS = re.compile(r"[|&;<>()$`\n]")
_SETTINGS = "https://github.com/tidemill/tidemill/blob/main/docs/reference/settings.md"


def releases(known: Checkup) -> Iterator[Finding]:
    """`releases`: Git and Python."""
    git, python = known.programs.git, known.programs.python
    found = re.search(r"(\d+)\.(\d+)", git)
    oldest, look = ".".join(map(str, OLDEST_GIT)), "git version"
    if found is None:
        what = f"Git does not say which release it is: {shown(git)}"
        yield unknown(what, "look yourself", look)
    elif (int(found[1]), int(found[2])) < OLDEST_GIT:
        what = f"Git is {git}; the oldest that Tidemill is tested with is {oldest}"
        yield warning(what, "install a newer one", look)
    else:
        yield ok(f"Git {git} and Python {python} will do")


def settings(known: Checkup) -> Iterator[Finding]:
    """`settings`: is tidemill.toml there and valid, and whose is it?"""
    if known.invalid is not None:
        yield problem(known.invalid.what, known.invalid.remedy)
    elif known.cfg is not None:
        waves = ", ".join(one.name for one in known.cfg.waves)
        yield ok(f"tidemill.toml is that of cfg-app.git, with the waves {waves}")
    elif known.app is not None:
        services = len(known.app.services)
        what = "one service" if services == 1 else f"{services} services"
        yield ok(f"tidemill.toml is that of app.git, with {what}")
    else:
        top = known.top
        lower = [name for name in known.files.modes if name.endswith("/tidemill.toml")]
        other = f"; {listed(lower)} is not read" if lower else ""
        where = f"{shown_path(top)}, which is the root of this checkout"
        what = f"there is no tidemill.toml in {where}{other}"
        remedy = "let this write one; in app.git, say app in place of cfg"
        yield problem(what, remedy, f"tidemill init cfg {shlex.quote(top)}")


def ignored(known: Checkup) -> Iterator[Finding]:
    """`ignored`: does Git ignore what Tidemill writes?"""
    if found := known.files.ignored:
        yield problem(
            f".gitignore names {listed(found)}, which Tidemill commits",
            "take the line out that this prints",
            f"git check-ignore --no-index -v {shlex.quote(found[0])}",
        )


def commands(known: Checkup) -> dict[str, str]:
    """The commands that the settings name, by what they are for."""
    named: dict[str, str | None] = {}
    if known.cfg is not None:
        mine = known.cfg.entrypoints
        named = {"introduce": mine.introduce, "promote": mine.promote}
        named |= {"generate": mine.generate, "check": mine.check}
    elif known.app is not None and known.app.compile is not None:
        named = {"compile": known.app.compile.command}
    return {name: command for name, command in named.items() if command}


def first_words(command: str) -> list[str]:
    """The words of its first simple command, without variables; none where it can't be read."""
    first = _OF_SHELLS.split(command, maxsplit=1)[0]
    try:
        words = shlex.split(first)
    except ValueError:
        return []
    while words and re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]):
        words = words[1:]
    return words


def entry_points(known: Checkup) -> Iterator[Finding]:
    """`entry-points`: are the commands of the settings there?"""
    named = commands(known)
    found = [
        finding
        for name, command in named.items()
        for finding in _entry_point(known, f"{name} calls", first_words(command))
    ]
    found += compiling.by_go(known)
    if not found and named:
        found = [ok(f"{', '.join(named)}: what they call is there")]
    yield from dict.fromkeys(found)


def _entry_point(known: Checkup, calls: str, words: list[str]) -> Iterator[Finding]:
    modes, (program, *more) = known.files.modes, words or [""]
    file = program.removeprefix("./")
    if "/" in program and not program.startswith("/"):
        if file not in modes:
            yield problem(f"{calls} {shown(program)}, which is not there", _ADD)
        elif not modes[file]:
            yield problem(
                f"{calls} {shown(program)}, which may not be executed",
                "make it executable",
                f"chmod +x {shlex.quote(file)} && git add --chmod=+x {shlex.quote(file)}",
                Fix(file),
            )
    elif program in _BUILTINS:
        return  # what comes after it is not looked at
    elif not known.programs.found.get(program, True):
        yield warning(
            f"{calls} {shown(program)}, which is not in PATH here",
            "install it here; where Tidemill runs, the setup of the workflow has to",
        )
    elif program in _INTERPRETERS:
        script = _script(program, more)
        if script and script.removeprefix("./") not in modes:
            yield problem(f"{calls} {shown(script)}, which is not there", _ADD)
    elif program == "make":
        yield from _make(known, calls, more)


def _script(program: str, words: list[str]) -> str | None:
    """The file that an interpreter is to run; None where there is none, or that can't be told."""
    alone, with_value = _INTERPRETERS[program]
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        letters = word[1:] or "-"
        before, last = letters[:-1], letters[-1]
        if not {*before} <= {*alone} or last not in alone + with_value:
            return None
        if last in with_value:
            next(rest, None)
    return None


def _make(known: Checkup, calls: str, words: list[str]) -> Iterator[Finding]:
    flags = [word for word in words if word.startswith("-")]
    if not all(map(_MAKE_FLAG.fullmatch, flags)):
        return
    texts = known.files.texts
    file = next((one for one in ("GNUmakefile", "makefile", "Makefile") if one in texts), None)
    if file is None:
        yield problem(f"{calls} make, and there is no Makefile", "add one")
        return
    text = texts[file]
    if re.search(r"(?m)^-?s?include\b|^[^\t#=]*%[^=]*:", text):
        return  # what other files and patterns make is not looked at
    targets = (one for one in words if "=" not in one and one not in flags and not one.isdigit())
    for target in targets:
        if not re.search(rf"(?m)^(?:[^\t#:=]*\s)?{re.escape(target)}(?:\s[^:=]*)?::?(?!=)", text):
            what = f"{calls} make {shown(target)}, which the Makefile does not have"
            yield problem(what, _ADD, f"make {shlex.quote(target)}")


def dockerfiles(known: Checkup) -> Iterator[Finding]:
    """`dockerfiles`: are those of app.git's services there?"""
    if known.app is None:
        return
    named = {service.name: service.file for service in known.app.services if service.file}
    if known.app.base is not None:
        named["[base]"] = known.app.base.file
    missing = {name: file for name, file in named.items() if file not in known.files.modes}
    for name, file in missing.items():
        yield problem(f"{name} has the Dockerfile {file}, which is not there", _ADD)
    if named and not missing:
        yield ok("every Dockerfile of tidemill.toml is there")


def attributes(known: Checkup) -> Iterator[Finding]:
    """`attributes`: are image files kept from being merged line by line?"""
    if known.cfg is None:
        return
    file, text = ".gitattributes", known.files.texts.get(".gitattributes", "")
    sets = known.cfg.sets
    folders = [known.cfg.folder(wave.name, one.name) for wave in known.cfg.waves for one in sets]
    if all(_is_kept(text, path) for folder in folders for path in paths_in(folder)):
        yield ok("image files are not merged line by line")
        return
    top = known.cfg.images.path.strip("/").partition("{")[0].rpartition("/")[0]
    line = f"/{top}/**/*.json -merge" if top else "*.json -merge"
    yield warning(
        "Git may merge two sets of images line by line, into one that nobody "
        f"tested: {file} does not keep it from that",
        f"add this line to {file}",
        line,
        Fix(file, (line,)),
    )


def _is_kept(attributes: str, path: str) -> bool:
    """Whether a file is kept from being merged line by line; of several lines the last counts."""
    is_kept = False
    for line in attributes.splitlines():
        pattern, *said = line.split() or [""]
        if pattern.startswith("#") or not _fits(pattern, path):
            continue
        for one in said:
            if one in ("-merge", "binary") or one.startswith("merge="):
                is_kept = True
            elif one in ("merge", "!merge"):
                is_kept = False
    return is_kept


def _fits(pattern: str, path: str) -> bool:
    """Whether a pattern of `.gitattributes` is about a file: without a slash, by its name alone."""
    parts = _IN_PATTERN.split(pattern.removeprefix("/"))
    wanted = "".join(_OF_PATTERN.get(part) or re.escape(part) for part in parts)
    return re.fullmatch(wanted, path if "/" in pattern else path.rpartition("/")[2]) is not None


def fitness(known: Checkup) -> Iterator[Finding]:
    """`fit-to-land`: does check-cfg-app pass? It runs `generate`, twice where files differ."""
    if known.cfg is None:
        return
    again = "tidemill check-cfg-app --repo ."
    match known.fitness:
        case Unseen() as why:
            yield unseen("generate and check were not run", why, "run them", again)
        case one if one.error is not None:
            yield problem(one.error.what, one.error.remedy, again)
        case one:
            yield ok(f"fit to land: {', '.join(one.checked)}")
            for text in one.warnings:
                yield warning(text, "see docs/reference/settings.md", _SETTINGS)
