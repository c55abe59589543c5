"""`tidemill.toml` of app.git: which services there are, and how their images are made."""

from __future__ import annotations

import re
import shlex
import tomllib
from datetime import timedelta

import msgspec

from tidemill.app import reference
from tidemill.app.names import checked_branch, is_name
from tidemill.cfg.schedule import parse_duration
from tidemill.cfg.toml_lines import line_of
from tidemill.errors import Refused, SettingsInvalid
from tidemill.images.recipe import Recipe

FILE = "tidemill.toml"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Service(Recipe, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service, the image set it belongs to, and the recipe of its image."""

    name: str
    set: str = "app"

    def __post_init__(self) -> None:
        super().__post_init__()
        for text, what in ((self.name, "service"), (self.set, "set")):
            if not is_name(text):
                raise ValueError(f"{text!r} is not a valid name of a {what}")


class Compile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The one command that makes the files of all services; no shell reads it.

    It sees an environment of its own (`tidemill.clients.compile_step`), and from the caller's only
    the variables named in `environment`.
    """

    command: str
    time_limit: str = "30m"
    environment: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            raise ValueError("the command is empty")
        if not self.limit:
            raise ValueError("the time limit is 0")
        if bad := [name for name in self.environment if not _VARIABLE.fullmatch(name)]:
            raise ValueError(f"{bad[0]!r} is not the name of an environment variable")

    @property
    def words(self) -> list[str]:
        """The command and its arguments."""
        return shlex.split(self.command)

    @property
    def limit(self) -> timedelta:
        """How long the command may take."""
        return parse_duration(self.time_limit)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. `images` is the repository of each image, with `{service}` in it."""

    images: str
    services: tuple[Service, ...]
    compile: Compile | None = None
    branch: str = "main"

    def __post_init__(self) -> None:
        _check_branch(self.branch)
        if not self.services:
            raise ValueError("there must be at least one [[services]]")
        seen: dict[str, str] = {}
        for service in self.services:
            where = self.repository(service.name)
            if where in seen:
                raise ValueError(
                    f"{seen[where]} and {service.name} would both be pushed to {where}: use "
                    "{service} in images, and names that differ in more than capitals"
                )
            seen[where] = service.name

    def repository(self, service: str) -> str:
        """The image repository of a service; registries allow no capitals there."""
        text = self.images.replace("{service}", service.lower())
        try:
            return reference.by_tag(f"{text}:tag").repository
        except Refused:
            raise ValueError(f"{text!r} is not an image repository: see images") from None

    def picked(self, names: tuple[str, ...]) -> tuple[Service, ...]:
        """The services of these names, in the file's order; all of them for none.

        Raises:
            Refused: there is no service of one of the names.
        """
        known = [service.name for service in self.services]
        if unknown := [name for name in names if name not in known]:
            raise Refused(
                f"there is no service {unknown[0]!r} in {FILE}",
                remedy=f"name some of: {', '.join(known)}",
            )
        return tuple(service for service in self.services if not names or service.name in names)

    def in_set(self, name: str) -> tuple[str, ...]:
        """The names of the services of an image set."""
        return tuple(service.name for service in self.services if service.set == name)


def parse(text: str) -> Settings:
    """Parse `tidemill.toml`.

    Raises:
        SettingsInvalid: naming the line and the reason.
    """
    try:
        return msgspec.convert(tomllib.loads(text), Settings)
    except tomllib.TOMLDecodeError as error:
        raise _invalid(None, str(error)) from None
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        path = path.rstrip("`")
        where = f" in {path[2:]}" if len(path) > len("$.") else ""
        raise _invalid(line_of(text, path, message), message + where) from None


def _check_branch(branch: str) -> None:
    try:
        checked_branch(branch)
    except Refused as error:
        raise ValueError(error.what) from None


def _invalid(line: int | None, reason: str) -> SettingsInvalid:
    where = f"{FILE}, line {line}" if line else FILE
    return SettingsInvalid(f"{where}: {reason}", remedy=f"mend {FILE} in app.git")
