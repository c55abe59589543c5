"""A stage of a Dockerfile while it is worked out: its layers, its config and its variables."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidemill.images import run_config
from tidemill.images.base_image import BaseImage
from tidemill.images.dockerfile.copy import UpperLayer
from tidemill.images.dockerfile.tree import Tree, tree_of
from tidemill.images.dockerfile.words import expanded
from tidemill.images.entries import Entry, File
from tidemill.images.rootfs import RootFs

_LARGEST_USERS = 10 << 20


@dataclass
class StageImage:
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

    def set_env(self, pairs: dict[str, str]) -> None:
        """Set variables for the next instructions and for containers."""
        self.variables |= pairs
        env = run_config.variables(self.run) | pairs
        self.run["Env"] = [f"{name}={value}" for name, value in env.items()]

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
