"""A stage of a Dockerfile while it is worked out: its layers, its config and its variables."""

from __future__ import annotations

import posixpath
import re
import signal
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from tidemill.images import run_config
from tidemill.images.base_image import BaseImage
from tidemill.images.dockerfile.instructions import Healthcheck, Pairs, Start
from tidemill.images.dockerfile.tree import Tree, tree_of
from tidemill.images.dockerfile.upper_layer import UpperLayer
from tidemill.images.dockerfile.users import owner_of
from tidemill.images.dockerfile.words import Mistake, expanded, split
from tidemill.images.entries import Entry, File
from tidemill.images.rootfs import RootFs
from tidemill.words.names import shown

_LARGEST_USERS = 10 << 20
_SHELL = ["/bin/sh", "-c"]
_PORT = re.compile(
    r"(?:(?P<ip>.*):)?(?:(?P<host>[0-9-]*):)?(?P<first>[0-9]{1,6})(?:-(?P<last>[0-9]{1,6}))?"
    r"(?:/(?P<protocol>[a-zA-Z]*))?"
)
# Before a `${NAME:-…}` and the like, and in no quotes.
_LOST = re.compile(r"(?:\$\{[^{}]*\}|[^\"'{}])+\$\{\w+[^\w}]")
_NUMBER = re.compile(r"[1-9][0-9]{0,2}")
_REAL_TIME = re.compile(r"RTMIN\+[0-9]{1,2}|RTMAX-[0-9]{1,2}")
_SIGNALS = {name.removeprefix("SIG") for name in signal.Signals.__members__}
_LAST_PORT = 65535


class StageImage(Struct):
    """A stage, as far as its instructions are carried out.

    Args:
        base: the image that it starts from.
        scratch: where that one's layers are unpacked, if its files are needed.
        escape: the Dockerfile's.
        layers: what each instruction adds; its content is only read when it is written.
        run: the `config` object.
        variables: those that the next instruction sees.
        has_command: whether it has a CMD of its own.
    """

    base: BaseImage
    scratch: Path
    escape: str
    layers: list[list[Entry]]
    run: dict[str, Any]
    variables: dict[str, str]
    has_command: bool = False
    _rootfs: RootFs | None = field(default=None)

    @classmethod
    def started(cls, base: BaseImage, scratch: Path, escape: str) -> StageImage:
        """A stage that is built on an image, and has no instruction yet."""
        run = deepcopy(base.run)
        # As engines do it: an image always has a PATH.
        variables = {"PATH": run_config.DEFAULT_PATH, **run_config.variables(run)}
        run["Env"] = [f"{name}={value}" for name, value in variables.items()]
        return cls(base, scratch, escape, [], run, variables)

    def on_top(self) -> StageImage:
        """A stage that is built on this one, and has no instruction yet."""
        return StageImage(
            base=self.base,
            scratch=self.scratch,
            escape=self.escape,
            layers=[*self.layers],
            run=deepcopy(self.run),
            variables={**self.variables},
            _rootfs=None if self._rootfs is None else self._rootfs.copy(),
        )

    @property
    def rootfs(self) -> RootFs:
        """What is at each path; the base's layers are read for it, the first time."""
        if self._rootfs is None:
            self._rootfs = self.base.rootfs.copy()
            for layer in self.layers:
                self._rootfs.add(layer)
        return self._rootfs

    def put(self, upper: UpperLayer) -> None:
        """Add a layer, if there is anything in it."""
        entries = upper.entries()
        if entries:
            self.rootfs.add(entries)
            self.layers.append(entries)

    def text(self, text: str) -> str:
        """A text with its variables replaced; raises `Mistake`."""
        return expanded(text, self.variables, self.escape)

    def set_pairs(self, given: Pairs) -> None:
        """ENV, for the next instructions and for containers, or LABEL; raises `Mistake`."""
        pairs = {self.text(name): self.text(value) for name, value in given.pairs}
        if "" in pairs:
            raise Mistake("a name is empty")
        if given.keyword == "LABEL":
            self.run["Labels"] = {**(self.run.get("Labels") or {}), **pairs}
        else:
            of_base = [line.partition("=")[0] for line in self.base.run.get("Env") or ()]
            if twice := [name for name in pairs if of_base.count(name) > 1]:
                raise Mistake(
                    f"its base has the variable {shown(twice[0])} twice, and BuildKit would change "
                    "one of them alone: use another name, or another base"
                )
            self.variables |= pairs
            env = run_config.variables(self.run) | pairs
            self.run["Env"] = [f"{name}={value}" for name, value in env.items()]

    def start(self, words: Start) -> None:
        """CMD, ENTRYPOINT or SHELL; an ENTRYPOINT takes away any CMD but that of the stage."""
        text = list(words.words)
        if words.is_shell:
            text = [*(self.run.get("Shell") or _SHELL), *text]
        match words.keyword:
            case "CMD":
                self.run["Cmd"] = text
                self.has_command = True
            case "SHELL":
                self.run["Shell"] = text
            case _:
                self.run["Entrypoint"] = text
                if not self.has_command:
                    self.run.pop("Cmd", None)

    def check_health(self, check: Healthcheck) -> None:
        """HEALTHCHECK."""
        self.run["Healthcheck"] = {"Test": list(check.test), **dict(check.times)}

    def expose(self, words: Iterable[str]) -> None:
        """EXPOSE: ports and ranges of them, tcp if nothing else is said; raises `Mistake`."""
        found = dict(self.run.get("ExposedPorts") or {})
        for word in words:
            if _LOST.match(word):
                raise Mistake(
                    f"{shown(word)} has something before a ${{…}} that is more than a name, which "
                    "BuildKit drops: put the whole port into one variable"
                )
            for port in split(word, self.variables, self.escape):
                found |= {key: {} for key in _ports(port)}
        self.run["ExposedPorts"] = found

    def add_volumes(self, words: Iterable[str]) -> None:
        """VOLUME; raises `Mistake`."""
        found = dict(self.run.get("Volumes") or {})
        for path in map(self.text, words):
            if not path:
                raise Mistake("VOLUME has an empty path")
            found[path] = {}
        self.run["Volumes"] = found

    def set_stop_signal(self, text: str) -> None:
        """STOPSIGNAL: a number, or a name with or without SIG; raises `Mistake`."""
        name = text.upper().removeprefix("SIG")
        if name not in _SIGNALS and not _NUMBER.fullmatch(text) and not _REAL_TIME.fullmatch(name):
            raise Mistake(f"{shown(text)} is not a signal: write it like SIGTERM")
        self.run["StopSignal"] = text

    def set_work_folder(self, path: str) -> None:
        """WORKDIR, and its folder, which belongs to the USER if it is not there yet."""
        # An absolute path is written as it is, a relative one joined: so do the engines.
        absolute = path if path.startswith("/") else self.in_work_folder(path)
        self.run["WorkingDir"] = absolute
        clean = posixpath.normpath(absolute).strip("/")
        upper = UpperLayer(self.rootfs)
        if not clean or upper.is_folder(place := upper.followed(clean)):
            return
        user = self.run.get("User")
        owner = owner_of(user, self.read, is_lenient=True) if user else None
        upper.make_folders(place, 0o755, owner)
        self.put(upper)

    def in_work_folder(self, path: str) -> str:
        """An absolute path for a relative one."""
        joined = posixpath.normpath(posixpath.join("/", self.run.get("WorkingDir") or "/", path))
        return f"/{joined.lstrip('/')}"

    def tree(self, what: str) -> Tree:
        """Its files, to copy from; the base's layers are unpacked."""
        tree = tree_of(self.base, what, self.scratch)
        for layer in self.layers:
            tree.add(layer)
        return tree

    def read(self, path: str) -> bytes | None:
        """The content of a small file; None if there is none at that path."""
        tree = self.tree("the image")
        entry = tree.entry(tree.followed(path))
        if not isinstance(entry, File):
            return None
        with entry.open() as file:
            return file.read(_LARGEST_USERS)


def _ports(text: str) -> list[str]:
    found = _PORT.fullmatch(text)
    if not found:
        raise Mistake(f"{shown(text)} is not a port: write it like 8080, 8000-8010 or 53/udp")
    protocol = (found["protocol"] or "tcp").lower()
    first, last = int(found["first"]), int(found["last"] or found["first"])
    if protocol not in ("tcp", "udp", "sctp") or not first <= last <= _LAST_PORT:
        raise Mistake(f"{shown(text)} is not a port: write it like 8080, 8000-8010 or 53/udp")
    return [f"{port}/{protocol}" for port in range(first, last + 1)]
