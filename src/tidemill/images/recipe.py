"""What an image is made of: a base, files, and how to start it."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, Literal

import msgspec
from msgspec import Struct

from tidemill.errors import Refused
from tidemill.images import location, run_config
from tidemill.images.location import Location
from tidemill.images.oci import Platform
from tidemill.words.names import UNPRINTABLE

SCRATCH = "scratch"
# Git's repository, or a file that says where it is; no commit has anything of that name.
GIT = ".git"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Times(Struct, frozen=True):
    """What an image says of times, which by itself is nothing.

    Args:
        created: when it was made, as its config says it (RFC 3339, in UTC).
        by_content: absolute paths; below them, the time of a file follows from its content.
    """

    created: str | None = None
    by_content: tuple[str, ...] = ()


CONSTANT = Times()


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A file or a folder of the context, and where it goes in the image.

    Attributes:
        source: the file or folder, relative to the context. `{os}`, `{arch}` and `{variant}` stand
            for the platform's. What is called `.git` is never copied.
        to: where it goes: the absolute path of the copy itself. No file takes the place of a folder
            of the base, and no folder that of a file.
        mode: the permissions of its files. Without it, a file is executable if its owner may
            execute it.
    """

    source: str = msgspec.field(name="from")
    to: str
    mode: Literal["0644", "0755"] | None = None

    def __post_init__(self) -> None:
        source, to = PurePosixPath(self.source), PurePosixPath(self.to)
        if source.is_absolute() or ".." in source.parts or UNPRINTABLE.search(self.source):
            raise ValueError(
                f"the path {self.source!r} leads out of the build context: give one relative "
                "to it, without .."
            )
        if GIT in source.parts:
            raise ValueError(
                f"the path {self.source!r} leads to what Git keeps beside the files, which is "
                "another in each clone: copy files of the commit"
            )
        if not to.is_absolute() or ".." in to.parts or UNPRINTABLE.search(self.to) or not to.name:
            raise ValueError(
                f"{self.to!r} is not a path in the image: give the absolute path of the copy itself"
            )

    @property
    def path(self) -> str:
        """Where the copy goes, without a slash at either end."""
        return PurePosixPath(self.to).as_posix().strip("/")

    @property
    def names_folder(self) -> bool:
        """Whether `to` can only be the path of a folder: it ends in a slash."""
        return self.to.endswith(("/", "/."))

    def source_for(self, platform: Platform) -> str:
        found = self.source
        for name, value in (
            ("{os}", platform.os),
            ("{arch}", platform.architecture),
            ("{variant}", platform.variant or ""),
        ):
            found = found.replace(name, value)
        return found


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An image that only copies files; what is not set comes from the base.

    `base` is `scratch`, `REGISTRY/REPOSITORY@sha256:DIGEST`, or `oci:FOLDER@sha256:DIGEST`, where
    the folder is relative to the context.
    """

    base: str = SCRATCH
    files: tuple[Copy, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    user: str = ""
    workdir: str = ""
    ports: tuple[int | str, ...] = ()
    labels: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.base_location is None and not self.files:
            raise ValueError(
                "there is nothing in the image: add to its files, or name a Dockerfile"
            )
        if bad := [name for name in self.env if not _VARIABLE.fullmatch(name)]:
            raise ValueError(f"{bad[0]!r} is not the name of an environment variable")
        if self.workdir and not self.workdir.startswith("/"):
            raise ValueError(
                f"the workdir {self.workdir!r} is not an absolute path, so no container would start"
            )
        for port in self.ports:
            _port(port)

    @property
    def base_location(self) -> Location | None:
        """Where the base is; None for scratch."""
        if self.base == SCRATCH:
            return None
        try:
            found = location.parse(self.base)
        except Refused:
            found = Location()
        if found.digest is None:
            way = "`tidemill pin` writes it there; or write scratch, or oci:FOLDER@sha256:…"
            if found.folder is not None:
                way = f"write oci:{found.folder}@ and the digest that its index.json has"
            raise ValueError(
                f"the base {self.base!r} is not given by digest, so it could change without a "
                f"commit: {way}"
            )
        return found

    def run_config(self, inherited: dict[str, Any]) -> dict[str, Any]:
        """The `config` object of the image's config, on top of the base's, in the canonical form.

        As in a Dockerfile: a new entrypoint does away with the base's command.
        """
        run = run_config.kept(inherited, inherited)
        if self.entrypoint:
            run.pop("Cmd", None)
            run["Entrypoint"] = list(self.entrypoint)
        if self.command:
            run["Cmd"] = list(self.command)
        env = run_config.variables(run) | self.env
        ports = {_port(port): dict[str, str]() for port in self.ports}
        own: dict[str, Any] = {
            "Env": [f"{name}={value}" for name, value in env.items()],
            "ExposedPorts": run.get("ExposedPorts", {}) | ports,
            "Labels": run.get("Labels", {}) | self.labels,
            "User": self.user,
            "WorkingDir": self.workdir,
        }
        return run_config.kept(run | {key: value for key, value in own.items() if value}, inherited)


def _port(port: int | str) -> str:
    number, _, protocol = str(port).partition("/")
    if (
        not number.isdecimal()
        or not 1 <= int(number) <= 65535
        or protocol not in ("", "tcp", "udp")
    ):
        raise ValueError(f"{port!r} is not a port: write it like 8080 or '53/udp'")
    return f"{number}/{protocol or 'tcp'}"
